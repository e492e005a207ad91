"""Sessions of browsers and personal tokens of programs. Takes a session and never commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, or_
from sqlmodel import Session, col, select

from api.security.accounts import Account, account_of
from api.security.errors import AccountError, UnknownAccountError
from api.security.lifetimes import TOUCH_EVERY as TOUCH_EVERY
from api.security.lifetimes import Lifetimes as Lifetimes
from api.security.secrets import fingerprint, new_secret, new_token
from api.tables import SessionTable, TokenTable, UserTable
from corpus.tables import aware, stored_id

MAX_TOKEN_DAYS = 366
_MAX_NAME = 50


@dataclass(frozen=True, slots=True)
class Found:
    """A session or a token that is good now."""

    id: int
    account: Account
    is_stale: bool
    """Its last use should be noted again."""


@dataclass(frozen=True, slots=True)
class Token:
    """A personal token, without its secret."""

    id: int
    user: str
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None
    seen_at: datetime | None


class SessionRepository:
    """Logins that have not ended."""

    def __init__(self, session: Session, lifetimes: Lifetimes) -> None:
        self._session = session
        self._lifetimes = lifetimes

    def open(self, account_id: int, now_at: datetime) -> str:
        """A new login; returns its secret, which is kept nowhere else."""
        secret = new_secret()
        self._prune(now_at)
        self._session.add(
            SessionTable(
                token_hash=fingerprint(secret),
                user_id=account_id,
                created_at=now_at,
                seen_at=now_at,
            )
        )
        self._session.flush()
        return secret

    def find(self, secret: str, now_at: datetime) -> Found | None:
        """The login behind a secret, unless it has run out or the account is disabled."""
        statement = (
            select(SessionTable, UserTable)
            .join(UserTable, col(SessionTable.user_id) == col(UserTable.id))
            .where(
                SessionTable.token_hash == fingerprint(secret),
                col(UserTable.disabled_at).is_(None),
            )
        )
        found = self._session.exec(statement).one_or_none()
        if found is None:
            return None
        row, user = found
        idle, whole = now_at - aware(row.seen_at), now_at - aware(row.created_at)
        if idle >= self._lifetimes.idle or whole >= self._lifetimes.whole:
            return None
        return Found(stored_id(row), account_of(user), idle >= TOUCH_EVERY)

    def end(self, secret: str) -> None:
        """Log out; a secret that is not known changes nothing."""
        self._session.exec(
            delete(SessionTable).where(col(SessionTable.token_hash) == fingerprint(secret))
        )

    def _prune(self, now_at: datetime) -> None:
        self._session.exec(
            delete(SessionTable).where(
                or_(
                    col(SessionTable.created_at) <= now_at - self._lifetimes.whole,
                    col(SessionTable.seen_at) <= now_at - self._lifetimes.idle,
                )
            )
        )


class TokenRepository:
    """Personal tokens: shown once, stored as a hash."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def create(self, account: Account, name: str, days: int, now_at: datetime) -> tuple[Token, str]:
        """A new token and its secret, which is kept nowhere else.

        Raises:
            AccountError: it has no name, lasts too long, or its owner is disabled.
        """
        name = name.strip()
        if not 1 <= len(name) <= _MAX_NAME or not name.isprintable():
            raise AccountError(f"令牌要有名称，最多 {_MAX_NAME} 个字，例如“每晚导出”。")
        if not 1 <= days <= MAX_TOKEN_DAYS:
            raise AccountError(f"令牌的有效期应是 1 到 {MAX_TOKEN_DAYS} 天。")
        if account.disabled_at:
            raise AccountError(f"用户 {account.name} 已停用，不能新建令牌。")
        secret = new_token()
        row = TokenTable(
            token_hash=fingerprint(secret),
            user_id=account.id,
            name=name,
            created_at=now_at,
            expires_at=now_at + timedelta(days=days),
        )
        self._session.add(row)
        self._session.flush()
        return _token(row, account.name), secret

    def find(self, secret: str, now_at: datetime) -> Found | None:
        """The token behind a secret, unless it has run out, is revoked, or the account disabled."""
        statement = (
            select(TokenTable, UserTable)
            .join(UserTable, col(TokenTable.user_id) == col(UserTable.id))
            .where(
                TokenTable.token_hash == fingerprint(secret),
                col(TokenTable.revoked_at).is_(None),
                col(UserTable.disabled_at).is_(None),
            )
        )
        found = self._session.exec(statement).one_or_none()
        if found is None or aware(found[0].expires_at) <= now_at:
            return None
        row, user = found
        is_stale = row.seen_at is None or now_at - aware(row.seen_at) >= TOUCH_EVERY
        return Found(stored_id(row), account_of(user), is_stale)

    def all(self, account_id: int | None = None) -> list[Token]:
        """Tokens of one account or of all, in order of creation, also those that have ended."""
        statement = select(TokenTable, UserTable.name).join(
            UserTable, col(TokenTable.user_id) == col(UserTable.id)
        )
        if account_id is not None:
            statement = statement.where(TokenTable.user_id == account_id)
        rows = self._session.exec(statement.order_by(col(TokenTable.id)))
        return [_token(row, name) for row, name in rows]

    def revoke(self, token_id: int, now_at: datetime) -> Token:
        """End a token; one that has ended stays as it is.

        Raises:
            UnknownAccountError: no such token.
        """
        row = self._session.get(TokenTable, token_id)
        if row is None:
            raise UnknownAccountError(
                f"没有编号为 {token_id} 的令牌。运行 zhitong token list 查看。"
            )
        row.revoked_at = row.revoked_at or now_at
        self._session.add(row)
        self._session.flush()
        return next(token for token in self.all(row.user_id) if token.id == token_id)


def _token(row: TokenTable, user: str) -> Token:
    return Token(
        id=stored_id(row),
        user=user,
        name=row.name,
        created_at=aware(row.created_at),
        expires_at=aware(row.expires_at),
        revoked_at=aware(row.revoked_at) if row.revoked_at else None,
        seen_at=aware(row.seen_at) if row.seen_at else None,
    )
