"""One space of terms for all languages: characters and pairs of them, of Chinese words above all.

A foreign text gives its own characters and, beside them, those of what it says in Chinese: foreign
words by the glossary, Japanese characters by their Chinese variants. So a Chinese need finds it by
characters, and it finds Chinese texts.
"""

from __future__ import annotations

from collections.abc import Iterator

from corpus.glossary import GlossedTerm, gloss
from corpus.languages import Language, chinese_characters, language_of
from corpus.text import Folded, fold
from indexer.grams import bigrams, characters, grams
from indexer.tokenizer import Token

CODE_VERSION = 1
"""Counts up when another text comes out as other terms, or moves its vectors elsewhere."""


def bridged_grams(text: str, language: Language | None = None) -> tuple[list[Token], list[Token]]:
    """Characters and pairs of characters (see ``grams``) of ``text``, and of its words in Chinese.

    Chinese gives what ``characters`` and ``bigrams`` give. What comes from a gloss has the place of
    the foreign word in ``text``; a word with several glosses gives each piece once, and none that
    it has already. In order of place. Without ``language`` it is told by the script.
    """
    language = language or language_of(text)
    if language == "zh":
        return characters(text), bigrams(text)
    folded = fold(text)
    words = gloss(text, language)
    return _bridged(folded, words, language, 1), _bridged(folded, words, language, 2)


def _bridged(
    folded: Folded, words: list[GlossedTerm], language: Language, size: int
) -> list[Token]:
    found = _own(folded, language, size)
    for word in words:
        has = {token.term for token in _own(fold(word.original), language, size)}
        found += [
            Token(piece, word.start, word.end)
            for piece in dict.fromkeys(_pieces(word, size))
            if piece not in has
        ]
    return sorted(found, key=lambda token: (token.start, token.end))


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
