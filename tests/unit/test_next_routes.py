"""Where to go with a need that nothing answers: each reason is a fact of the record."""

from __future__ import annotations

import time
from datetime import date

import pytest

from corpus.model import Amount, Need
from matcher.next_routes import LARGE_BUDGET_WAN, RouteName, general_routes, next_routes
from matcher.objections import field_text

TODAY = date(2026, 11, 25)
CLEAR = (
    "需求内容：我公司酸洗机组酸雾吸收塔效率低，排放浓度目前 18 mg/m³，经常超标，车间气味大，"
    "塔内填料三个月就堵。\n预期目标：排放浓度不高于 5 mg/m³，吸收效率不低于 98%，填料寿命一年以上。"
    "现有工作基础：现有酸洗机组 2 条、吸收塔 2 台，处理风量 20000 m³/h。"
)
PLAIN = Need(key="N", title="酸洗机组酸雾吸收塔提效", text=CLEAR)


def told(need: Need, hidden: frozenset[str] = frozenset()) -> dict[RouteName, str]:
    routes = next_routes(need, hidden, TODAY)
    assert {route.name for route in routes} == set(RouteName)
    assert [r.fits for r in routes] == sorted((r.fits for r in routes), reverse=True)
    for route in routes:
        if route.span is not None:
            quoted = field_text(need, route.span.field)[route.span.start : route.span.end]
            assert quoted
            assert quoted in route.sentence
    return {route.name: route.sentence for route in routes if route.fits}


def test_without_a_fact_no_route_claims_to_fit() -> None:
    assert told(PLAIN) == {}
    assert not any(route.fits or route.span for route in general_routes())


@pytest.mark.parametrize(
    ("budget", "fits"),
    [
        (Amount(None, LARGE_BUDGET_WAN), True),
        (Amount(LARGE_BUDGET_WAN, None), True),
        (Amount(100, LARGE_BUDGET_WAN - 1), False),
        (Amount(negotiable=True), False),
        (None, False),
    ],
)
def test_a_large_budget_speaks_for_an_open_call(budget: Amount | None, fits: bool) -> None:
    found = told(Need(key="N", title=PLAIN.title, text=CLEAR, budget=budget))
    assert (RouteName.OPEN_CALL in found) is fits
    if fits and budget:
        assert budget.label in found[RouteName.OPEN_CALL]


def test_a_vague_need_is_asked_about_first() -> None:
    found = told(Need(key="N", title="提高自动化水平", text="希望引进先进技术。"))
    assert "没有写明" in found[RouteName.VISIT]
    assert "指标" in found[RouteName.VISIT]
    hidden = told(Need(key="N", title="x", text="（未公开）"), frozenset({"text"}))
    assert hidden == {}


@pytest.mark.parametrize("word", ["进口", "国产化", "国外", "日本", "替代进口"])
def test_words_of_a_foreign_origin_speak_for_looking_abroad(word: str) -> None:
    found = told(Need(key="N", title=PLAIN.title, text=f"{CLEAR}填料为{word}产品。"))
    assert f"“{word}”" in found[RouteName.ABROAD]


@pytest.mark.parametrize(
    "phrase", ["加热炉进口温度", "泵的进出口", "进口压力 2 MPa", "避开国外企业的专利"]
)
def test_an_inlet_or_somebody_abroad_is_no_import(phrase: str) -> None:
    assert RouteName.ABROAD not in told(Need(key="N", title=PLAIN.title, text=CLEAR + phrase))


def test_a_need_that_has_run_out_says_so() -> None:
    over = Need(key="N", title=PLAIN.title, text=CLEAR, valid_until_on=date(2026, 1, 1))
    [wait] = [r for r in next_routes(over, frozenset(), TODAY) if r.name is RouteName.WAIT]
    assert "2026-01-01" in wait.sentence
    assert "已经过了" in wait.sentence


def test_a_long_hostile_text_is_read_in_time() -> None:
    started = time.perf_counter()
    next_routes(Need(key="N", title="进" * 10_000, text="进口处" * 7_000), frozenset(), TODAY)
    assert time.perf_counter() - started < 5
