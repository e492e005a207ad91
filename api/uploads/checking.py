"""What an import would read, before anything is written: rows, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path

from api.importing import unknown_columns
from api.schemas import RecordOut
from api.uploads.fixing import EditRow, corrected, edit_row
from api.uploads.model import Fixes, Upload, UploadError, for_page, shown
from corpus.confidentiality import Role
from corpus.importing.loading import FailedRow, validate_rows
from corpus.importing.profiles import Profile
from corpus.importing.readers import ImportFileError, Limits, Row, open_table
from corpus.importing.rows import Converted, converter

CHECKED_ROWS = 2_000
"""Rows that are looked at beforehand: a second or less. The import looks at all."""
SHOWN_ROWS = 20


@dataclass(frozen=True, slots=True)
class CheckedRow:
    """One of the first rows that can be loaded; several records where it is cut."""

    number: int
    records: Sequence[RecordOut]
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Preview:
    """The first rows of a file, and what is wrong in it."""

    detail: str
    header: Sequence[str]
    rows: Sequence[CheckedRow]
    refused: Sequence[EditRow]
    """The first of them."""
    checked: int
    failed: int
    duplicate: int
    skipped: int
    is_whole: bool
    """Whether every row of the file was looked at."""
    warnings: Sequence[tuple[int, str]]
    unknown: Sequence[str]

    @property
    def good(self) -> int:
        """Rows that can be loaded."""
        return self.checked - self.failed - self.duplicate - self.skipped


def preview(
    path: Path, upload: Upload, profile: Profile, role: Role, today: date, limits: Limits
) -> Preview:
    """Look at a file as the import would.

    Raises:
        UploadError: it cannot be read.
    """
    check = _Check(profile, role, today, upload)
    try:
        table = open_table(path, upload.sheet or None, limits)
        rows = corrected(table.rows, upload.fixes)
        counts = validate_rows(
            islice(rows, CHECKED_ROWS), check.convert, on_failed=check.failures.append
        )
        is_whole = next(rows, None) is None
    except ImportFileError as error:
        raise UploadError(upload.worded(error)) from error
    return Preview(
        detail=upload.worded(ValueError(table.detail)),
        header=table.header,
        rows=check.rows,
        refused=[
            edit_row(one.row, shown(one.reason), table.header, profile)
            for one in check.failures[:SHOWN_ROWS]
        ],
        checked=counts[0],
        failed=counts[2],
        duplicate=counts[1],
        skipped=check.skipped,
        is_whole=is_whole,
        warnings=check.warnings,
        unknown=[shown(name, 80) for name in unknown_columns(profile, table.header)],
    )


class _Check:
    """Notes what the rows become."""

    def __init__(self, profile: Profile, role: Role, today: date, upload: Upload) -> None:
        self._convert = converter(profile, today, split=upload.split)
        self._role = role
        self.rows: list[CheckedRow] = []
        self.failures: list[FailedRow] = []
        self.warnings: list[tuple[int, str]] = []
        self.skipped = 0

    def convert(self, row: Row) -> Sequence[Converted]:
        """As the import does."""
        found = self._convert(row)
        self.skipped += not found
        said = [for_page(shown(text)) for one in found for text in one.warnings]
        if len(self.warnings) < SHOWN_ROWS:
            self.warnings += [(row.number, text) for text in said]
        if found and len(self.rows) < SHOWN_ROWS:
            records = [RecordOut.of(one.record, self._role) for one in found]
            self.rows.append(CheckedRow(row.number, records, said))
        return found


def row_at(path: Path, upload: Upload, number: int, limits: Limits) -> tuple[Row, Sequence[str]]:
    """A row of a file as it was read, and the header.

    Raises:
        UploadError: there is none of that number, or the file cannot be read.
    """
    try:
        table = open_table(path, upload.sheet or None, limits)
        for row in table.rows:
            if row.number == number:
                return row, table.header
    except ImportFileError as error:
        raise UploadError(upload.worded(error)) from error
    raise UploadError(f"文件里没有第 {number} 行。请刷新页面再改。")


def without(fixes: Fixes, number: int) -> dict[int, dict[str, str]]:
    """Corrections but for those of a row."""
    return {row: dict(cells) for row, cells in fixes.items() if row != number}
