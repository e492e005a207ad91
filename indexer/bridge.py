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

from corpus.glossary import concepts, gloss
from corpus.languages import LANGUAGES, Language, chinese_characters, language_of
from corpus.text import fold
from indexer.encoder import Encoder
from indexer.tokenizer import default_lexicon

Vectors = NDArray[np.float32]
Offsets = Mapping[Language, Vectors]
"""Language → what is added to its vectors, (dimension,)."""

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_LATIN = re.compile(r"[a-z0-9]+")
_CONCEPTS = 200


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


def language_offsets(encoder: Encoder, count: int = _CONCEPTS) -> dict[Language, Vectors]:
    """For each language, the mean vector of Chinese terms less that of the same terms in it.

    ``count`` concepts of the glossary, evenly spread over it, are embedded as passages, so the
    offsets belong to this encoder and to no other. No text of a user is needed.
    """
    known = concepts()
    chosen = known[:: max(1, len(known) // count)][:count]
    columns: dict[Language, list[str]] = {
        language: [row[place] for row in chosen] for place, language in enumerate(LANGUAGES)
    }
    means = {
        language: encoder.encode_passages(terms).mean(axis=0, dtype=np.float64)
        for language, terms in columns.items()
    }
    return {language: (means["zh"] - mean).astype(np.float32) for language, mean in means.items()}


def without_language(vectors: Vectors, languages: Sequence[Language], offsets: Offsets) -> Vectors:
    """Unit rows: each of ``vectors`` moved by the offset of its language; Chinese rows stay.

    Raises:
        ValueError: not one language per row.
    """
    if len(vectors) != len(languages):
        raise ValueError("one language per vector")
    result = np.array(vectors, dtype=np.float32)
    for row, language in enumerate(languages):
        if language != "zh":
            moved = result[row].astype(np.float64) + offsets[language]
            result[row] = moved / max(float(np.linalg.norm(moved)), np.finfo(np.float32).tiny)
    return result
