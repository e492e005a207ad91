"""Chinese names beside the foreign words of a quote."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.languages import LANGUAGES, Language
from matcher.glosses import glosses


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("触媒を焼成する。", "ja", ("触媒", "催化剂")),
        ("스테인리스강의 용접", "ko", ("스테인리스강", "不锈钢")),
        ("A Catalyst for it", "en", ("Catalyst", "催化剂")),
    ],
)
def test_a_foreign_word_has_its_chinese_name(
    text: str, language: Language, expected: tuple[str, str]
) -> None:
    found = [(text[g.start : g.end], g.chinese) for g in glosses(text, (0, len(text)), language)]
    assert expected in found


def test_places_are_those_of_the_text() -> None:
    text = "新しい方法。触媒を使う。触媒は安い。"
    [only] = [g for g in glosses(text, (6, 12), "ja") if g.chinese == "催化剂"]
    assert only == (6, 8, "催化剂")


def test_what_a_chinese_reader_reads_anyway_has_no_gloss() -> None:
    text = "鉄鉱石を測る"
    assert all(text[g.start : g.end] != "鉄鉱石" for g in glosses(text, (0, len(text)), "ja"))


def test_chinese_has_no_glosses() -> None:
    assert glosses("用 catalyst 催化", (0, 13), "zh") == []


@pytest.mark.parametrize("span", [(-1, 2), (2, 1), (0, 4)])
def test_a_span_outside_the_text_is_refused(span: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="span"):
        glosses("触媒で", span, "ja")


@given(st.text(max_size=40), st.data(), st.sampled_from(LANGUAGES))
def test_glosses_are_within_the_span_and_apart(
    text: str, data: st.DataObject, language: Language
) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    reached = start
    for found in glosses(text, (start, end), language):
        assert reached <= found.start < found.end <= end
        assert found.chinese
        reached = found.end
