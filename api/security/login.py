"""Logging in and out and changing one's password: each a few short transactions.

Names that do not exist, wrong passwords and disabled accounts take the same path and get the same
answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from sqlmodel import Session

from api.security.accounts import AccountRepository
from api.security.audit import Action, Actor, AuditLog
from api.security.credentials import Lifetimes, SessionRepository
from api.security.errors import AccountError, LoginRefusedError, UnknownPersonError
from api.security.passwords import account_name, hash_password, is_outdated, verify_password
from api.security.secrets import fingerprint
from api.security.throttle import Throttle

Writing = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class Door:
    """Where people come in."""

    writing: Writing
    """Opens a transaction that is committed at its end."""
    lifetimes: Lifetimes
    clock: Callable[[], datetime]

    def log_in(self, typed: str, password: str, actor: Actor, old_secret: str = "") -> str:
        """Check a password and begin a session; returns its secret, which is always a new one.

        ``old_secret``: the session that the same browser had, which ends.

        Raises:
            LoginRefusedError: name or password is wrong, or the account disabled.
            LoginBlockedError: too many failures.
        """
        name = _known_form(typed)
        account_id = self._verified(name, password, actor)
        if account_id is None:
            raise LoginRefusedError
        with self.writing() as session:
            accounts, now_at = AccountRepository(session), self.clock()
            found = accounts.find(name)
            if found is None or found[0].disabled_at:
                raise LoginRefusedError  # disabled in this moment
            account, stored = found
            Throttle(session).succeeded(name, actor.address)
            if is_outdated(stored):
                accounts.set_hash(account, hash_password(password))
            sessions = SessionRepository(session, self.lifetimes)
            if old_secret:
                sessions.end(old_secret)
            secret = sessions.open(account.id, now_at)
            AuditLog(session).note(
                Action.LOGGED_IN, replace(actor, user_id=account.id), account.subject, now_at
            )
        return secret

    def admit(self, vouched: str, actor: Actor, old_secret: str = "") -> str:
        """Begin a session for whom the OpenID provider vouches for; returns its secret.

        No account is made and no right given: ``vouched`` is the name of one that is there. A
        password for one login is void from here on.

        Raises:
            UnknownPersonError: there is none of this name, or it is disabled.
        """
        name = _known_form(vouched)
        with self.writing() as session:
            accounts, log, now_at = AccountRepository(session), AuditLog(session), self.clock()
            found = accounts.find(name)
            account = found[0] if found and not found[0].disabled_at else None
            sessions = SessionRepository(session, self.lifetimes)
            if account is None:
                secret = None
                subject = found[0].subject if found else ""
                log.note(Action.LOGIN_FAILED, actor, subject, now_at)
            else:
                if account.must_change_password:
                    accounts.void_password(account)
                if old_secret:
                    sessions.end(old_secret)
                secret = sessions.open(account.id, now_at)
                who = replace(actor, user_id=account.id)
                log.note(Action.LOGGED_IN_BY_PROVIDER, who, account.subject, now_at)
        if secret is None:
            raise UnknownPersonError(vouched)
        return secret

    def log_out(self, secret: str, actor: Actor) -> None:
        """End a session."""
        with self.writing() as session:
            SessionRepository(session, self.lifetimes).end(secret)
            AuditLog(session).note(Action.LOGGED_OUT, actor, f"user:{actor.user_id}", self.clock())

    def change_password(self, name: str, old: str, new: str, actor: Actor) -> str:
        """A new password; every session of the account ends. Returns the secret of a new one.

        Raises:
            LoginRefusedError: the old one is wrong.
            LoginBlockedError: it was wrong too often.
            PasswordRuleError: the new one is too easy to guess, or the old one again.
        """
        if self._verified(name, old, actor) is None:
            raise LoginRefusedError
        if old == new:
            raise AccountError("新密码和旧密码一样。请换一个。")
        with self.writing() as session:
            now_at = self.clock()
            account = AccountRepository(session).set_password(name, new, now_at)
            Throttle(session).succeeded(name, actor.address)
            AuditLog(session).note(Action.PASSWORD_CHANGED, actor, account.subject, now_at)
            return SessionRepository(session, self.lifetimes).open(account.id, now_at)

    def _verified(self, name: str, password: str, actor: Actor) -> int | None:
        """Id of the account, if the password is right; a failure is counted and noted."""
        with self.writing() as session:
            Throttle(session).begin(name, actor.address, self.clock())
            found = AccountRepository(session).find(name)
        account, stored = found or (None, "")
        if account is not None and account.disabled_at:
            stored = ""
        # Outside of a transaction: it takes long, and writers wait for each other.
        if verify_password(password, stored) and account is not None:
            return account.id
        with self.writing() as session:
            subject = account.subject if account else ""
            AuditLog(session).note(Action.LOGIN_FAILED, actor, subject, self.clock())
        return None


def _known_form(typed: str) -> str:
    try:
        return account_name(typed)
    except AccountError:
        # No account has such a name, and every database takes it; refused like any other.
        return f"#{fingerprint(typed)}"
