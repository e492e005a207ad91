"""The one line for and against a pair."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from matcher.card import Card, summary_line
from matcher.explain import Span
from matcher.indicators import IndicatorRow, Verdict
from matcher.objections import Code, Objection, Severity

SPAN = Span("text", 0, 2)


def row(name: str, verdict: Verdict = Verdict.MET) -> IndicatorRow:
    return IndicatorRow(name, (SPAN,), "x", verdict, SPAN, "y", f"{name}：原文的句子。")


def objection(code: Code = Code.BUDGET, severity: Severity = Severity.DOUBT) -> Objection:
    return Objection(code, severity, "价格高于预算。", (SPAN,), ())


def card(rows: tuple[IndicatorRow, ...] = (), found: tuple[Objection, ...] = ()) -> Card:
    return Card(rows, found, (), None)


def test_indicators_that_are_met_speak_first() -> None:
    rows = (row("抗压强度"), row("密度", Verdict.NOT_MET), row("抗压强度"), row("细度"))
    assert summary_line(card(rows), ["钢渣"]) == (
        "有利：指标满足 2 项（抗压强度、细度）；不利：没有发现"
    )


def test_then_words_then_the_meaning_and_the_heaviest_objection() -> None:
    found = (objection(), objection(Code.MATURITY, Severity.OPEN))
    line = summary_line(card((), found), ["钢渣", "微粉", "掺合料", "活性"])
    assert line.startswith("有利：都提到钢渣、微粉、掺合料；不利：")
    assert line.endswith("，另有 1 条")
    assert Code.BUDGET.value in line
    assert "有利：意思相近；" in summary_line(card(), [])


@given(
    st.lists(st.sampled_from(["强度", "细度", "密度", "活性", "含水率"]), max_size=8),
    st.lists(st.sampled_from(list(Code)), max_size=5),
    st.lists(st.text("钢渣微粉ab", min_size=1, max_size=6), max_size=8),
)
def test_it_is_one_short_line_without_a_quote(
    names: list[str], codes: list[Code], words: list[str]
) -> None:
    rows = tuple(row(name) for name in names)
    found = tuple(objection(code) for code in codes)
    line = summary_line(card(rows, found), words)
    assert "\n" not in line
    assert "原文的句子" not in line
    assert "价格高于预算" not in line
    assert line.count("；不利：") == 1
    assert ("没有发现" in line) == (not codes)
