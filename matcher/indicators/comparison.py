"""A need's requirements against what an achievement states, one row each.

When in doubt the row says 未说明: another unit, another condition, another pollutant, a plan, two
different values. 满足 and 不满足 need a place in both texts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from matcher.explain import Span
from matcher.indicators.bounds import better_side
from matcher.indicators.extraction import extract
from matcher.indicators.properties import known_property, same_name, same_subject
from matcher.indicators.status import Side
from matcher.indicators.units import PERCENT, Unit
from matcher.indicators.values import (
    Direction,
    Form,
    Indicator,
    IndicatorRow,
    Interval,
    Kind,
    Status,
    Verdict,
)
from matcher.indicators.wording import Doubt, reason

_EPSILON = 1e-9  # relative; two numbers closer than this are one, after conversion
_CALENDAR_SLACK = 0.02  # a month has 28 to 31 days
_DAYS_A_MONTH = 365 / 12
_SECONDS_A_DAY = 86_400.0
_Dims = tuple[tuple[str, int], ...]
_SECOND: _Dims = (("s", 1),)
_DAY: _Dims = (("day", 1),)
_MONTH: _Dims = (("month", 1),)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One statement of the achievement held against one requirement."""

    verdict: Verdict
    stated: Indicator
    doubt: Doubt | None = None


@dataclass(frozen=True, slots=True)
class _Texts:
    """Both records, title and text."""

    need: str
    achievement: str


def check(
    need_title: str, need_text: str, achievement_title: str, achievement_text: str
) -> tuple[IndicatorRow, ...]:
    """Every quantified requirement of a need, held against an achievement.

    Never raises on any text; a need without quantified requirements has no rows.
    """
    return compare(
        need_title,
        need_text,
        extract(need_title, need_text, Side.NEED),
        achievement_title,
        achievement_text,
        extract(achievement_title, achievement_text, Side.ACHIEVEMENT),
    )


def compare(
    need_title: str,
    need_text: str,
    need: Sequence[Indicator],
    achievement_title: str,
    achievement_text: str,
    achievement: Sequence[Indicator],
) -> tuple[IndicatorRow, ...]:
    """``check`` for indicators that are extracted already: one need against many achievements."""
    rows = []
    texts = _Texts(f"{need_title}\n{need_text}", f"{achievement_title}\n{achievement_text}")
    for asked, places in requirements(need):
        verdict, stated, doubt = _decide(asked, achievement, texts)
        quote = stated.span.of(achievement_title, achievement_text) if stated else None
        rows.append(
            IndicatorRow(
                asked.property,
                places,
                places[0].of(need_title, need_text),
                verdict,
                stated.span if stated else None,
                quote,
                reason(asked, stated, verdict, doubt),
            )
        )
    return tuple(rows)


def requirements(need: Sequence[Indicator]) -> list[tuple[Indicator, tuple[Span, ...]]]:
    """What a need asks for, each once with every place that says it."""
    found: dict[object, tuple[Indicator, tuple[Span, ...]]] = {}
    for indicator in need:
        if indicator.status not in (Status.STATED, Status.PLANNED):
            continue
        key = (
            indicator.property, indicator.subject, indicator.conditions, indicator.kind,
            indicator.direction, indicator.bounds, indicator.unit.dims,
        )  # fmt: skip
        first, places = found.get(key, (indicator, ()))
        found[key] = first, (*places, indicator.span)
    return list(found.values())


def _decide(
    asked: Indicator, achievement: Sequence[Indicator], texts: _Texts
) -> tuple[Verdict, Indicator | None, Doubt | None]:
    judged = [
        _judge(asked, stated, texts)
        for stated in achievement
        if same_name(asked.property, stated.property)
    ]
    met = [j for j in judged if j.verdict is Verdict.MET]
    failed = [j for j in judged if j.verdict is Verdict.NOT_MET]
    if met and failed:
        return Verdict.UNSTATED, met[0].stated, Doubt.CONTRADICTION
    for group in (met, failed):
        if group:
            return group[0].verdict, group[0].stated, None
    if not judged:
        return Verdict.UNSTATED, None, None
    nearest = min(judged, key=lambda j: j.doubt.value if j.doubt else 0)
    return Verdict.UNSTATED, nearest.stated, nearest.doubt


