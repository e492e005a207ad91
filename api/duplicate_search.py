"""Searching for duplicates from a page: who started it, how far it is, and what came of it.

The row in the database tells how far; the lock on a file tells whether anybody is still at it, so
that a search whose process ended is not shown as running for ever.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from filelock import FileLock, Timeout
from sqlalchemy import update
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlmodel import Session, col, select

from api.clock import now_at
from api.duplicates import Found, find
from api.schemas import Wire
from api.services import Services
from corpus.database import database_problem, impatient
from corpus.duplicates.stored import DuplicateError
from corpus.duplicates.tables import DuplicateSearchTable
from corpus.model import CorpusError, Kind
from corpus.tables import aware, stored_id
from indexer.errors import IndexerError

STAGES = {
    "read": "读取记录",
    "compare": "逐对比较",
    "embed": "由语义模型复核拿不准的",
    "write": "记下结果",
}
_BUSY = "正在查找重复，请等它完成再查。"
_TOLD_EVERY_S = 1.0
_WAIT_S = 2.0  # somebody else may just be asking whether the lock is held


class SearchOut(Wire):
    """One search for duplicates."""

    id: int
    kind: Kind
    who: str
    started_at: datetime
    finished_at: datetime | None
    running: bool
    stage: str
    done: int
    total: int
    """Of the stage; 0: it cannot be counted."""
    records: int
    groups: int
    new: int
    extended: int
    problem: str

    @property
    def sentence(self) -> str:
        """How it stands, for people."""
        if self.problem:
            return self.problem
        if self.finished_at is not None:
            return (
                f"比较了 {self.records} 条{self.kind.label}，找到 {self.groups} 组："
                f"新提出 {self.new} 组，补充 {self.extended} 组。"
            )
        if not self.running:
            return f"查到“{self.stage}”时中断，没有记下结果。请再查一次。"
        counted = f"，{self.done} / {self.total}" if self.total else ""
        return f"正在{self.stage}{counted}。"


@dataclass(frozen=True, slots=True)
class StartedSearch:
    """A search that may run now: nobody else's does until it has."""

    id: int
    kind: Kind
    lock: FileLock


def start_search(services: Services, kind: Kind, who: str) -> StartedSearch:
    """Take the place of the one search that may run, and say so in the database.

    Raises:
        DuplicateError: another one runs.
    """
    lock = _lock(services)
    try:
        lock.acquire(timeout=_WAIT_S)
    except Timeout as error:
        raise DuplicateError(_BUSY) from error
    try:
        with services.writing() as session:
            row = DuplicateSearchTable(
                kind=kind.value, who=who, started_at=now_at(), stage=STAGES["read"]
            )
            session.add(row)
            session.flush()
            return StartedSearch(stored_id(row), kind, lock)
    except BaseException:
        lock.release()
        raise


def run_search(services: Services, started: StartedSearch) -> None:
    """Search, and keep what was found or what went wrong; gives the place back."""
    told_at = 0.0
    shown = ""

    def progress(stage: str, done: int, total: int) -> None:
        nonlocal told_at, shown
        now = time.monotonic()
        if stage == shown and now - told_at < _TOLD_EVERY_S:
            return
        told_at, shown = now, stage
        # While a file is loaded nobody else writes: how far this is can wait, the search goes on.
        with suppress(OperationalError), impatient(services.database) as connection:
            table = DuplicateSearchTable
            said = {"stage": STAGES[stage], "done": done, "total": total}
            connection.execute(update(table).where(col(table.id) == started.id).values(**said))
            connection.commit()

    try:
        found = find(services, started.kind, progress)
        _tell(services, started.id, **_result(found))
    except (CorpusError, IndexerError) as error:
        _tell(services, started.id, problem=str(error), finished_at=now_at())
    except SQLAlchemyError as error:
        _tell(services, started.id, problem=database_problem(error), finished_at=now_at())
    finally:
        started.lock.release()


def searches(services: Services) -> list[SearchOut]:
    """The last search of each kind, the newest first."""
    lock = _lock(services)
    try:
        with lock.acquire(timeout=0):
            is_held = False
    except Timeout:
        is_held = True
    with services.reading() as session:
        rows = [row for kind in Kind if (row := _latest(session, kind)) is not None]
        rows.sort(key=stored_id, reverse=True)
        return [
            _search(row, is_held and place == 0 and row.finished_at is None)
            for place, row in enumerate(rows)
        ]


def _latest(session: Session, kind: Kind) -> DuplicateSearchTable | None:
    statement = (
        select(DuplicateSearchTable)
        .where(DuplicateSearchTable.kind == kind.value)
        .order_by(col(DuplicateSearchTable.id).desc())
    )
    return session.exec(statement).first()


def _search(row: DuplicateSearchTable, running: bool) -> SearchOut:
    return SearchOut(
        id=stored_id(row),
        kind=Kind(row.kind),
        who=row.who,
        started_at=aware(row.started_at),
        finished_at=aware(row.finished_at) if row.finished_at else None,
        running=running,
        stage=row.stage,
        done=row.done,
        total=row.total,
        records=row.records,
        groups=row.groups,
        new=row.new,
        extended=row.extended,
        problem=row.problem,
    )


def _result(found: Found) -> dict[str, object]:
    return {
        "finished_at": now_at(),
        "records": found.records,
        "groups": found.groups,
        "new": found.counts.new,
        "extended": found.counts.extended,
    }


def _tell(services: Services, search_id: int, **values: object) -> None:
    with services.writing() as session:
        row = session.get(DuplicateSearchTable, search_id)
        if row is None:
            raise AssertionError("a search is never deleted")
        row.sqlmodel_update(values)
        session.add(row)


def _lock(services: Services) -> FileLock:
    folder = services.settings.home
    folder.mkdir(parents=True, exist_ok=True)
    # Taken in one thread, given back in another.
    return FileLock(folder / "duplicates.lock", thread_local=False)
