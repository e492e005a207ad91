"""Characters and pairs of characters as terms: what no dictionary has is found all the same.

Han, kana and hangul are written without blanks, so each run of them yields its characters, or its
overlapping pairs; words of alphabets and numbers stand whole. Text is folded as for words.
"""

from __future__ import annotations

import re

from corpus.text import Folded, fold
from indexer.tokenizer import Token

CODE_VERSION = 1
"""Counts up when another text comes out as other terms."""

_UNSPACED = (
    r"\u2e80-\u2fdf\u3005\u3007\u3040-\u30fa\u30fc-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uac00-\ud7a3\U00020000-\U0003134f"
)
_RUN = re.compile(rf"(?P<unspaced>[{_UNSPACED}]+)|[^\W_{_UNSPACED}]+")


def characters(text: str) -> list[Token]:
    """Every character of a run, and whole words of alphabets, at their places in ``text``."""
    return grams(fold(text), 1)


def bigrams(text: str) -> list[Token]:
    """Every two neighbours within a run, and whole words of alphabets; in order of start.

    A character that stands alone is in no pair.
    """
    return grams(fold(text), 2)


def grams(folded: Folded, size: int) -> list[Token]:
    """What ``characters`` (size 1) and ``bigrams`` (size 2) give, of a text folded already."""
    found: list[Token] = []
    for run in _RUN.finditer(folded.text):
        start, end = run.span()
        if run.lastgroup is None:
            found.append(Token(run.group(), *folded.span(start, end)))
            continue
        for first in range(start, end - size + 1):
            last = first + size
            found.append(Token(folded.text[first:last], *folded.span(first, last)))
    return found
