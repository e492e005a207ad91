"""From a grid of cells to a table: which row is the header, what the columns are called."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, NamedTuple

from corpus.importing.readers.limits import ImportFileError, Limits

_SEARCHED_ROWS = 20
_NAME_CHARACTERS = 60
_NAME_LIMIT = 200
RAW = "（原文）"
"""The column in which a line that could not be cut into cells is given back."""
_RAW_CHARACTERS = 1000
_NUMBER = re.compile(r"[\d.,:/%+\-年月日]+")
# A line such as "填报单位：某公司" stands above tables; a header cell has no value after its colon.
_LABELLED = re.compile(r"[^：:]{1,20}[：:].+")
_SPACE = re.compile(r"\s+")
_ASCII_GAP = re.compile(r"(?<=[!-~]) (?=[!-~])")


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a table as a person sees it."""

    number: int
    """Line of the file, row of the sheet, row of all the document's tables (1-based, header
    included); for a record that fills a table of its own, the number of that table."""

    cells: Mapping[str, Any]
    """Column name → cell as read: str, int, float, bool, date, datetime, time, timedelta; from
    jsonl also None, list, dict. An empty cell of a table is ''."""

    problem: str = ""
    """Why the row cannot be used at all; '' if it can."""


@dataclass(frozen=True, slots=True)
class Table:
    """A file opened for reading. ``rows`` is read as it is asked for, once."""

    name: str
    """Name of the file."""

    format: str
    """What the file really is: xlsx, xls, ods, csv, tsv, jsonl or docx."""

    detail: str
    """For people: encoding, delimiter, sheet, where the header was found."""

    header: tuple[str, ...]
    """Column names. Of jsonl: those of the first rows; later rows may have others."""

    rows: Iterator[Row]

    row_total: int | None = None
    """Number of the last row, for showing progress; None where only reading tells."""


class GridRow(NamedTuple):
    """A row before the columns have names; blank rows are left out by the readers."""

    number: int
    cells: Sequence[Any]
    problem: str = ""
    spans: Sequence[tuple[int, int]] = ()
    """(first, last) column of cells merged across."""


class Headed(NamedTuple):
    """A grid whose header has been found."""

    names: list[str]  # '' for a column without a name
    number: int
    rows: Iterator[GridRow]


def find_header(grid: Iterator[GridRow]) -> Headed | None:
    """The header is the first of the first 20 rows that has at least half as many distinct short
    texts as the fullest of them (and two, if any has two): titles, notes and lines such as
    填报单位 stand above it. None if there is no row."""
    peeked = list(islice(grid, _SEARCHED_ROWS))
    usable = [place for place, row in enumerate(peeked) if not row.problem]
    if not usable:
        return None
    counts = {place: _name_count(peeked[place].cells) for place in usable}
    fullest = max(counts.values())
    enough = max(fullest / 2, min(fullest, 2))
    found = next(place for place in usable if counts[place] >= enough)
    failed_above = [row for row in peeked[:found] if row.problem]
    header, below = peeked[found], peeked[found + 1 :]
    if below and (joined := _two_rows(header, below[0])):
        header, below = joined, below[1:]
    return Headed(_names(header), header.number, chain(failed_above, below, grid))


def _two_rows(upper: GridRow, lower: GridRow) -> GridRow | None:
    """One header out of two rows, if the lower one names the columns of a cell merged across and
    has nothing of its own elsewhere (there the upper cell reaches down)."""
    spanned = {place for first, last in upper.spans for place in range(first, last + 1)}
    named = [place for place in spanned if place < len(lower.cells)]
    if lower.problem or _name_count([lower.cells[place] for place in named]) < 2:
        return None
    cells = list(lower.cells)
    for place, above in enumerate(upper.cells[: len(cells)]):
        if place in spanned:
            continue
        if not _is_blank(cells[place]) and cells[place] != above:
            return None
        cells[place] = above
    return GridRow(lower.number, cells, spans=lower.spans)


