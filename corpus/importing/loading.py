"""Load a file into the corpus: good rows in, bad rows back with a reason each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from corpus.importing.columns import RowError, to_record
from corpus.importing.readers import Row
from corpus.model import Kind, Record
from corpus.repository import CorpusRepository

_BATCH = 500


@dataclass(frozen=True, slots=True)
class FailedRow:
    """A row that did not become a record, and why."""

    number: int
    reason: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did (or, on a dry run, would do). ``rows`` is the sum of the parts."""

    kind: Kind
    new: int
    changed: int
    unchanged: int
    duplicate: int  # the same key again within the file; the first row is kept
    failed: Sequence[FailedRow]

    @property
    def rows(self) -> int:
        return self.new + self.changed + self.unchanged + self.duplicate + len(self.failed)


def import_rows(
    repository: CorpusRepository,
    kind: Kind,
    rows: Iterable[Row],
    now_at: datetime,
    progress: Callable[[int], None] = lambda _done: None,
) -> ImportReport:
    """Upsert every valid row. The caller commits, or rolls back for a dry run.

    ``progress`` is called with the number of rows read so far.
    """
    failed: list[FailedRow] = []
    new = changed = unchanged = duplicate = done = 0
    # The first row of a key wins: the last would need the whole file in memory, and both
    # taken in turn would report a change each time the same file is loaded.
    seen: set[str] = set()
    iterator = iter(rows)
    while batch := list(islice(iterator, _BATCH)):
        records: list[Record] = []
        for record in _valid(kind, batch, failed):
            if record.key in seen:
                duplicate += 1
                continue
            seen.add(record.key)
            records.append(record)
        counts = repository.upsert(records, now_at)
        new, changed = new + counts.new, changed + counts.changed
        unchanged += counts.unchanged
        done += len(batch)
        progress(done)
    return ImportReport(kind, new, changed, unchanged, duplicate, failed)


def _valid(kind: Kind, batch: Sequence[Row], failed: list[FailedRow]) -> Iterator[Record]:
    for number, row in batch:
        try:
            yield to_record(kind, row)
        except RowError as error:
            failed.append(FailedRow(number, str(error)))
