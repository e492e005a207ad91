"""From a quantity and the words around it to the interval it means, in base units."""

from __future__ import annotations

import math

from matcher.indicators.properties import Property
from matcher.indicators.quantities import Quantity
from matcher.indicators.units import Unit
from matcher.indicators.values import Direction, Form, Interval
from matcher.indicators.words import Before, Mark, Sign

# 约: a twentieth of the value; of a share, a tenth of its distance to the nearer of 0 and 100 %,
# since 约 96 % is not 92 %.
ABOUT_VALUE = 0.05
ABOUT_SHARE = 0.1
# Shares up to a fifth are errors, from one half on accuracies (精度 98 %).
_ERROR_SHARE = 0.2
_ACCURACY_SHARE = 0.5

_OTHER_SIDE = {
    Sign.AT_LEAST: Sign.AT_MOST,
    Sign.AT_MOST: Sign.AT_LEAST,
    Sign.ABOVE: Sign.BELOW,
    Sign.BELOW: Sign.ABOVE,
}

# Form, interval, and whether the words left no doubt.
Bounds = tuple[Form, Interval, bool]


def better_side(prop: Property, value: float, unit: Unit) -> str:
    """``higher``, ``lower`` or ``none`` for this property at this value."""
    if prop.better != "error":
        return prop.better
    if not unit.is_share or value <= _ERROR_SHARE:
        return "lower"
    return "higher" if value >= _ACCURACY_SHARE else "none"


def around(value: float, unit: Unit) -> Interval:
    """What 约 ``value`` may stand for."""
    if unit.is_share and 0 < value < 1:
        slack = ABOUT_SHARE * min(value, 1 - value)
    elif unit.offset:
        slack = ABOUT_VALUE * abs(unit.from_base(value)) * unit.scale
    else:
        slack = ABOUT_VALUE * abs(value)
    return Interval(value - slack, value + slack)


def amount_bounds(
    quantity: Quantity,
    unit: Unit,
    signs: list[Sign],
    before: Before,
    prop: Property,
    direction: Direction | None,
) -> Bounds | None:
    """Bounds of a property's own value; None where the words contradict each other."""
    value = unit.to_base(quantity.low)
    if quantity.form is Form.RANGE:
        whole = Interval(value, unit.to_base(quantity.high))
        return Form.RANGE, whole, not before.has(Mark.NOT)
    if quantity.form is Form.TOLERANCE:
        size = unit.to_base(quantity.high, difference=True)
        return Form.TOLERANCE, Interval(value - size, value + size), not before.has(Mark.NOT)
    side = better_side(prop, value, unit)
    if before.has(Mark.TOLERANCE):
        if prop.better != "error":
            return None
        return Form.POINT, Interval(value, value), True
    sign = _settled(signs, side)
    if sign is None and signs and Sign.ABOUT not in signs:
        return None
    if prop.better == "error" and side == "lower" and sign in (Sign.AT_LEAST, Sign.ABOVE):
        # 精度高于 0.05 mm: the higher precision is the smaller number.
        sign = Sign.AT_MOST if sign is Sign.AT_LEAST else Sign.BELOW
    if before.has(Mark.NOT):
        return _refused(value, sign, side, direction)
    if sign is not None:
        return Form.LIMIT, limit(value, sign), True
    if Sign.ABOUT in signs:
        return Form.ABOUT, around(value, unit), True
    return Form.POINT, Interval(value, value), True


def _refused(value: float, sign: Sign | None, side: str, direction: Direction | None) -> Bounds:
    """未达到 1000: below it where more is better; unclear where nothing says which side."""
    if sign in (Sign.AT_LEAST, Sign.ABOVE):
        return Form.LIMIT, Interval.at_most(value, below=sign is Sign.AT_LEAST), True
    if sign in (Sign.AT_MOST, Sign.BELOW):
        return Form.LIMIT, Interval.at_least(value, above=sign is Sign.AT_MOST), True
    if direction is Direction.UP or (direction is None and side == "higher"):
        return Form.LIMIT, Interval.at_most(value, below=True), True
    if direction is Direction.DOWN or (direction is None and side == "lower"):
        return Form.LIMIT, Interval.at_least(value, above=True), True
    return Form.POINT, Interval(value, value), False


def limit(value: float, sign: Sign) -> Interval:
    """The interval of one comparator."""
    if sign in (Sign.AT_LEAST, Sign.ABOVE):
        return Interval.at_least(value, above=sign is Sign.ABOVE)
    return Interval.at_most(value, below=sign is Sign.BELOW)


def _settled(signs: list[Sign], side: str) -> Sign | None:
    """The one comparator of several words; None for none or for a contradiction."""
    limits = [sign for sign in signs if sign is not Sign.ABOUT]
    if Sign.BETTER in limits:
        better = {"higher": Sign.AT_LEAST, "lower": Sign.AT_MOST}.get(side)
        return better if len(limits) == 1 else None
    up = {Sign.AT_LEAST, Sign.ABOVE}
    if not limits or len({sign in up for sign in limits}) > 1:
        return None
    # 超过 1000 以上: the laxer word counts.
    return next((s for s in limits if s in (Sign.AT_LEAST, Sign.AT_MOST)), limits[0])


def change_value(
    quantity: Quantity, unit: Unit, direction: Direction | None, *, ratio: bool
) -> float | None:
    """The size of a change in base units; shares for multiples and orders of magnitude.

    None where it makes no sense: 降低 2 倍.
    """
    value = quantity.low
    if unit.dims == (("times", 1),):
        share = value
    elif unit.dims == (("decades", 1),):
        if abs(value) > 12:
            return None
        times = math.pow(10.0, value)
        return times - 1 if direction is Direction.UP else 1 - 1 / times
    elif unit.is_share:
        share = unit.to_base(value)
    else:
        return None if ratio else unit.to_base(value, difference=True)
    if ratio:
        share = share - 1 if direction is Direction.UP else 1 - share
    if share < 0 or (direction is Direction.DOWN and share > 1):
        return None
    return share


def change_bounds(
    value: float, quantity: Quantity, signs: list[Sign], *, refused: bool, remainder: bool
) -> Bounds | None:
    """Bounds of the size of a change; ``remainder`` where the words speak of what is left of it.

    降低到原来的 70 % 以下 is a fall by 30 % at least.
    """
    unit = quantity.unit
    if quantity.form is Form.TOLERANCE or unit is None:
        return None
    if quantity.form is Form.RANGE:
        factor = value / quantity.low if quantity.low else 0.0
        return Form.RANGE, Interval(value, quantity.high * factor), not refused
    sign = _settled(signs, "higher")
    if sign is None and signs and Sign.ABOUT not in signs:
        return None
    if remainder and sign is not None:
        sign = _OTHER_SIDE[sign]
    if refused:
        return _refused(value, sign, "higher", None)
    if sign is not None:
        return Form.LIMIT, limit(value, sign), True
    if Sign.ABOUT in signs:
        return Form.ABOUT, Interval(value * (1 - ABOUT_VALUE), value * (1 + ABOUT_VALUE)), True
    return Form.POINT, Interval(value, value), True
