"""csv, tsv and other delimited text, streamed; a broken quote costs one line, not the file."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
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
from corpus.importing.readers.table import (
    GridRow,
    Table,
    check_header,
    find_header,
    read_table,
)

_DELIMITERS = {",": "逗号", "\t": "制表符", ";": "分号", "|": "竖线"}
_NOTHING = "".join(_DELIMITERS) + " \r\n\u3000"
_SAMPLE_CHARACTERS = 200_000
_SAMPLE_RECORDS = 200


def open_delimited(path: Path, limits: Limits, note: str = "") -> Table:
    """Open delimited text: UTF-8, UTF-16 or GB18030, cells separated by , ; tab or |.

    Raises:
        ImportFileError: the encoding is unknown, or there is no header; while rows are read, too
            many rows.
    """
    # A limit of the whole process. Lines bounds each record by itself.
    csv.field_size_limit(max(csv.field_size_limit(), limits.record_characters))
    encoding = find_encoding(path)
    tab_first = path.suffix.lower() in (".tsv", ".txt")
    delimiter = _find_delimiter(path, encoding, tab_first=tab_first)
    headed = find_header(_grid(path, encoding, delimiter, limits))
    if headed is None:
        raise ImportFileError(f"{path.name} 是空文件，没有表头。请检查是否选错了文件。")
    header = check_header(headed.names, limits, path.name)
    label = _DELIMITERS[delimiter]
    return Table(
        name=path.name,
        format="tsv" if delimiter == "\t" else "csv",
        detail=f"{note}{encoding.label} 编码，{label}分隔，表头在第 {headed.number} 行",
        header=header,
        rows=read_table(headed, limits, path.name),
    )


def _grid(path: Path, encoding: Encoding, delimiter: str, limits: Limits) -> Iterator[GridRow]:
    with open_text(path, encoding) as file:
        lines = Lines(file, limits.record_characters)
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        while True:
            number = lines.start_record()
            try:
                cells = next(reader)
            except StopIteration:
                return
            except (csv.Error, RecordTooLongError) as error:
                # Time stays linear: a line read again cannot hold a quote that was passed over
                # as text within quotes (it was doubled) and now opens a cell.
                yield GridRow(number, [lines.give_back().rstrip("\r\n")], _reason(error))
                continue
            if not any(map(str.strip, cells)):
                continue
            broken = encoding.damaged and any("\ufffd" in cell for cell in cells)
            yield GridRow(number, cells, BROKEN if broken else "")


def _reason(error: Exception) -> str:
    if isinstance(error, RecordTooLongError):
        return "这一行太长，或者有一个引号没有配对，请检查引号"
    return "这一行的引号不成对，或引号后多了文字，请检查引号"


def _find_delimiter(path: Path, encoding: Encoding, *, tab_first: bool) -> str:
    """The delimiter that cuts the first records into the most columns, most consistently."""
    with open_text(path, encoding) as file:
        sample = file.read(_SAMPLE_CHARACTERS)
        if file.read(1):  # the last line may be cut
            sample = sample[: max(sample.rfind("\n"), sample.rfind("\r")) + 1] or sample
    order = sorted(_DELIMITERS, key=lambda sign: sign != "\t") if tab_first else list(_DELIMITERS)
    return max(order, key=lambda sign: (_consistency(sample, sign), sample.count(sign)))


def _consistency(sample: str, delimiter: str) -> float:
    """(Share of records with one number of columns)² × that number, at its best; a single column
    counts half, because any delimiter that does not occur gives one."""
    # Not strict: a broken quote says nothing about the delimiter.
    reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter)
    records = islice((cells for cells in reader if "".join(cells).strip(_NOTHING)), _SAMPLE_RECORDS)
    try:
        widths = Counter(map(len, records))
    except csv.Error:
        return 0.0
    return max(
        (
            (count / widths.total()) ** 2 * (width if width > 1 else 0.5)
            for width, count in widths.items()
        ),
        default=0.0,
    )
