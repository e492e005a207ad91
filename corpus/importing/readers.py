"""Rows out of xlsx, csv and jsonl files: (row number, {header: cell}).

Row numbers are those a person sees: the line of the file, the row of the sheet (1-based,
the header included).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from python_calamine import CalamineError, CalamineWorkbook

from corpus.model import CorpusError


@dataclass(frozen=True, slots=True)
class Row:
    """One row as a person sees it; ``problem`` says why it cannot be used at all."""

    number: int
    cells: Mapping[str, Any]
    problem: str = ""


SIZE_LIMIT_BYTES = 512 * 1024**2
EXPANDED_LIMIT_BYTES = 2 * 1024**3
CELL_LIMIT = 200_000  # characters; Excel itself stops at 32,767
_DAMAGED = "{} 不是完好的 .xlsx 工作簿（可能已加密或损坏）。请用 Excel 打开后另存为 .xlsx 再导入。"


class ImportFileError(CorpusError):
    """A file that cannot be read at all. Single bad rows are reported, not raised."""


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a file, by its ending. Blank rows are left out.

    Raises:
        ImportFileError: the file is missing, too large, of an unknown kind, damaged or encrypted,
            or has no header row.
    """
    readers = {".xlsx": _xlsx, ".csv": _csv, ".jsonl": _jsonl}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise ImportFileError(f"不支持的文件类型：{path.name}。请使用 .xlsx、.csv 或 .jsonl 文件。")
    try:
        size_bytes = path.stat().st_size
        with path.open("rb"):
            pass
    except OSError as error:
        raise ImportFileError(f"找不到或无法打开文件：{path}") from error
    if size_bytes > SIZE_LIMIT_BYTES:
        raise ImportFileError(
            f"文件过大：{path.name} 有 {size_bytes / 1024**2:.0f} MB，上限 "
            f"{SIZE_LIMIT_BYTES // 1024**2} MB。请拆分后再导入。"
        )
    return reader(path)


def _jsonl(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):  # ValueError: also an integer of over 4,300 digits
            yield Row(number, {}, f"第 {number} 行不是有效的 JSON")
            continue
        if not isinstance(value, dict):
            yield Row(number, {}, f"第 {number} 行不是 JSON 对象")
            continue
        if "" in value:
            yield Row(number, {}, f"第 {number} 行有一项没有名称")
            continue
        yield Row(number, value)


def _csv(path: Path) -> Iterator[Row]:
    csv.field_size_limit(CELL_LIMIT * 8)
    # Not splitlines(): that also cuts at vertical tabs and U+2028 within a cell.
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    header: list[str] | None = None
    try:
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, path)
                continue
            yield _row(reader.line_num, header, cells)
    except csv.Error as error:
        raise ImportFileError(
            f"{path.name} 第 {reader.line_num} 行的引号或分隔符有误，无法解析：{error}"
        ) from error
    if header is None:
        raise ImportFileError(f"{path.name} 是空文件，没有表头。")


def _xlsx(path: Path) -> Iterator[Row]:
    _refuse_bomb(path)
    try:
        workbook = CalamineWorkbook.from_path(path)
        sheet = workbook.get_sheet_by_index(0)
        rows = sheet.iter_rows()
        header: list[str] | None = None
        for number, cells in enumerate(rows, start=1):  # blank rows at the top included
            if not any(str(cell).strip() for cell in cells):
                continue
            if header is None:
                header = _header(cells, path)
                continue
            yield _row(number, header, cells)
    except (CalamineError, IndexError) as error:
        raise ImportFileError(_DAMAGED.format(path.name)) from error
    if header is None:
        raise ImportFileError(f"{path.name} 的第一张工作表是空的，没有表头。")


def _refuse_bomb(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            expanded_bytes = sum(info.file_size for info in archive.infolist())
            # calamine does not compare checksums.
            damaged = expanded_bytes <= EXPANDED_LIMIT_BYTES and archive.testzip() is not None
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, RuntimeError, ValueError) as error:
        raise ImportFileError(_DAMAGED.format(path.name)) from error
    if damaged:
        raise ImportFileError(_DAMAGED.format(path.name))
    if expanded_bytes > EXPANDED_LIMIT_BYTES:
        raise ImportFileError(
            f"{path.name} 解压后过大（{expanded_bytes / 1024**3:.1f} GB），已拒绝。"
        )


def _text(path: Path) -> str:
    raw = path.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise ImportFileError(f"{path.name} 的文字编码无法识别。请另存为 UTF-8 编码后再导入。")


def _header(cells: list[Any], path: Path) -> list[str]:
    header = [str(cell).strip() for cell in cells]
    named = [name for name in header if name]
    repeated = sorted({name for name in named if named.count(name) > 1})
    if repeated:
        raise ImportFileError(
            f"{path.name} 的表头有重复的列：{'、'.join(repeated)}。请改名后再导入。"
        )
    return header


def _row(number: int, header: list[str], cells: list[Any]) -> Row:
    named = {name: cell for name, cell in zip(header, cells, strict=False) if name}
    surplus = [str(c) for c in cells[len(header) :] if str(c).strip()]
    problem = f"这一行比表头多 {len(surplus)} 个单元格" if surplus else ""
    return Row(number, named, problem)
