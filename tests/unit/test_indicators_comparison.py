"""Verdicts: the labelled pairs, and what must hold for any of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.bench.indicators import Pair, answer, read_pairs
from matcher.explain import Span
from matcher.indicators import IndicatorRow, Verdict, check

PAIRS = read_pairs()


def verdict(need: str, achievement: str) -> Verdict:
    (row,) = check("", need, "", achievement)
    return row.verdict


def test_the_labelled_pairs_are_many_and_told_apart() -> None:
    assert len(PAIRS) >= 300
    assert sum(pair.split == "test" for pair in PAIRS) >= 100
    assert len({(pair.need, pair.achievement) for pair in PAIRS}) == len(PAIRS)


@pytest.mark.parametrize("split", ["dev", "test"])
def test_accuracy_and_no_false_met(split: str) -> None:
    pairs = [pair for pair in PAIRS if pair.split == split]
    said = [(pair, answer(pair)) for pair in pairs]
    assert not [p.key for p, word in said if word == "满足" != p.verdict]
    assert sum(word == p.verdict for p, word in said) / len(pairs) >= 0.95


@pytest.mark.parametrize("pair", PAIRS[:: len(PAIRS) // 60], ids=lambda pair: pair.key)
def test_every_row_quotes_both_sides(pair: Pair) -> None:
    for row in pair.rows():
        assert row.need_quote == row.need_spans[0].of(*pair.need)
        if row.achievement_span is not None:
            assert row.achievement_quote == row.achievement_span.of(*pair.achievement)
        assert row.reason.endswith("。")
        assert row.reason.count("。") == 1


def test_the_reason_shows_both_values_in_the_unit_of_the_need() -> None:
    (row,) = check("", "抗拉强度不低于1000 MPa", "", "抗拉强度为1.05GPa")
    assert row.reason == "需求要求抗拉强度不低于1000 MPa，成果为1050 MPa，达到要求。"


def test_a_requirement_of_title_and_text_is_one_row_with_two_places() -> None:
    (row,) = check("抗拉强度≥1000MPa的钢板", "要求抗拉强度不低于1GPa", "", "")
    assert [span.field for span in row.need_spans] == ["title", "text"]
    assert row.verdict is Verdict.UNSTATED
    assert row.achievement_span is None


def test_two_values_that_disagree_decide_nothing() -> None:
    stated = "A型抗拉强度为1100MPa。B型抗拉强度为900MPa。"
    assert verdict("抗拉强度≥1000MPa", stated) is Verdict.UNSTATED


def test_met_needs_a_place_in_the_achievement() -> None:
    with pytest.raises(ValueError, match="没有成果原文位置"):
        IndicatorRow("抗拉强度", (Span("text", 0, 1),), "x", Verdict.MET, None, None, "")


_UNITS = st.sampled_from(
    [("抗拉强度", "MPa", "GPa", 1000), ("粒径", "nm", "μm", 1000), ("电耗", "Wh/kg", "kWh/t", 1),
     ("处理能力", "kg/h", "t/h", 1000), ("响应时间", "ms", "秒", 1000),
     ("密度", "kg/m³", "g/cm3", 1000)]
)  # fmt: skip
_VALUES = st.integers(1, 9999)
_SIGNS = st.sampled_from([("不低于", "不高于"), ("≥", "≤"), ("大于", "小于"), ("至少", "至多")])


@given(_UNITS, _VALUES, _VALUES, _SIGNS, st.integers(0, 1))
def test_another_unit_gives_the_same_verdict(
    unit: tuple[str, str, str, int], asked: int, held: int, signs: tuple[str, str], side: int
) -> None:
    name, small, large, factor = unit
    need = f"{name}{signs[side]}"
    expected = verdict(f"{need}{asked}{small}", f"{name}为{held}{small}")
    assert expected is not Verdict.UNSTATED
    assert verdict(f"{need}{asked / factor:.4f}{large}", f"{name}为{held}{small}") is expected
    assert verdict(f"{need}{asked}{small}", f"{name}为{held / factor:.4f}{large}") is expected


@given(_VALUES, _VALUES, _SIGNS)
def test_the_other_comparator_gives_the_other_verdict(
    asked: int, held: int, signs: tuple[str, str]
) -> None:
    if asked == held:
        return
    first, second = (verdict(f"抗压强度{sign}{asked}MPa", f"抗压强度为{held}MPa") for sign in signs)
    assert {first, second} == {Verdict.MET, Verdict.NOT_MET}


@given(st.integers(1, 60), st.integers(1, 60))
def test_the_wrong_way_never_meets(asked: int, held: int) -> None:
    need = f"能耗降低{asked}%以上"
    assert verdict(need, f"能耗增加了{held}%") is Verdict.NOT_MET
    assert verdict(need, f"能耗降低到{held}%") is Verdict.UNSTATED
    met = verdict(need, f"能耗降低{held}%") is Verdict.MET
    assert met == (held >= asked)


@given(st.sampled_from(PAIRS), st.sampled_from(PAIRS))
def test_met_and_not_met_have_two_places_in_any_pair(one: Pair, other: Pair) -> None:
    for row in check(*one.need, *other.achievement):
        assert row.need_spans
        if row.verdict is not Verdict.UNSTATED:
            assert row.achievement_span is not None
            assert row.achievement_quote


@given(st.text(max_size=120), st.text(max_size=120))
def test_any_text_can_be_checked(need: str, achievement: str) -> None:
    check(need, need, achievement, achievement)
