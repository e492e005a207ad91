"""All queries of this layer. Takes a session and never commits: transactions end at the edge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, or_, update
from sqlmodel import Session, col, select

from corpus.confidentiality import ALWAYS_SHOWN
from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Contact,
    ContactKind,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    RecordFilter,
    Status,
    StoredRecord,
    Supplement,
    UnknownRecordError,
)
from corpus.quality import answers_of, apply_answers
from corpus.tables import AchievementTable, CorpusStateTable, NeedTable, OrganisationTable

_TABLES: dict[Kind, type[AchievementTable] | type[NeedTable]] = {
    Kind.ACHIEVEMENT: AchievementTable,
    Kind.NEED: NeedTable,
}
SUGGESTED = ("technology_field", "industry")
"""Fields whose empty value may be replaced by a suggestion."""
# SQLite's oldest limit on bound parameters is 999.
_CHUNK = 500


class Outcome(StrEnum):
    """What an upsert did with one record."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True)
class Upserted:
    """What was done with a record, and how it stands in the database now."""

    outcome: Outcome
    record: Record
    status: Status


class CorpusRepository:
    """Records in and out of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- writing ---------------------------------------------------------------------------

    def upsert(self, records: Sequence[Record], now_at: datetime) -> list[Upserted]:
        """Insert or update by (kind, key); the result has an entry a record, in their order.

        Ids, statuses and supplements of existing records are kept; only a delisted one becomes
        active again. Nothing is written for an unchanged record. ``now_at`` (aware) is stored
        as the time of change.

        Raises:
            ValueError: a key comes twice.
        """
        done: dict[tuple[Kind, str], Upserted] = {}
        moved = False
        for kind, chunk in _chunks(records):
            known = self._rows_by_key(kind, [r.key for r in chunk])
            organisations, some_moved = self._ensure_organisations(chunk)
            moved |= some_moved
            for record in chunk:
                if (kind, record.key) in done:
                    raise ValueError(f"key {record.key} comes twice")
                row = known.get(record.key)
                done[kind, record.key] = self._upsert_one(row, record, organisations, now_at)
            self._session.flush()
        if moved or any(one.outcome is not Outcome.UNCHANGED for one in done.values()):
            self._bump_revision()
        return [done[record.kind, record.key] for record in records]

    def _upsert_one(
        self, row: Any, record: Record, organisations: dict[str, int], now_at: datetime
    ) -> Upserted:
        if row is None:
            values = _columns(record, organisations, now_at)
            self._session.add(_TABLES[record.kind].model_validate(values))
            return Upserted(Outcome.NEW, record, Status.ACTIVE)
        if row.supplements and isinstance(record, Need) and not record.supplements:
            # What answers filled stays filled, and is no change.
            kept = tuple(Supplement(aspect, text) for aspect, text in row.supplements)
            record = replace(record, supplements=kept)
            record = apply_answers(record, answers_of(record))
        status = Status(row.status)
        if row.record_hash == record.record_hash and status is not Status.DELISTED:
            return Upserted(Outcome.UNCHANGED, record, status)
        status = Status.ACTIVE if status is Status.DELISTED else status
        row.sqlmodel_update({**_columns(record, organisations, now_at), "status": status.value})
        self._session.add(row)
        return Upserted(Outcome.CHANGED, record, status)

    def put(self, states: Sequence[tuple[Record, Status]], now_at: datetime) -> None:
        """Make records exactly what is given, status included; missing ones are inserted."""
        for kind, chunk in _chunks([record for record, _ in states]):
            statuses = {r.key: status for r, status in states if r.kind is kind}
            known = self._rows_by_key(kind, [r.key for r in chunk])
            organisations, _ = self._ensure_organisations(chunk)
            for record in chunk:
                values = _columns(record, organisations, now_at)
                values["status"] = statuses[record.key].value
                if statuses[record.key] is not Status.MERGED:
                    values["merged_into"] = None
                row = known.get(record.key)
                if row is None:
                    row = _TABLES[kind].model_validate(values)
                else:
                    row.sqlmodel_update(values)
                self._session.add(row)
            self._session.flush()
        if states:
            self._bump_revision()

    def set_status(
        self,
        kind: Kind,
        key: str,
        status: Status,
        now_at: datetime,
        merged_into: str | None = None,
    ) -> StoredRecord:
        """Change where a record stands; ``merged_into`` is the key that stands for a merged one.

        Raises:
            UnknownRecordError: no such record.
        """
        self.require(kind, key)
        row = self._rows_by_key(kind, [key])[key]
        row.status, row.merged_into, row.updated_at = status.value, merged_into, now_at
        self._session.add(row)
        self._session.flush()
        self._bump_revision()
        return self.require(kind, key)

    def unlisted(self, kind: Kind, source: str, listed: Set[str]) -> list[str]:
        """Keys of active records of a source that are not among ``listed``, in order of id."""
        table = _TABLES[kind]
        statement = (
            select(table.key)
            .where(table.source == source, table.status == Status.ACTIVE.value)
            .order_by(col(table.id))
        )
        return [key for key in self._session.exec(statement) if key not in listed]

    def delete(self, kind: Kind, keys: Sequence[str]) -> int:
        """Remove records by key; returns how many there were."""
        rows = self._rows_by_key(kind, keys)
        for row in rows.values():
            self._session.delete(row)
        self._session.flush()
        if rows:
            self._bump_revision()
        return len(rows)

    def _bump_revision(self) -> None:
        self._session.exec(
            update(CorpusStateTable).values(revision=col(CorpusStateTable.revision) + 1)
        )

    def _ensure_organisations(self, records: Iterable[Record]) -> tuple[dict[str, int], bool]:
        """Ids by name, and whether one that was known has moved to another region."""
        wanted = {r.organisation.name: r.organisation for r in records if r.organisation}
        names = sorted(wanted)
        statement = select(OrganisationTable).where(col(OrganisationTable.name).in_(names))
        rows = {row.name: row for row in self._session.exec(statement)}
        moved = False
        for name in names:
            region = wanted[name].region
            if name not in rows:
                rows[name] = OrganisationTable(name=name, region=region)
            elif region and rows[name].region != region:
                rows[name].region = region
                moved = True
            self._session.add(rows[name])
        self._session.flush()
        return {name: _id(row) for name, row in rows.items()}, moved

    # -- reading ---------------------------------------------------------------------------

    def revision(self) -> int:
        """Number that grows with every change of the corpus."""
        return self._session.exec(select(CorpusStateTable.revision)).one()

    def count(self, kind: Kind) -> int:
        """How many records of a kind there are."""
        return self._session.exec(select(func.count()).select_from(_TABLES[kind])).one()

    def get(self, kind: Kind, key: str) -> StoredRecord | None:
        """One record by its key, or None."""
        return next(iter(self._load(kind, [col(_TABLES[kind].key) == key])), None)

    def require(self, kind: Kind, key: str) -> StoredRecord:
        """One record by its key.

        Raises:
            UnknownRecordError: there is none.
        """
        stored = self.get(kind, key)
        if stored is None:
            raise UnknownRecordError(f"没有编号为 {key} 的{kind.label}。")
        return stored

    def represented_by(self, kind: Kind, key: str) -> list[str]:
        """Keys of the records that were merged into one, in order of id."""
        table = _TABLES[kind]
        statement = select(table.key).where(table.merged_into == key).order_by(col(table.id))
        return list(self._session.exec(statement))

    def get_many(self, kind: Kind, ids: Sequence[int]) -> dict[int, StoredRecord]:
        """Records by database id; ids that no longer exist are missing from the result."""
        found: dict[int, StoredRecord] = {}
        for start in range(0, len(ids), _CHUNK):
            condition = col(_TABLES[kind].id).in_(ids[start : start + _CHUNK])
            found.update((stored.id, stored) for stored in self._load(kind, [condition]))
        return found

    def page(self, kind: Kind, where: RecordFilter, offset: int, limit: int) -> list[StoredRecord]:
        """Records in order of id, from ``offset``, at most ``limit``."""
        return list(self._load(kind, _conditions(kind, where), offset=offset, limit=limit))

    def everything(self, kind: Kind) -> Iterator[StoredRecord]:
        """Every record of a kind in order of id, whatever its status."""
        last = -1
        while batch := list(self._load(kind, [col(_TABLES[kind].id) > last], limit=_CHUNK)):
            yield from batch
            last = batch[-1].id

    def iterate(self, kind: Kind, batch_size: int = 1000) -> Iterator[StoredRecord]:
        """Every active record of a kind, what an index holds, in order of id, in batches."""
        table, last = _TABLES[kind], -1
        active = col(table.status) == Status.ACTIVE.value
        while batch := list(self._load(kind, [active, col(table.id) > last], limit=batch_size)):
            yield from batch
            last = batch[-1].id

    def eligible_ids(self, kind: Kind, where: RecordFilter) -> list[int]:
        """Ids of the records that pass a filter, ascending."""
        return [row_id for row_id, _ in self.eligible(kind, where)]

    def eligible(self, kind: Kind, where: RecordFilter) -> list[tuple[int, str]]:
        """(id, content hash) of the records that pass a filter, by ascending id."""
        table = _TABLES[kind]
        columns: Any = select(table.id, table.content_hash, table.key)
        keys = where.keys
        if keys is not None and len(keys) > _CHUNK:
            where = replace(where, keys=None)
        else:
            keys = None
        statement = _joined(kind, columns, _conditions(kind, where)).order_by(col(table.id))
        return [
            (int(row_id), content)
            for row_id, content, key in self._session.exec(statement)
            if keys is None or key in keys
        ]

    def snapshot(self, kind: Kind) -> str:
        """SHA-256 over ``content_hashes``: names what an index is made from."""
        digest = hashlib.sha256()
        for row_id, content in self.content_hashes(kind):
            digest.update(f"{row_id}:{content}\n".encode())
        return digest.hexdigest()

    def content_hashes(self, kind: Kind) -> Iterator[tuple[int, str]]:
        """(id, content hash) of every active record, in order of id."""
        table = _TABLES[kind]
        statement = (
            select(table.id, table.content_hash)
            .where(col(table.status) == Status.ACTIVE.value)
            .order_by(col(table.id))
        )
        for row_id, content in self._session.exec(statement):
            yield int(row_id or 0), content

    def _rows_by_key(self, kind: Kind, keys: Sequence[str]) -> dict[str, Any]:
        table = _TABLES[kind]
        rows: dict[str, Any] = {}
        for start in range(0, len(keys), _CHUNK):
            statement = select(table).where(col(table.key).in_(keys[start : start + _CHUNK]))
            rows.update((row.key, row) for row in self._session.exec(statement))
        return rows

    def _load(
        self,
        kind: Kind,
        conditions: Sequence[ColumnElement[bool] | bool],
        *,
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[StoredRecord]:
        table = _TABLES[kind]
        statement: Any = _joined(kind, select(table, OrganisationTable), conditions)
        statement = statement.order_by(col(table.id)).offset(offset)
        if limit is not None:
            statement = statement.limit(limit)
        for row, organisation in self._session.exec(statement):
            yield StoredRecord(_id(row), _record(row, organisation), Status(row.status))


def _chunks(records: Sequence[Record]) -> Iterator[tuple[Kind, list[Record]]]:
    """The records of each kind, some hundred at a time."""
    for start in range(0, len(records), _CHUNK):
        for kind in Kind:
            if chunk := [r for r in records[start : start + _CHUNK] if r.kind is kind]:
                yield kind, chunk


def _joined(kind: Kind, statement: Any, conditions: Sequence[Any]) -> Any:
    table = _TABLES[kind]
    return statement.join(
        OrganisationTable, col(table.organisation_id) == OrganisationTable.id, isouter=True
    ).where(*conditions)


def _conditions(kind: Kind, where: RecordFilter) -> list[ColumnElement[bool] | bool]:
    table = _TABLES[kind]
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


def _columns(record: Record, organisations: dict[str, int], now_at: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "key": record.key,
        "title": record.title,
        "text": record.text,
        # Filters and counts take a suggestion for the value; ``suggested`` tells them apart.
        **{name: getattr(record, name) or record.suggested.get(name, "") for name in SUGGESTED},
        "organisation_id": organisations[record.organisation.name] if record.organisation else None,
        "language": record.language,
        "cooperation": list(record.cooperation),
        "published_on": record.published_on,
        "valid_from_on": record.valid_from_on,
        "valid_until_on": record.valid_until_on,
        "source": record.source,
        "contacts": [[c.kind.value, c.value] for c in record.contacts],
        "confidentiality": record.confidentiality.value,
        "text_rank": record.text_level.rank,
        "field_levels": {name: level.value for name, level in record.field_levels.items()},
        "suggested": {
            name: value for name, value in record.suggested.items() if not getattr(record, name)
        },
        "supplements": [[s.aspect, s.text] for s in record.supplements],
        "extra": dict(record.extra),
        "content_hash": record.content_hash,
        "record_hash": record.record_hash,
        "updated_at": now_at,
    }
    if isinstance(record, Achievement):
        values["maturity"] = record.maturity.value if record.maturity else None
        values["intellectual_property"] = record.intellectual_property
        values |= _amount_columns("price", record.price)
    else:
        values["county"] = record.county
        values |= _amount_columns("budget", record.budget)
    return values


def _amount_columns(name: str, amount: Amount | None) -> dict[str, Any]:
    return {
        f"{name}_min_wan": amount.min_wan if amount else None,
        f"{name}_max_wan": amount.max_wan if amount else None,
        f"{name}_negotiable": amount.negotiable if amount else None,
    }


def _amount(low: float | None, high: float | None, negotiable: bool | None) -> Amount | None:
    return None if negotiable is None else Amount(low, high, negotiable)


def _record(row: AchievementTable | NeedTable, owner: OrganisationTable | None) -> Record:
    shared: dict[str, Any] = {
        "key": row.key,
        "title": row.title,
        "text": row.text,
        **{name: "" if name in row.suggested else getattr(row, name) for name in SUGGESTED},
        "organisation": Organisation(owner.name, owner.region) if owner else None,
        "language": row.language,
        "cooperation": tuple(row.cooperation),
        "published_on": row.published_on,
        "valid_from_on": row.valid_from_on,
        "valid_until_on": row.valid_until_on,
        "source": row.source,
        "contacts": tuple(Contact(ContactKind(kind), value) for kind, value in row.contacts),
        "confidentiality": Confidentiality(row.confidentiality),
        "field_levels": {n: Confidentiality(level) for n, level in row.field_levels.items()},
        "suggested": row.suggested,
        "supplements": tuple(Supplement(aspect, text) for aspect, text in row.supplements),
        "extra": row.extra,
    }
    if isinstance(row, AchievementTable):
        maturity = Maturity(row.maturity) if row.maturity else None
        price = _amount(row.price_min_wan, row.price_max_wan, row.price_negotiable)
        return Achievement(
            **shared,
            maturity=maturity,
            intellectual_property=row.intellectual_property,
            price=price,
        )
    budget = _amount(row.budget_min_wan, row.budget_max_wan, row.budget_negotiable)
    return Need(**shared, county=row.county, budget=budget)


def _id(row: Any) -> int:
    if row.id is None:
        raise AssertionError("a stored row has an id")
    return int(row.id)
