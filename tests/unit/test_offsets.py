"""Vectors without their language."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from corpus.glossary import parallel_titles
from corpus.languages import LANGUAGES
from indexer.offsets import STRENGTH, language_offsets, without_language
from indexer.testing import FakeEncoder


def test_offsets_move_each_row_by_its_language(rng: np.random.Generator) -> None:
    encoder = FakeEncoder()
    offsets = language_offsets(encoder)
    assert set(offsets) == set(LANGUAGES)
    assert not offsets["zh"].any()
    vectors = rng.normal(size=(4, encoder.dimension)).astype(np.float32)
    before = vectors.copy()
    moved = without_language(vectors, LANGUAGES, offsets)
    assert np.array_equal(vectors, before)
    assert np.array_equal(moved[0], vectors[0])
    query = vectors[0]
    for row, language in enumerate(LANGUAGES):
        corrected = query @ vectors[row] + query @ offsets[language]
        assert moved[row] @ query == pytest.approx(corrected, rel=1e-4)
    with pytest.raises(ValueError, match="one language per vector"):
        without_language(vectors, ["zh"], offsets)


def test_what_sets_a_language_apart_is_taken_away() -> None:
    class Apart(FakeEncoder):
        """The Korean title of something is its Chinese vector moved along the last axis."""

        def encode_passages(
            self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
        ) -> NDArray[np.float32]:
            chinese = {row["ko"]: row["zh"] for row in parallel_titles()}
            plain = self.encode_queries([chinese.get(text, text) for text in texts])
            plain[[text in chinese for text in texts], -1] -= 1.0
            return plain

    encoder = Apart()
    offset = language_offsets(encoder)["ko"]
    assert offset[-1] == pytest.approx(STRENGTH, rel=1e-4)
    assert np.allclose(offset[:-1], 0.0, atol=1e-6)
