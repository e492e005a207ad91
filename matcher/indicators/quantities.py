"""Numbers put together to quantities: ranges (10~20 μm), tolerances (0.5±0.02 mm), signs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from matcher.indicators.numbers import Number, find_numbers
from matcher.indicators.properties import is_symbol
from matcher.indicators.units import Unit
from matcher.indicators.values import Form

_RANGE = re.compile(r"[ ]?(?:以上)?[ ]?(?:~{1,2}|-{1,2}|至|到)[ ]?(-|零下)?\+?[ ]?")
_TOLERANCE = re.compile(r"[ ]?(?:±|\+/-|\+-)[ ]?")
_LATIN = re.compile(r"[A-Za-z]+$")
# Part of a code, a product of sizes, a ratio, a date: no amount.
_JOINED_BEFORE = "/_#×*\\^"
_JOINED_AFTER = re.compile(r"[ ]?[×xX*][ ]?\d|[ ]?(?::|-\d{1,4}-\d|年[底初末前后中]|号|#)")
_LONGEST_CODE = 12


@dataclass(frozen=True, slots=True)
class Quantity:
    """One amount in a folded text, in its own unit. ``high`` is the size of a tolerance."""

    start: int
    number_end: int
    end: int
    low: float
    high: float
    form: Form
    unit: Unit | None

    @property
    def is_temperature(self) -> bool:
        """Whether it may be below zero without a sign word."""
        return self.unit is not None and self.unit.dims == (("K", 1),)


def find_quantities(text: str) -> Iterator[Quantity]:
    """Every amount of a folded text, left to right, none overlapping another."""
    waiting: Quantity | None = None
    for number in find_numbers(text):
        made = _single(text, number)
        if waiting is not None:
            joined = _joined(text, waiting, number)
            if joined is not None:
                waiting = joined
                continue
            yield waiting
            waiting = None
        if made is not None:
            waiting = made
    if waiting is not None:
        yield waiting


def _single(text: str, number: Number) -> Quantity | None:
    start, value = number.start, number.value
    before = text[start - 1 : start] if start else ""
    ratio = before == ":" and text[max(0, start - 2) : start - 1].isdigit()
    if (before and before in _JOINED_BEFORE) or ratio:
        return None
    if _JOINED_AFTER.match(text, number.end):
        return None
    if before.isascii() and before.isalpha():
        word = _LATIN.search(text[max(0, start - _LONGEST_CODE) : start])
        if word is None or not is_symbol(word[0]):
            return None
    if text[start] == "0" and text[start + 1 : start + 2].isdigit():
        return None  # 08S is a name
    if _is_date(number):
        return None
    if before == "-" or text.endswith("零下", 0, start):
        signed = _sign(text, number)
        if signed is None:
            return None
        start, value = signed
    return Quantity(start, number.number_end, number.end, value, value, Form.POINT, number.unit)


def _is_date(number: Number) -> bool:
    if number.unit is None or number.unit.text not in ("年", "月"):
        return False
    return number.unit.text == "月" or (1900 <= number.value <= 2100 and not number.chinese)


def _sign(text: str, number: Number) -> tuple[int, float] | None:
    """Start and value with the sign, None where the stroke joins the number to a code."""
    if text.endswith("零下", 0, number.start):
        return number.start - 2, -number.value
    before = text[number.start - 2 : number.start - 1] if number.start > 1 else ""
    if before.isascii() and (before.isalnum() or before == ")"):
        return None
    cold = number.unit is not None and number.unit.dims == (("K", 1),)
    if cold or number.unit is None or not before or before in " (（:：≥≤><=~,，":
        return number.start - 1, -number.value
    return number.start, number.value


def _joined(text: str, first: Quantity, second: Number) -> Quantity | None:
    """``first`` and ``second`` as a range or a tolerance, None where they are two amounts."""
    gap = text[first.end : second.start]
    if first.form is not Form.POINT or len(gap) > 8:
        return None
    if _TOLERANCE.fullmatch(gap):
        return _tolerance(first, second)
    between = _RANGE.fullmatch(gap)
    if between is None or _JOINED_AFTER.match(text, second.end):
        return None
    high = -second.value if between[1] else second.value
    unit = first.unit or second.unit
    low = first.low
    if first.unit is not None and second.unit is not None:
        if first.unit.dims != second.unit.dims:
            return None
        low, unit = second.unit.from_base(first.unit.to_base(low)), second.unit
    elif second.unit is not None and 0 < low * 1000 < high and first.unit is None:
        # 1~2万吨: the word behind the second counts for both.
        low = low * 10_000 if low * 10_000 <= high else low
    if low >= high or (low < 0 and unit is not None and not unit.offset and unit.dims):
        return None
    return Quantity(first.start, second.number_end, second.end, low, high, Form.RANGE, unit)


def _tolerance(first: Quantity, second: Number) -> Quantity | None:
    size, unit = second.value, first.unit or second.unit
    if first.unit is not None and second.unit is not None:
        if second.unit.is_share and not first.unit.is_share:
            size = abs(first.low) * second.unit.to_base(size)
        elif first.unit.dims == second.unit.dims:
            size = first.unit.from_base(second.unit.to_base(size, difference=True), difference=True)
        else:
            return None
    return replace(
        first,
        number_end=second.number_end,
        end=second.end,
        high=size,
        form=Form.TOLERANCE,
        unit=unit,
    )
