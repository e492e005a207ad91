"""What pages read of an address to filter by, and the links that take a filter away."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import urlencode

from fastapi import Depends, Query

from api.deps import Name
from api.facets import Choice, label
from corpus.filters import Facet
from corpus.model import Maturity

Values = dict[str, list[str]]
_Some = Annotated[list[Name] | None, Query()]


def given(
    field: _Some = None,
    region: _Some = None,
    industry: _Some = None,
    maturity: _Some = None,
    protection: _Some = None,
    min_maturity: str = "",
) -> Values:
    """By facet, what the address says. ``min_maturity`` is how earlier releases wrote it."""
    levels = [level.value for level in Maturity]
    if min_maturity in levels and not maturity:
        maturity = levels[levels.index(min_maturity) :]
    return {
        Facet.FIELD.value: field or [],
        Facet.REGION.value: region or [],
        Facet.INDUSTRY.value: industry or [],
        Facet.MATURITY.value: maturity or [],
        Facet.PROTECTION.value: protection or [],
    }


GivenDep = Annotated[Values, Depends(given)]


@dataclass(frozen=True, slots=True)
class Chip:
    """A chosen filter, and the address of the page without it."""

    label: str
    value: str
    href: str


def chips(choice: Choice, address: Callable[[Choice], str]) -> list[Chip]:
    """One for each chosen value."""
    return [
        Chip(label(choice.kind, facet), value, address(choice.without(facet, value)))
        for facet, value in choice.values
    ]


def address(path: str, pairs: Sequence[tuple[str, str | int]]) -> str:
    """A path with those of the parameters that say something."""
    said = [(name, value) for name, value in pairs if value not in ("", 0)]
    return f"{path}?{urlencode(said)}" if said else path
