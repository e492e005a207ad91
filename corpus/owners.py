"""Organisations as owners of records: which are known to a reader, and how much they own.

An organisation is there where a record names it that is there for the reader, with an owner that
is open to him: a list must not tell who stands behind a closed record.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Subquery, func, or_
from sqlmodel import Session, col, select

from corpus.confidentiality import EVERY_ROW, RowScope
from corpus.filters import conditions_of, conditions_of_owner, conditions_of_scope, joined
from corpus.mapping import TABLES
from corpus.model import Confidentiality, Kind, Organisation, RecordFilter, UnknownRecordError
from corpus.tables import OrganisationTable, stored_id


@dataclass(frozen=True, slots=True)
class Owner:
    """An organisation and how many active records of each kind it owns, as far as is open."""

    id: int
    organisation: Organisation
    counts: dict[Kind, int]


class OwnerRepository:
    """Organisations of one session that are known within a scope at a level; never commits."""

    def __init__(
        self,
        session: Session,
        scope: RowScope = EVERY_ROW,
        level: Confidentiality = Confidentiality.CONFIDENTIAL,
    ) -> None:
        self._session = session
        self._scope = scope
        self._level = level

    def count(self, name: str = "") -> int:
        """How many there are whose name holds ``name``."""
        found = self._owners(name).subquery()
        return int(self._session.exec(select(func.count()).select_from(found)).one())

    def page(self, name: str, offset: int, limit: int) -> list[Owner]:
        """Those whose name holds ``name``, in order of entry, from ``offset``."""
        statement = self._owners(name).order_by(col(OrganisationTable.id))
        rows = self._session.exec(statement.offset(offset).limit(limit))
        return [_owner(*row) for row in rows]

    def require(self, owner_id: int) -> Owner:
        """One of them.

        Raises:
            UnknownRecordError: there is none, or none that the reader may know of.
        """
        statement = self._owners("").where(col(OrganisationTable.id) == owner_id)
        row = self._session.exec(statement).first()
        if row is None:
            raise UnknownRecordError(f"没有编号为 {owner_id} 的单位。")
        return _owner(*row)

    def record_ids(self, owner_id: int, kind: Kind, limit: int) -> list[int]:
        """Ids of its first records of a kind, ascending."""
        table = TABLES[kind]
        own = [col(table.organisation_id) == owner_id, *self._conditions(kind)]
        statement = joined(kind, select(table.id), own).order_by(col(table.id)).limit(limit)
        return [int(row_id) for row_id in self._session.exec(statement)]

    def _owners(self, name: str) -> Any:
        needs, achievements = (self._counted(Kind.NEED), self._counted(Kind.ACHIEVEMENT))
        statement: Any = (
            select(OrganisationTable, needs.c.owned, achievements.c.owned)
            .join(needs, needs.c.owner == OrganisationTable.id, isouter=True)
            .join(achievements, achievements.c.owner == OrganisationTable.id, isouter=True)
            .where(or_(needs.c.owned.is_not(None), achievements.c.owned.is_not(None)))
        )
        if name:
            held = col(OrganisationTable.name).icontains(name, autoescape=True)
            statement = statement.where(held)
        return statement

    def _counted(self, kind: Kind) -> Subquery:
        owner = col(TABLES[kind].organisation_id)
        columns: Any = select(owner.label("owner"), func.count().label("owned"))
        found: Subquery = (
            joined(kind, columns.select_from(TABLES[kind]), self._conditions(kind))
            .group_by(owner)
            .subquery()
        )
        return found

    def _conditions(self, kind: Kind) -> Sequence[Any]:
        return [
            *conditions_of(kind, RecordFilter()),
            *conditions_of_scope(kind, self._scope),
            *conditions_of_owner(kind, self._level),
        ]


def _owner(row: OrganisationTable, needs: int | None, achievements: int | None) -> Owner:
    counts = {Kind.NEED: needs or 0, Kind.ACHIEVEMENT: achievements or 0}
    return Owner(stored_id(row), Organisation(row.name, row.region), counts)
