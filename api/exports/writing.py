"""What every file we write shares: it appears whole or not at all; cells of workbooks are text."""

from __future__ import annotations

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import xlsxwriter

_OPTIONS = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}


@contextmanager
def new_workbook(path: Path, *, streamed: bool = False) -> Iterator[Any]:
    """A workbook that gets its name when it is complete.

    ``streamed``: rows must be written in order and do not stay in memory.

    Raises:
        OSError: the folder cannot be written.
    """
    memory = "constant_memory" if streamed else "in_memory"
    with whole_file(path) as file, xlsxwriter.Workbook(file, {**_OPTIONS, memory: True}) as book:
        yield book


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """A file that gets its name when it is complete; a failure leaves the old one.

    Raises:
        OSError: the folder cannot be written.
    """
    partial = _beside(path)
    try:
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Find out before the work, not after it, that its result cannot be written.

    Raises:
        OSError: the folder is missing or cannot be written, or ``path`` is a folder.
    """
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    probe = _beside(path)
    try:
        probe.touch()
    except OSError as error:
        # By the name that was given, not that of the probe.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        probe.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{uuid.uuid4().hex}.tmp")