def _judge(asked: Indicator, stated: Indicator, texts: _Texts) -> _Judged:
    doubt = _incomparable(asked, stated, texts)
    if doubt is not None:
        return _Judged(Verdict.UNSTATED, stated, doubt)
    if asked.kind is Kind.CHANGE:
        return _judge_change(asked, stated)
    offered = _in_units_of(asked, stated)
    if offered is None:
        return _Judged(Verdict.UNSTATED, stated, Doubt.UNIT)
    verdict, doubt = _judge_amount(asked, offered)
    if verdict is not Verdict.UNSTATED and _near_calendar(asked, stated, offered):
        return _Judged(Verdict.UNSTATED, stated, Doubt.UNIT)
    return _Judged(verdict, stated, doubt)


def _incomparable(asked: Indicator, stated: Indicator, texts: _Texts) -> Doubt | None:
    if Kind.REFERENCE in (asked.kind, stated.kind):
        return Doubt.REFERENCE
    if stated.status is not Status.STATED:
        return Doubt.PLANNED if stated.status is Status.PLANNED else Doubt.NOT_OWN
    rule = known_property(asked.property).subject
    if not same_subject(rule, asked.subject, stated.subject, texts.need, texts.achievement):
        return Doubt.SUBJECT
    if asked.conditions != stated.conditions:
        return Doubt.CONDITION
    if asked.kind is Kind.AMOUNT and stated.kind is Kind.CHANGE:
        return Doubt.KIND
    if asked.kind is Kind.CHANGE and stated.kind is Kind.AMOUNT and stated.baseline is None:
        return Doubt.KIND
    return None


def _in_units_of(asked: Indicator, stated: Indicator) -> Indicator | None:
    """``stated`` in the base units of ``asked``; None where they may not be compared."""
    mine, theirs = stated.unit.dims, asked.unit.dims
    if mine == theirs:
        return stated
    factor = _duration_factor(mine, theirs)
    if factor is None:
        return None
    bounds = replace(
        stated.bounds, low=stated.bounds.low * factor, high=stated.bounds.high * factor
    )
    return replace(stated, bounds=bounds, value=stated.value * factor)


def _duration_factor(mine: _Dims, theirs: _Dims) -> float | None:
    """Days in months and in seconds, for plain durations only; hours in months depend on use."""
    factors = {
        (_DAY, _MONTH): 1 / _DAYS_A_MONTH,
        (_MONTH, _DAY): _DAYS_A_MONTH,
        (_SECOND, _DAY): 1 / _SECONDS_A_DAY,
        (_DAY, _SECOND): _SECONDS_A_DAY,
    }
    return factors.get((mine, theirs))


def _near_calendar(asked: Indicator, stated: Indicator, offered: Indicator) -> bool:
    """Whether the length of a month decides: 90 天 against 3 个月."""
    if stated.unit.dims == asked.unit.dims or _MONTH not in (stated.unit.dims, asked.unit.dims):
        return False
    return abs(offered.value - asked.value) <= _CALENDAR_SLACK * abs(asked.value)


def _judge_amount(asked: Indicator, stated: Indicator) -> tuple[Verdict, Doubt | None]:
    prop = known_property(asked.property)
    if _error_and_accuracy(asked, stated):
        return Verdict.UNSTATED, Doubt.KIND
    offered = _snapped(stated.bounds, asked)
    if asked.form is Form.RANGE and prop.covers:
        return _judge_cover(asked.bounds, offered, stated)
    if asked.form is Form.TOLERANCE and stated.form not in (Form.TOLERANCE, Form.RANGE):
        apart = offered.apart(asked.bounds)
        return (Verdict.NOT_MET, None) if apart else (Verdict.UNSTATED, Doubt.TOLERANCE)
    wanted = _wanted(asked)
    if asked.form is Form.ABOUT:
        return _judge_about(asked, stated, offered, wanted)
    if wanted is None:
        same = offered.low == offered.high == asked.value
        return (Verdict.MET, None) if same else (Verdict.UNSTATED, Doubt.SIDE)
    return _by_interval(offered, wanted)


def _by_interval(offered: Interval, wanted: Interval) -> tuple[Verdict, Doubt | None]:
    if offered.within(wanted):
        return Verdict.MET, None
    if offered.apart(wanted):
        return Verdict.NOT_MET, None
    return Verdict.UNSTATED, Doubt.PARTLY


def _judge_cover(
    asked: Interval, offered: Interval, stated: Indicator
) -> tuple[Verdict, Doubt | None]:
    if stated.form is not Form.RANGE:
        return Verdict.UNSTATED, Doubt.PARTLY
    return (Verdict.MET if asked.within(offered) else Verdict.NOT_MET), None


