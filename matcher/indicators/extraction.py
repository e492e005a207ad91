"""Quantified statements of a title and a text, with exact spans of the original.

A number is read from itself outwards: its unit, the words around it (comparator, verb of change),
the property before them, what it is of and under which conditions, and whether the sentence states
it at all. What cannot be read is left out; nothing raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from matcher.indicators.fields import REACH, Field, last_before
from matcher.indicators.properties import (
    Found,
    is_fact,
    known_property,
    property_after,
    property_before,
    property_inside,
)
from matcher.indicators.quantities import Quantity, find_quantities
from matcher.indicators.statement import Statement
from matcher.indicators.status import Side, status
from matcher.indicators.units import HARDNESS, PERCENT, PH, Unit, parse_unit
from matcher.indicators.values import Form, Indicator, Interval, Kind
from matcher.indicators.words import Before, Mark, read_after, read_before

_COMPARISON_TAIL = re.compile(
    r"(?:相较于?|相比于?|相对于?|较|比)[^，。；;\n]{1,14}$|(?:与|同|和)[^，。；;\n]{1,14}(?:相比|比较)$"
    r"|在?[^，。；;\n]{0,10}基础上$"
)
_CONDITION_WORDS = re.compile(
    r"母材|焊缝|基体|芯部|热影响区|最佳|最优|理想|实验室|高温|低温|横向|纵向|轴向|径向|峰值|瞬时|干态|湿态|热态|冷态|小试|中试|初始|静态|动态"
)
_MEASURED = re.compile(r"[ ]?(?:下|时|龄期|后|养护)?的?[ ]?")
_THINGS = {"item", "set", "machine", "sheet", "plant", "piece", "head", "grain"}
_COUNTS = _THINGS | {"cycle", "du", "grade", "times", "r"}
_DIMENSIONLESS = {"长径比", "摩擦系数", "介电常数", "模数", "信噪比", "介电损耗"}
_HIGHEST_PH = 14
_POWER_USES = {"电耗", "能耗", "综合能耗"}
_ADVERB = re.compile("[^的和与及、且并]{1,5}")
_UNITLESS = re.compile("[pP]H|H[RVB]|长径比|系数|常数|模数|信噪比|损耗")
_REFERENCE = re.compile(
    r"(?:不低于|不高于|达到|优于|高于|低于|符合|满足|执行)[^，。；;\n\d]{0,12}?"
    r"(?:国家标准|国标|行业标准|行标|欧盟标准|国际标准|排放标准|地方标准|超低排放(?:标准|要求)?"
    r"|(?<![A-Z])GB(?:/T)?[ ]?\d{2,6})"
)


@dataclass(slots=True)
class _Reading:
    """What is known of the clause so far, while its quantities are read left to right."""

    clause: int = -1
    previous: Quantity | None = None  # in this clause
    left: int = 0  # where the words of the last quantity begin
    end: int = 0  # where they end
    amounts: list[str] = field(default_factory=list)  # all of this clause
    conditions: list[str] = field(default_factory=list)


def extract(title: str, text: str, side: Side = Side.ACHIEVEMENT) -> tuple[Indicator, ...]:
    """The quantified statements of a record, title first, in the order of the text.

    Args:
        side: whose text it is; decides what is a present state, a plan, a comparison.

    Never raises on any text. The first 20,000 characters of the text are read.
    """
    found: list[Indicator] = []
    for name, original in (("title", title), ("text", text)):
        if original:
            found += _read_field(Field.of(name, original), side)
    return tuple(found)


def _read_field(part: Field, side: Side) -> list[Indicator]:
    found: list[Indicator] = []
    reading = _Reading()
    for quantity in find_quantities(part.folded.text):
        indicator = _read(part, quantity, reading, side)
        if indicator is None:
            continue
        if indicator.baseline is not None and found:
            # 由 120 降至 96: the first number is where the second came from.
            first = found[-1]
            if first.number.start >= indicator.span.start and first.span.field == part.name:
                found.pop()
        found.append(indicator)
    found += _references(part, side)
    return sorted(found, key=lambda i: i.number.start)


def _read(part: Field, quantity: Quantity, reading: _Reading, side: Side) -> Indicator | None:
    text = part.folded.text
    start = part.clause_start(quantity.start)
    if start != reading.clause:
        if start > reading.clause:  # else out of a bracket: 抗压强度(28d)≥60 MPa
            # 当负荷率为 80 % 时，…: what was measured under stands in the clause before.
            under = text[start - 2 : start] in ("时，", "下，") and reading.end > start - REACH
            reading.conditions = reading.amounts if under else []
            reading.amounts = []
        reading.clause, reading.previous = start, None
    left = max(start, reading.end if reading.previous else 0, quantity.start - REACH)
    previous, reading.previous = reading.previous, None
    if quantity.unit is None and not _UNITLESS.search(text, left, quantity.start):
        # Nothing by itself, but perhaps the first of 由 120 降至 96 kWh/t.
        reading.previous, reading.left, reading.end = quantity, left, quantity.end
        return None
    before = read_before(text, left, quantity.start)
    after, end = read_after(text, quantity.end)
    origin = _origin(part, before, previous, reading, left)
    found = origin or _property(text, part, before, reading, left, end)
    quantity, found = _with_unit(text, quantity, before, found, left)
    reading.previous, reading.left, reading.end = quantity, left, end
    reading.amounts.append(_condition(quantity))
    if _is_condition(text, quantity, end, found, before):
        reading.conditions.append(_condition(quantity))
        return None
    if found is None or quantity.unit is None or is_fact(found) or before.has(Mark.SEVERAL):
        return None
    if _is_counting(quantity.unit, found):
        return None
    baseline = _baseline(previous, quantity) if origin is not None else None
    if origin is not None and baseline is None:
        return None
    statement = Statement(part, quantity, before, after, end, found, side)
    made = statement.indicator(_conditions(text, found, reading))
    return made if made is None else replace(made, baseline=baseline)


def _is_counting(unit: Unit, found: Found) -> bool:
    """Whether the number counts things (一个, 两台) and is no value of a property."""
    if len(unit.dims) != 1:
        return False
    return unit.dims[0][0] in (_THINGS if found.known else _COUNTS)


def _origin(
    part: Field, before: Before, previous: Quantity | None, reading: _Reading, left: int
) -> Found | None:
    """The property of the number this one came from: 由 120 降至 96."""
    if previous is None or before.verb is None:
        return None
    if not any(before.has(mark) for mark in (Mark.TO, Mark.IS, Mark.REACH)):
        return None
    text = part.folded.text
    if text[left : before.end].strip(" 的左右以上下逐步"):
        return None
    first = read_before(text, reading.left, previous.start)
    return _property(text, part, first, reading, reading.left, previous.end)


def _baseline(previous: Quantity | None, quantity: Quantity) -> float | None:
    if previous is None or previous.form is not Form.POINT or quantity.unit is None:
        return None
    unit = previous.unit or quantity.unit
    return unit.to_base(previous.low) if unit.dims == quantity.unit.dims else None


def _property(
    text: str, part: Field, before: Before, reading: _Reading, left: int, end: int
) -> Found | None:
    if before.holds is not None:
        made = known_property(before.holds)
        return Found(made, True, before.end, before.end + 2, "")
    found = property_before(text, left, before.end, guess=False)
    if found is not None:
        return found
    tail = _COMPARISON_TAIL.search(text[left : before.end])
    if tail is not None:
        found = property_before(text, left, left + tail.start())
        found = found or property_inside(text, left + tail.start(), before.end)
        if found is not None:
            return found
    if text.startswith("的", end):
        found = property_after(text, end + 1, min(len(text), end + 12))
        if found is not None:
            return found
    found = None if tail is not None else property_before(text, left, before.end)
    return found or _further(text, part, before, reading, left)


def _further(text: str, part: Field, before: Before, reading: _Reading, left: int) -> Found | None:
    """The property with an adverb behind it (能耗稳定地降低), or in the clause before."""
    found = property_inside(text, left, before.end)
    if found is not None and _ADVERB.fullmatch(text, found.end, before.end):
        return found
    alone = before.verb is not None or not text[left : before.end].strip(" ")
    if not alone or not left or text[left - 1] != "，":
        return None
    same = before.verb is not None and before.has(Mark.TO)  # 能耗为 130，希望降到 100
    first = last_before(part.clause_ends, max(0, left - 1))
    # Else not past another number, which the property before it belongs to.
    return property_inside(text, max(first, left - 30, 0 if same else reading.end), left)


def _with_unit(
    text: str, quantity: Quantity, before: Before, found: Found | None, left: int
) -> tuple[Quantity, Found | None]:
    """The quantity with the unit that is written before it (HRC 60) or not at all (pH 7)."""
    if quantity.unit is not None:
        return replace(quantity, unit=_degrees(quantity.unit, found)), found
    for name, unit in HARDNESS.items():
        if text.endswith(name, left, before.end):
            inner = read_before(text, left, before.end - len(name))
            before.signs += inner.signs
            before.marks += inner.marks
            hard = property_before(text, left, inner.end, guess=False)
            made = hard or Found(
                known_property("硬度"), True, before.end - len(name), before.end, ""
            )
            return replace(quantity, unit=unit), made
    if found is None:
        return quantity, found
    if found.property.name == "pH":
        if not 0 <= quantity.low <= quantity.high <= _HIGHEST_PH:
            return quantity, None
        return replace(quantity, unit=PH), found
    if found.property.name in _DIMENSIONLESS:
        return replace(quantity, unit=Unit("", (("1", 1),))), found
    return quantity, found


def _degrees(unit: Unit, found: Found | None) -> Unit:
    """度 is kilowatt-hours of a use of power, and Celsius of a temperature."""
    if unit.text != "度" or found is None:
        return unit
    if found.property.name in _POWER_USES:
        return parse_unit("kWh")
    return parse_unit("°C") if found.property.name.endswith("温度") else unit


def _is_condition(
    text: str, quantity: Quantity, end: int, found: Found | None, before: Before
) -> bool:
    """Whether it says under what something was measured: 28d 抗压强度, 800℃ 下."""
    if before.verb is not None or quantity.unit is None or quantity.unit.is_share:
        return False
    if found is not None and found.known and before.end < quantity.start:
        return False
    gap = _MEASURED.match(text, end)
    behind = gap.end() if gap else end
    if gap is not None and gap[0].strip() == "的":
        return found is None
    return property_after(text, behind, min(len(text), behind + 10)) is not None or found is None


def _condition(quantity: Quantity) -> str:
    unit = quantity.unit or PERCENT
    return f"{unit.to_base(quantity.low):.6g}{unit.dims}"


def _conditions(text: str, found: Found, reading: _Reading) -> frozenset[str]:
    words = _CONDITION_WORDS.findall(text[max(reading.clause, found.start - 10, 0) : found.end])
    return frozenset([*reading.conditions, *words])


def _references(part: Field, side: Side) -> Iterator[Indicator]:
    text = part.folded.text
    for match in _REFERENCE.finditer(text):
        start = part.clause_start(match.start())
        found = property_before(text, start, match.start(), guess=False)
        if found is None:
            continue
        kind, heading = part.section(match.start())
        state = status(side, part.before_in_sentence(match.start()), kind, heading)
        span = part.span(found.start, match.end())
        everything = Interval(float("-inf"), float("inf"), True, True)
        yield Indicator(
            found.property.name, found.subject, frozenset(), Kind.REFERENCE, Form.LIMIT, state,
            None, 0.0, everything, None, Unit("", ()), span, span,
        )  # fmt: skip
