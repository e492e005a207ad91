"""From a cookie or a token to the visitor behind it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Engine, update
from sqlalchemy.exc import OperationalError
from sqlmodel import Session, col

from api.security.accounts import AccountRepository
from api.security.audit import Actor
from api.security.credentials import Found, Lifetimes, SessionRepository, TokenRepository
from api.security.visitor import Visitor
from api.tables import SessionTable, TokenTable
from corpus.database import impatient

_MAX_SECRET = 100


@dataclass(frozen=True, slots=True)
class CookieNames:
    """What the cookies are called. ``__Host-`` makes a browser insist on https and this host."""

    session: str
    before_login: str
    elsewhere: str
    """While somebody is at the OpenID provider."""
    secure: bool

    @classmethod
    def of(cls, plain_http: bool) -> CookieNames:
        """``plain_http``: a server on the loopback, without https."""
        sign = "" if plain_http else "__Host-"
        return cls(f"{sign}zhitong", f"{sign}zhitong-login", f"{sign}zhitong-oidc", not plain_http)


class Recognition:
    """Looks visitors up. Safe for threads."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Session]],
        engine: Callable[[], Engine],
        lifetimes: Lifetimes,
        cookies: CookieNames,
        clock: Callable[[], datetime],
    ) -> None:
        self._reading = reading
        self._engine = engine
        self._lifetimes = lifetimes
        self._clock = clock
        self._has_administrator = False
        self.cookies = cookies

    def has_administrator(self) -> bool:
        """Whether anybody can let others in; once true it stays so."""
        if not self._has_administrator:
            with self._reading() as session:
                self._has_administrator = AccountRepository(session).has_administrator()
        return self._has_administrator

    def by_session(self, secret: str, actor: Actor) -> Visitor | None:
        """Whose browser sends this cookie; None: it is not or no longer good."""
        if len(secret) > _MAX_SECRET:
            return None
        with self._reading() as session:
            found = SessionRepository(session, self._lifetimes).find(secret, self._clock())
        return self._visitor(found, SessionTable, actor, secret)

    def by_token(self, secret: str, actor: Actor) -> Visitor | None:
        """Whose program sends this token; None: it is not or no longer good."""
        if len(secret) > _MAX_SECRET:
            return None
        with self._reading() as session:
            found = TokenRepository(session).find(secret, self._clock())
        return self._visitor(found, TokenTable, actor)

    def _visitor(
        self,
        found: Found | None,
        table: type[SessionTable] | type[TokenTable],
        actor: Actor,
        secret: str = "",
    ) -> Visitor | None:
        if found is None:
            return None
        if found.is_stale:
            self._touch(table, found.id)
        account = found.account
        return Visitor(
            role=account.role,
            scope=account.scope,
            actor=replace(actor, user_id=account.id),
            name=account.name,
            secret=secret,
            by_token=table is TokenTable,
            must_change_password=account.must_change_password and table is SessionTable,
        )

    def _touch(self, table: type[SessionTable] | type[TokenTable], row_id: int) -> None:
        """Note the use, unless somebody writes for long: nobody's page waits for an import."""
        with suppress(OperationalError), impatient(self._engine()) as connection:
            # Where it fails the next request notes it.
            connection.execute(
                update(table).where(col(table.id) == row_id).values(seen_at=self._clock())
            )
            connection.commit()
