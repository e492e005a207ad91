"""All queries of this layer. Takes a session and never commits: transactions end at the edge."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, update
from sqlmodel import Session, col, select

from corpus.confidentiality import EVERY_ROW, RowScope
from corpus.filters import conditions_of, conditions_of_scope, joined, newest_first
from corpus.mapping import TABLES, from_row, to_columns
from corpus.model import (
    Contact,
    ContactKind,
    Kind,
    Need,
    Record,
    RecordFilter,
    Status,
    StoredRecord,
    Supplement,
    UnknownRecordError,
)
from corpus.quality import answers_of, apply_answers
from corpus.tables import CorpusStateTable, OrganisationTable, stored_id

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
    """Records in and out of one session.

    What is read as a record, counted or passes a filter lies within ``scope``; what indexes are
    made from does not depend on it.
    """

    def __init__(self, session: Session, scope: RowScope = EVERY_ROW) -> None:
        self._session = session
        self.scope = scope

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
        for kind, chunk in _chunks(records):
            known = self._rows_by_key(kind, [r.key for r in chunk])
            decided: list[Upserted] = []
            for record in chunk:
                if (kind, record.key) in done:
                    raise ValueError(f"key {record.key} comes twice")
                one = _decide(known.get(record.key), record)
                done[kind, record.key] = one
                decided.append(one)
            written = [one for one in decided if one.outcome is not Outcome.UNCHANGED]
            # Of these only: a record that says nothing new must not move its owner back.
            organisations = self._ensure_organisations([one.record for one in written])
            for one in written:
                values = to_columns(one.record, organisations, now_at)
                values["status"] = one.status.value
                self._write(kind, known.get(one.record.key), values)
            self._session.flush()
        if any(one.outcome is not Outcome.UNCHANGED for one in done.values()):
            self._bump_revision()
        return [done[record.kind, record.key] for record in records]

    def put(self, states: Sequence[tuple[Record, Status]], now_at: datetime) -> None:
        """Make records exactly what is given, status included; missing ones are inserted."""
        for kind, chunk in _chunks([record for record, _ in states]):
            statuses = {r.key: status for r, status in states if r.kind is kind}
            known = self._rows_by_key(kind, [r.key for r in chunk])
            organisations = self._ensure_organisations(chunk)
            for record in chunk:
                values = to_columns(record, organisations, now_at)
                values["status"] = statuses[record.key].value
                if statuses[record.key] is not Status.MERGED:
                    values["merged_into"] = None
                self._write(kind, known.get(record.key), values)
            self._session.flush()
        if states:
            self._bump_revision()

    def _write(self, kind: Kind, row: Any, values: dict[str, Any]) -> None:
        if row is None:
            row = TABLES[kind].model_validate(values)
        else:
            row.sqlmodel_update(values)
        self._session.add(row)

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
        table = TABLES[kind]
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

    def _ensure_organisations(self, records: Iterable[Record]) -> dict[str, int]:
        """Ids by name; an owner that a record places in another region has moved there."""
        wanted: dict[str, str] = {}
        for owner in filter(None, (record.organisation for record in records)):
            wanted[owner.name] = owner.region or wanted.get(owner.name, "")
        names = sorted(wanted)
        statement = select(OrganisationTable).where(col(OrganisationTable.name).in_(names))
        rows = {row.name: row for row in self._session.exec(statement)}
        for name in names:
            region = wanted[name]
            if name not in rows:
                rows[name] = OrganisationTable(name=name, region=region)
            elif region and rows[name].region != region:
                rows[name].region = region
            self._session.add(rows[name])
        self._session.flush()
        return {name: stored_id(row) for name, row in rows.items()}

    # -- reading ---------------------------------------------------------------------------

    def revision(self) -> int:
        """Number that grows with every change of the corpus."""
        return self._session.exec(select(CorpusStateTable.revision)).one()

    def count(self, kind: Kind) -> int:
        """How many records of a kind there are."""
        found: Any = select(func.count(col(TABLES[kind].id)))
        counted = self._session.exec(joined(kind, found, conditions_of_scope(kind, self.scope)))
        return int(counted.one())

    def get(self, kind: Kind, key: str) -> StoredRecord | None:
        """One record by its key, or None."""
        return next(iter(self._load(kind, [col(TABLES[kind].key) == key])), None)

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
        table = TABLES[kind]
        statement = select(table.key).where(table.merged_into == key).order_by(col(table.id))
        return list(self._session.exec(statement))

    def representatives(self, kind: Kind, keys: Sequence[str]) -> list[str]:
        """Those of ``keys`` that other records were merged into, in order."""
        table = TABLES[kind]
        found: set[str] = set()
        for start in range(0, len(keys), _CHUNK):
            statement = select(table.merged_into).where(
                col(table.merged_into).in_(keys[start : start + _CHUNK]),
                table.status == Status.MERGED.value,
            )
            found.update(key for key in self._session.exec(statement) if key)
        return sorted(found)

    def get_many(self, kind: Kind, ids: Sequence[int]) -> dict[int, StoredRecord]:
        """Records by database id; ids that no longer exist are missing from the result."""
        found: dict[int, StoredRecord] = {}
        for start in range(0, len(ids), _CHUNK):
            condition = col(TABLES[kind].id).in_(ids[start : start + _CHUNK])
            found.update((stored.id, stored) for stored in self._load(kind, [condition]))
        return found

    def page(
        self, kind: Kind, where: RecordFilter, offset: int, limit: int, *, newest: bool = False
    ) -> list[StoredRecord]:
        """Records in order of id, or those published last first, from ``offset``, at most
        ``limit``."""
        order = newest_first(kind, where.asked_at) if newest else []
        conditions = conditions_of(kind, where)
        return list(self._load(kind, conditions, offset=offset, limit=limit, order=order))

    def titled(
        self, kind: Kind, fragment: str, where: RecordFilter, limit: int
    ) -> list[StoredRecord]:
        """Records whose title holds ``fragment``, as it is written, in order of id."""
        held = col(TABLES[kind].title).icontains(fragment, autoescape=True)
        return list(self._load(kind, [*conditions_of(kind, where), held], limit=limit))

    def everything(self, kind: Kind) -> Iterator[StoredRecord]:
        """Every record of a kind in order of id, whatever its status."""
        last = -1
        while batch := list(self._load(kind, [col(TABLES[kind].id) > last], limit=_CHUNK)):
            yield from batch
            last = batch[-1].id

    def iterate(self, kind: Kind, batch_size: int = 1000) -> Iterator[StoredRecord]:
        """Every active record of a kind, what an index holds, in order of id, in batches."""
        table, last = TABLES[kind], -1
        active = col(table.status) == Status.ACTIVE.value
        while batch := list(self._load(kind, [active, col(table.id) > last], limit=batch_size)):
            yield from batch
            last = batch[-1].id

    def eligible_ids(self, kind: Kind, where: RecordFilter) -> list[int]:
        """Ids of the records that pass a filter, ascending."""
        return [row_id for row_id, _ in self.eligible(kind, where)]

    def eligible(self, kind: Kind, where: RecordFilter) -> list[tuple[int, str]]:
        """(id, content hash) of the records that pass a filter, by ascending id."""
        table = TABLES[kind]
        columns: Any = select(table.id, table.content_hash, table.key)
        keys = where.keys
        if keys is not None and len(keys) > _CHUNK:
            where = replace(where, keys=None)
        else:
            keys = None
        conditions = [*conditions_of(kind, where), *conditions_of_scope(kind, self.scope)]
        statement = joined(kind, columns, conditions).order_by(col(table.id))
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
        table = TABLES[kind]
        statement = (
            select(table.id, table.content_hash)
            .where(col(table.status) == Status.ACTIVE.value)
            .order_by(col(table.id))
        )
        for row_id, content in self._session.exec(statement):
            yield int(row_id or 0), content

    def _rows_by_key(self, kind: Kind, keys: Sequence[str]) -> dict[str, Any]:
        table = TABLES[kind]
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
        order: Sequence[Any] = (),
    ) -> Iterator[StoredRecord]:
        table = TABLES[kind]
        inside = [*conditions, *conditions_of_scope(kind, self.scope)]
        statement: Any = joined(kind, select(table, OrganisationTable), inside)
        statement = statement.order_by(*(order or [col(table.id)])).offset(offset)
        if limit is not None:
            statement = statement.limit(limit)
        for row, organisation in self._session.exec(statement):
            yield StoredRecord(stored_id(row), from_row(row, organisation), Status(row.status))


def _decide(row: Any, record: Record) -> Upserted:
    """What an upsert makes of a record, beside the row of its key or none."""
    if row is None:
        return Upserted(Outcome.NEW, record, Status.ACTIVE)
    if row.supplements and isinstance(record, Need) and not record.supplements:
        # What answers filled stays filled, and is no change.
        kept = tuple(Supplement(aspect, text) for aspect, text in row.supplements)
        known = tuple(Contact(ContactKind(kind), value) for kind, value in row.contacts)
        contacts = tuple(dict.fromkeys((*record.contacts, *known)))
        record = replace(record, supplements=kept, contacts=contacts)
        record = apply_answers(record, answers_of(record))
    status = Status(row.status)
    if status is Status.DELISTED:
        return Upserted(Outcome.CHANGED, record, Status.ACTIVE)
    same = row.record_hash == record.record_hash
    return Upserted(Outcome.UNCHANGED if same else Outcome.CHANGED, record, status)


def _chunks(records: Sequence[Record]) -> Iterator[tuple[Kind, list[Record]]]:
    """The records of each kind, some hundred at a time."""
    for start in range(0, len(records), _CHUNK):
        for kind in Kind:
            if chunk := [r for r in records[start : start + _CHUNK] if r.kind is kind]:
                yield kind, chunk
