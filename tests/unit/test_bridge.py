"""Terms that languages share; vectors without their language."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from corpus.glossary import parallel_titles
from corpus.languages import LANGUAGES, Language
from indexer.bridge import STRENGTH, bridged_terms, language_offsets, without_language
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.testing import FakeEncoder


@pytest.mark.parametrize(
    "foreign",
    [
        "ステンレス鋼の熱処理炉",
        "스테인리스강의 열처리 가열로",
        "Heat treatment furnaces for stainless steel",
    ],
)
def test_a_foreign_title_finds_the_chinese_text_of_the_same_thing(foreign: str) -> None:
    documents = ["不锈钢热处理炉", "不锈钢餐具清洗机", "热处理炉废气净化", "钢渣制砖", "水处理膜"]
    index = LexicalIndex.build(
        range(len(documents)), [bridged_terms(text) for text in documents], LexicalConfig()
    )
    scores = index.scores(Counter(bridged_terms(foreign)))
    assert int(np.argmax(scores)) == 0
    assert scores[4] < scores[0] / 2


def test_chinese_gives_pairs_and_single_characters() -> None:
    assert bridged_terms("鋼渣磨粉，LED 2") == [
        "钢",
        "渣",
        "磨",
        "粉",
        "钢渣",
        "渣磨",
        "磨粉",
        "led",
    ]


def test_a_word_with_several_chinese_ones_gives_each_piece_once() -> None:
    counts = Counter(bridged_terms("필터", "ko"))
    assert counts["滤"] == 1
    assert counts["过滤"] == 1


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40), st.sampled_from([None, *LANGUAGES]))
def test_any_text_gives_terms(text: str, language: Language | None) -> None:
    terms = bridged_terms(text, language)
    assert all(terms)
    assert all(len(term) <= 2 or term.isascii() or term.isalnum() for term in terms)
    assert terms == bridged_terms(text, language)


@settings(deadline=None)
@given(st.lists(st.sampled_from("钢渣磨粉膜炉"), min_size=1, max_size=20))
def test_a_chinese_run_gives_all_its_pairs(characters: list[str]) -> None:
    terms = Counter(bridged_terms("".join(characters), "zh"))
    expected = Counter(characters) + Counter(a + b for a, b in pairwise(characters))
    assert terms == expected


@pytest.mark.parametrize("piece", ["1", "a", "钢", "물", "ア", "a1 "])
def test_a_long_text_takes_time_in_proportion(piece: str) -> None:
    bridged_terms(piece)
    started = time.process_time()
    bridged_terms(piece * 30_000)
    assert time.process_time() - started < 3.0


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
