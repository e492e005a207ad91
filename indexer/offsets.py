"""Vectors without their language: the same achievement ranks alike whatever it is written in.

``language_offsets`` measures how far an encoder sets a language apart from Chinese, so that
``without_language`` can undo it.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from corpus.glossary import parallel_titles
from corpus.languages import CODE_VERSION, LANGUAGES, Language
from indexer.encoder import Encoder

Vectors = NDArray[np.float32]
Offsets = Mapping[Language, Vectors]
"""Language → what is added to its vectors, (dimension,)."""

STRENGTH = 1.0
"""How far vectors are moved, 1 being the mean distance between languages. At 1 foreign texts are
among the first ten for a Chinese need about as often as their share in the collection is; further
out the right one still gains, but so does every wrong one. Vectors alone would serve foreign
queries as well at 0.5; with the words beside them it makes no difference
(``eval/bench/crosslingual.py``, with the shipped adapter)."""


_measured: dict[str, Offsets] = {}
"""By the encoder's fingerprint."""
_measuring = threading.Lock()


@cache
def fingerprint() -> str:
    """SHA-256 (hex) of what decides, beside the encoder, where vectors are moved."""
    titles = "\n".join("\t".join(row.values()) for row in parallel_titles())
    return hashlib.sha256(f"{CODE_VERSION} {STRENGTH}\n{titles}".encode()).hexdigest()


def offsets_of(encoder: Encoder) -> Offsets:
    """``language_offsets``, measured once in a process for each fingerprint. Safe for threads."""
    with _measuring:
        if encoder.fingerprint not in _measured:
            _measured[encoder.fingerprint] = language_offsets(encoder)
        return _measured[encoder.fingerprint]


def beside_chinese(vectors: Vectors, languages: Sequence[Language], encoder: Encoder) -> Vectors:
    """``without_language`` for vectors of ``encoder``; nothing is measured for Chinese alone.

    Raises:
        ValueError: not one language per row.
    """
    if all(language == "zh" for language in languages):
        return vectors
    return without_language(vectors, languages, offsets_of(encoder))


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
