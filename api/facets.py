"""What one can filter by: the choice of a person, its counts, and how it is written in addresses.

Shared by the pages, the API and saved searches.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from pydantic import Field

from api.services import Services, readable
from api.wire import Wire
from corpus.confidentiality import Role
from corpus.facets import vocabulary
from corpus.filters import Facet, facets_of
from corpus.model import Kind, Maturity, RecordFilter
from corpus.protection import Protection

MOST_VALUES = 50
"""Values that can be chosen in one facet."""


def label(kind: Kind, facet: Facet) -> str:
    """For people."""
    if facet is Facet.REGION:
        return "县区" if kind is Kind.NEED else "地区"
    return {
        Facet.FIELD: "技术领域",
        Facet.INDUSTRY: "行业",
        Facet.MATURITY: "成熟度",
        Facet.PROTECTION: "知识产权",
    }[facet]


@dataclass(frozen=True, slots=True)
class Choice:
    """What somebody chose of a kind of record: (facet, value) in display order, each once."""

    kind: Kind
    values: tuple[tuple[Facet, str], ...] = ()

    @classmethod
    def of(cls, kind: Kind, given: Mapping[str, Iterable[str]]) -> Choice:
        """From what an address or a form says; what does not concern the kind is left out.

        Levels and states that there are not, and the places of the other kind, are dropped:
        they stay in an address when somebody goes over to the other kind.
        """
        chosen: list[tuple[Facet, str]] = []
        for facet in facets_of(kind):
            wanted = [one for one in dict.fromkeys(given.get(facet.value, ())) if one.strip()]
            chosen += [(facet, one) for one in wanted[:MOST_VALUES] if _fits(kind, facet, one)]
        return cls(kind, tuple(chosen))

    def of_facet(self, facet: Facet) -> tuple[str, ...]:
        """What is chosen there."""
        return tuple(value for one, value in self.values if one is facet)

    def without(self, facet: Facet, value: str) -> Choice:
        """The rest, when one is taken away."""
        return replace(self, values=tuple(v for v in self.values if v != (facet, value)))

    def pairs(self) -> list[tuple[str, str]]:
        """For an address."""
        return [(facet.value, value) for facet, value in self.values]

    def as_lists(self) -> dict[str, list[str]]:
        """As a saved search keeps it; ``of`` takes it back."""
        facets = dict.fromkeys(facet for facet, _ in self.values)
        return {facet.value: list(self.of_facet(facet)) for facet in facets}

    def sentence(self) -> str:
        """In words; empty: nothing is chosen."""
        facets = dict.fromkeys(facet for facet, _ in self.values)
        return "；".join(f"{label(self.kind, f)}：{'、'.join(self.of_facet(f))}" for f in facets)

    def where(self, services: Services, *, include_expired: bool = False) -> RecordFilter:
        """As a filter."""
        return services.record_filter(
            self.of_facet(Facet.FIELD),
            self.of_facet(Facet.REGION),
            None,
            include_expired,
            industries=self.of_facet(Facet.INDUSTRY),
            maturities=[Maturity(one) for one in self.of_facet(Facet.MATURITY)],
            protections=[Protection(one) for one in self.of_facet(Facet.PROTECTION)],
        )


def _fits(kind: Kind, facet: Facet, value: str) -> bool:
    known = vocabulary(kind, facet)
    if facet in (Facet.MATURITY, Facet.PROTECTION):
        return value in known
    if facet is Facet.REGION:
        return value in known or value not in vocabulary(kind.other, facet)
    return True


class FacetValueOut(Wire):
    """A value and how many records have it."""

    value: str = Field(examples=["新材料"])
    count: int = Field(
        description="Records there would be if this value alone were chosen in this facet."
    )
    chosen: bool


class FacetOut(Wire):
    """One thing to filter by; values without a record are left out unless chosen."""

    name: Facet = Field(description="Name of the parameter that filters by it.")
    label: str = Field(description="For people.", examples=["技术领域"])
    values: list[FacetValueOut]


class FacetsOut(Wire):
    """What can be filtered by, with counts given the other filters."""

    kind: Kind
    total: int = Field(description="Records that pass all the filters.")
    facets: list[FacetOut]


def counted(
    services: Services, kind: Kind, where: RecordFilter, role: Role, *, searched: bool = False
) -> FacetsOut:
    """Counts for who asks. ``searched``: of the records that a search looks at, that is whose
    text the role may read."""
    level = role.clearance.level
    where = readable(where, role) if searched else replace(where, asked_at=level)
    with services.reading() as session:
        found = services.facet_counts.get(session, services.scope, kind, where)
    return FacetsOut(
        kind=kind,
        total=found.total,
        facets=[
            FacetOut(
                name=one.facet,
                label=label(kind, one.facet),
                values=_values(one.values, one.facet.own(where)),
            )
            for one in found.facets
        ],
    )


def _values(found: Sequence[tuple[str, int]], chosen: frozenset[str]) -> list[FacetValueOut]:
    return [FacetValueOut(value=name, count=n, chosen=name in chosen) for name, n in found]
