"""Folding keeps exact places; sentences cover the text."""

from __future__ import annotations

import itertools
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.text import excerpt, fold, sentences, simplify

# Everything that makes a folded text longer, shorter or different from the original.
mixed_texts = st.text(
    st.sampled_from(
        "鋼渣铁膜AbＡｚ１9ﾞｶﾊﾟガé\u0301\u0308ﬁ㎡㈱½Ⅳ㍿ß İ\u3000\t\r\n🏭👩\u200d🔬가각"
        "\u1112\u1161\u11ab\ud800\x00。.，"
    ),
    max_size=30,
)
any_texts = st.one_of(mixed_texts, st.text(max_size=30))


@pytest.mark.parametrize(
    ("original", "folded", "spans"),
    [
        ("Ａ１", "a1", [(0, 1), (1, 2)]),
        ("ｶﾞｽ", "ガス", [(0, 2), (2, 3)]),
        ("ﬁlm", "film", [(0, 1), (0, 1), (1, 2), (2, 3)]),
        ("5㎡膜", "5m2膜", [(0, 1), (1, 2), (1, 2), (2, 3)]),
        ("鋼\r\n渣", "钢\r\n渣", [(0, 1), (1, 2), (2, 3), (3, 4)]),
        ("🏭\u3000膜", "🏭 膜", [(0, 1), (1, 2), (2, 3)]),
        ("e\u0301n", "én", [(0, 2), (2, 3)]),
        ("\u0301n", "\u0301n", [(0, 1), (1, 2)]),
        ("\u1112\u1161\u11ab\u1100\u1173!", "한그!", [(0, 3), (3, 5), (5, 6)]),
        ("가\u11a8\u11a8", "각\u11a8", [(0, 2), (2, 3)]),
        ("a\u1161", "a\u1161", [(0, 1), (1, 2)]),
        ("", "", []),
    ],
)
def test_each_folded_character_knows_where_it_came_from(
    original: str, folded: str, spans: list[tuple[int, int]]
) -> None:
    result = fold(original)
    assert result.text == folded
    assert list(zip(result.starts, result.ends, strict=True)) == spans


@settings(deadline=None, max_examples=300)
@given(any_texts)
def test_spans_are_monotone_and_cover_the_original(original: str) -> None:
    folded = fold(original)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    covered = 0
    for start, end in dict.fromkeys(zip(folded.starts, folded.ends, strict=True)):
        # Clusters follow each other without a gap and without an overlap.
        assert start == covered
        assert end > start
        covered = end
    assert covered == len(original)


@settings(deadline=None, max_examples=300)
@given(mixed_texts)
def test_a_character_in_its_place_folds_to_itself(original: str) -> None:
    folded = fold(original)
    for start, end in set(zip(folded.starts, folded.ends, strict=True)):
        inside = "".join(
            char for char, place in zip(folded.text, folded.starts, strict=True) if place == start
        )
        assert fold(original[start:end]).text == inside


@settings(deadline=None, max_examples=200)
@given(any_texts)
def test_the_span_of_the_whole_is_the_whole(original: str) -> None:
    folded = fold(original)
    if folded.text:
        assert folded.span(0, len(folded.text)) == (0, len(original))


@settings(deadline=None, max_examples=200)
@given(any_texts)
def test_simplify_keeps_length(text: str) -> None:
    assert len(simplify(text)) == len(text)


@pytest.mark.parametrize(
    ("traditional", "simplified"),
    [
        ("鋼渣資源化", "钢渣资源化"),
        ("乾燥設備", "干燥设备"),
        ("乾坤", "乾坤"),
        ("已是简体", "已是简体"),
        ("a\x00鋼\ud800", "a\x00钢?"),
    ],
)
def test_simplify(traditional: str, simplified: str) -> None:
    assert simplify(traditional) == simplified


def test_width_case_and_script_do_not_matter_for_searching() -> None:
    assert fold("ＣＯ２捕集").text == fold("co2捕集").text == fold("CO₂捕集").text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("比表面积3.5万。活性85%！", ["比表面积3.5万。", "活性85%！"]),
        ("It is 3.5 t. Next one.", ["It is 3.5 t.", "Next one."]),
        ("一\r\n\r\n二", ["一", "二"]),
        ("为何？！好；完", ["为何？！", "好；", "完"]),
        ("version 2.", ["version 2."]),
        (" 　\n", []),
        ("", []),
    ],
)
def test_sentences(text: str, expected: list[str]) -> None:
    assert [text[start:end] for start, end in sentences(text)] == expected


@settings(deadline=None, max_examples=300)
@given(st.text(st.sampled_from("钢渣ab3.5。！？;；\n\r \u3000🏭"), max_size=40))
def test_sentences_leave_out_nothing_but_blanks(text: str) -> None:
    spans = sentences(text)
    left_out = text
    for start, end in reversed(spans):
        assert text[start:end] == text[start:end].strip() != ""
        left_out = left_out[:start] + left_out[end:]
    assert left_out.strip() == ""
    assert spans == sorted(spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


@settings(deadline=None, max_examples=200)
@given(st.text(st.sampled_from("钢渣a \n\t🏭"), max_size=30), st.integers(0, 40))
def test_an_excerpt_fits_on_one_line(text: str, limit: int) -> None:
    line = " ".join(text.split())
    shown = excerpt(text, limit)
    assert len(shown) <= limit
    assert "\n" not in shown
    if len(line) <= limit:
        assert shown == line
    elif limit:
        assert shown == line[: limit - 1] + "…"


@settings(deadline=None, max_examples=200)
@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=10))
def test_decomposed_korean_folds_to_the_syllables(text: str) -> None:
    decomposed = unicodedata.normalize("NFD", text)
    folded = fold(decomposed)
    assert folded.text == text
    spans = zip(folded.starts, folded.ends, strict=True)
    assert [unicodedata.normalize("NFC", decomposed[s:e]) for s, e in spans] == list(text)


def test_a_pile_of_marks_takes_no_longer_than_other_text() -> None:
    # Put in order all at once, 400,000 marks would take minutes.
    pile = "e" + "\u0301\u0327" * 200_000
    folded = fold(pile)
    assert folded.span(0, len(folded.text)) == (0, len(pile))