def read_table(headed: Headed, limits: Limits, file_name: str) -> Iterator[Row]:
    """Rows below a header. What stands in a column without a name is kept under its place, but
    for bare numbers: programs put the number of the row there.

    Raises:
        ImportFileError: while reading, at the first row beyond ``limits.rows``.
    """
    width = len(headed.names)
    kept = [(place, name) for place, name in enumerate(headed.names) if name]
    names = [name for _, name in kept]
    nameless = [place for place, name in enumerate(headed.names) if not name]
    for count, (number, cells, problem, _) in enumerate(headed.rows, start=1):
        if count > limits.rows:
            raise ImportFileError(too_many_rows(file_name, limits))
        if problem:
            yield Row(number, raw_cells("\t".join(map(str, cells))), problem)
            continue
        if nameless:
            named = {name: cells[place] for place, name in kept if place < len(cells)}
            for place in nameless:
                if place < len(cells) and _says_something(cells[place]):
                    named[f"（无列名，第 {place + 1} 列）"] = cells[place]
        else:
            named = dict(zip(names, cells, strict=False))
        if len(cells) > width and (
            surplus := sum(1 for cell in cells[width:] if not _is_blank(cell))
        ):
            problem = f"这一行比表头多 {surplus} 个单元格"
        yield Row(number, named, problem or long_cell(named, limits))


def long_cell(cells: Mapping[str, Any], limits: Limits) -> str:
    """A sentence about the first text that is too long, or ''."""
    for name, cell in cells.items():
        if isinstance(cell, str) and len(cell) > limits.cell_characters:
            return f"“{name[:40]}”有 {len(cell)} 字，超过 {limits.cell_characters} 字"
    return ""


def raw_cells(line: str) -> dict[str, str]:
    """What a person gets back of a line that could not be cut into cells."""
    return {RAW: line.strip()[:_RAW_CHARACTERS]}


def too_many_rows(file_name: str, limits: Limits) -> str:
    """The sentence for a table beyond ``limits.rows``."""
    return f"{file_name} 超过 {limits.rows} 行。请拆成几个文件再导入。"


def check_header(names: Sequence[str], limits: Limits, file_name: str) -> tuple[str, ...]:
    """The named columns.

    Raises:
        ImportFileError: there are none, or more than ``limits.columns``.
    """
    named = tuple(name for name in names if name)
    if not named:
        raise ImportFileError(f"{file_name} 没有表头：第一行应当是列名，如“需求名称”“需求内容”。")
    if len(named) > limits.columns:
        raise ImportFileError(
            f"{file_name} 有 {len(named)} 列，上限 {limits.columns} 列。请删去不需要的列再导入。"
        )
    return named


def column_name(cell: Any) -> str:
    """A header cell as a name: line breaks and blanks go, except single ones in Latin text."""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    collapsed = _SPACE.sub(" ", str(cell)).strip()
    gaps = {match.start() for match in _ASCII_GAP.finditer(collapsed)}
    name = "".join(sign for place, sign in enumerate(collapsed) if sign != " " or place in gaps)
    return name if len(name) <= _NAME_LIMIT else name[:_NAME_LIMIT] + "…"


def _names(row: GridRow) -> list[str]:
    names = [column_name(cell) for cell in row.cells]
    for first, last in row.spans:
        for place in range(first + 1, min(last + 1, len(names))):
            names[place] = names[place] or names[first]
    taken = set(names)
    copies: dict[str, int] = {}
    for place, name in enumerate(names):
        if not name:
            continue
        copies[name] = copy = copies.get(name, 0) + 1
        if copy > 1:
            while (numbered := f"{name}（{copy}）") in taken:
                copy += 1
            copies[name] = copy
            taken.add(numbered)
            names[place] = numbered
    return names


def _name_count(cells: Sequence[Any]) -> int:
    found: set[str] = set()
    for cell in cells:
        if not isinstance(cell, str):
            continue
        text = cell.strip()
        if (
            0 < len(text) <= _NAME_CHARACTERS
            and not _NUMBER.fullmatch(text)
            and not _LABELLED.match(text)
        ):
            found.add(text)
    return len(found)


def _is_blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _says_something(cell: Any) -> bool:
    return not (_is_blank(cell) or isinstance(cell, int | float) or str(cell).strip().isdecimal())


def is_blank_row(cells: Sequence[Any]) -> bool:
    """Whether nothing stands in any of the cells."""
    return all(_is_blank(cell) for cell in cells)
