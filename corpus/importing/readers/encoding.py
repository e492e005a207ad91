"""Text files line by line, in whatever encoding an office gave them."""

from __future__ import annotations

import codecs
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from corpus.importing.readers.limits import ImportFileError

_CHUNK = 1 << 20
_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "UTF-8"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)
# Bytes that no text contains; tabs, line ends and the separators FS–US may stand in text.
_CONTROL = bytes(place for place in range(0x1C) if place not in b"\t\n\v\f\r")
BROKEN = "这一行有无法识别的文字（编码损坏），请从原表重新复制这一行"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a text file is written."""

    codec: str
    label: str
    damaged: bool
    """Some bytes are not of this encoding; rows with U+FFFD are then refused one by one."""


def find_encoding(path: Path) -> Encoding:
    """Encoding of a whole text file: by its byte order mark, else UTF-8, else GB18030. The file
    is read once (or, where it is not UTF-8, up to four times) in pieces.

    A few damaged bytes do not change the answer: of the decoded non-ASCII characters a fifth may
    be broken.

    Raises:
        ImportFileError: it is none of these.
    """
    with path.open("rb") as file:
        head = file.read(_CHUNK)
    for mark, codec, label in _BOMS:
        if head.startswith(mark):
            return Encoding(codec, label, damaged=not _is_valid(path, codec))
    if _is_valid(path, "utf-8"):
        return Encoding("utf-8", "UTF-8", damaged=False)
    if sum(head.count(code) for code in _CONTROL) <= 10 + len(head) // 50:
        if _is_mostly(path, "utf-8"):
            return Encoding("utf-8", "UTF-8", damaged=True)
        if _is_valid(path, "gb18030"):
            return Encoding("gb18030", "GB18030", damaged=False)
        if _is_mostly(path, "gb18030"):
            return Encoding("gb18030", "GB18030", damaged=True)
    raise ImportFileError(
        f"{path.name} 的文字编码无法识别，或者不是文本文件。请用 Excel 或 WPS 打开原表，"
        "另存为 .xlsx 后再导入。"
    )


def _is_valid(path: Path, codec: str) -> bool:
    try:
        for _ in _decoded(path, codec, "strict"):
            pass
    except UnicodeDecodeError:
        return False
    return True


def _is_mostly(path: Path, codec: str) -> bool:
    broken = wide = 0
    for text in _decoded(path, codec, "replace"):
        broken += text.count("\ufffd")
        wide += len(text) - len(text.encode("ascii", "ignore"))
    return broken * 5 <= wide


def _decoded(path: Path, codec: str, errors: str) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder(codec)(errors)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield decoder.decode(chunk)
        yield decoder.decode(b"", final=True)


def open_text(path: Path, encoding: Encoding) -> TextIO:
    """The file as text, its line ends untouched."""
    return path.open("r", encoding=encoding.codec, errors="replace", newline="")


class RecordTooLongError(Exception):
    """The record being read has more characters than a record may have."""


class Lines:
    """Physical lines of a text file, at most ``limit`` characters a record held in memory.

    Only line feeds and carriage returns end a line: ``splitlines`` would also cut at vertical
    tabs and U+2028 within a cell. The lines of a record that failed can be given back.
    """

    def __init__(self, file: TextIO, limit: int) -> None:
        self.number = 0
        """Lines handed out so far."""
        self._file = file
        self._limit = limit
        self._record: list[str] = []
        self._characters = 0
        self._returned: deque[str] = deque()

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else self._file.readline(self._limit + 1)
        if not line:
            raise StopIteration
        self.number += 1
        if len(line) > self._limit:
            self._skip_line(line)
        self._record.append(line)
        self._characters += len(line)
        if self._characters > self._limit:
            raise RecordTooLongError
        return line

    def start_record(self) -> int:
        """Forget the lines of the last record; the number of the line that comes next."""
        self._record.clear()
        self._characters = 0
        return self.number + 1

    def give_back(self) -> str:
        """Hand out again all lines of this record but the first, which is returned."""
        first, *others = self._record
        self._returned.extendleft(reversed(others))
        self.number -= len(others)
        return first

    def _skip_line(self, piece: str) -> None:
        while piece and not piece.endswith(("\n", "\r")):
            piece = self._file.readline(_CHUNK)
