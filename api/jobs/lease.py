"""Leases in the database: whatever the number of processes and machines, one holds a name.

A lease ends by itself when its holder no longer renews it, so a crash blocks nothing for long.
"""

from __future__ import annotations

import os
import secrets
import socket
from datetime import datetime, timedelta

from sqlmodel import Session

from api.tables import LeaseTable
from corpus.tables import aware


def new_holder() -> str:
    """A name for this process that no other has: machine, process, and a random part."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"


class Leases:
    """Leases of one session, which is the only one that writes now; never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def take(self, name: str, holder: str, now_at: datetime, lasts: timedelta) -> bool:
        """Take or renew a lease; False: another holds it."""
        row = self._session.get(LeaseTable, name, with_for_update=True)
        if row is not None and row.holder != holder and aware(row.until_at) > now_at:
            return False
        row = row or LeaseTable(name=name, holder=holder, until_at=now_at)
        row.holder, row.until_at = holder, now_at + lasts
        self._session.add(row)
        self._session.flush()
        return True

    def give_back(self, name: str, holder: str) -> None:
        """End a lease of one's own."""
        row = self._session.get(LeaseTable, name)
        if row is not None and row.holder == holder:
            self._session.delete(row)
            self._session.flush()

    def holder(self, name: str, now_at: datetime) -> str:
        """Who holds it now; empty: nobody."""
        row = self._session.get(LeaseTable, name)
        return row.holder if row is not None and aware(row.until_at) > now_at else ""
