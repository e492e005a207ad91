"""Indicator check: quantified requirements of a need against what an achievement states."""

from matcher.indicators.comparison import check, compare, requirements
from matcher.indicators.extraction import extract
from matcher.indicators.status import Side
from matcher.indicators.values import Indicator, IndicatorRow, Status, Verdict

__all__ = [
    "Indicator",
    "IndicatorRow",
    "Side",
    "Status",
    "Verdict",
    "check",
    "compare",
    "extract",
    "requirements",
]
