"""From a number with its words and its property to an indicator: kind, bounds, status."""

from __future__ import annotations

from dataclasses import dataclass

from matcher.indicators.bounds import Bounds, amount_bounds, change_bounds, change_value
from matcher.indicators.fields import Field
from matcher.indicators.properties import Found
from matcher.indicators.quantities import Quantity
from matcher.indicators.status import (
    Side,
    is_aim,
    is_of_few,
    is_refused,
    is_report,
    is_wished,
    status,
)
from matcher.indicators.units import PERCENT, Unit
from matcher.indicators.values import Direction, Form, Indicator, Kind, Status
from matcher.indicators.words import Before, Mark, Sign, verb_before

_NO_CHANGE = 60  # per cent: 提高合格率达到 95 % is the rate itself
_POINTS, _TIMES, _DECADES = (("pp", 1),), (("times", 1),), (("decades", 1),)


@dataclass(frozen=True, slots=True)
class Statement:
    """A number of a field, the words before and behind it, and the property they name."""

    part: Field
    quantity: Quantity
    before: Before
    after: Sign | None
    end: int  # behind the words after the number
    found: Found
    side: Side

    @property
    def unit(self) -> Unit:
        """The unit as written."""
        return self.quantity.unit or PERCENT

    def indicator(self, conditions: frozenset[str]) -> Indicator | None:
        """The indicator it makes; None where the words contradict each other."""
        kind, direction = self._kind()
        made = self._change(direction) if kind is Kind.CHANGE else self._amount(direction)
        if made is None:
            return None
        value, unit, (form, bounds, clear) = made
        state = self._status(kind, form)
        quantity, found = self.quantity, self.found
        return Indicator(
            property=found.property.name,
            subject=found.subject,
            conditions=conditions,
            kind=kind,
            form=form,
            status=state if clear or state is not Status.STATED else Status.UNCLEAR,
            direction=direction,
            value=value,
            bounds=bounds,
            baseline=None,
            unit=unit,
            span=self.part.span(
                min(found.start, self.before.end, quantity.start), max(self.end, found.end)
            ),
            number=self.part.span(quantity.start, quantity.number_end),
        )

    def _signs(self) -> list[Sign]:
        return [*self.before.signs, *([self.after] if self.after else [])]

    def _change(self, direction: Direction | None) -> tuple[float, Unit, Bounds] | None:
        ratio, unit = self.before.has(Mark.RATIO), self.unit
        value = change_value(self.quantity, unit, direction, ratio=ratio)
        if value is None:
            return None
        made = change_bounds(
            value,
            self.quantity,
            self._signs(),
            refused=self.before.has(Mark.NOT),
            remainder=ratio and direction is Direction.DOWN,
        )
        shown = PERCENT if unit.dims in (_TIMES, _DECADES) else unit
        return None if made is None else (value, shown, made)

    def _amount(self, direction: Direction | None) -> tuple[float, Unit, Bounds] | None:
        unit = self.unit
        if unit.dims in (_POINTS, _DECADES):
            return None
        made = amount_bounds(
            self.quantity, unit, self._signs(), self.before, self.found.property, direction
        )
        return None if made is None else (unit.to_base(self.quantity.low), unit, made)

    def _kind(self) -> tuple[Kind, Direction | None]:
        """Whether the number is a change or an amount, and which way."""
        before, unit = self.before, self.unit
        relative = unit.is_share or unit.dims in (_TIMES, _POINTS, _DECADES)
        if before.verb is None:
            return self._kind_by_object(relative=relative)
        if before.is_noun or (before.has(Mark.RATIO) and relative):
            return Kind.CHANGE, before.verb
        arrives = before.has(Mark.TO) or before.has(Mark.IS)
        if arrives or (before.has(Mark.REACH) and not relative):
            return Kind.AMOUNT, before.verb
        return Kind.CHANGE, before.verb

    def _kind_by_object(self, *, relative: bool) -> tuple[Kind, Direction | None]:
        """The same where the property stands between verb and number: 降低能耗 15 %."""
        before, start = self.before, self.found.start
        governing = None
        if start < before.end:
            governing = verb_before(self.part.folded.text, max(0, start - 14), start)
        if governing is None:
            return Kind.AMOUNT, None
        verb, saves = governing
        settled = before.has(Mark.IS) or before.has(Mark.REACH)
        high = not relative or (self.unit.is_share and self.quantity.low >= _NO_CHANGE)
        if before.has(Mark.TO) or (settled and high and not saves):
            return Kind.AMOUNT, verb
        return Kind.CHANGE, verb

    def _status(self, said: Kind, form: Form) -> Status:
        part, start, side = self.part, self.quantity.start, self.side
        kind, heading = part.section(start)
        sentence, text = part.before_in_sentence(start), part.folded.text
        if self.before.has(Mark.FROM):
            return Status.PRESENT if side is Side.NEED else Status.PRIOR
        made = status(side, sentence, kind, heading)
        if made is not Status.STATED:
            return made
        clause = text[part.clause_start(start) : self.before.end]
        if is_refused(clause):
            return Status.UNCLEAR
        if side is Side.ACHIEVEMENT:
            doubtful = is_of_few(clause) or is_aim(text[self.end : self.end + 12])
            return Status.UNCLEAR if doubtful else Status.STATED
        if form in (Form.POINT, Form.ABOUT) and part.name == "text":
            asked = said is Kind.CHANGE or self.before.has(Mark.REACH) or is_wished(sentence, kind)
            asked = asked or (self.found.known and not is_report(sentence))
            return Status.STATED if asked else Status.PRESENT
        return made
