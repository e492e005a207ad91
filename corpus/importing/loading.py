"""Load a table into the corpus: good rows in, bad rows back with a reason each.

Nothing is lost silently: every row read ends in exactly one of new, changed, unchanged,
duplicate, failed or skipped (rows of the other kind in a mixed file). One import is one
transaction; the caller commits it, or rolls it back for a dry run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice

from corpus.history import Action, Change, History
from corpus.importing.cells import raw_json
from corpus.importing.readers import Row
from corpus.importing.rows import Converted, RowError
from corpus.model import Kind, Record, Status
from corpus.repository import CorpusRepository, Outcome, Upserted
from corpus.tables import ImportRunTable

_BATCH = 500
_KEPT_FAILURES = 1000

Convert = Callable[[Row], Sequence[Converted]]
"""One row to its record, to several where it is split, to none if it is not one of those that
are read. Raises RowError."""
Enrich = Callable[[Sequence[Record]], Sequence[Record]]
"""Adds what the source left out (suggested fields) to a batch of records."""


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that did not become a record, and why."""

    row: Row
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where rows come from and who loads them."""

    kind: Kind
    file_name: str = ""
    file_sha256: str = ""
    source: str = ""
    profile: str = ""
    who: str = ""
    full: bool = False
    """The file lists everything the source has: what it does not list is delisted."""


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did (or, on a dry run, would do).

    ``rows + split`` is the sum of ``new``, ``changed``, ``unchanged``, ``duplicate``, ``failed``
    and ``skipped``; ``withdrawn`` are records that are *not* in the file.
    """

    import_id: int
    kind: Kind
    rows: int
    split: int  # records beyond one a row, from rows that hold several
    new: int
    changed: int
    unchanged: int
    duplicate: int  # the same key again within the file; the first row is kept
    failed: int
    skipped: int  # rows that the profile does not read
    withdrawn: int
    failures: Sequence[FailedRow]  # the first thousand; ``on_failed`` got all
    warnings: Sequence[tuple[int, str]]  # (row number, what a person should look at), likewise


@dataclass(slots=True)
class _Tally:
    rows: int = 0
    records: int = 0
    duplicate: int = 0
    failed: int = 0
    skipped: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    failures: list[FailedRow] = field(default_factory=list)
    warnings: list[tuple[int, str]] = field(default_factory=list)
    # The first row of a key wins: the last would need the whole file in memory, and both
    # taken in turn would report a change each time the same file is loaded.
    seen: set[str] = field(default_factory=set)

    def warn(self, number: int, warning: str) -> None:
        """Note what a person should look at, up to a bound."""
        if len(self.warnings) < _KEPT_FAILURES:
            self.warnings.append((number, warning))


def import_rows(
    repository: CorpusRepository,
    history: History,
    origin: Origin,
    rows: Iterable[Row],
    convert: Convert,
    now_at: datetime,
    *,
    enrich: Enrich = lambda records: records,
    progress: Callable[[int], None] = lambda _done: None,
    on_failed: Callable[[FailedRow], None] = lambda _failed: None,
) -> ImportReport:
    """Upsert every valid row and keep a version of everything that changed.

    ``progress`` is called with the number of rows read so far, ``on_failed`` with each failed
    row, in order.
    """
    run = ImportRunTable(
        kind=origin.kind.value,
        file_name=origin.file_name,
        file_sha256=origin.file_sha256,
        source=origin.source,
        profile=origin.profile,
        who=origin.who,
        imported_at=now_at,
    )
    import_id = history.start_import(run)
    tally = _Tally()
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        converted = list(_converted(batch, convert, tally, on_failed))
        records = enrich([one.record for one, _ in converted])
        done = repository.upsert(records, now_at)
        changes = [
            _change(one, row)
            for one, (_, row) in zip(done, converted, strict=True)
            if one.outcome is not Outcome.UNCHANGED
        ]
        history.add(changes, now_at, origin.who, import_id=import_id)
        tally.outcomes.update(one.outcome for one in done)
        progress(tally.rows)
    withdrawn = _delist(repository, history, origin, tally, now_at, import_id)
    report = _report(import_id, origin.kind, tally, withdrawn)
    for name in ("new", "changed", "unchanged", "duplicate", "failed", "withdrawn"):
        setattr(run, name, getattr(report, name))
    history.update_import(run)
    return report


