"""Delivers the outbox and kills itself (SIGKILL) at a given point; run by ``test_outbox_kill``.

python -m tests.integration.outbox_killed DATABASE_URL SMTP_PORT
"""

from __future__ import annotations

import os
import signal
import smtplib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from sqlmodel import Session

from api.jobs.lease import Leases, new_holder
from api.mail.delivery import LASTS, Delivery
from api.mail.outbox import Outbox
from api.mail.senders import Security, SmtpConfig, SmtpSender
from corpus.database import open_database, writer

POINTS: dict[str, tuple[type, str, bool]] = {
    "before lease": (Leases, "take", False),
    "after lease": (Leases, "take", True),
    "before begin": (Outbox, "begin", False),
    "after begin": (Outbox, "begin", True),
    "before commit": (Session, "commit", False),
    "after commit": (Session, "commit", True),
    "before send": (SmtpSender, "send", False),
    "after send": (SmtpSender, "send", True),
    "before command": (smtplib.SMTP, "docmd", False),
    "after command": (smtplib.SMTP, "docmd", True),
    "before content": (smtplib.SMTP, "send", False),
    "after content": (smtplib.SMTP, "send", True),
    "after reply": (smtplib.SMTP, "getreply", True),
    "before finish": (Outbox, "finish", False),
    "after finish": (Outbox, "finish", True),
}


def arm(point: str, number: int) -> None:
    """Die at the ``number``-th call of what the point names, before or after it."""
    owner, name, after = POINTS[point]
    plain: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def mortal(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = plain(*args, **kwargs)
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, mortal)


def deliver(url: str, port: int, point: str, number: int, hour: int) -> None:
    """One delivery, which may not survive. ``hour``: so that the leases of the dead are over."""
    engine = open_database(url)

    @contextmanager
    def writing() -> Iterator[Session]:
        with writer(engine) as session:
            yield session
            session.commit()

    if point in POINTS:
        arm(point, number)
    sender = SmtpSender(SmtpConfig("127.0.0.1", port, Security.NONE))
    moment = datetime(2026, 11, 24, tzinfo=UTC) + hour * 2 * LASTS
    Delivery(writing, sender, new_holder(), lambda: moment, lambda _: None, 10**6).run()
    engine.dispose()


def main() -> None:
    """A line a delivery: point and number; answered by the exit code."""
    url, port = sys.argv[1], int(sys.argv[2])
    for hour, line in enumerate(sys.stdin, start=1):
        point, number = line.rstrip("\n").split("\t")
        child = os.fork()
        if child == 0:
            try:
                deliver(url, port, point, int(number), hour)
                os._exit(0)
            finally:
                os._exit(1)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
