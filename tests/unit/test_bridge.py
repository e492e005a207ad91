"""Terms that languages share."""

from __future__ import annotations

import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.languages import LANGUAGES, Language
from indexer.bridge import bridged_grams
from indexer.grams import bigrams, characters
from indexer.lexical import LexicalConfig, LexicalIndex


def terms(text: str, language: Language | None = None) -> list[str]:
    return [token.term for tokens in bridged_grams(text, language) for token in tokens]


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
    lists = [terms(text) for text in documents]
    index = LexicalIndex.build(range(len(documents)), lists, LexicalConfig())
    scores = index.scores(Counter(terms(foreign)))
    assert int(np.argmax(scores)) == 0
    assert scores[4] < scores[0] / 2


def test_a_gloss_stands_at_the_place_of_the_foreign_word() -> None:
    text = "新しい触媒で"
    ones, twos = bridged_grams(text)
    added = [(t.term, text[t.start : t.end]) for t in (*ones, *twos) if t.start == 3 < t.end - 1]
    assert added == [(term, "触媒") for term in ("催", "化", "剂", "触媒", "催化", "化剂")]


def test_japanese_characters_are_there_as_written_and_as_in_chinese() -> None:
    ones, twos = bridged_grams("鉄の粉", "ja")
    assert [(t.term, t.start) for t in ones] == [("鉄", 0), ("铁", 0), ("の", 1), ("粉", 2)]
    assert [t.term for t in twos] == ["鉄の", "铁の", "の粉"]


def test_a_word_with_several_chinese_ones_gives_each_piece_once() -> None:
    counts = Counter(terms("필터", "ko"))
    assert counts["滤"] == 1
    assert counts["过滤"] == 1


def test_what_is_the_same_in_chinese_counts_once() -> None:
    assert Counter(terms("溶接", "ja"))["接"] == 1


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=40), st.sampled_from([None, *LANGUAGES]))
def test_what_is_written_is_kept_and_places_are_within(
    text: str, language: Language | None
) -> None:
    found = bridged_grams(text, language)
    assert found == bridged_grams(text, language)
    for tokens, own in zip(found, (characters(text), bigrams(text)), strict=True):
        assert not Counter(own) - Counter(tokens)
        assert [t.start for t in tokens] == sorted(t.start for t in tokens)
        assert all(t.term and 0 <= t.start < t.end <= len(text) for t in tokens)


@given(st.text(st.sampled_from("钢渣磨粉膜炉鋼LED1 。"), max_size=30))
def test_chinese_gives_what_it_gave_before(text: str) -> None:
    assert bridged_grams(text, "zh") == (characters(text), bigrams(text))


@pytest.mark.parametrize("piece", ["1", "a", "钢", "물", "ア", "a1 ", "触媒", "필터", "heat "])
@pytest.mark.parametrize("language", ["ja", "ko", "en"])
def test_a_long_text_takes_time_in_proportion(piece: str, language: Language) -> None:
    bridged_grams(piece, language)
    started = time.process_time()
    bridged_grams(piece * 10_000, language)
    assert time.process_time() - started < 3.0
