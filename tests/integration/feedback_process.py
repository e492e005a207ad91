"""Judges one pair many times, for a test that runs two of it at once.

``python -m tests.integration.feedback_process URL RATER TIMES``
"""

from __future__ import annotations

import sys

from corpus.database import open_database, writer
from matcher.feedback import DismissReason, Pair, Verdict, judgement
from matcher.repository import FeedbackRepository
from tests.conftest import NOW_AT


def main(url: str, rater: str, times: int) -> None:
    said = judgement(Verdict.DISMISS, reasons=[DismissReason.WRONG_PROCESS])
    engine = open_database(url)
    for _ in range(times):
        with writer(engine) as session:
            FeedbackRepository(session).give(Pair("N1", "A1"), rater, said, NOW_AT)
            session.commit()
    engine.dispose()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
