"""What every workbook we write shares: cells are text, and the file appears whole or not at all."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import xlsxwriter

_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@contextmanager
def new_workbook(path: Path, *, streamed: bool = False) -> Iterator[Any]:
    """A workbook that gets its name when it is complete.

    ``streamed``: rows must be written in order and do not stay in memory.

    Raises:
        OSError: the folder cannot be written.
    """
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    memory = "constant_memory" if streamed else "in_memory"
    try:
        with partial.open("wb") as file:
            with xlsxwriter.Workbook(file, {**_OPTIONS, memory: True}) as book:
                yield book
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
