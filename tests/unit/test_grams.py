"""Characters and their pairs, at their exact places in the text as written."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.text import fold
from indexer.grams import bigrams, characters


def terms(text: str) -> tuple[list[str], list[str]]:
    return [t.term for t in characters(text)], [t.term for t in bigrams(text)]


@pytest.mark.parametrize(
    ("text", "ones", "twos"),
    [
        ("电渣重熔", ["电", "渣", "重", "熔"], ["电渣", "渣重", "重熔"]),
        ("用PLC控制3台", ["用", "plc", "控", "制", "3", "台"], ["plc", "控制", "3"]),
        ("ＣＯ２、膜", ["co2", "膜"], ["co2"]),
        ("電爐 渣", ["电", "炉", "渣"], ["电炉"]),
        ("スラグ粉", ["ス", "ラ", "グ", "粉"], ["スラ", "ラグ", "グ粉"]),
        ("철강 슬래그", ["철", "강", "슬", "래", "그"], ["철강", "슬래", "래그"]),
        ("größe", ["größe"], ["größe"]),
        ("、。 \n_", [], []),
        ("", [], []),
    ],
)
def test_terms(text: str, ones: list[str], twos: list[str]) -> None:
    assert terms(text) == (ones, twos)


def test_places_are_those_of_the_original() -> None:
    text = "①ｽﾗｸﾞ\r\n電爐😀渣Ａ1"
    for tokens in (characters(text), bigrams(text)):
        assert tokens == sorted(tokens, key=lambda token: (token.start, token.end))
        for token in tokens:
            assert fold(text[token.start : token.end]).text == token.term
    assert [(t.term, text[t.start : t.end]) for t in bigrams(text)][1:4] == [
        ("スラ", "ｽﾗ"),
        ("ラグ", "ﾗｸﾞ"),
        ("电炉", "電爐"),
    ]


@given(st.text(max_size=60))
def test_any_text_comes_back_at_its_places(text: str) -> None:
    ones, twos = characters(text), bigrams(text)
    for token in (*ones, *twos):
        assert 0 <= token.start < token.end <= len(text)
        assert token.term in fold(text[token.start : token.end]).text
    inside = {t.term for t in ones}
    assert all(t.term in inside or set(t.term) <= inside for t in twos)


def test_part_of_a_word_that_no_dictionary_has_is_found() -> None:
    assert {"电渣"} <= {t.term for t in bigrams("真空电渣重熔炉")}


@pytest.mark.parametrize("unit", ["渣", "a", "渣a", "渣 ", "、"])
def test_hostile_texts_take_linear_time(unit: str) -> None:
    started = time.perf_counter()
    assert len(bigrams(unit * 50_000)) <= 100_000
    assert time.perf_counter() - started < 10
