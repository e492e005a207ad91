"""xlsx, xls and ods, through a process of their own (see workbook_process)."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

from corpus.importing.readers.archive import damaged_file, encrypted_file
from corpus.importing.readers.limits import ImportFileError, Limits
from corpus.importing.readers.sniff import Form
from corpus.importing.readers.table import (
    GridRow,
    Table,
    check_header,
    find_header,
    is_blank_row,
    read_table,
)

_PROCESS = Path(__file__).with_name("workbook_process.py")


_KINDS: Mapping[str, Callable[[Any], Any]] = {
    "datetime": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda seconds: timedelta(seconds=seconds),
}
# What a refused allocation, the processor limit or the system's own memory guard ends it with.
_SIGNALS = {-signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL} | (
    {-signal.SIGXCPU} if sys.platform != "win32" else set()
)
_SPANNED_ROWS = 100  # merged across matters where the header may be


def open_workbook(
    path: Path, form: Form, sheet: str | None, limits: Limits, note: str = ""
) -> Table:
    """Open a sheet: the one named, or the first visible one that is not empty.

    A value merged downwards belongs to each of its rows (known for xlsx and xls only).

    Raises:
        ImportFileError: damaged, encrypted, no such sheet, empty, too wide or too large.
    """
    lines = _lines(path, form, sheet or "", limits)
    about = next(lines)
    if about["columns"] > limits.columns:
        raise ImportFileError(
            f"{path.name} 的工作表“{about['sheet']}”有 {about['columns']} 列，上限 "
            f"{limits.columns} 列。请删去右边不需要的列再导入。"
        )
    headed = find_header(_grid(lines, about, limits))
    if headed is None:
        raise _empty(path)
    return Table(
        name=path.name,
        format=form.value,
        detail=f"{note}工作表“{about['sheet']}”，表头在第 {headed.number} 行"
        + _unread(about["others"]),
        header=check_header(headed.names, limits, path.name),
        rows=read_table(headed, limits, path.name),
        row_total=about["rows"],
    )


def _unread(names: Sequence[str]) -> str:
    if not names:
        return ""
    shown = "".join(f"“{name}”" for name in names[:10]) + ("等" if len(names) > 10 else "")
    return f"；另有工作表{shown}没有读取（可用 --sheet 指定）"


def visible_sheets(path: Path, form: Form, limits: Limits) -> list[str]:
    """Names of the sheets a person sees.

    Raises:
        ImportFileError: damaged or encrypted.
    """
    with _started(path, form, "", limits, names_only=True) as process:
        return list(_value(process, path))


def _grid(lines: Iterator[Any], about: Mapping[str, Any], limits: Limits) -> Iterator[GridRow]:
    left = about["left"]
    downwards, across = _merges(about["merged"])
    open_merges: dict[int, tuple[int, Any]] = {}  # column → (last row, value)
    for place, cells in enumerate(lines):
        problem = ""
        if isinstance(cells, dict):
            cells = cells["cut"]
            problem = f"这一行的文字合计超过 {limits.record_characters} 字"
        cells = [""] * left + cells
        blank = is_blank_row(cells)
        for column, (last, value) in list(open_merges.items()):
            if place > last:
                del open_merges[column]
            elif column < len(cells) and cells[column] == "":
                cells[column] = value
        for column, last in downwards.get(place, ()):
            if column < len(cells):
                open_merges[column] = (last, cells[column])
        if not blank:  # a blank row under a merged cell is the lower half of the row above
            yield GridRow(place + 1, cells, problem, across.get(place, ()))


def _merges(
    ranges: Sequence[tuple[tuple[int, int], tuple[int, int]]],
) -> tuple[dict[int, list[tuple[int, int]]], dict[int, list[tuple[int, int]]]]:
    """First row → [(column, last row)] merged downwards; row → [(first, last column)] across."""
    downwards, across = defaultdict(list), defaultdict(list)
    for (top, first), (bottom, last) in ranges:
        if bottom > top:
            downwards[top].append((first, bottom))
        if last > first and top < _SPANNED_ROWS:
            across[top].append((first, last))
    return downwards, across


def _lines(path: Path, form: Form, sheet: str, limits: Limits) -> Iterator[Any]:
    with _started(path, form, sheet, limits) as process:
        while (value := _value(process, path)) != "end":
            yield value


@contextmanager
def _started(
    path: Path, form: Form, sheet: str, limits: Limits, *, names_only: bool = False
) -> Iterator[subprocess.Popen[bytes]]:
    wish = {
        "form": form.value,
        "sheet": sheet,
        "names": names_only,
        "memory_bytes": limits.workbook_memory_bytes,
        "cpu_s": limits.workbook_cpu_s,
        "cell_characters": limits.cell_characters,
        "record_characters": limits.record_characters,
    }
    process = subprocess.Popen(  # noqa: S603 - our own program, no shell
        [sys.executable, "-I", str(_PROCESS), str(path.absolute()), json.dumps(wish)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _value(process: subprocess.Popen[bytes], path: Path) -> Any:
    assert process.stdout is not None  # noqa: S101 - asked for when it was started
    line = process.stdout.readline()
    if not line.endswith(b"\n"):
        ended = process.wait()
        raise _too_large(path) if ended in _SIGNALS else damaged_file(path)
    value = json.loads(line, object_hook=_untagged)
    if isinstance(value, dict) and "error" in value:
        raise _error(path, value)
    return value


def _untagged(value: dict[str, Any]) -> Any:
    for kind, read in _KINDS.items():
        if kind in value:
            return read(value[kind])
    return value


def _error(path: Path, about: Mapping[str, Any]) -> ImportFileError:
    if about["error"] == "password":
        return encrypted_file(path)
    if about["error"] == "memory":
        return _too_large(path)
    if about["error"] == "sheet":
        sheets = "、".join(f"“{name}”" for name in about["sheets"])
        return ImportFileError(f"{path.name} 没有要找的工作表。现有的工作表：{sheets or '无'}。")
    return _empty(path) if about["error"] == "empty" else damaged_file(path)


def _empty(path: Path) -> ImportFileError:
    return ImportFileError(f"{path.name} 的工作表都是空的，没有表头。请检查是否选错了文件。")


def _too_large(path: Path) -> ImportFileError:
    return ImportFileError(
        f"{path.name} 读取时占用的内存或时间超过上限：工作表过大，或文件内容异常。请删去多余的"
        "行列，或另存为 .csv 再导入。"
    )
