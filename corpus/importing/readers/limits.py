"""What a file may cost, and the one error for a file that cannot be read."""

from __future__ import annotations

from dataclasses import dataclass

from corpus.model import CorpusError

CELL_LIMIT = 200_000
"""Characters of one cell; Excel itself stops at 32,767."""


class ImportFileError(CorpusError):
    """A file that cannot be read at all. Single bad rows are reported, not raised."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most a file may be. Beyond it the file, or the row, is refused with a reason."""

    file_bytes: int = 1024**3
    """Size of the file on disk. A million rows of 300 Chinese characters are 0.7 GiB."""

    expanded_bytes: int = 2 * 1024**3
    """Sum of the parts of a zip-based file (xlsx, ods, docx) once unpacked."""

    expansion_ratio: float = 200.0
    """Unpacked size over packed size; looked at only from 100 MiB unpacked, because small
    files of repeated cells honestly reach it."""

    cell_characters: int = CELL_LIMIT
    """Characters of one cell. A longer cell fails its row."""

    columns: int = 500
    """Named columns of a table."""

    rows: int = 2_000_000
    """Rows of a table below its header."""

    workbook_memory_bytes: int = 2 * 1024**3
    """Address space of the process that unpacks a workbook (a million rows of six short
    cells take 0.6 GiB)."""

    workbook_cpu_s: int = 600
    """Processor time of that process, in seconds."""

    @property
    def record_characters(self) -> int:
        """Characters of one csv record or one line of jsonl; a longer one fails as a row."""
        return self.cell_characters * 10
