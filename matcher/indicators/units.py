"""Units as the field writes them, Chinese and Latin, and compounds of them (mg/Nm³, 吨/小时).

A small table of our own rather than a units library: pint 0.25 costs 0.3 s at start-up and 50 µs a
unit, reads no Chinese name, and takes ``Nm3`` and ``Mpa`` for errors; what remains of it is the
multiplication of factors below.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections import Counter
from dataclasses import dataclass
from importlib import resources
from typing import Any

_JOINERS = "/·*.•∙⋅"


@dataclass(frozen=True, slots=True)
class Unit:
    """``base = value · scale + offset``; ``dims`` are the exponents of the base dimensions."""

    text: str
    dims: tuple[tuple[str, int], ...]
    scale: float = 1.0
    offset: float = 0.0

    def to_base(self, value: float, *, difference: bool = False) -> float:
        """Into base units; a difference of temperatures has no offset."""
        return value * self.scale + (0.0 if difference else self.offset)

    def from_base(self, value: float, *, difference: bool = False) -> float:
        """Back from base units."""
        return (value - (0.0 if difference else self.offset)) / self.scale

    @property
    def is_share(self) -> bool:
        """Percent and its like: no dimension."""
        return not self.dims


PERCENT = Unit("%", (), 1e-2)
PH = Unit("", (("pH", 1),))
HARDNESS = {name: Unit(name, ((name, 1),)) for name in ("HRC", "HRB", "HRA", "HV", "HB")}


@functools.cache
def _table() -> dict[str, Unit]:
    source = resources.files("matcher.indicators").joinpath("units.toml")
    return {
        name: Unit(
            name, tuple(sorted(row["dims"].items())), row.get("scale", 1.0), row.get("offset", 0.0)
        )
        for row in tomllib.loads(source.read_text(encoding="utf-8"))["unit"]
        for name in row["names"]
    }


@functools.cache
def _pattern() -> re.Pattern[str]:
    source = resources.files("matcher.indicators").joinpath("units.toml")
    rows = tomllib.loads(source.read_text(encoding="utf-8"))["unit"]
    first, later = (
        _alternatives([row for row in rows if inside or not row.get("denominator")])
        for inside in (False, True)
    )
    # A bare digit may be the next item of a list (140r/min3）), so m2 and m3 are names.
    power = r"(?:\^-?[1-4](?!\d))?"
    joiner = rf"[ ]?[{re.escape(_JOINERS)}][ ]?"
    return re.compile(
        rf"(?:(?:{first}){power}|/(?:°C|[Kk])(?![A-Za-z]))(?:{joiner}\(?(?:{later}){power}){{0,3}}"
    )


def _alternatives(rows: list[dict[str, Any]]) -> str:
    """Longest name first; a Latin name ends with the word, a Chinese one not inside another."""
    names = sorted(((n, row) for row in rows for n in row["names"]), key=lambda p: -len(p[0]))
    parts = []
    for name, row in names:
        after = row.get("after", "")
        if name[-1].isascii() and name[-1].isalpha():
            # An exponent may follow a Latin name, another letter may not.
            tail = r"(?![A-Za-z]|\.[A-Z])"
        else:
            tail = f"(?![{after}])" if after else r"(?!\d)" if name[-1].isdigit() else ""
        parts.append(re.escape(name) + tail)
    return "|".join(parts)


def match_unit(text: str, position: int) -> tuple[Unit, int] | None:
    """The unit written at ``position`` of a normalised text, and its end."""
    match = _pattern().match(text, position)
    if match is None:
        return None
    unit = parse_unit(match[0])
    end = match.end()
    if match[0].count("(") > match[0].count(")") and text[end : end + 1] == ")":
        end += 1
    return unit, end


@functools.lru_cache(maxsize=4096)
def parse_unit(text: str) -> Unit:
    """A unit from its writing; all that follows the first stroke is below it.

    Raises:
        KeyError: a part is not in the table.
    """
    known = _table().get(text)
    if known is not None:
        return known
    dims: Counter[str] = Counter()
    scale, below, position = 1.0, False, 0
    while position < len(text):
        if text[position] in _JOINERS + " ()":
            below = below or text[position] == "/"
            position += 1
            continue
        name, end = _longest(text, position)
        power = re.compile(r"\^?(-?[1-4])").match(text, end)
        exponent = (int(power[1]) if power else 1) * (-1 if below else 1)
        unit = _table()[name]
        if name == "度":
            unit = _table()["kWh"]  # 度/吨: electricity, nothing else is counted per ton in 度
        for dimension, number in unit.dims:
            dims[dimension] += number * exponent
        scale *= unit.scale**exponent
        position = power.end() if power else end
    return Unit(text, tuple(sorted((d, n) for d, n in dims.items() if n)), scale)


def _longest(text: str, position: int) -> tuple[str, int]:
    for length in range(min(8, len(text) - position), 0, -1):
        name = text[position : position + length]
        if name in _table():
            return name, position + length
    raise KeyError(text)
