"""What foreign words of a quote are called in Chinese, to be shown beside them: 触媒（催化剂）.

The quote stays as written; a gloss is an addition, and has the place of its word.
"""

from __future__ import annotations

from typing import NamedTuple

from corpus.glossary import gloss
from corpus.languages import Language, chinese_characters
from corpus.text import fold


class Gloss(NamedTuple):
    """A foreign word at ``text[start:end]`` and its usual Chinese name."""

    start: int
    end: int
    chinese: str


def glosses(text: str, span: tuple[int, int], language: Language) -> list[Gloss]:
    """The foreign words within ``text[start:end]`` that the glossary knows, in order.

    ``language`` is that of the whole text (``corpus.languages.field_languages``): a sentence alone
    may not show it. None overlaps another. A word that a Chinese reader reads anyway (鉄鉱 for
    铁矿) has no gloss, nor has a Chinese text.

    Raises:
        ValueError: the span is not within the text.
    """
    start, end = span
    if not 0 <= start <= end <= len(text):
        raise ValueError("the span is not within the text")
    return [
        Gloss(start + word.start, start + word.end, word.chinese[0])
        for word in gloss(text[start:end], language)
        if not _legible(word.original, word.chinese, language)
    ]


def _legible(original: str, chinese: tuple[str, ...], language: Language) -> bool:
    folded = fold(original).text
    return (chinese_characters(folded) if language == "ja" else folded) in chinese
