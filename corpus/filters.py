"""Hard filters as conditions of a query."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_, true
from sqlmodel import col

from corpus.confidentiality import ALWAYS_SHOWN, RowScope
from corpus.industries import industries_within
from corpus.mapping import SUGGESTED, TABLES
from corpus.model import Confidentiality, Kind, Maturity, RecordFilter
from corpus.protection import protection_column
from corpus.tables import AchievementTable, NeedTable, OrganisationTable


class Facet(StrEnum):
    """What records can be filtered by and counted by; the name is that of the API's parameter."""

    FIELD = "field"
    REGION = "region"
    INDUSTRY = "industry"
    MATURITY = "maturity"
    PROTECTION = "protection"

    def own(self, where: RecordFilter) -> frozenset[str]:
        """What is chosen here; empty: any."""
        found: frozenset[str] = getattr(where, _SETS[self])
        return found

    def chosen(self, where: RecordFilter) -> frozenset[str]:
        """Values of the column that the choice lets through; empty: any."""
        if self is not Facet.INDUSTRY:
            return self.own(where)
        return frozenset(name for one in self.own(where) for name in industries_within(one))

    def without(self, where: RecordFilter) -> RecordFilter:
        """The filter with nothing chosen here."""
        return self.choosing(where, frozenset())

    def choosing(self, where: RecordFilter, values: frozenset[str]) -> RecordFilter:
        """The filter with these values chosen here instead."""
        changed: dict[str, Any] = {_SETS[self]: values}
        return replace(where, **changed)


_SETS = {
    Facet.FIELD: "technology_fields",
    Facet.REGION: "regions",
    Facet.INDUSTRY: "industries",
    Facet.MATURITY: "maturities",
    Facet.PROTECTION: "protections",
}
_OF_ACHIEVEMENTS = frozenset({Facet.MATURITY, Facet.PROTECTION})


def facets_of(kind: Kind) -> tuple[Facet, ...]:
    """Those that a kind of record has, in display order."""
    return tuple(f for f in Facet if kind is Kind.ACHIEVEMENT or f not in _OF_ACHIEVEMENTS)


def facet_column(kind: Kind, facet: Facet) -> Any:
    """Where the value of a facet stands, in a selection made by ``joined``: a column."""
    table = TABLES[kind]
    if facet is Facet.REGION:
        return col(NeedTable.county if kind is Kind.NEED else OrganisationTable.region)
    if facet is Facet.PROTECTION:
        return protection_column(col(AchievementTable.intellectual_property))
    if facet is Facet.MATURITY:
        return col(AchievementTable.maturity)
    return col(table.technology_field if facet is Facet.FIELD else table.industry)


def open_values(
    kind: Kind, facet: Facet, asked_at: Confidentiality
) -> list[ColumnElement[bool] | bool]:
    """What makes the value of a facet one that may be filtered and counted by."""
    names = {
        Facet.FIELD: "technology_field",
        Facet.REGION: "county" if kind is Kind.NEED else "organisation",
        Facet.INDUSTRY: "industry",
        Facet.MATURITY: "maturity",
        Facet.PROTECTION: "intellectual_property",
    }
    return _open(TABLES[kind], names[facet], asked_at)


def newest_first(kind: Kind, asked_at: Confidentiality) -> list[ColumnElement[Any]]:
    """Order by the day of publication where it may be read, then by entry, the last first."""
    table = TABLES[kind]
    is_open: Any = _open(table, "published_on", asked_at)
    closed = ~and_(true(), *is_open)
    day = case((closed, None), else_=col(table.published_on))
    return [day.is_(None), day.desc(), col(table.id).desc()]


def joined(kind: Kind, statement: Any, conditions: Sequence[Any]) -> Any:
    """A selection of records with their owners, restricted."""
    table = TABLES[kind]
    return statement.join(
        OrganisationTable, col(table.organisation_id) == OrganisationTable.id, isouter=True
    ).where(*conditions)


def conditions_of(kind: Kind, where: RecordFilter) -> list[ColumnElement[bool] | bool]:
    """What a record has to fulfil; see ``RecordFilter``."""
    table = TABLES[kind]
    conditions: list[ColumnElement[bool] | bool] = [col(table.status).in_(sorted(where.statuses))]
    if where.open_to is not Confidentiality.CONFIDENTIAL:
        conditions.append(col(table.text_rank) <= where.open_to.rank)
    if where.keys is not None:
        conditions.append(col(table.key).in_(sorted(where.keys)))
    for facet in facets_of(kind):
        if chosen := facet.chosen(where):
            conditions.append(facet_column(kind, facet).in_(sorted(chosen)))
            conditions += open_values(kind, facet, where.asked_at)
    if where.min_maturity is not None and kind is Kind.ACHIEVEMENT:
        levels = list(Maturity)
        enough = levels[levels.index(where.min_maturity) :]
        conditions.append(col(AchievementTable.maturity).in_([m.value for m in enough]))
        conditions += open_values(kind, Facet.MATURITY, where.asked_at)
    if where.title:
        conditions.append(col(table.title).icontains(where.title, autoescape=True))
        conditions += _open(table, "title", where.asked_at)
    if where.valid_on is not None:
        until = col(table.valid_until_on)
        conditions.append(or_(until.is_(None), until >= where.valid_on))
    return conditions


def conditions_of_scope(kind: Kind, scope: RowScope) -> list[ColumnElement[bool] | bool]:
    """What a record has to fulfil to be there for an account; see ``RowScope``."""
    if kind is Kind.NEED and scope.counties is not None:
        inside = col(NeedTable.county).in_(sorted(scope.counties))
        return [inside, *_open(NeedTable, "county", scope.asked_at)]
    if kind is Kind.ACHIEVEMENT and scope.owners is not None:
        inside = col(OrganisationTable.name).in_(sorted(scope.owners))
        return [inside, *_open(AchievementTable, "organisation", scope.asked_at)]
    return []


def _open(
    table: type[AchievementTable] | type[NeedTable], name: str, asked_at: Confidentiality
) -> list[ColumnElement[bool] | bool]:
    """What a filter adds to its condition on a field, by the rules of ``confidentiality``."""
    if asked_at is Confidentiality.CONFIDENTIAL:
        return []
    levels = [level.value for level in Confidentiality if level.rank <= asked_at.rank]
    own = col(table.field_levels)[name].as_string()
    conditions: list[ColumnElement[bool] | bool] = [or_(own.is_(None), own.in_(levels))]
    if name not in ALWAYS_SHOWN:
        conditions.append(col(table.confidentiality).in_(levels))
    if name in SUGGESTED:
        # A suggestion is made from the text.
        guess = col(table.suggested)[name].as_string()
        conditions.append(or_(guess.is_(None), col(table.text_rank) <= asked_at.rank))
    return conditions


def conditions_of_owner(kind: Kind, asked_at: Confidentiality) -> list[ColumnElement[bool] | bool]:
    """What a record has to fulfil for its owner to be known to who may read ``asked_at``."""
    return _open(TABLES[kind], "organisation", asked_at)
