"""The form of a text in which indicators are looked for, with the way back to the original.

Not ``corpus.text.fold``: case carries meaning in units (mPa, MPa), and NFKC would make 10⁻³ a 10−3.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from corpus.text import Folded, simplify

_SUPERSCRIPTS = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+", strict=True))
_RAISED = re.compile("[⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺]")
# What is written in many ways and read in one. The full-width comma and full stop stay: they end
# a clause, and would look like the thousands separator and the decimal point.
_SAME = {
    "，": "，", "；": "；", "。": "。", "．": ".", "：": ":", "－": "-", "−": "-", "‐": "-",
    "‑": "-", "–": "-", "—": "-", "―": "-", "─": "-", "〜": "~", "∼": "~", "～": "~", "﹣": "-",
    "≧": "≥", "⩾": "≥", "≮": "≥", "≦": "≤", "⩽": "≤", "≯": "≤", "＞": ">", "＜": "<", "》": "》",
    "µ": "μ", "℃": "°C", "℉": "°F", "º": "°", "Ω": "Ω", "㎡": "m2", "㎥": "m3", "㎜": "mm",
    "㎝": "cm", "㎏": "kg", "㎎": "mg", "㎞": "km", "㏑": "ln", "˚": "°", "∶": ":", "\u3000": " ",
    "\u00a0": " ", "\t": " ", "\r": " ", "％": "%", "﹪": "%", "＋": "+",
}  # fmt: skip


def folded(original: str) -> Folded:
    """NFKC and simplified Chinese character by character; case kept, superscripts as ``^``."""
    pieces = [_piece(char) for char in original]
    if _RAISED.search(original):
        for i, char in enumerate(original):
            if char in _SUPERSCRIPTS and (i == 0 or original[i - 1] not in _SUPERSCRIPTS):
                pieces[i] = "^" + pieces[i]
    text = simplify("".join(pieces))
    if len(text) == len(original):  # no piece is empty, so each is one character
        return Folded(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    starts = [i for i, piece in enumerate(pieces) for _ in piece]
    return Folded(text, tuple(starts), tuple(start + 1 for start in starts))


@functools.lru_cache(maxsize=65536)
def _piece(char: str) -> str:
    known = _SAME.get(char) or _SUPERSCRIPTS.get(char)
    return known or unicodedata.normalize("NFKC", char)
