"""Dismisses one pair for many raters, for a test that runs it several times at once.

``python -m tests.integration.feedback_process URL RATERS``: says that it is ready, and begins
when it is told to on standard input.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime

from corpus.database import open_database, writer
from matcher.feedback import DismissReason, Pair, Verdict, judgement
from matcher.repository import FeedbackRepository


def main(url: str, raters: int) -> None:
    said = judgement(Verdict.DISMISS, reasons=[DismissReason.WRONG_PROCESS])
    engine = open_database(url)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    for number in range(raters):
        with writer(engine) as session:
            now_at = datetime(2026, 11, 25, tzinfo=UTC)
            FeedbackRepository(session).give(Pair("N1", "A1"), f"R{number}", said, now_at)
            session.commit()
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
