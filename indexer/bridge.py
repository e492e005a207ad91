"""Languages brought together: one space of terms, and vectors without their language.

``bridged_terms`` gives a Chinese text and a Japanese, Korean or English one terms in common: pairs
of Chinese characters and single ones. Foreign words become Chinese by the glossary, Japanese
characters by their variants. ``language_offsets`` measures how far an encoder sets a language apart
from Chinese, so that ``without_language`` can undo it and the same achievement ranks alike whatever
it is written in.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.glossary import gloss, parallel_titles
from corpus.languages import LANGUAGES, Language, chinese_characters, language_of
from corpus.text import fold
from indexer.encoder import Encoder
from indexer.tokenizer import default_lexicon

Vectors = NDArray[np.float32]
Offsets = Mapping[Language, Vectors]
"""Language → what is added to its vectors, (dimension,)."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_LATIN = re.compile(r"[a-z0-9]+")
STRENGTH = 1.3
"""How far vectors are moved, 1 being the mean distance between languages: the right text in another
language lacks more than a wrong one does. At 1.3 Chinese answers keep their place among foreign
rivals, beyond it they lose it (``eval/bench/crosslingual.py``)."""


def bridged_terms(text: str, language: Language | None = None) -> list[str]:
    """Terms of ``text`` in the space that all languages share, repetitions kept.

    Every run of Han characters gives its overlapping pairs and its single characters, and so does
    every Chinese word for a foreign one; a foreign word with several gives all of them. Words in
    Latin letters (LED, IGBT) stand for themselves. Without ``language`` it is told by the script.
    """
    language = language or language_of(text)
    folded = fold(text).text
    terms: list[str] = []
    if language in ("zh", "ja"):
        han = chinese_characters(folded) if language == "ja" else folded
        terms += _pieces(han)
    for word in gloss(text, language):
        # Of several Chinese words each piece once: they are one word, said differently.
        terms += dict.fromkeys(piece for chinese in word.chinese for piece in _pieces(chinese))
    stop_words = default_lexicon().stop_words
    terms += (
        word
        for word in _LATIN.findall(folded)
        if not word.isdigit() and len(word) > 1 and word not in stop_words
    )
    return terms


def _pieces(text: str) -> Iterator[str]:
    for run in _HAN.findall(text):
        yield from run
        for start in range(len(run) - 1):
            yield run[start : start + 2]


def language_offsets(encoder: Encoder) -> dict[Language, Vectors]:
    """For each language, what its vectors lack to stand where Chinese ones do.

    ``STRENGTH`` times the mean of the Chinese parallel titles less the mean of the same titles in
    that language, embedded as passages. The offsets belong to this encoder and to no other, and
    no text of a user is needed. An encoder that sets no language apart has offsets near zero.
    """
    rows = parallel_titles()
    means = {
        language: encoder.encode_passages([row[language] for row in rows]).mean(
            axis=0, dtype=np.float64
        )
        for language in LANGUAGES
    }
    return {
        language: (STRENGTH * (means["zh"] - mean)).astype(np.float32)
        for language, mean in means.items()
    }


def without_language(vectors: Vectors, languages: Sequence[Language], offsets: Offsets) -> Vectors:
    """Each of ``vectors`` plus the offset of its language; Chinese rows stay as they are.

    Moved rows are no unit vectors any more, on purpose: their inner product with a Chinese query
    is the cosine plus the query's product with the offset, that is, a correction of the score for
    each language. Made units again, they lose most of it.

    Raises:
        ValueError: not one language per row.
    """
    if len(vectors) != len(languages):
        raise ValueError("one language per vector")
    result = np.array(vectors, dtype=np.float32)
    for row, language in enumerate(languages):
        result[row] += offsets[language]
    return result
