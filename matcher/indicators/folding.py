"""The form of a text in which indicators are looked for, with the way back to the original.

Not ``corpus.text.fold``: case carries meaning in units (mPa, MPa), and NFKC would make 10⁻³ a 10−3.
"""

from __future__ import annotations

import functools
import unicodedata

from corpus.text import Folded, simplify

_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺", "0123456789-+")
# What is written in many ways and read in one. The full-width comma and full stop stay: they end
# a clause, and would look like the thousands separator and the decimal point.
_SAME = {
    "，": "，", "；": "；", "。": "。", "．": ".", "：": ":", "－": "-", "−": "-", "‐": "-", "‑": "-",
    "–": "-", "—": "-", "―": "-", "─": "-", "〜": "~", "∼": "~", "～": "~", "﹣": "-",
    "≧": "≥", "⩾": "≥", "≮": "≥", "≦": "≤", "⩽": "≤", "≯": "≤", "＞": ">", "＜": "<", "》": "》",
    "µ": "μ", "℃": "°C", "℉": "°F", "º": "°", "Ω": "Ω", "㎡": "m2", "㎥": "m3", "㎜": "mm",
    "㎝": "cm", "㎏": "kg", "㎎": "mg", "㎞": "km", "㏑": "ln", "˚": "°", "∶": ":", "\u3000": " ",
    "\u00a0": " ", "\t": " ", "\r": " ", "％": "%", "﹪": "%", "＋": "+",
}  # fmt: skip


def folded(original: str) -> Folded:
    """NFKC and simplified Chinese character by character; case kept, superscripts as ``^``."""
    pieces: list[str] = []
    raised = False
    for char in original:
        if char < "\u0080":
            raised = False
            pieces.append(" " if char in "\t\r" else char)
            continue
        piece, is_raised = _piece(char)
        if is_raised and not raised:
            piece = "^" + piece
        raised = is_raised
        pieces.append(piece)
    text = simplify("".join(pieces))
    if len(text) == len(original) and all(len(piece) == 1 for piece in pieces):
        return Folded(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))
    starts = [i for i, piece in enumerate(pieces) for _ in piece]
    return Folded(text, tuple(starts), tuple(start + 1 for start in starts))


@functools.lru_cache(maxsize=65536)
def _piece(char: str) -> tuple[str, bool]:
    if char in _SAME:
        return _SAME[char], False
    plain = char.translate(_SUPERSCRIPTS)
    if plain != char:
        return plain, True
    return unicodedata.normalize("NFKC", char), False
