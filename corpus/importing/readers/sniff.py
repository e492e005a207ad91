"""What a file really is, whatever its name says."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from corpus.importing.readers.archive import damaged_file, encrypted_file, member_names
from corpus.importing.readers.limits import ImportFileError

_HEAD = 8192
_CHUNK = 1 << 20
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_SAVE_AS = "请用 Excel 或 WPS 打开后另存为 .xlsx 再导入。"
_ASK = "请向提供者索取 Excel 或 Word 原件，或把表格抄到 .xlsx 里再导入。"
_UNPACK = "请先解压，再导入其中的表格。"
_MAGIC = (
    (b"%PDF", "PDF 文件", _ASK),
    (b"\x89PNG", "图片", _ASK),
    (b"\xff\xd8\xff", "图片", _ASK),
    (b"GIF8", "图片", _ASK),
    (b"BM", "图片", _ASK),
    (b"II*\x00", "图片", _ASK),
    (b"MM\x00*", "图片", _ASK),
    (b"RIFF", "图片或音视频", _ASK),
    (b"Rar!", "压缩包", _UNPACK),
    (b"7z\xbc\xaf", "压缩包", _UNPACK),
    (b"\x1f\x8b", "压缩包", _UNPACK),
    (b"SQLite format 3\x00", "数据库文件", "请导出为 .xlsx 或 .csv 再导入。"),
    (b"{\\rtf", "RTF 文档", "请用 Word 或 WPS 打开后另存为 .docx 再导入。"),
)
_TEXT_ENDINGS = (".csv", ".tsv", ".txt", ".jsonl")
_OFFICE_ENDINGS = (".xlsx", ".xlsm", ".xls", ".et", ".ods", ".docx")
KNOWN = "、".join((*_OFFICE_ENDINGS, *_TEXT_ENDINGS))
_HTML = re.compile(rb"<(?:!doctype html|html|head|meta|table|body|style)\b", re.I)
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")


class Form(StrEnum):
    """Kinds of files that can be read."""

    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"
    DOCX = "docx"
    DELIMITED = "csv"
    JSONL = "jsonl"


def check_ending(path: Path) -> None:
    """Refuse what is no table by its very name.

    Raises:
        ImportFileError: the ending is of no kind that can be read.
    """
    ending = path.suffix.lower()
    if ending not in _TEXT_ENDINGS + _OFFICE_ENDINGS and ending not in (".doc", ".wps", ".xlsb"):
        raise ImportFileError(f"不支持的文件类型：{path.name}。可以导入的文件：{KNOWN}。")


def find_form(path: Path) -> Form:
    """The kind of a file, by its content; between csv and jsonl its ending decides.

    Raises:
        ImportFileError: it is empty or of a kind that cannot be read; the sentence says which.
    """
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if not head:
        raise ImportFileError(f"{path.name} 是空文件（0 字节）。请检查是否选错了文件。")
    if head.startswith(_OLE):
        return _ole(path)
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _zip(path)
    for magic, what, advice in _MAGIC:
        # Text may begin with the letters BM or RIFF.
        if head.startswith(magic) and (magic not in (b"BM", b"RIFF") or b"\x00" in head[:64]):
            raise ImportFileError(f"{path.name} 实际是{what}，无法读出表格。{advice}")
    return _text(path, head)


def _ole(path: Path) -> Form:
    """OLE containers: the names of their streams stand in a directory, as UTF-16."""
    found = set()
    names = ("EncryptedPackage", "Workbook", "Book", "WordDocument", "PowerPoint Document")
    wanted = {name: b"\x00\x00" + name.encode("utf-16-le") + b"\x00\x00" for name in names}
    wanted |= {name: key[2:] for name, key in wanted.items()}
    with path.open("rb") as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            found |= {name for name, key in wanted.items() if key in tail + chunk}
            tail = chunk[-64:]
    if "EncryptedPackage" in found:
        raise encrypted_file(path)
    if found & {"Workbook", "Book"}:
        return Form.XLS
    if "WordDocument" in found:
        raise ImportFileError(
            f"{path.name} 是旧版 Word 文档（.doc）。请用 Word 或 WPS 打开后另存为 .docx 再导入。"
        )
    raise damaged_file(path)


def _zip(path: Path) -> Form:
    names = set(member_names(path))
    if any(name.startswith("xl/") and name.endswith(".bin") for name in names) and not any(
        name.startswith("xl/worksheets/") and name.endswith(".xml") for name in names
    ):
        raise ImportFileError(f"{path.name} 是二进制工作簿（.xlsb）。{_SAVE_AS}")
    if any(name.startswith("xl/") for name in names):
        return Form.XLSX
    if any(name.startswith("word/") for name in names):
        return Form.DOCX
    if "content.xml" in names:
        return Form.ODS
    if any(name.startswith("ppt/") for name in names):
        raise ImportFileError(f"{path.name} 实际是演示文稿，无法读出表格。{_ASK}")
    if path.suffix.lower() in _OFFICE_ENDINGS and "[Content_Types].xml" in names:
        raise damaged_file(path)
    raise ImportFileError(f"{path.name} 实际是压缩包。{_UNPACK}")


def _text(path: Path, head: bytes) -> Form:
    if head.startswith(_UTF16_BOMS):
        head = head.decode("utf-16", "ignore").encode()
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if start.startswith(b"<"):
        if b"schemas-microsoft-com:office:spreadsheet" in start:
            raise ImportFileError(f"{path.name} 实际是 XML 表格（Excel 2003 XML）。{_SAVE_AS}")
        if _HTML.search(start):
            raise ImportFileError(f"{path.name} 实际是网页（HTML），不是工作簿。{_SAVE_AS}")
    if start[:13].lower() == b"mime-version:":
        raise ImportFileError(f"{path.name} 实际是网页存档（MHTML），不是工作簿。{_SAVE_AS}")
    ending = path.suffix.lower()
    if ending not in _TEXT_ENDINGS and b"\x00" in head:
        raise damaged_file(path)
    return Form.JSONL if ending == ".jsonl" else Form.DELIMITED
