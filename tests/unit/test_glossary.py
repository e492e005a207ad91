"""Glosses stand at their exact place in the original; the resources keep their form."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.glossary import _rows, gloss, parallel_titles
from corpus.languages import LANGUAGES, Language, language_of
from corpus.text import fold, simplify

languages = st.sampled_from([None, *LANGUAGES])
# Known words in every width and composition, and what stands around them.
pieces = st.sampled_from(
    [
        *("ステンレス", "ｽﾃﾝﾚｽ", "鋼", "触媒", "ガス", "ｶﾞｽ", "センサー", "本"),
        *("센서", "\u110e\u1169\u11a8매", "은", "물", "대한", "강도"),
        *("Sensors", "ＳＥＮＳＯＲ", "steel making", "㍿", "\u0301", " ", "\r\n", "🏭", "\ud800"),
        *("<b>", "1.5", "，", "铁"),
    ]
)
texts = st.one_of(st.lists(pieces, max_size=12).map("".join), st.text(max_size=30))


def found(text: str, language: Language | None = None) -> dict[str, str]:
    return {term.original: term.chinese[0] for term in gloss(text, language)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ステンレス鋼用触媒", {"ステンレス鋼": "不锈钢", "触媒": "催化剂"}),
        ("ｽﾃﾝﾚｽの焼入れ", {"ｽﾃﾝﾚｽ": "不锈钢", "焼入れ": "淬火"}),
        ("日本の水素タンク", {"水素": "氢", "タンク": "罐"}),
        ("촉매를 이용한 센서", {"촉매": "催化剂", "이용": "利用", "센서": "传感器"}),
        ("온도에 대한 강도", {"온도": "温度", "강도": "强度"}),
        ("물을 거르는 막", {"물": "水"}),
        (
            "ＳＥＮＳＯＲS for Stainless  Steel",
            {"ＳＥＮＳＯＲS": "传感器", "Stainless  Steel": "不锈钢"},
        ),
        ("heater", {"heater": "加热器"}),
        ("不锈钢用催化剂 sensor", {}),
        ("", {}),
    ],
)
def test_words_are_glossed_as_written(text: str, expected: dict[str, str]) -> None:
    glosses = found(text)
    assert {key: glosses.get(key) for key in expected} == expected
    if not expected:
        assert not glosses


def test_a_word_of_one_character_is_none_within_another() -> None:
    assert not found("日本製", "ja")
    assert found("本", "ja") == {"本": "书"}
    assert not found("사람은", "ko")
    assert found("은을", "ko") == {"은": "银"}


@settings(deadline=None, max_examples=300)
@given(texts, languages)
def test_offsets_are_exact_and_terms_apart(text: str, language: Language | None) -> None:
    reached = 0
    for term in gloss(text, language):
        assert reached <= term.start < term.end <= len(text)
        assert term.original == text[term.start : term.end]
        assert term.chinese
        assert all(term.chinese)
        reached = term.end


@pytest.mark.parametrize(
    "piece", ["물", "은 ", "강강도", "本", "触ア", "センサ", "a", "steel ", "1"]
)
@pytest.mark.parametrize("language", ["ja", "ko", "en"])
def test_a_long_text_is_read_in_linear_time(piece: str, language: Language) -> None:
    gloss(piece, language)
    started = time.process_time()
    gloss(piece * 20_000, language)
    assert time.process_time() - started < 2.0


def test_the_glossary_keeps_its_form() -> None:
    seen = set()
    for row in _rows("glossary.tsv"):
        assert len(row) == 4, row
        assert all(cell == cell.strip() and ",," not in cell for cell in row), row
        assert simplify(row[0]) == row[0], row
        assert not re.search(r"\s", row[2]), row
        assert fold(row[3]).text == row[3], row
        assert row[0] not in seen, row
        seen.add(row[0])
    assert len(seen) > 1500


def test_korean_words_of_chinese_origin_have_a_syllable_for_a_character() -> None:
    rows = list(_rows("sino_korean.tsv"))
    assert len(rows) > 10_000
    for word, chinese in rows:
        assert re.fullmatch("[\uac00-\ud7a3]{2,6}", word), word
        assert all(len(form) == len(word) for form in chinese.split(",")), word


def test_parallel_titles_are_in_their_languages() -> None:
    assert len(parallel_titles()) == 40
    for row in parallel_titles():
        assert {language_of(title) for title in row.values()} == set(LANGUAGES)
        assert all(language_of(title) == language for language, title in row.items())
