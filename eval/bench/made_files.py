"""Files as offices make them, written for benchmarks, fuzzing and the readers' tests."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import xlsxwriter

MADE_AT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_DOCX_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
    'relationships+xml"/><Override PartName="/word/document.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_DOCX_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/officeDocument" Target="word/document.xml"/></Relationships>'
)
_ODS_TYPE = "application/vnd.oasis.opendocument.spreadsheet"
_ODS_MANIFEST = (
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{_ODS_TYPE}"/>'
    "</manifest:manifest>"
)


def write_csv(
    path: Path, rows: Iterable[Sequence[str]], encoding: str = "utf-8", **options: Any
) -> Path:
    """Delimited text; options are those of csv.writer."""
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, **options).writerows(rows)
    return path


def write_jsonl(path: Path, lines: Iterable[object], encoding: str = "utf-8") -> Path:
    """One object a line; a str is written as it is."""
    texts = (
        line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines
    )
    with path.open("w", encoding=encoding, newline="") as file:
        file.writelines(f"{text}\n" for text in texts)
    return path


def write_xlsx(
    path: Path,
    sheets: Mapping[str, Iterable[Sequence[Any]]],
    merged: Sequence[tuple[int, int, int, int]] = (),
    hidden: Sequence[str] = (),
    *,
    lean: bool = False,
) -> Path:
    """A workbook; ``merged`` (first row, first column, last row, last column; 0-based) is of every
    sheet and keeps the value of its first cell. ``lean`` writes row by row in constant memory."""
    options = {"default_date_format": "yyyy-mm-dd", "constant_memory": lean}
    workbook = xlsxwriter.Workbook(path, options)
    workbook.set_properties({"created": MADE_AT})  # the same bytes every time
    for name, rows in sheets.items():
        sheet = workbook.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for top, left, bottom, right in merged:
            sheet.merge_range(top, left, bottom, right, "")
        for number, row in enumerate(rows):
            for column, cell in enumerate(row):
                if isinstance(cell, str):
                    if cell:
                        sheet.write_string(number, column, cell)
                elif cell is not None:
                    sheet.write(number, column, cell)
    workbook.close()
    return path


def write_zip(path: Path, parts: Mapping[str, str | bytes]) -> Path:
    """A zip archive with these parts."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return path


def word_cell(text: str, properties: str = "") -> str:
    """The XML of a table cell; a line feed starts a new paragraph."""
    paragraphs = "".join(
        f'<w:p><w:r><w:t xml:space="preserve">{escape(line)}</w:t></w:r></w:p>'
        for line in text.split("\n")
    )
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{paragraphs}</w:tc>"


def word_table(rows: Iterable[Sequence[str]]) -> str:
    """The XML of a table of plain texts; a cell that begins with <w:tc> is taken as XML."""
    return (
        "<w:tbl>"
        + "".join(
            "<w:tr>"
            + "".join(cell if cell.startswith("<w:tc>") else word_cell(cell) for cell in row)
            + "</w:tr>"
            for row in rows
        )
        + "</w:tbl>"
    )


def write_docx(path: Path, *body: str, head: str = "") -> Path:
    """A Word document of this XML in its body; ``head`` stands before the root element."""
    document = (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}<w:document xmlns:w="{_W}" '
        'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><w:body>'
        f"{'<w:p/>'.join(body)}</w:body></w:document>"
    )
    return write_zip(
        path,
        {
            "[Content_Types].xml": _DOCX_TYPES,
            "_rels/.rels": _DOCX_RELATIONS,
            "word/document.xml": document,
        },
    )


def write_ods(path: Path, rows: Iterable[Sequence[Any]], repeat: str = "") -> Path:
    """An OpenDocument sheet of texts and numbers; ``repeat`` is XML of the last cell."""

    def cell(value: Any) -> str:
        if isinstance(value, str):
            return (
                '<table:table-cell office:value-type="string">'
                f"<text:p>{escape(value)}</text:p></table:table-cell>"
            )
        return f'<table:table-cell office:value-type="float" office:value="{value}"/>'

    lines = "".join(f"<table:table-row>{''.join(map(cell, row))}</table:table-row>" for row in rows)
    oasis = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content '
        f'xmlns:office="{oasis}:office:1.0" xmlns:table="{oasis}:table:1.0" '
        f'xmlns:text="{oasis}:text:1.0" office:version="1.2"><office:body><office:spreadsheet>'
        f'<table:table table:name="需求">{lines}{repeat}</table:table>'
        "</office:spreadsheet></office:body></office:document-content>"
    )
    return write_zip(
        path,
        {
            "mimetype": _ODS_TYPE,
            "META-INF/manifest.xml": _ODS_MANIFEST,
            "content.xml": content,
        },
    )
