"""Imports a file and kills itself (SIGKILL) at a given point; run by ``test_import_kill``.

python -m tests.integration.import_killed HOME DATABASE_URL FILE POINT NUMBER
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlmodel import Session

from api.importing import ImportOptions, import_file
from api.services import Services
from api.settings import Settings
from corpus.history import History
from corpus.importing.profiles import plain_profile
from corpus.model import Kind
from corpus.repository import CorpusRepository

POINTS: dict[str, tuple[type, str, bool]] = {
    "before upsert": (CorpusRepository, "upsert", False),
    "after upsert": (CorpusRepository, "upsert", True),
    "within upsert": (CorpusRepository, "_write", True),
    "organisations": (CorpusRepository, "_ensure_organisations", True),
    "before history": (History, "add", False),
    "after history": (History, "add", True),
    "started": (History, "start_import", True),
    "delisting": (CorpusRepository, "set_status", True),
    "report": (History, "update_import", True),
    "before commit": (Session, "commit", False),
    "flush": (Session, "flush", True),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def arm(point: str, number: int) -> None:
    """Die at the ``number``-th call of what the point names, before or after it."""
    owner, name, after = POINTS[point]
    plain: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def mortal(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number and not after:
            die()
        result = plain(*args, **kwargs)
        if calls == number:
            die()
        return result

    setattr(owner, name, mortal)


def load(home: str, url: str, file: str, point: str, number: int) -> str:
    """One import, which may not survive."""
    services = Services(Settings(home=Path(home), database_url=url))
    services.database.dispose()  # the schema is there before anything can die
    seen = 0

    def progress(_done: int, _total: int | None) -> None:
        nonlocal seen
        seen += 1
        if point == "batch" and seen == number:
            die()

    if point in POINTS:
        arm(point, number)
    options = ImportOptions(source="甲", full=True)
    done = import_file(
        services, Path(file), plain_profile(Kind.NEED), options, progress=progress
    ).report
    services.close()
    return f"{done.new} {done.changed} {done.withdrawn}"


def main() -> None:
    """See the module."""
    home, url = sys.argv[1:]
    for line in sys.stdin:
        file, point, number = line.rstrip("\n").split("\t")
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writing, load(home, url, file, point, int(number)).encode())
                os._exit(0)
            finally:
                os._exit(1)
        os.close(writing)
        sys.stdout.write(f"{child}\n")
        sys.stdout.flush()
        with os.fdopen(reading) as said:
            what = said.read()
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code} {what}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
