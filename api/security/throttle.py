"""Slowing down who guesses passwords, by account name and by address.

An attempt counts as failed until it is shown to be right, so that many at once count as many. It
makes no difference whether an account exists. The longest wait is short enough that nobody can
lock a colleague out for a day by typing his name.
"""

from __future__ import annotations

import hashlib
import ipaddress
from datetime import datetime, timedelta

from sqlalchemy import delete, or_
from sqlmodel import Session, col

from api.security.errors import LoginBlockedError
from api.tables import LoginThrottleTable
from corpus.tables import aware

FREE_BY_NAME = 5
"""Failures before the first wait."""
FREE_BY_ADDRESS = 30
"""More: a whole office may share one."""
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
"""Without a further failure."""
_MAX_DOUBLINGS = 10


class Throttle:
    """Failed logins of one session's database. Whoever calls holds ``corpus.database.writer``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def begin(self, name: str, address: str, now_at: datetime) -> None:
        """Count an attempt, before anything is compared.

        Raises:
            LoginBlockedError: name or address has to wait; this attempt is not counted.
        """
        self._forget(now_at)
        rows = [self._row(subject, now_at) for subject in _subjects(name, address)]
        waits = [aware(r.blocked_until_at) - now_at for r in rows if r.blocked_until_at]
        if (wait := max(waits, default=timedelta())) > timedelta():
            raise LoginBlockedError(int(wait.total_seconds()) + 1)
        for row, free in zip(rows, (FREE_BY_NAME, FREE_BY_ADDRESS), strict=True):
            row.failures += 1
            row.failed_at = now_at
            if row.failures >= free:
                doubled = FIRST_WAIT * 2 ** min(row.failures - free, _MAX_DOUBLINGS)
                row.blocked_until_at = now_at + min(doubled, LONGEST_WAIT)
            self._session.add(row)
        self._session.flush()

    def succeeded(self, name: str, address: str) -> None:
        """The attempt was right. The address gets back this one only: else one's own account
        would open the way for guessing at others."""
        by_name, by_address = (
            self._session.get(LoginThrottleTable, subject) for subject in _subjects(name, address)
        )
        if by_name is not None:
            self._session.delete(by_name)
        if by_address is not None:
            by_address.failures -= 1
            if by_address.failures < FREE_BY_ADDRESS:
                by_address.blocked_until_at = None
            self._session.add(by_address)
        self._session.flush()

    def _row(self, subject: str, now_at: datetime) -> LoginThrottleTable:
        found = self._session.get(LoginThrottleTable, subject)
        return found or LoginThrottleTable(subject=subject, failures=0, failed_at=now_at)

    def _forget(self, now_at: datetime) -> None:
        self._session.exec(
            delete(LoginThrottleTable).where(
                col(LoginThrottleTable.failed_at) < now_at - FORGOTTEN_AFTER,
                or_(
                    col(LoginThrottleTable.blocked_until_at).is_(None),
                    col(LoginThrottleTable.blocked_until_at) < now_at,
                ),
            )
        )


def _subjects(name: str, address: str) -> tuple[str, str]:
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    return f"name:{digest}", f"address:{_neighbourhood(address)}"


def _neighbourhood(address: str) -> str:
    """An IPv6 customer has 2^64 addresses to himself."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address  # a socket of this machine has none
    if parsed.version == 4:
        return address
    return str(ipaddress.ip_network((int(parsed), 64), strict=False))
