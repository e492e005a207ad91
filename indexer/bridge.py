"""One space of terms for all languages: characters and pairs of them, of Chinese words above all.

A foreign text gives its own characters and, beside them, those of what it says in Chinese: foreign
words by the glossary, Japanese characters by their Chinese variants. So a Chinese need finds it by
characters, and it finds Chinese texts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache

from corpus import glossary
from corpus.glossary import GlossedTerm, gloss
from corpus.languages import Language, chinese_characters, language_of
from corpus.text import Folded, fold
from indexer.grams import grams
from indexer.tokenizer import Token

# Counts up when the code below changes what comes out with the same glossary.
_CODE_VERSION = 1


def bridged_grams(text: str, language: Language | None = None) -> tuple[list[Token], list[Token]]:
    """Characters and pairs of characters (see ``grams``) of ``text``, and of its words in Chinese.

    Chinese gives what ``grams.characters`` and ``grams.bigrams`` give. What comes from a gloss has
    the place of the foreign word in ``text``; a word with several glosses gives each piece once,
    and none that it has already. In order of place. Without ``language`` it is told by the script.
    """
    language = language or language_of(text)
    return bridged(text, language, 1), bridged(text, language, 2)


def bridged(text: str, language: Language, size: int) -> list[Token]:
    """One of ``bridged_grams``: characters (size 1) or pairs (size 2)."""
    found = _own(fold(text), language, size)
    if language == "zh":
        return found
    for word in gloss(text, language):
        has = {token.term for token in _own(fold(word.original), language, size)}
        found += [
            Token(piece, word.start, word.end)
            for piece in dict.fromkeys(_pieces(word, size))
            if piece not in has
        ]
    return sorted(found, key=lambda token: (token.start, token.end))


@cache
def fingerprint() -> str:
    """SHA-256 (hex) of what decides the terms of foreign texts: the glossary and the code."""
    return hashlib.sha256(f"{_CODE_VERSION} {glossary.fingerprint()}".encode()).hexdigest()


def _own(folded: Folded, language: Language, size: int) -> list[Token]:
    """As written and, where a Chinese reader would write it otherwise, as he would."""
    found = grams(folded, size)
    if language == "ja":
        written = set(found)
        chinese = Folded(chinese_characters(folded.text), folded.starts, folded.ends)
        found += [token for token in grams(chinese, size) if token not in written]
    return found


def _pieces(word: GlossedTerm, size: int) -> Iterator[str]:
    for chinese in word.chinese:
        for token in grams(fold(chinese), size):
            yield token.term
