"""A laboratory's scale against an enterprise's: 20 kg/炉 beside 22 万吨/年."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from corpus.model import Maturity
from matcher.explain import Span
from matcher.objections.facts import Stage
from matcher.objections.model import Code, Objection, Severity
from matcher.objections.reading import Part, Reading, quote
from matcher.objections.words import common_word, object_finder

FACTOR = 100
"""An enterprise so many times larger than what was tried is worth a word."""

SMALLEST = 10_000.0
"""Tonnes or cubic metres a year from which an enterprise counts as large."""

_DAYS, _HOURS = 330.0, 8000.0  # of operation in a year, as plants are usually designed
_LARGEST_BATCH = 1.0  # tonnes or cubic metres: more is no laboratory
_MAX_FOUND = 40

_QUANTITY = re.compile(
    r"(?<![0-9.])(?P<number>[0-9]{1,7}(?:\.[0-9]{1,4})?)\s?"
    r"(?P<unit>万吨|吨|t(?![a-z])|kg|公斤|千克|g(?![a-z])|万立方米|万m³|万m3|立方米|m³|m3|升|l(?![a-z])|ml)"
    r"(?:级)?(?:\s?/\s?(?P<rate>年|a(?![a-z])|日|天|d(?![a-z])|小时|h(?![a-z])|批次?|炉|次|釜|罐))?"
)
_BEFORE = re.compile(
    r"(?P<per>年|日|天|每小时)(?:产(?:生)?|处理|消纳|加工|利用)[^,。;!?\n0-9]{0,8}$"
)
_LOOK_BACK = 14
_UNITS = {
    "万吨": ("t", 1e4), "吨": ("t", 1.0), "t": ("t", 1.0), "kg": ("t", 1e-3), "公斤": ("t", 1e-3),
    "千克": ("t", 1e-3), "g": ("t", 1e-6), "万立方米": ("m³", 1e4), "万m³": ("m³", 1e4),
    "万m3": ("m³", 1e4), "立方米": ("m³", 1.0), "m³": ("m³", 1.0), "m3": ("m³", 1.0),
    "升": ("m³", 1e-3), "l": ("m³", 1e-3), "ml": ("m³", 1e-6),
}  # fmt: skip
_PER_YEAR = dict.fromkeys(("年", "a"), 1.0) | dict.fromkeys(("日", "天", "d"), _DAYS)
_PER_YEAR |= dict.fromkeys(("小时", "h", "每小时"), _HOURS)
_TRIED = re.compile(r"小试|实验室|小型|中试|台架|试验|样机|扩大|放大|投料|试制")
_PLANNED = re.compile(r"计划|拟|将|下一步|准备|规划")


@dataclass(frozen=True, slots=True)
class Quantity:
    """An amount of tonnes or cubic metres: a year's, or a batch's where there is no rate."""

    unit: str
    amount: float
    yearly: bool
    span: Span


def quantities(part: Part) -> Iterator[Quantity]:
    """Amounts with a rate, in order."""
    matches = _QUANTITY.finditer(part.text)
    for match, _ in zip(matches, range(_MAX_FOUND), strict=False):
        unit, factor = _UNITS[match["unit"]]
        amount = float(match["number"]) * factor
        start = match.start()
        before = _BEFORE.search(part.text, max(0, start - _LOOK_BACK), start)
        if match["rate"]:
            times = _PER_YEAR.get(match["rate"])
        elif before:
            start, times = before.start(), _PER_YEAR[before["per"]]
        else:
            continue
        span = Span(part.field, start, match.end())
        yield Quantity(unit, amount * (times or 1.0), times is not None, span)


def too_small(need: Reading, achievement: Reading, stage: Stage | None) -> Iterator[Objection]:
    """What was tried is far below what the enterprise runs; nothing for what can be produced.

    Both numbers must be written, in units of the same kind, and the achievement's title must
    share a term with the sentence of the need's number: an enterprise has other products too.
    """
    if stage is not None and stage.maturity is Maturity.MASS_PRODUCTION:
        return
    tried = list(quantities(achievement.text))
    for wanted in quantities(need.text):
        if not wanted.yearly or wanted.amount < SMALLEST:
            continue
        same = [q for q in tried if q.unit == wanted.unit]
        if any(q.yearly and q.amount * FACTOR > wanted.amount for q in same):
            continue
        small = next((q for q in same if _is_trial(achievement.text, q)), None)
        if small is None or not _about_the_same(need, wanted, achievement):
            continue
        yield Objection(
            Code.SCALE,
            Severity.DOUBT,
            f"需求的规模是“{quote(need.record, wanted.span)}”，"
            f"成果写明试过的规模是“{quote(achievement.record, small.span)}”。",
            (wanted.span,),
            (small.span,),
        )
        return


def _is_trial(part: Part, quantity: Quantity) -> bool:
    mention = part.mention(quantity.span.start, quantity.span.end)
    start, end = mention.sentence
    start, end = max(start, quantity.span.start - 60), min(end, quantity.span.end + 40)
    small = quantity.yearly or quantity.amount < _LARGEST_BATCH
    return bool(small and _TRIED.search(part.text, start, end)) and not _PLANNED.search(
        mention.clause
    )


def _about_the_same(need: Reading, quantity: Quantity, achievement: Reading) -> bool:
    start, end = need.text.mention(quantity.span.start, quantity.span.end).sentence
    start, end = max(start, quantity.span.start - 60), min(end, quantity.span.end + 40)
    near = need.text.text[start:end]
    return common_word(achievement.title.text, near, object_finder()) is not None