def validate_rows(
    rows: Iterable[Row],
    convert: Convert,
    *,
    progress: Callable[[int], None] = lambda _done: None,
    on_failed: Callable[[FailedRow], None] = lambda _failed: None,
) -> tuple[int, int, int]:
    """Clean and check every row without a database: (rows, duplicate, failed)."""
    tally = _Tally()
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        for _ in _converted(batch, convert, tally, on_failed):
            pass
        progress(tally.rows)
    return tally.rows, tally.duplicate, tally.failed


def _converted(
    batch: Sequence[Row], convert: Convert, tally: _Tally, on_failed: Callable[[FailedRow], None]
) -> Iterator[tuple[Converted, Row]]:
    for row in batch:
        tally.rows += 1
        try:
            if row.problem:
                raise RowError(row.problem)
            found = convert(row)
        except RowError as error:
            tally.records += 1
            tally.failed += 1
            failed = FailedRow(row, str(error))
            on_failed(failed)
            if len(tally.failures) < _KEPT_FAILURES:
                tally.failures.append(failed)
            continue
        tally.skipped += not found
        for one in found:
            tally.records += 1
            for warning in one.warnings:
                tally.warn(row.number, warning)
            if one.record.key in tally.seen:
                tally.duplicate += 1
                tally.warn(row.number, f"编号 {one.record.key} 前面已经有了，这一行没有导入")
                continue
            tally.seen.add(one.record.key)
            yield one, row


def _change(one: Upserted, row: Row) -> Change:
    return Change(
        one.record.kind,
        one.record.key,
        Action.CREATED if one.outcome is Outcome.NEW else Action.CHANGED,
        one.record,
        one.status,
        file_row=row.number,
        row=raw_json(row.cells),
    )


def _delist(
    repository: CorpusRepository,
    history: History,
    origin: Origin,
    tally: _Tally,
    now_at: datetime,
    import_id: int,
) -> int:
    if not origin.full:
        return 0
    if tally.failed or not tally.seen:
        # A failed row is in the list, but nobody knows which record it is.
        tally.warn(0, "有失败的行（或没有数据行），本次没有下架任何记录")
        return 0
    changes = []
    unlisted = repository.unlisted(origin.kind, origin.source, tally.seen)
    standing_for_others = set(repository.representatives(origin.kind, unlisted))
    for key in unlisted:
        if key in standing_for_others:
            # What was merged into it, perhaps from another source, would vanish with it.
            tally.warn(0, f"{key} 清单里已没有，但有别的记录并入了它，没有下架；请先取消合并")
            continue
        stored = repository.set_status(origin.kind, key, Status.DELISTED, now_at)
        changes.append(Change(origin.kind, key, Action.WITHDRAWN, stored.record, stored.status))
    history.add(changes, now_at, origin.who, "来源的完整清单里已没有", import_id)
    return len(changes)


def _report(import_id: int, kind: Kind, tally: _Tally, withdrawn: int) -> ImportReport:
    return ImportReport(
        import_id=import_id,
        kind=kind,
        rows=tally.rows,
        split=tally.records + tally.skipped - tally.rows,
        new=tally.outcomes[Outcome.NEW],
        changed=tally.outcomes[Outcome.CHANGED],
        unchanged=tally.outcomes[Outcome.UNCHANGED],
        duplicate=tally.duplicate,
        failed=tally.failed,
        skipped=tally.skipped,
        withdrawn=withdrawn,
        failures=tuple(tally.failures),
        warnings=tuple(tally.warnings),
    )
