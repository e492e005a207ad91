"""Text from anywhere made fit for files of others: no character that breaks or disguises one."""

from __future__ import annotations

import re
from urllib.parse import quote

CELL_LENGTH = 32_767
"""Most characters of an Excel cell; with more, the program that opens it calls it damaged."""
CUT = "……（太长，其余见网页）"

# What XML 1.0 has no place for, and what reverses or hides the text around it (Unicode, UAX #9).
_BROKEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)
_DISGUISING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_IN_NAMES = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*%;]+')
_NAME_LENGTH = 60


def harmless(text: str) -> str:
    """The text without control characters and without changes of writing direction."""
    return _DISGUISING.sub("", _BROKEN.sub("", text))


def clipped(text: str, length: int = CELL_LENGTH) -> str:
    """``harmless``, at most ``length`` UTF-16 units (Excel counts those), saying so where cut."""
    plain = harmless(text)
    if len(plain) * 2 <= length or _units(plain) <= length:
        return plain
    # A character beyond the first plane counts twice; half a one is none.
    kept = plain.encode("utf-16-le")[: (length - len(CUT)) * 2].decode("utf-16-le", "ignore")
    return kept + CUT


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2


def file_name(text: str, suffix: str) -> str:
    """A name that every system can keep a file under; never a hidden one."""
    plain = " ".join(_NOT_IN_NAMES.sub(" ", harmless(text)).split())[:_NAME_LENGTH].strip(" .")
    return f"{plain or '清单'}-{suffix}"


def attachment(name: str, plain_name: str) -> str:
    """The header Content-Disposition (RFC 6266) for a file; ``plain_name`` is ASCII, for what
    does not read the other one (RFC 8187)."""
    return f"attachment; filename=\"{plain_name}\"; filename*=UTF-8''{quote(name, safe='')}"
