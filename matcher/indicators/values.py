"""Domain values of the indicator check; no I/O, no language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from matcher.explain import Span
from matcher.indicators.units import Unit


class Verdict(StrEnum):
    """What can be said of one requirement."""

    MET = "满足"
    NOT_MET = "不满足"
    UNSTATED = "未说明"


class Direction(StrEnum):
    """Where a quantity moves."""

    UP = "提高"
    DOWN = "降低"


class Kind(StrEnum):
    """What the number counts: the property itself, its change, or nothing but a standard's name."""

    AMOUNT = "数值"
    CHANGE = "变化幅度"
    REFERENCE = "参照标准"


class Form(StrEnum):
    """How the value was written; a bare value and a limit are judged differently."""

    POINT = "单值"
    ABOUT = "约值"
    LIMIT = "限值"
    RANGE = "区间"
    TOLERANCE = "公差"


class Status(StrEnum):
    """Whether the sentence states the value, plans it, or speaks of something else.

    PRESENT is today's state of a need's enterprise; PRIOR is what an achievement is compared
    with; UNCLEAR cannot be told.
    """

    STATED = "陈述"
    PLANNED = "计划"
    PRESENT = "现状"
    PRIOR = "对比对象"
    UNCLEAR = "不明"


@dataclass(frozen=True, slots=True)
class Interval:
    """Real numbers between two ends; an infinite end is always open."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def at_least(cls, value: float, *, above: bool = False) -> Interval:
        """``[value, ∞)``, or ``(value, ∞)``."""
        return cls(value, math.inf, above, True)

    @classmethod
    def at_most(cls, value: float, *, below: bool = False) -> Interval:
        """``(-∞, value]``, or ``(-∞, value)``."""
        return cls(-math.inf, value, True, below)

    def within(self, other: Interval) -> bool:
        """Whether every number of this interval is in ``other``."""
        low_ok = self.low > other.low or (
            self.low == other.low and (self.low_open or not other.low_open)
        )
        high_ok = self.high < other.high or (
            self.high == other.high and (self.high_open or not other.high_open)
        )
        return low_ok and high_ok

    def apart(self, other: Interval) -> bool:
        """Whether no number is in both."""
        return _before(self, other) or _before(other, self)


def _before(left: Interval, right: Interval) -> bool:
    return left.high < right.low or (left.high == right.low and (left.high_open or right.low_open))


@dataclass(frozen=True, slots=True)
class Indicator:
    """One quantified statement about one property, as found in a title or a text.

    ``bounds``, ``value`` and ``baseline`` are in the base units of ``unit``; those of a CHANGE are
    sizes, their way is ``direction``. For an AMOUNT ``direction`` is the way it is brought *to*
    the value (降至 38%), ``baseline`` the value it came from. ``conditions`` are what it was
    measured under (28 d, 800 ℃, 高温). A REFERENCE holds no number: its bounds are all reals.
    """

    property: str
    subject: str
    conditions: frozenset[str]
    kind: Kind
    form: Form
    status: Status
    direction: Direction | None
    value: float
    bounds: Interval
    baseline: float | None
    unit: Unit
    span: Span
    number: Span


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """A requirement of the need and what the achievement says about it.

    ``need_spans`` are all places that state it, the first is quoted. ``reason`` is one Chinese
    sentence with both values in the need's unit.

    Raises:
        ValueError: 满足 or 不满足 without the achievement's span.
    """

    property: str
    need_spans: tuple[Span, ...]
    need_quote: str
    verdict: Verdict
    achievement_span: Span | None
    achievement_quote: str | None
    reason: str

    def __post_init__(self) -> None:
        if not self.need_spans:
            raise ValueError("指标核对缺少需求原文位置")
        if self.verdict is not Verdict.UNSTATED and self.achievement_span is None:
            raise ValueError("没有成果原文位置，不能判定满足或不满足")
