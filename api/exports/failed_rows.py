"""Rows that an import refused, as a workbook to correct and load again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from api.exports.writing import check_writable, new_workbook
from corpus.importing.cells import cell_text, storable
from corpus.importing.loading import FailedRow

ROW_COLUMN = "原行号"
REASON_COLUMN = "失败原因"
OTHER_COLUMN = "其他内容"
_CELL_LIMIT = 32_767  # of Excel
_ROW_LIMIT = 1_048_575


class FailedRows:
    """Collects refused rows; the file is made with the first of them."""

    def __init__(self, path: Path, header: Sequence[str], stack: ExitStack) -> None:
        self.path = path
        self.count = 0
        self._header = list(header)
        self._stack = stack
        self._sheet: Any = None

    def add(self, failed: FailedRow) -> None:
        """Append one row with its number and reason."""
        if self._sheet is None:
            self._sheet = self._new_sheet()
        if self.count >= _ROW_LIMIT:
            return  # a sheet holds no more; the report has the count
        self.count += 1
        cells = dict(failed.row.cells)
        known = [cells.pop(name, None) for name in self._header]
        rest = _text(cells) if cells else ""
        reason = failed.reason
        if any(len(_text(cell)) > _CELL_LIMIT for cell in (*known, rest)):
            reason += f"；有一格超过 Excel 的 {_CELL_LIMIT} 字，这里不全，请在原文件里改这一行"
        for column, cell in enumerate((failed.row.number, reason, *known, rest)):
            self._write(column, cell)

    def _write(self, column: int, cell: Any) -> None:
        if isinstance(cell, int | float) and not isinstance(cell, bool) and abs(cell) < 1e15:
            self._sheet.write_number(self.count, column, cell)
        elif text := _text(cell):
            self._sheet.write_string(self.count, column, text[:_CELL_LIMIT])

    def _new_sheet(self) -> Any:
        check_writable(self.path)
        book = self._stack.enter_context(new_workbook(self.path, streamed=True))
        sheet = book.add_worksheet("失败的行")
        head = book.add_format({"bold": True, "bg_color": "#7F1D1D", "font_color": "white"})
        sheet.freeze_panes(1, 2)
        sheet.set_column(0, 0, 8)
        sheet.set_column(1, 1, 50)
        sheet.set_column(2, len(self._header) + 2, 24)
        for column, name in enumerate((ROW_COLUMN, REASON_COLUMN, *self._header, OTHER_COLUMN)):
            sheet.write_string(0, column, storable(name), head)
        return sheet


def _text(cell: Any) -> str:
    """A cell in words that the import reads as it read the cell."""
    try:
        return "" if cell is None else cell_text(cell)
    except RecursionError:
        return "（嵌套层次过深）"


@contextmanager
def failed_rows(path: Path, header: Sequence[str]) -> Iterator[FailedRows]:
    """A collector; the workbook is there at the end if any row was added.

    Raises:
        OSError: the folder cannot be written.
    """
    with ExitStack() as stack:
        yield FailedRows(path, header, stack)