def _judge_about(
    asked: Indicator, stated: Indicator, offered: Interval, wanted: Interval | None
) -> tuple[Verdict, Doubt | None]:
    """约 95 %: met on the better side of 95, failed outside the band, else open."""
    if stated.form is Form.ABOUT:
        offered = Interval(stated.value, stated.value)
    if wanted is None:
        return _by_interval(offered, asked.bounds)
    if offered.within(wanted):
        return Verdict.MET, None
    lax = Interval(min(wanted.low, asked.bounds.low), max(wanted.high, asked.bounds.high))
    apart = offered.apart(lax)
    return (Verdict.NOT_MET, None) if apart else (Verdict.UNSTATED, Doubt.PARTLY)


def _wanted(asked: Indicator) -> Interval | None:
    """The interval a requirement means; None where a bare value does not say which side."""
    if asked.form not in (Form.POINT, Form.ABOUT):
        return asked.bounds
    side = better_side(known_property(asked.property), asked.value, asked.unit)
    if asked.direction is not None:
        side = "higher" if asked.direction is Direction.UP else "lower"
    if side == "higher":
        return Interval.at_least(asked.value)
    return Interval.at_most(asked.value) if side == "lower" else None


def _judge_change(asked: Indicator, stated: Indicator) -> _Judged:
    size, way = _change_of(stated, asked.unit)
    if size is None or way is None or asked.direction is None:
        return _Judged(Verdict.UNSTATED, stated, Doubt.UNIT)
    wanted = asked.bounds
    if asked.form in (Form.POINT, Form.ABOUT):
        wanted = Interval.at_least(asked.value)
    if way is not asked.direction:
        # 能耗增加 6 % against 降低 15 %: the wrong way, unless only a cap was asked for.
        wrong = wanted.low > 0 and size.low > 0
        return _Judged(Verdict.NOT_MET if wrong else Verdict.UNSTATED, stated, Doubt.PARTLY)
    size = _snapped(size, asked)
    if asked.form is Form.ABOUT:
        verdict, doubt = _judge_about(asked, stated, size, wanted)
    elif asked.form is Form.RANGE:
        # 降低 15 %～20 % is asked: more than that is no failure, but not what was asked either.
        verdict, doubt = _by_interval(size, wanted)
        if verdict is Verdict.NOT_MET and size.low > wanted.high:
            verdict, doubt = Verdict.MET, None
    else:
        verdict, doubt = _by_interval(size, wanted)
    return _Judged(verdict, stated, doubt)


def _change_of(stated: Indicator, unit: Unit) -> tuple[Interval | None, Direction | None]:
    """Size and way of a change; reckoned where both ends are given (由 120 降至 96)."""
    if stated.kind is Kind.CHANGE:
        same = stated.unit.dims == unit.dims
        return (stated.bounds if same else None), stated.direction
    base = stated.baseline
    if base is None or (unit.is_share and (base <= 0 or stated.unit.offset)):
        return None, None
    if not unit.is_share and unit.dims != stated.unit.dims:
        return None, None
    if unit.is_share and stated.unit.is_share and unit.text == PERCENT.text:
        return None, None  # 由 92 % 提高到 96 %: four points or four per cent
    ends = [
        (end - base) / base if unit.is_share else end - base
        for end in (stated.bounds.low, stated.bounds.high)
    ]
    if stated.value == base:
        return None, None
    way = Direction.UP if stated.value > base else Direction.DOWN
    if way is Direction.DOWN:
        high_open, low_open = stated.bounds.low_open, stated.bounds.high_open
        return Interval(-ends[1], -ends[0], low_open, high_open), way
    return Interval(ends[0], ends[1], stated.bounds.low_open, stated.bounds.high_open), way


def _snapped(offered: Interval, asked: Indicator) -> Interval:
    """``offered`` with ends that differ from the asked ones by rounding only put onto them."""

    def snap(end: float) -> float:
        for mark in (asked.bounds.low, asked.bounds.high, asked.value):
            if math.isfinite(mark - end) and abs(end - mark) <= _EPSILON * max(abs(end), abs(mark)):
                return mark
        return end

    return replace(offered, low=snap(offered.low), high=snap(offered.high))


def _error_and_accuracy(asked: Indicator, stated: Indicator) -> bool:
    """精度 ≥95 % beside 精度 ±0.5 %: the same word for two things."""
    prop = known_property(asked.property)
    if prop.better != "error" or not asked.unit.is_share:
        return False
    sides = {better_side(prop, i.value, i.unit) for i in (asked, stated)}
    return len(sides) > 1
