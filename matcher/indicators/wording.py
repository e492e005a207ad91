"""The one Chinese sentence of a row."""

from __future__ import annotations

import math
from enum import IntEnum

from matcher.indicators.units import PERCENT, Unit
from matcher.indicators.values import Direction, Form, Indicator, Kind, Verdict


class Doubt(IntEnum):
    """Why a statement of the achievement decides nothing; the nearest to a decision first."""

    PARTLY = 1
    TOLERANCE = 2
    SIDE = 3
    CONTRADICTION = 4
    PLANNED = 5
    CONDITION = 6
    SUBJECT = 7
    KIND = 8
    UNIT = 9
    NOT_OWN = 10
    REFERENCE = 11


_DOUBTS = {
    Doubt.PARTLY: "不足以判断是否达到",
    Doubt.TOLERANCE: "没有说明公差，不足以判断是否达到",
    Doubt.SIDE: "与要求的数值不同，原文没有说明越大越好还是越小越好",
    Doubt.CONTRADICTION: "但成果中另有一处数值达不到要求",
    Doubt.PLANNED: "这是计划或预期，不是已有的结果",
    Doubt.CONDITION: "测量条件与需求不同",
    Doubt.SUBJECT: "说的不是同一个对象",
    Doubt.KIND: "一个是数值，一个是变化幅度，不能直接比较",
    Doubt.UNIT: "单位不能直接换算",
    Doubt.NOT_OWN: "说的不是该成果自身已确认的数值",
    Doubt.REFERENCE: "参照的是标准，没有可比较的数值",
}


def reason(
    asked: Indicator, stated: Indicator | None, verdict: Verdict, doubt: Doubt | None
) -> str:
    """Both values in the need's unit, and what follows from them."""
    name = f"{asked.subject}{asked.property}"
    opening = f"需求要求{name}{described(asked, asked.unit)}"
    if stated is None:
        return f"{opening}，成果中没有找到这项指标的数值。"
    same = stated.unit.dims == asked.unit.dims and stated.kind is asked.kind
    offered = described(stated, asked.unit if same else stated.unit)
    if stated.baseline is not None and asked.kind is Kind.CHANGE:
        offered = f"由{_number(stated.unit.from_base(stated.baseline), stated.unit)}变为" + offered
    if verdict is Verdict.UNSTATED:
        return f"{opening}，成果写的是{offered}，{_DOUBTS[doubt or Doubt.PARTLY]}。"
    ending = "达到要求" if verdict is Verdict.MET else "达不到要求"
    base = "（对比的基准以双方原文为准）" if asked.kind is Kind.CHANGE else ""
    return f"{opening}，成果为{offered}，{ending}{base}。"


def described(indicator: Indicator, unit: Unit) -> str:
    """A value with its comparator, in ``unit``: 不低于1000 MPa, 降低15%."""
    if indicator.kind is Kind.REFERENCE:
        return "符合相应标准"
    difference = indicator.kind is Kind.CHANGE
    low, high = (
        unit.from_base(end, difference=difference) if math.isfinite(end) else end
        for end in (indicator.bounds.low, indicator.bounds.high)
    )
    value = unit.from_base(indicator.value, difference=difference)
    way = indicator.direction.value if difference and indicator.direction else ""
    if indicator.form is Form.TOLERANCE:
        return f"{way}{_number(value, unit, plain=True)}±{_number(high - value, unit)}"
    if indicator.form is Form.RANGE:
        return f"{way}{_number(low, unit, plain=True)}～{_number(high, unit)}"
    if indicator.form is Form.ABOUT:
        return f"{way}约{_number(value, unit)}"
    if indicator.form is Form.POINT:
        if indicator.direction is not None and not difference:
            way = "提高到" if indicator.direction is Direction.UP else "降至"
        return f"{way}{_number(value, unit)}"
    if math.isfinite(low):
        return f"{way}{'高于' if indicator.bounds.low_open else '不低于'}{_number(low, unit)}"
    return f"{way}{'低于' if indicator.bounds.high_open else '不高于'}{_number(high, unit)}"


def _number(value: float, unit: Unit, *, plain: bool = False) -> str:
    written = f"{value:.6g}"
    if plain or not unit.text:
        return written
    blank = "" if unit == PERCENT or not unit.text.isascii() or unit.text[0] in "°%" else " "
    return f"{written}{blank}{unit.text}"
