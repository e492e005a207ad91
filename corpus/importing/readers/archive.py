"""Zip-based files (xlsx, ods, docx): refuse what is damaged, encrypted or would explode."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from corpus.importing.readers.limits import ImportFileError, Limits

ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    OSError,
    EOFError,
    RuntimeError,  # a member needs a password; NotImplementedError: an unknown compression
    ValueError,
    OverflowError,
    LookupError,
)
_DIRECTORY_BYTES = 16 * 1024**2  # zipfile holds the whole directory in memory
_RATIO_FROM_BYTES = 100 * 1024**2
_END = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_CHUNK = 1 << 20
_DECLARATIONS = (b"<!DOCTYPE", b"<!ENTITY")


def damaged_file(path: Path) -> ImportFileError:
    """The error for a file that is not what its name or beginning says."""
    return ImportFileError(
        f"{path.name} 不是完好的文件（可能已加密或损坏）。请用 Excel、WPS 或 Word 打开后"
        "另存为新文件再导入；打不开时请向提供者重新索取。"
    )


def encrypted_file(path: Path) -> ImportFileError:
    """The error for a file that needs a password."""
    return ImportFileError(
        f"{path.name} 设有打开密码，无法读取。请打开后取消密码，另存为新文件再导入。"
    )


def member_names(path: Path) -> Sequence[str]:
    """Names of the parts.

    Raises:
        ImportFileError: the file is no zip archive, or its directory is absurdly large.
    """
    try:
        _check_directory(path)
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except ZIP_ERRORS as error:
        raise damaged_file(path) from error


def check_archive(path: Path, limits: Limits) -> None:
    """Unpack every part once, in pieces and to nowhere.

    Raises:
        ImportFileError: damaged, encrypted, too large unpacked, or with XML entities declared
            (office programs never do; a few of them can expand to gigabytes).
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_sizes(path, members, limits)
            for member in members:
                # Nothing else is allowed in office files, and LZMA may ask for gigabytes.
                if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                    raise damaged_file(path)
                # To the end, so that the checksum is compared: calamine does not.
                if _declares_entities(archive, member):
                    raise ImportFileError(
                        f"{path.name} 内含 XML 实体声明，正常的办公文件不会有，可能是恶意文件，"
                        "已拒绝。请用 Excel、WPS 或 Word 另存为新文件再导入。"
                    )
    except ZIP_ERRORS as error:
        raise damaged_file(path) from error


def _check_sizes(path: Path, members: Sequence[zipfile.ZipInfo], limits: Limits) -> None:
    if any(member.flag_bits & 1 for member in members):
        raise encrypted_file(path)
    if len({member.filename for member in members}) < len(members):
        raise damaged_file(path)  # two parts of one name: readers would disagree
    expanded = sum(member.file_size for member in members)
    packed = max(path.stat().st_size, 1)
    if expanded > limits.expanded_bytes or (
        expanded > _RATIO_FROM_BYTES and expanded > packed * limits.expansion_ratio
    ):
        raise ImportFileError(
            f"{path.name} 解压后过大（{expanded / 1024**2:.0f} MB，是文件的 "
            f"{expanded / packed:.0f} 倍），已拒绝。请只保留需要的工作表，或另存为 .csv 再导入。"
        )


def _declares_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    found = False
    tail = b""
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            joined = tail + chunk
            found = found or any(sign in joined for sign in _DECLARATIONS)
            tail = chunk[-16:]
    return found and member.filename.lower().endswith((".xml", ".rels"))


def _check_directory(path: Path) -> None:
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(size - 65_557, 0))
        end = file.read()
        place = end.rfind(b"PK\x05\x06")
        if place < 0 or place + _END.size > len(end):
            raise zipfile.BadZipFile("no end of directory")
        directory_bytes = _END.unpack_from(end, place)[5]
        if place >= 20 and end[place - 20 : place - 16] == b"PK\x06\x07":
            file.seek(_END64_LOCATOR.unpack_from(end, place - 20)[2])
            directory_bytes = struct.unpack("<Q", file.read(48)[40:])[0]
    if directory_bytes > _DIRECTORY_BYTES:
        raise zipfile.BadZipFile("directory too large")
