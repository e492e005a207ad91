"""How many records have each value that one can filter by, given the other filters.

A count is what a list would hold if that value alone were chosen there: values that the reader may
not see count nowhere (``RecordFilter.asked_at``), rows outside of the scope are as if they were
not.
"""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, func
from sqlmodel import Session, col, select

from corpus.confidentiality import EVERY_ROW, RowScope
from corpus.filters import (
    Facet,
    conditions_of,
    conditions_of_scope,
    facet_column,
    facets_of,
    joined,
    open_values,
)
from corpus.industries import industries, section_of
from corpus.mapping import TABLES
from corpus.model import Kind, Maturity, RecordFilter
from corpus.protection import Protection
from corpus.repository import CorpusRepository
from corpus.taxonomy import counties, regions, technology_fields

_VALUE = "facet_value"


@dataclass(frozen=True, slots=True)
class Counted:
    """The values of a facet that any record has, in display order, with their counts."""

    facet: Facet
    values: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many records pass a filter, and how many have each value."""

    total: int
    facets: tuple[Counted, ...]


class KeptCounts:
    """Counts of late, until the corpus changes. Safe for threads."""

    def __init__(self, most: int = 128) -> None:
        self._most = most
        self._kept: OrderedDict[tuple[int, Kind, RecordFilter, RowScope], Counts] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, session: Session, scope: RowScope, kind: Kind, where: RecordFilter) -> Counts:
        """As ``FacetRepository`` counts them in this session."""
        asked = (CorpusRepository(session).revision(), kind, where, scope)
        with self._lock:
            if asked in self._kept:
                self._kept.move_to_end(asked)
                return self._kept[asked]
        repository = FacetRepository(session, scope)
        made = Counts(repository.total(kind, where), tuple(repository.counts(kind, where)))
        with self._lock:
            self._kept[asked] = made
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made


class FacetRepository:
    """Counts within the records of one scope."""

    def __init__(self, session: Session, scope: RowScope = EVERY_ROW) -> None:
        self._session = session
        self._scope = scope

    def total(self, kind: Kind, where: RecordFilter) -> int:
        """How many records pass a filter."""
        found: Any = select(func.count(col(TABLES[kind].id)))
        return int(self._session.exec(self._joined(kind, found, where)).one())

    def counts(self, kind: Kind, where: RecordFilter) -> list[Counted]:
        """For each facet of a kind: what the filter leaves when its own choice is left out.

        Industries are counted by section. A chosen value that no record has is there with 0.
        """
        return [self._counted(kind, facet, where) for facet in facets_of(kind)]

    def count(self, kind: Kind, facet: Facet, where: RecordFilter) -> Counted:
        """The same for one facet."""
        return self._counted(kind, facet, where)

    def _counted(self, kind: Kind, facet: Facet, where: RecordFilter) -> Counted:
        # Grouped by its name: PostgreSQL takes two expressions with parameters for different.
        value = facet_column(kind, facet).label(_VALUE)
        columns: Any = select(value, func.count(col(TABLES[kind].id)))
        conditions = open_values(kind, facet, where.asked_at)
        statement = self._joined(kind, columns, facet.without(where), conditions).group_by(_VALUE)
        counts: Counter[str] = Counter()
        for name, count in self._session.exec(statement):
            if name:
                counts[section_of(name) if facet is Facet.INDUSTRY else name] += int(count)
        # Chosen below a section: counted by itself too, so that the choice can be seen and undone.
        for name in facet.own(where) - counts.keys():
            alone = facet.choosing(where, frozenset({name}))
            counts[name] = self.total(kind, alone)
        return Counted(facet, tuple(sorted(counts.items(), key=_place(kind, facet))))

    def _joined(
        self,
        kind: Kind,
        statement: Any,
        where: RecordFilter,
        more: Sequence[ColumnElement[bool] | bool] = (),
    ) -> Any:
        conditions = [*conditions_of(kind, where), *more, *conditions_of_scope(kind, self._scope)]
        return joined(kind, statement, conditions)


def vocabulary(kind: Kind, facet: Facet) -> tuple[str, ...]:
    """Names that a facet's values are made of, in display order; records may hold others."""
    if facet is Facet.REGION:
        return counties() if kind is Kind.NEED else regions()
    if facet is Facet.INDUSTRY:
        return tuple(entry.name for entry in industries() if entry.is_section)
    return {
        Facet.FIELD: technology_fields(),
        Facet.MATURITY: tuple(Maturity),
        Facet.PROTECTION: tuple(Protection),
    }[facet]


def _place(kind: Kind, facet: Facet) -> Any:
    order = {name: place for place, name in enumerate(vocabulary(kind, facet))}
    return lambda one: (order.get(one[0], len(order)), one[0])
