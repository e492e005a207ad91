"""Queries on the rows of duplicate groups, shared by proposing and by what people do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, col, select

from corpus.duplicates.stored import EventAction, GroupState, Standing, UnknownGroupError
from corpus.duplicates.tables import (
    DuplicateEventTable,
    DuplicateGroupTable,
    DuplicateMemberTable,
)
from corpus.model import Kind, Status
from corpus.tables import AchievementTable, NeedTable, stored_id

# SQLite's oldest limit on bound parameters is 999.
_CHUNK = 500


class GroupRows:
    """Rows of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def row(self, group_id: int, *, lock: bool = False) -> DuplicateGroupTable:
        statement = select(DuplicateGroupTable).where(DuplicateGroupTable.id == group_id)
        if lock:  # two people at once: the second waits and then sees the new state
            statement = statement.with_for_update().execution_options(populate_existing=True)
        row = self._session.exec(statement).first()
        if row is None:
            raise UnknownGroupError(f"没有第 {group_id} 组重复记录，请先查看待处理的组。")
        return row

    def members(self, group_ids: Sequence[int]) -> dict[int, list[DuplicateMemberTable]]:
        found: dict[int, list[DuplicateMemberTable]] = {group_id: [] for group_id in group_ids}
        for start in range(0, len(group_ids), _CHUNK):
            statement = (
                select(DuplicateMemberTable)
                .where(col(DuplicateMemberTable.group_id).in_(group_ids[start : start + _CHUNK]))
                .order_by(col(DuplicateMemberTable.id))
            )
            for row in self._session.exec(statement):
                found[row.group_id].append(row)
        return found

    def standing(self, kind: Kind, keys: Sequence[str]) -> dict[str, Standing]:
        table = _table(kind)
        found: dict[str, Standing] = {}
        for start in range(0, len(keys), _CHUNK):
            statement = select(table.key, table.status, table.merged_into).where(
                col(table.key).in_(keys[start : start + _CHUNK])
            )
            for key, status, merged_into in self._session.exec(statement):
                found[key] = Standing(Status(status), merged_into)
        return found

    def with_members(
        self, kind: Kind, keys: Sequence[str], state: GroupState
    ) -> list[DuplicateGroupTable]:
        found: dict[int, DuplicateGroupTable] = {}
        for start in range(0, len(keys), _CHUNK):
            statement = (
                select(DuplicateGroupTable)
                .join(DuplicateMemberTable)
                .where(
                    DuplicateGroupTable.kind == kind.value,
                    DuplicateGroupTable.state == state.value,
                    col(DuplicateMemberTable.key).in_(keys[start : start + _CHUNK]),
                )
            )
            found.update((stored_id(row), row) for row in self._session.exec(statement))
        return [found[group_id] for group_id in sorted(found)]

    def note(
        self,
        row: DuplicateGroupTable,
        action: EventAction,
        who: str,
        now_at: datetime,
        before: dict[str, str],
    ) -> None:
        self._session.add(
            DuplicateEventTable(
                group_id=stored_id(row),
                action=action.value,
                who=who,
                happened_at=now_at,
                canonical_key=row.canonical_key,
                before=before,
            )
        )
        self._session.flush()


def _table(kind: Kind) -> type[AchievementTable] | type[NeedTable]:
    return AchievementTable if kind is Kind.ACHIEVEMENT else NeedTable
