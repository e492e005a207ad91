"""The folder of uploads: files under random names, and what a sender called them."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata
from pathlib import Path
from typing import BinaryIO

from api.uploads.model import UploadError
from corpus.importing.cells import storable
from corpus.importing.readers import ImportFileError, Limits
from corpus.importing.readers.sniff import check_ending

_LABEL_CHARACTERS = 120
_CHUNK = 1 << 20


def limits(megabytes: int) -> Limits:
    """What one file may cost a server that others use at the same time."""
    return Limits(
        file_bytes=megabytes * 1024**2,
        expanded_bytes=1024**3,
        rows=500_000,
        workbook_memory_bytes=1024**3,
        workbook_cpu_s=120,
    )


def cleaned_label(name: str) -> str:
    """A file's name as it is shown: no folder, no control or direction marks, not endless."""
    last = storable(name[-1000:]).replace("\\", "/").rsplit("/", 1)[-1]
    plain = "".join(c for c in last if unicodedata.category(c)[0] != "C").strip()
    if len(plain) > _LABEL_CHARACTERS:
        ending = Path(plain).suffix[:10]
        plain = plain[: _LABEL_CHARACTERS - len(ending)] + ending
    return plain or "没有名称的文件"


class UploadFolder:
    """Where the files lie; only the account the server runs under may read them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, name: str) -> Path:
        """A file of the folder."""
        return self.folder / name

    def keep(self, source: BinaryIO, label: str, megabytes: int) -> tuple[str, str, int]:
        """Store what was sent: (random name, SHA-256, size in bytes).

        Raises:
            UploadError: its name says that it is no table, or it is too large.
        """
        try:
            check_ending(Path(label))
        except ImportFileError as error:
            raise UploadError(str(error)) from error
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        name = f"{secrets.token_hex(16)}{Path(label).suffix.lower()}"
        digest, size = hashlib.sha256(), 0
        path = self.path(name)
        try:
            with path.open("xb") as file:
                while chunk := source.read(_CHUNK):
                    size += len(chunk)
                    if size > megabytes * 1024**2:
                        raise UploadError(too_large(megabytes))
                    digest.update(chunk)
                    file.write(chunk)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return name, digest.hexdigest(), size

    def remove(self, *names: str) -> None:
        """Delete files, whether they are there or not."""
        for name in names:
            self.path(name).unlink(missing_ok=True)


def too_large(megabytes: int) -> str:
    """The sentence for a file beyond the limit."""
    return f"文件超过 {megabytes} MB，没有收下。请拆成几个文件再导入。"
