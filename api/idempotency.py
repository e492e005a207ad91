"""What was answered to requests with an idempotency key. Takes a session and never commits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col, select

from api.tables import IdempotencyTable

KEY_LIMIT = 200
KEPT = timedelta(hours=24)
"""How long an answer is repeated."""


@dataclass(frozen=True, slots=True)
class Answered:
    """A response that was given."""

    status: int
    headers: Mapping[str, str]
    body: str


class IdempotencyError(Exception):
    """A key that cannot be used; ``status`` is the HTTP status, the message says what to do."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class IdempotencyRepository:
    """Keys of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def claim(self, owner: str, key: str, fingerprint: str, now_at: datetime) -> Answered | None:
        """Take a key for a request that is about to be done; the answer, if it was done before.

        Raises:
            IdempotencyError: 409, a request with this key has not ended; 422, the key was used
                for another request.
        """
        table = IdempotencyTable
        self._session.exec(delete(table).where(col(table.created_at) < now_at - KEPT))
        row = self._find(owner, key)
        if row is None:
            row = table(owner=owner, key=key, fingerprint=fingerprint, created_at=now_at)
            try:
                with self._session.begin_nested():
                    self._session.add(row)
            except IntegrityError:
                raise _unfinished() from None
            return None
        if row.fingerprint != fingerprint:
            raise IdempotencyError(422, "这个 Idempotency-Key 已用于另一个请求，请换一个。")
        if row.status is None:
            raise _unfinished()
        return Answered(row.status, row.headers, row.body)

    def settle(self, owner: str, key: str, answer: Answered | None) -> None:
        """Keep what was answered; None gives the key back."""
        row = self._find(owner, key)
        if row is None:
            return
        if answer is None:
            self._session.delete(row)
            return
        row.status, row.headers, row.body = answer.status, dict(answer.headers), answer.body
        self._session.add(row)

    def _find(self, owner: str, key: str) -> IdempotencyTable | None:
        table = IdempotencyTable
        return self._session.exec(
            select(table).where(table.owner == owner, table.key == key)
        ).one_or_none()


def _unfinished() -> IdempotencyError:
    return IdempotencyError(
        409, "用这个 Idempotency-Key 的请求还没有结束。请先查询结果；确实没有做成时换一个键重发。"
    )
