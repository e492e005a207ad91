"""Hard filters as conditions of a query."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_
from sqlmodel import col

from corpus.confidentiality import ALWAYS_SHOWN, RowScope
from corpus.mapping import SUGGESTED, TABLES
from corpus.model import Confidentiality, Kind, Maturity, RecordFilter
from corpus.tables import AchievementTable, NeedTable, OrganisationTable


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
    if where.technology_fields:
        conditions.append(col(table.technology_field).in_(sorted(where.technology_fields)))
        conditions += _open(table, "technology_field", where.asked_at)
    if where.regions:
        owner: Any = NeedTable.county if kind is Kind.NEED else OrganisationTable.region
        conditions.append(col(owner).in_(sorted(where.regions)))
        name = "county" if kind is Kind.NEED else "organisation"
        conditions += _open(table, name, where.asked_at)
    if where.min_maturity is not None and kind is Kind.ACHIEVEMENT:
        levels = list(Maturity)
        enough = levels[levels.index(where.min_maturity) :]
        conditions.append(col(AchievementTable.maturity).in_([m.value for m in enough]))
        conditions += _open(table, "maturity", where.asked_at)
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
