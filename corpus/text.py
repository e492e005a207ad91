"""Pure text functions. The original is always kept; what is searched is a folded copy.

``fold`` makes the searching form (NFKC, simplified Chinese, lower case) and keeps, for every
folded character, the span of the original it came from, so that a match found in the folded
text is shown at its exact place in the text as written.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from dataclasses import dataclass

from opencc import OpenCC

# Unicode's Stream-Safe Text Format (UAX 15) allows 30 marks; normalising takes the square of them.
_LONGEST_CLUSTER = 31
_SENTENCE_END = re.compile(r"[。！？；!?;\n]+|\.(?=\s|$)")


@functools.cache
def _converter() -> OpenCC:
    return OpenCC("t2s")


@dataclass(frozen=True, slots=True)
class Folded:
    """A folded text and where each of its characters came from.

    ``starts[i]`` and ``ends[i]`` bound the original span of ``text[i]``.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Original span of ``text[start:end]``; ``start < end`` is required."""
        return self.starts[start], max(self.ends[start:end])


def fold(original: str) -> Folded:
    """NFKC, traditional → simplified, lower case, with offsets into ``original``.

    A base character and the combining marks after it are folded together (half-width
    ``ｶﾞ`` is one ``ガ``), and so are the conjoining letters of a Korean syllable (decomposed ``한``
    is three). Every character of the original belongs to exactly one cluster.
    """
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    position = 0
    while position < len(original):
        end = position + 1
        limit = min(len(original), position + _LONGEST_CLUSTER)
        while end < limit and _continues(original[end - 1], original[end]):
            end += 1
        piece = unicodedata.normalize("NFKC", original[position:end]).lower()
        pieces.append(piece)
        starts.extend([position] * len(piece))
        ends.extend([end] * len(piece))
        position = end
    return Folded(simplify("".join(pieces)), tuple(starts), tuple(ends))


def simplify(text: str) -> str:
    """Traditional Chinese to simplified, one character for one character (OpenCC ``t2s``).

    A lone surrogate, which OpenCC cannot take, becomes a question mark.
    """
    text = text.encode("utf-8", "replace").decode("utf-8")
    converted = _converter().convert(text)
    if len(converted) == len(text):
        return str(converted)
    # A phrase rule changed the length: fall back to single characters to keep offsets.
    return "".join(single if len(single := _converter().convert(c)) == 1 else c for c in text)


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans ``[start, end)`` of the sentences of ``text``, without surrounding blanks.

    Cut at Chinese and Western sentence ends and line breaks; a full stop inside a number
    does not end a sentence. Blank pieces are left out.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    bounds = [match.end() for match in _SENTENCE_END.finditer(text)]
    for end in [*bounds, len(text)]:
        piece = text[start:end]
        left = start + len(piece) - len(piece.lstrip())
        right = end - (len(piece) - len(piece.rstrip()))
        if left < right:
            spans.append((left, right))
        start = end
    return spans


def excerpt(text: str, limit: int) -> str:
    """``text`` on one line, at most ``limit`` characters, with an ellipsis where cut."""
    line = " ".join(text.split())
    return line if len(line) <= limit else (line[: limit - 1] + "…")[:limit]


def _continues(before: str, char: str) -> bool:
    """Whether ``char`` is folded together with the character before it."""
    # Half-width sound marks are letters by category but compose under NFKC.
    if char in "\uff9e\uff9f" or unicodedata.combining(char) != 0:
        return True
    if not "\u1160" <= char <= "\u11ff":
        return False
    # Conjoining Korean letters have combining class 0 (Unicode, section 3.12): a vowel follows a
    # leading consonant, a trailing consonant follows a vowel or a syllable that ends with one.
    if char <= "\u11a7":
        return "\u1100" <= before <= "\u115f"
    open_syllable = "\uac00" <= before <= "\ud7a3" and (ord(before) - 0xAC00) % 28 == 0
    return open_syllable or "\u1160" <= before <= "\u11a7"
