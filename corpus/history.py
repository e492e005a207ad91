"""Versions of records and the imports that made them. Takes a session and never commits.

Every change of a record leaves a version: who did what when, from which row of which file, the
row as it was read, and the whole record as it was afterwards. Taking back an import restores
the version before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from corpus.model import CorpusError, Kind, Record, Status
from corpus.organisations import UNDONE, settle_organisations
from corpus.repository import CorpusRepository
from corpus.snapshot import from_json, to_json
from corpus.tables import ImportRunTable, RecordVersionTable, stored_id

_CHUNK = 500


class HistoryError(CorpusError):
    """Something that cannot be done with the history; the message says why."""


class Action(StrEnum):
    """What happened to a record."""

    CREATED = "新增"
    CHANGED = "更新"
    EDITED = "修改"
    WITHDRAWN = "撤回"
    EXPIRED = "到期"
    RESTORED = "恢复"
    SUPPLEMENTED = "补充"
    MERGED = "合并"
    UNMERGED = "取消合并"
    UNDONE = UNDONE


@dataclass(frozen=True, slots=True)
class Change:
    """One record as it is after a change; ``record`` is None when it was deleted."""

    kind: Kind
    key: str
    action: Action
    record: Record | None
    status: Status = Status.ACTIVE
    file_row: int | None = None
    row: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Version:
    """A change with its number (1 is the first), time and origin."""

    number: int
    change: Change
    changed_at: datetime
    who: str
    note: str
    import_id: int | None
    file_name: str


@dataclass(frozen=True, slots=True)
class UndoReport:
    """What taking back an import did. ``kept`` are keys that were changed again since."""

    deleted: int
    restored: int
    kept: Sequence[str]


class History:
    """Imports and versions of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- versions --------------------------------------------------------------------------

    def add(
        self,
        changes: Sequence[Change],
        changed_at: datetime,
        who: str = "",
        note: str = "",
        import_id: int | None = None,
    ) -> None:
        """Note what happened to some records, one change for each."""
        for start in range(0, len(changes), _CHUNK):
            chunk = changes[start : start + _CHUNK]
            last = self._last_numbers(chunk)
            for change in chunk:
                self._session.add(
                    RecordVersionTable(
                        kind=change.kind.value,
                        key=change.key,
                        number=last.get((change.kind.value, change.key), 0) + 1,
                        action=change.action.value,
                        changed_at=changed_at,
                        who=who,
                        note=note,
                        import_id=import_id,
                        file_row=change.file_row,
                        row=dict(change.row) if change.row is not None else None,
                        record=to_json(change.record, change.status) if change.record else None,
                    )
                )
            self._session.flush()

    def versions(self, kind: Kind, key: str) -> list[Version]:
        """Every version of a record, the newest first; also of one that is gone."""
        statement = (
            select(RecordVersionTable, ImportRunTable.file_name)
            .join(
                ImportRunTable,
                col(RecordVersionTable.import_id) == col(ImportRunTable.id),
                isouter=True,
            )
            .where(RecordVersionTable.kind == kind.value, RecordVersionTable.key == key)
            .order_by(col(RecordVersionTable.number).desc())
        )
        return [_version(row, name or "") for row, name in self._session.exec(statement)]

    def _last_numbers(self, changes: Iterable[Change]) -> dict[tuple[str, str], int]:
        numbers: dict[tuple[str, str], int] = {}
        for kind in Kind:
            keys = sorted({change.key for change in changes if change.kind is kind})
            if not keys:
                continue
            statement = (
                select(RecordVersionTable.key, func.max(RecordVersionTable.number))
                .where(RecordVersionTable.kind == kind.value, col(RecordVersionTable.key).in_(keys))
                .group_by(col(RecordVersionTable.key))
            )
            for key, number in self._session.exec(statement):
                numbers[kind.value, key] = int(number)
        return numbers

    # -- imports ---------------------------------------------------------------------------

    def start_import(self, run: ImportRunTable) -> int:
        """Note that a file is being loaded; returns the import's number."""
        self._session.add(run)
        self._session.flush()
        return stored_id(run)

    def update_import(self, run: ImportRunTable) -> None:
        """Note what an import has done."""
        self._session.add(run)
        self._session.flush()

    def imports(self, offset: int = 0, limit: int = 50) -> list[ImportRunTable]:
        """Imports, the newest first."""
        statement = select(ImportRunTable).order_by(col(ImportRunTable.id).desc())
        return list(self._session.exec(statement.offset(offset).limit(limit)))

    def import_run(self, import_id: int) -> ImportRunTable:
        """One import.

        Raises:
            HistoryError: there is none with this number.
        """
        run = self._session.get(ImportRunTable, import_id)
        if run is None:
            raise HistoryError(
                f"没有编号为 {import_id} 的导入。运行 zhitong imports list 查看全部导入。"
            )
        return run

    def brought(self, import_id: int, limit: int) -> list[str]:
        """Keys of the first records that an import made or changed, in the order of its file."""
        table = RecordVersionTable
        by_rows = (Action.CREATED.value, Action.CHANGED.value)
        statement = (
            select(table.key)
            .where(table.import_id == import_id, col(table.action).in_(by_rows))
            .order_by(col(table.file_row), col(table.id))
            .limit(limit)
        )
        return list(self._session.exec(statement))

    def undo_import(self, import_id: int, now_at: datetime, who: str = "") -> UndoReport:
        """Put every record back to what it was before an import.

        Records the import made are deleted, those it changed or withdrew get their former
        state. A record that something else has changed since is kept as it is and named. Owners
        that only the import brought go with it.

        Raises:
            HistoryError: no such import, it was taken back before, all it touched has been
                changed since, or others were merged into one of its records.
        """
        run = self.import_run(import_id)
        if run.undone_at is not None:
            raise HistoryError(f"导入 {import_id}（{run.file_name}）已经撤销过。")
        kind = Kind(run.kind)
        repository = CorpusRepository(self._session)
        deleted: list[str] = []
        restored: list[tuple[Record, Status]] = []
        kept: list[str] = []
        owners: set[str] = set()
        for key, versions in self._versions_of_import(kind, import_id):
            place = next(i for i, v in enumerate(versions) if v.import_id == import_id)
            before = versions[place - 1].record if place else None
            if versions[-1].record != versions[place].record:
                kept.append(key)
                continue
            if owner := (versions[place].record or {}).get("organisation"):
                owners.add(owner["name"])
            if before is None:
                deleted.append(key)
            else:
                restored.append(from_json(kind, before))
        if kept and not deleted and not restored:
            raise HistoryError(
                f"导入 {import_id}（{run.file_name}）的 {len(kept)} 条记录后来都有改动，撤销它不会"
                "改变任何记录。请先撤销后来的导入（见 zhitong imports list）。"
            )
        leaving = [record.key for record, status in restored if status is not Status.ACTIVE]
        if hiding := repository.representatives(kind, [*deleted, *leaving]):
            raise HistoryError(
                f"有别的记录已并入这次导入的 {'、'.join(hiding[:5])}，撤销会让它们一起消失。"
                "请先取消合并，再撤销。组号见："
                f"zhitong duplicates list --kind {kind.value}s --state 已合并"
            )
        repository.delete(kind, deleted)
        repository.put(restored, now_at)
        run.undone_at = now_at
        self.update_import(run)
        settle_organisations(self._session, owners)
        changes = [Change(kind, key, Action.UNDONE, None) for key in deleted]
        changes += [
            Change(kind, record.key, Action.UNDONE, record, status) for record, status in restored
        ]
        note = f"撤销导入 {import_id}"
        self.add(changes, now_at, who=who, note=note)
        return UndoReport(len(deleted), len(restored), tuple(kept))

    def _versions_of_import(
        self, kind: Kind, import_id: int
    ) -> Iterator[tuple[str, list[RecordVersionTable]]]:
        """Every record an import touched, with all its versions, the oldest first."""
        table = RecordVersionTable
        of_kind = table.kind == kind.value
        touched = select(table.key).where(of_kind, table.import_id == import_id).distinct()
        keys = sorted(self._session.exec(touched))
        for start in range(0, len(keys), _CHUNK):
            some = col(table.key).in_(keys[start : start + _CHUNK])
            rows = self._session.exec(
                select(table).where(of_kind, some).order_by(table.key, col(table.number))
            )
            yield from ((key, list(group)) for key, group in groupby(rows, lambda row: row.key))


def _version(row: RecordVersionTable, file_name: str) -> Version:
    kind = Kind(row.kind)
    record, status = from_json(kind, row.record) if row.record else (None, Status.ACTIVE)
    change = Change(kind, row.key, Action(row.action), record, status, row.file_row, row.row)
    return Version(row.number, change, row.changed_at, row.who, row.note, row.import_id, file_name)
