"""Cells that somebody corrected in the browser, put in their place while a file is read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from api.uploads.columns import cell_shown
from api.uploads.model import Fixes, UploadError, shown
from corpus.importing.cells import cell_text, storable
from corpus.importing.profiles import Profile, header_rules
from corpus.importing.readers import CELL_LIMIT, RAW, Row

_LONG = 2000
_MOST_ROWS = 1000
_MOST_CHARACTERS = 2_000_000
_CUT = "文字合计超过"
_SHOWN_CELLS = 100


@dataclass(frozen=True, slots=True)
class EditCell:
    """One cell of a refused row as a form shows it."""

    place: int
    name: str
    value: str
    """What stands there now; empty for a cell that is too long to be shown."""
    length: int
    is_long: bool
    is_wide: bool
    """Needs several lines."""
    is_wrong: bool


@dataclass(frozen=True, slots=True)
class EditRow:
    """A refused row as a form."""

    number: int
    reason: str
    raw: str
    """The line as it was read, if it could not be cut into cells."""
    cells: Sequence[EditCell]
    is_fixable: bool


def corrected(rows: Iterable[Row], fixes: Fixes) -> Iterator[Row]:
    """Rows with the corrections in their places."""
    for row in rows:
        fix = fixes.get(row.number)
        yield row if fix is None else _fixed(row, fix)


def _fixed(row: Row, fix: Mapping[str, str]) -> Row:
    kept = {name: cell for name, cell in row.cells.items() if name != RAW}
    return Row(row.number, {**kept, **fix})


def edit_row(row: Row, reason: str, header: Sequence[str], profile: Profile) -> EditRow:
    """A row with what is wrong marked: the columns that the reason names, or the missing name."""
    names = places_of(row, header)
    rules = header_rules(profile, names)
    cells: list[EditCell] = []
    for place, name in enumerate(names):
        value = _editable(row.cells.get(name))
        wrong = f"“{storable(name)}”" in reason or (
            rules[name].target == "title" and reason.startswith("缺少")
        )
        empty = not value and rules[name].target in ("extra", "ignore") and name in row.cells
        if storable(name) != name or empty or (len(cells) >= _SHOWN_CELLS and not wrong):
            continue
        is_long = len(value) > _LONG
        cells.append(
            EditCell(
                place, shown(name, 80), "" if is_long else value, len(value), is_long,
                "\n" in value or len(value) > 60 or is_long, wrong,
            )
        )  # fmt: skip
    raw = cell_shown(row.cells.get(RAW), 1000)
    cells.sort(key=lambda cell: not cell.is_wrong)
    return EditRow(row.number, reason, raw, cells, _CUT not in row.problem)


def places_of(row: Row, header: Sequence[str]) -> tuple[str, ...]:
    """The columns of a row in the order in which a form numbers them."""
    return tuple(dict.fromkeys(name for name in (*header, *row.cells) if name != RAW))


def fix_of(row: Row, header: Sequence[str], given: Mapping[int, str]) -> dict[str, str] | None:
    """What somebody changed in a row of the file, by the place of its columns; None: nothing.

    Raises:
        UploadError: the row cannot be corrected here, or a cell is too long.
    """
    if _CUT in row.problem:
        raise UploadError(f"第 {row.number} 行太长，不能在这里改。请在原文件里改好后重新上传。")
    names = places_of(row, header)
    fix: dict[str, str] = {}
    for place, text in given.items():
        if place >= len(names):
            raise UploadError("这一行已经变了。请刷新页面再改。")
        before = _editable(row.cells.get(names[place]))
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if len(text) > CELL_LIMIT:
            raise UploadError(f"一格最多 {CELL_LIMIT} 字。")
        if text != before and (text or len(before) <= _LONG):
            fix[names[place]] = storable(text)
    # What the reader could not cut is taken as the form has it, changed or not.
    return fix if fix or row.problem else None


def check_amount(fixes: Fixes) -> None:
    """Raises UploadError where so much is corrected that the file itself should be."""
    characters = sum(len(text) for cells in fixes.values() for text in cells.values())
    if len(fixes) > _MOST_ROWS or characters > _MOST_CHARACTERS:
        raise UploadError("在网页上改的内容太多了。请在原文件里改好后重新上传。")


def _editable(cell: Any) -> str:
    """A cell as text that a form shows and sends back unchanged."""
    try:
        text = "" if cell is None else cell_text(cell)
    except RecursionError:
        return ""
    return text.replace("\r\n", "\n").replace("\r", "\n")
