"""Tables of Word documents (.docx), streamed.

python-docx was left aside: it holds the whole document as a tree (some ten times its unpacked
size), finds the cells of a table in quadratic time, and would bring lxml. A table is five elements,
so the standard library's expat reads them here, refusing every document type declaration.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, groupby, islice
from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from corpus.importing.readers.archive import ZIP_ERRORS, damaged_file, member_names
from corpus.importing.readers.limits import ImportFileError, Limits
from corpus.importing.readers.table import (
    GridRow,
    Headed,
    Row,
    Table,
    check_header,
    column_name,
    find_header,
    is_blank_row,
    long_cell,
    read_table,
    too_many_rows,
)

_MAIN_PART = re.compile(r"word/document\d{0,3}\.xml")
_PART_BYTES = 256 * 1024**2
_CHUNK = 1 << 16
_PEEKED_ROWS = 60
_MOST_COLUMNS = 1000  # Word itself stops at 63
_NAMESPACES = (
    "http://schemas.openxmlformats.org/wordprocessingml/2006/main ",
    "http://purl.oclc.org/ooxml/wordprocessingml/main ",
)
# A form is told from a table by what stands on the left of each row. These end the labels of
# the collection forms in use.
_LABEL = re.compile(
    r"(?:名称|题目|标题|内容|单位|联系人|姓名|负责人|法人|代表|电话|手机|邮箱|邮件|传真|"
    r"地址|邮编|日期|时间|期限|领域|行业|方式|资金|金额|投入|预算|指标|参数|情况|要求|描述|简介|说明|"
    r"背景|基础|目标|现状|成熟度|专利|产权|职务|职称|编号|代码|类型|类别|性质|规模|县区|地区|区域|属地|备注|"
    r"问题|需求|难题|关键词|效益|前景|意向|条件)$"
)
_BRACKETED = re.compile(r"[（(][^（()）]{0,200}[）)]")
_NUMBERED = re.compile(r"^[\d一二三四五六七八九十]{1,3}[、.．]")
_LABEL_CHARACTERS = 20
_OTHER_TEXT = "表内其他文字"
_NAME_CHARACTERS = 60


class _Cell(NamedTuple):
    text: str
    span: int
    continued: bool  # belongs to the cell above


class _TableRow(NamedTuple):
    table: int
    number: int
    cells: list[_Cell]


def open_word(path: Path, limits: Limits, note: str = "") -> Table:
    """Open the tables of a document.

    Either a list, one record a row: the first table with a header, and every later table with
    the same header. Or forms, one record a table: 名称 on the left, what was filled in beside it.

    Raises:
        ImportFileError: damaged, or no table that is one or the other.
    """
    part = _main_part(path)
    survey = _survey(_rows(path, part, limits), limits)
    if not survey.lists and not survey.forms:
        raise ImportFileError(
            f"{path.name} 里没有可以导入的表格。需要一张第一行是列名的表格，或每条一张、"
            "左边是项目名称右边是内容的登记表。"
        )
    header: Sequence[str]
    if survey.forms_first:
        rows, header, read = _forms(path, part, limits), survey.labels, len(survey.forms)
        what = f"{read} 张登记表"
    else:
        header = check_header(survey.header, limits, path.name)
        rows, read = _list(path, part, limits, survey.header), len(survey.lists)
        what = f"{read} 张表格"
    skipped = survey.tables - read
    return Table(
        name=path.name,
        format="docx",
        detail=f"{note}{what}" + (f"，另有 {skipped} 张表格式不同，没有读取" if skipped else ""),
        header=tuple(header),
        rows=rows,
    )


@dataclass(slots=True)
class _Survey:
    """What tables a document has."""

    tables: int = 0
    lists: list[int] = field(default_factory=list)
    forms: list[int] = field(default_factory=list)
    header: list[str] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)
    forms_first: bool = False


def _survey(rows: Iterator[_TableRow], limits: Limits) -> _Survey:
    survey = _Survey()
    labels: dict[str, None] = {}
    for table, group in groupby(rows, key=lambda row: row.table):
        survey.tables += 1
        peeked = list(islice(group, _PEEKED_ROWS))
        if _is_form(peeked):
            survey.forms.append(table)
            survey.forms_first = survey.forms_first or not survey.lists
            if len(labels) <= limits.columns:
                labels.update(dict.fromkeys(_pairs(peeked)))
        elif (headed := find_header(_grid(iter(peeked)))) and sum(map(bool, headed.names)) > 1:
            survey.header = survey.header or headed.names
            if headed.names == survey.header:
                survey.lists.append(table)
    survey.labels = list(labels)
    return survey


def _list(path: Path, part: str, limits: Limits, header: list[str]) -> Iterator[Row]:
    def rows() -> Iterator[GridRow]:
        for _, group in groupby(_rows(path, part, limits), key=lambda row: row.table):
            peeked = list(islice(group, _PEEKED_ROWS))
            if _is_form(peeked):
                continue
            headed = find_header(_grid(chain(peeked, group)))  # noqa: B031 - still the first
            if headed is not None and headed.names == header:
                yield from headed.rows

    return read_table(Headed(header, 0, rows()), limits, path.name)


def _forms(path: Path, part: str, limits: Limits) -> Iterator[Row]:
    groups = groupby(_rows(path, part, limits), key=lambda row: row.table)
    for count, (table, group) in enumerate(groups):
        if count >= limits.rows:
            raise ImportFileError(too_many_rows(path.name, limits))
        rows = list(islice(group, limits.columns))
        if not _is_form(rows[:_PEEKED_ROWS]):
            continue
        cells = _pairs(rows)
        if any(cells.values()):  # an empty form is a template left in the document
            yield Row(table, cells, long_cell(cells, limits))


# -- forms -------------------------------------------------------------------------------


def _is_form(rows: Sequence[_TableRow]) -> bool:
    """Most rows have a label on the left and something else beside it; those over the whole width
    (titles, long answers) say nothing."""
    texts = [row for row in map(_own_texts, rows) if len(row) > 1 and any(row)]
    labelled = sum(1 for row in texts if any(map(_is_pair, row, row[1:])))
    first_is_header = bool(texts) and all(map(_is_label, texts[0]))
    return labelled >= 2 and labelled * 2 > len(texts) and not first_is_header


def _pairs(rows: Sequence[_TableRow]) -> dict[str, str]:
    """Label → what was filled in. A label that comes twice keeps both, numbered.

    A text over the whole width belongs to the label above it, and so do those below it; one that
    belongs to none is kept by itself, unless it is short (a title) or stands above all labels.
    """
    found: dict[str, str] = {}
    waiting = ""  # a label over the whole width, its text in the row below
    open_label = ""  # the label whose text over the whole width may go on
    for texts in map(_own_texts, rows):
        filled = [text for text in texts if text]
        pairs: list[tuple[str, str]] = []
        if len(texts) > 1:
            pairs, waiting, open_label = _row_pairs(texts), "", ""
        elif filled and waiting:
            pairs, waiting, open_label = [(waiting, filled[0])], "", waiting
        elif filled and _is_label(filled[0]):
            waiting, open_label = _label(filled[0]), ""
        elif filled and open_label:
            found[open_label] += "\n" + filled[0]
        elif filled and found and len(filled[0]) > _LABEL_CHARACTERS:
            pairs = [(_OTHER_TEXT, filled[0])]
        for label, text in pairs:
            name, copy = label, 1
            while name in found:
                copy += 1
                name = f"{label}（{copy}）"
            found[name] = text
            open_label = open_label and name
    return found


def _row_pairs(texts: Sequence[str]) -> list[tuple[str, str]]:
    """label | value | label | value …; a first cell too many is the title of a section, a last
    one belongs to the value before it."""
    if len(texts) % 2 and _is_label(texts[1]):
        texts = texts[1:]
    pairs = [
        (_label(label)[:_NAME_CHARACTERS], text)
        for label, text in zip(texts[::2], texts[1::2], strict=False)
        if _label(label)
    ]
    if len(texts) % 2 and texts[-1] and not _is_label(texts[-1]) and pairs:
        label, text = pairs[-1]
        pairs[-1] = label, f"{text}\n{texts[-1]}".strip()
    return pairs


def _is_pair(label: str, text: str) -> bool:
    return _is_label(label) and not _is_label(text)


def _own_texts(row: _TableRow) -> list[str]:
    return [cell.text for cell in row.cells if not cell.continued]


def _label(text: str) -> str:
    return _NUMBERED.sub("", column_name(text)).rstrip("：:*＊")


def _is_label(text: str) -> bool:
    if not text or len(text) > 200:
        return False
    bare = _BRACKETED.sub("", _label(text)).rstrip("：:*＊")
    if not 0 < len(bare) <= _LABEL_CHARACTERS:
        return False
    return text.rstrip().endswith(("：", ":")) or bool(_LABEL.search(bare))


# -- rows and cells ----------------------------------------------------------------------


def _grid(rows: Iterator[_TableRow]) -> Iterator[GridRow]:
    """Cells on their grid columns; a cell merged downwards has its value in each row."""
    above: dict[int, str] = {}
    for row in rows:
        cells: list[str] = []
        spans = []
        blank = all(cell.continued or not cell.text.strip() for cell in row.cells)
        for cell in row.cells:
            place = len(cells)
            if place > _MOST_COLUMNS:  # many wide cells in one row make gigabytes of nothing
                break
            text = above.get(place, "") if cell.continued else cell.text
            above[place] = text
            cells += [text] + [""] * (cell.span - 1)
            if cell.span > 1:
                spans.append((place, place + cell.span - 1))
        if not blank and not is_blank_row(cells):
            yield GridRow(row.number, cells, spans=spans)


def _main_part(path: Path) -> str:
    for name in member_names(path):
        if _MAIN_PART.fullmatch(name):
            return name
    raise damaged_file(path)


def _rows(path: Path, part: str, limits: Limits) -> Iterator[_TableRow]:
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(part).file_size > _PART_BYTES:
                raise ImportFileError(
                    f"{path.name} 的正文解压后超过 {_PART_BYTES // 1024**2} MB。请拆分，或把表格"
                    "复制到 .xlsx 再导入。"
                )
            with archive.open(part) as stream:
                reader = _Reader(limits)
                while chunk := stream.read(_CHUNK):
                    yield from reader.feed(chunk)
                yield from reader.feed(b"", final=True)
    except (expat.ExpatError, *ZIP_ERRORS) as error:
        raise damaged_file(path) from error


class _Reader:
    """Rows of the outermost tables; a table within a cell is text of that cell."""

    def __init__(self, limits: Limits) -> None:
        self._most_text = limits.cell_characters + 1
        self._most_span = limits.columns
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._done: list[_TableRow] = []
        self._table = self._number = self._depth = self._skipped = 0
        self._cells: list[_Cell] = []
        self._parts: list[str] = []
        self._characters = 0
        self._span, self._continued, self._reading = 1, False, False

    def feed(self, chunk: bytes, *, final: bool = False) -> list[_TableRow]:
        """The rows that this piece completes."""
        self._parser.Parse(chunk, final)
        done, self._done = self._done, []
        return done

    def _refuse(self, *_: object) -> None:
        raise ValueError("document type declaration")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name.endswith(" Fallback"):  # the same text again, for older programs
            self._skipped += 1
        namespace, _, local = name.rpartition(" ")
        if f"{namespace} " not in _NAMESPACES:
            return
        if local == "tbl":
            self._depth += 1
            self._table += self._depth == 1
        elif local == "t":
            self._reading = not self._skipped
        elif local in ("br", "cr"):
            self._add("\n")
        elif local == "tab":
            self._add("\t")
        elif self._depth == 1:
            self._start_in_table(local, attributes.get(f"{namespace} val", ""))

    def _start_in_table(self, local: str, value: str) -> None:
        if local == "tr":
            self._cells = []
            self._number += 1
        elif local == "tc":
            self._parts, self._characters = [], 0
            self._span, self._continued = 1, False
        elif local == "gridSpan":
            self._span = self._count(value)
        elif local == "gridBefore":
            self._cells += [_Cell("", 1, False)] * self._count(value)
        elif local == "vMerge":
            self._continued = value != "restart"

    def _count(self, value: str) -> int:
        digits = value.isdecimal() and len(value) < 9
        return max(1, min(int(value) if digits else 1, self._most_span))

    def _end(self, name: str) -> None:
        if name.endswith(" Fallback"):
            self._skipped -= 1
        namespace, _, local = name.rpartition(" ")
        if f"{namespace} " not in _NAMESPACES:
            return
        if local == "tbl":
            self._depth -= 1
        elif local == "t":
            self._reading = False
        elif local == "p":
            self._add("\n")
        elif local == "tc" and self._depth == 1:
            self._cells.append(_Cell("".join(self._parts).strip(), self._span, self._continued))
            self._parts = []
        elif local == "tr" and self._depth == 1:
            self._done.append(_TableRow(self._table, self._number, self._cells))
            self._cells = []

    def _text(self, text: str) -> None:
        if self._reading:
            self._add(text)

    def _add(self, text: str) -> None:
        if self._depth and not self._skipped and self._characters < self._most_text:
            text = text[: self._most_text - self._characters]
            self._parts.append(text)
            self._characters += len(text)
