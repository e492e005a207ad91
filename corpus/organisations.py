"""Owners that an undone import leaves behind: what is known of them follows from what is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlmodel import Session, col, select

from corpus.mapping import TABLES
from corpus.tables import ImportRunTable, OrganisationTable, RecordVersionTable

# SQLite's oldest limit on bound parameters is 999.
_CHUNK = 500
UNDONE = "撤销导入"
"""Action of the versions that taking back an import leaves."""


def settle_organisations(session: Session, names: Iterable[str]) -> None:
    """Delete those of ``names`` that own no record any more; put each of the others into the
    region that its records said last. Takes a session and never commits."""
    wanted = sorted(set(names))
    for start in range(0, len(wanted), _CHUNK):
        some = col(OrganisationTable.name).in_(wanted[start : start + _CHUNK])
        owners = list(session.exec(select(OrganisationTable).where(some)))
        owned = _owned(session, [owner.id for owner in owners])
        for owner in owners:
            if owner.id not in owned:
                session.delete(owner)
            elif (region := _region(session, owner.name, owned[owner.id])) is not None:
                owner.region = region
                session.add(owner)
        session.flush()


def _owned(
    session: Session, ids: Sequence[int | None]
) -> Mapping[int | None, Mapping[str, Sequence[str]]]:
    """Owner's id → kind → keys of its records; who owns none is missing."""
    found: dict[int | None, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for kind, table in TABLES.items():
        statement = select(table.organisation_id, table.key).where(
            col(table.organisation_id).in_(ids)
        )
        for owner_id, key in session.exec(statement):
            found[owner_id][kind.value].append(key)
    return found


def _region(session: Session, name: str, owned: Mapping[str, Sequence[str]]) -> str | None:
    """The region that was said last by what was not taken back, '' if none was; None where a
    record is from before there were versions."""
    said: dict[int, str] = {}
    for kind, keys in owned.items():
        for start in range(0, len(keys), _CHUNK):
            some = keys[start : start + _CHUNK]
            known = set()
            for version, undone_at in session.exec(_versions(kind, some)):
                known.add(version.key)
                owner = (version.record or {}).get("organisation") or {}
                if undone_at is None and owner.get("name") == name and owner["region"]:
                    said[version.id or 0] = owner["region"]
            if len(known) < len(some):
                return None
    return said[max(said)] if said else ""


def _versions(kind: str, keys: Sequence[str]) -> Any:
    """Versions of records with when their import was taken back, but those that only put back
    what was before."""
    table = RecordVersionTable
    return (
        select(table, ImportRunTable.undone_at)
        .join(ImportRunTable, col(table.import_id) == col(ImportRunTable.id), isouter=True)
        .where(table.kind == kind, col(table.key).in_(keys), table.action != UNDONE)
    )
