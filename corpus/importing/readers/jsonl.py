"""jsonl: one JSON object a line, streamed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path

from corpus.importing.readers.encoding import (
    BROKEN,
    Encoding,
    Lines,
    RecordTooLongError,
    find_encoding,
    open_text,
)
from corpus.importing.readers.limits import ImportFileError, Limits
from corpus.importing.readers.table import RAW, Row, Table, long_cell, raw_cells, too_many_rows

_HEADER_ROWS = 200


def open_jsonl(path: Path, limits: Limits, note: str = "") -> Table:
    """Open a file of one JSON object a line; the column names are those of its first 200 rows, or
    fewer if they are very long.

    Raises:
        ImportFileError: the encoding is unknown, or the file is one JSON array; while rows are
            read, too many rows.
    """
    encoding = find_encoding(path)
    rows = _rows(path, encoding, limits)
    first: list[Row] = []
    characters = 0
    for row in islice(rows, _HEADER_ROWS):
        first.append(row)
        characters += sum(len(cell) for cell in row.cells.values() if isinstance(cell, str))
        if characters > limits.record_characters:  # held in memory until they are read
            break
    header = tuple(dict.fromkeys(name for row in first for name in row.cells if name != RAW))
    if len(header) > limits.columns:
        raise ImportFileError(f"{path.name} 的列超过 {limits.columns} 个，请删去不需要的列。")
    return Table(
        name=path.name,
        format="jsonl",
        detail=f"{note}{encoding.label} 编码，每行一个 JSON 对象",
        header=header,
        rows=chain(first, rows),
    )


def _rows(path: Path, encoding: Encoding, limits: Limits) -> Iterator[Row]:
    with open_text(path, encoding) as file:
        lines = Lines(file, limits.record_characters)
        count = 0
        while True:
            number = lines.start_record()
            try:
                line = next(lines)
            except StopIteration:
                return
            except RecordTooLongError:
                row = Row(
                    number,
                    raw_cells(lines.give_back()),
                    f"第 {number} 行超过 {limits.record_characters} 字",
                )
            else:
                if not line.strip():
                    continue
                if not count and line.lstrip().startswith("["):
                    _refuse_array(path)
                row = _row(number, line, encoding, limits)
            count += 1
            if count > limits.rows:
                raise ImportFileError(too_many_rows(path.name, limits))
            yield row


def _refuse_array(path: Path) -> None:
    raise ImportFileError(
        f"{path.name} 是一个 JSON 数组，不是每行一个 JSON 对象。请改成 .jsonl（每行一个对象），"
        "或转成 .xlsx 再导入。"
    )


def _row(number: int, line: str, encoding: Encoding, limits: Limits) -> Row:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):  # ValueError: also an integer of over 4,300 digits
        return Row(number, raw_cells(line), f"第 {number} 行不是有效的 JSON")
    if not isinstance(value, dict):
        return Row(number, raw_cells(line), f"第 {number} 行不是 JSON 对象")
    if "" in value:
        return Row(number, value, f"第 {number} 行有一项没有名称")
    if len(value) > limits.columns:
        return Row(number, value, f"第 {number} 行有 {len(value)} 项，超过 {limits.columns} 项")
    broken = encoding.damaged and "\ufffd" in line
    return Row(number, value, BROKEN if broken else long_cell(value, limits))
