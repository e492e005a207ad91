"""Tables out of the files offices send: xlsx, xls, ods, csv, tsv, txt, jsonl, docx.

What a file is, its content says; see :class:`Limits` for what is refused. Nothing in a file is
executed or fetched.
"""

from __future__ import annotations

from pathlib import Path

from corpus.importing.readers.archive import check_archive
from corpus.importing.readers.delimited import open_delimited
from corpus.importing.readers.jsonl import open_jsonl
from corpus.importing.readers.limits import CELL_LIMIT, ImportFileError, Limits
from corpus.importing.readers.sniff import Form, check_ending, find_form
from corpus.importing.readers.table import RAW, Row, Table
from corpus.importing.readers.word import open_word
from corpus.importing.readers.workbook import open_workbook, visible_sheets

__all__ = [
    "CELL_LIMIT",
    "RAW",
    "ImportFileError",
    "Limits",
    "Row",
    "Table",
    "open_table",
    "sheet_names",
]

_DEFAULT = Limits()
_WORKBOOKS = (Form.XLSX, Form.XLS, Form.ODS)
_USUAL_ENDINGS = {
    Form.XLSX: (".xlsx", ".xlsm"),
    Form.XLS: (".xls", ".et"),
    Form.ODS: (".ods",),
    Form.DOCX: (".docx",),
    Form.DELIMITED: (".csv", ".tsv", ".txt"),
    Form.JSONL: (".jsonl",),
}


def open_table(path: Path, sheet: str | None = None, limits: Limits = _DEFAULT) -> Table:
    """Open a file and find its header. ``sheet`` names a sheet of a workbook.

    Raises:
        ImportFileError: the file is missing, too large, empty, of a kind that cannot be read,
            damaged, encrypted or hostile, or has no header; also while rows are read.
    """
    form = _checked(path, limits)
    usual = path.suffix.lower() in _USUAL_ENDINGS[form]
    note = "" if usual else f"文件名是 {path.suffix}，实际是 {_called(form)}；"
    if form in _WORKBOOKS:
        return open_workbook(path, form, sheet, limits, note)
    if sheet is not None:
        raise ImportFileError(f"{path.name} 不是工作簿，没有工作表可选。请去掉工作表名。")
    if form is Form.DOCX:
        return open_word(path, limits, note)
    if form is Form.JSONL:
        return open_jsonl(path, limits, note)
    return open_delimited(path, limits, note)


def sheet_names(path: Path, limits: Limits = _DEFAULT) -> list[str]:
    """Visible sheets of a workbook in their order; none for other files.

    Raises:
        ImportFileError: as :func:`open_table`.
    """
    form = _checked(path, limits)
    return visible_sheets(path, form, limits) if form in _WORKBOOKS else []


def _checked(path: Path, limits: Limits) -> Form:
    check_ending(path)
    try:
        if not path.is_file():
            raise FileNotFoundError(path)
        size_bytes = path.stat().st_size
        with path.open("rb"):
            pass
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise ImportFileError(f"找不到或无法打开文件：{path}") from error
    if size_bytes > limits.file_bytes:
        raise ImportFileError(
            f"文件过大：{path.name} 有 {size_bytes / 1024**2:.0f} MB，上限 "
            f"{limits.file_bytes / 1024**2:.0f} MB。请拆分后再导入。"
        )
    form = find_form(path)
    if form in (Form.XLSX, Form.ODS, Form.DOCX):
        check_archive(path, limits)
    return form


def _called(form: Form) -> str:
    return "文本（csv）" if form is Form.DELIMITED else f".{form.value}"
