"""Duplicate groups in the database: proposed, merged, unmerged, dismissed, each with its history.

Takes a session and never commits. A record that was merged into another one is out of matching
but keeps its text, versions and key; unmerging gives it back the status it had.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from corpus.duplicates.groups import DuplicateGroup
from corpus.duplicates.proposals import Proposals
from corpus.duplicates.rows import GroupRows
from corpus.duplicates.stored import (
    DuplicateError,
    EventAction,
    GroupEvent,
    GroupState,
    KeyPair,
    RecordedCounts,
    Standing,
    StoredGroup,
)
from corpus.duplicates.tables import (
    DuplicateEventTable,
    DuplicateGroupTable,
    DuplicateMemberTable,
)
from corpus.history import Action, Change, History
from corpus.model import Kind, Status
from corpus.repository import CorpusRepository
from corpus.tables import stored_id


class DuplicateRepository:
    """Duplicate groups of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._rows = GroupRows(session)
        self._records = CorpusRepository(session)
        self._history = History(session)

    # -- reading ---------------------------------------------------------------------------

    def groups(
        self, kind: Kind, state: GroupState, offset: int = 0, limit: int = 100
    ) -> list[StoredGroup]:
        """Groups of a kind in a state, the oldest first, from ``offset``, at most ``limit``."""
        statement = (
            select(DuplicateGroupTable)
            .where(DuplicateGroupTable.kind == kind.value, DuplicateGroupTable.state == state.value)
            .order_by(col(DuplicateGroupTable.id))
            .offset(offset)
            .limit(limit)
        )
        rows = list(self._session.exec(statement))
        members = self._rows.members([stored_id(row) for row in rows])
        return [_stored(row, members[stored_id(row)]) for row in rows]

    def count(self, kind: Kind, state: GroupState) -> int:
        """How many groups of a kind are in a state."""
        statement = select(func.count(col(DuplicateGroupTable.id))).where(
            DuplicateGroupTable.kind == kind.value, DuplicateGroupTable.state == state.value
        )
        return int(self._session.exec(statement).one())

    def next_open(self, kind: Kind, group_id: int) -> int | None:
        """Number of the open group after this one, or of the first; None: there is no other."""
        statement = (
            select(DuplicateGroupTable.id)
            .where(
                DuplicateGroupTable.kind == kind.value,
                DuplicateGroupTable.state == GroupState.OPEN.value,
                col(DuplicateGroupTable.id) != group_id,
            )
            .order_by(col(DuplicateGroupTable.id) < group_id, col(DuplicateGroupTable.id))
        )
        return self._session.exec(statement).first()

    def group(self, group_id: int) -> StoredGroup:
        """One group.

        Raises:
            UnknownGroupError: there is none with that number.
        """
        row = self._rows.row(group_id)
        return _stored(row, self._rows.members([group_id])[group_id])

    def open_groups(self, kind: Kind, keys: Sequence[str]) -> dict[str, StoredGroup]:
        """By key, the open group that a record is in; records without one are missing."""
        rows = self._rows.with_members(kind, keys, GroupState.OPEN)
        members = self._rows.members([stored_id(row) for row in rows])
        found: dict[str, StoredGroup] = {}
        for row in rows:
            group = _stored(row, members[stored_id(row)])
            found.update(dict.fromkeys(group.keys, group))
        return {key: found[key] for key in keys if key in found}

    def history(self, group_id: int) -> list[GroupEvent]:
        """Everything that happened to a group, the oldest first.

        Raises:
            DuplicateError: there is none with that number.
        """
        self._rows.row(group_id)
        statement = (
            select(DuplicateEventTable)
            .where(DuplicateEventTable.group_id == group_id)
            .order_by(col(DuplicateEventTable.id))
        )
        return [
            GroupEvent(
                EventAction(row.action),
                row.who,
                row.happened_at,
                row.canonical_key,
                {key: Status(status) for key, status in row.before.items()},
            )
            for row in self._session.exec(statement)
        ]

    # -- what the detection found ----------------------------------------------------------

    def record_groups(
        self, kind: Kind, groups: Iterable[DuplicateGroup], now_at: datetime
    ) -> RecordedCounts:
        """Propose found groups; the same groups again change nothing.

        Two records of a dismissed group never come together again. A group that overlaps open
        ones is joined with them. Records that are gone, withdrawn or merged are left out.
        """
        return Proposals(self._session).record(kind, groups, now_at)

    # -- what a person does ----------------------------------------------------------------

    def merge(self, group_id: int, canonical_key: str, who: str, now_at: datetime) -> StoredGroup:
        """Let one record of an open group stand for all; the others become MERGED.

        Raises:
            DuplicateError: no such group or record, the group is not open, a record is
                withdrawn, merged or gone, or stands itself for merged ones.
        """
        row = self._rows.row(group_id, lock=True)
        self._require_state(row, GroupState.OPEN, "合并")
        members = self._rows.members([group_id])[group_id]
        keys = [member.key for member in members]
        if canonical_key not in keys:
            raise DuplicateError(
                f"{canonical_key} 不在第 {group_id} 组中，请从组内选一条：{'、'.join(keys)}。"
            )
        kind = Kind(row.kind)
        standing = self._rows.standing(kind, keys)
        self._check_mergeable(kind, keys, canonical_key, standing)
        changes = []
        for member in members:
            if member.key == canonical_key:
                continue
            member.former_status = standing[member.key].status.value
            self._session.add(member)
            moved = self._records.set_status(
                kind, member.key, Status.MERGED, now_at, merged_into=canonical_key
            )
            changes.append(Change(kind, member.key, Action.MERGED, moved.record, moved.status))
        self._history.add(changes, now_at, who, f"并入 {canonical_key}")
        row.state, row.canonical_key = GroupState.MERGED.value, canonical_key
        self._finish(row, EventAction.MERGED, who, now_at, standing)
        return self.group(group_id)

    def unmerge(self, group_id: int, who: str, now_at: datetime) -> StoredGroup:
        """Give the records of a merged group back the statuses they had; the group is open again.

        A record that something else has moved on since (an import was taken back) stays as
        it is.

        Raises:
            DuplicateError: no such group, or it is not merged.
        """
        row = self._rows.row(group_id, lock=True)
        self._require_state(row, GroupState.MERGED, "取消合并")
        kind = Kind(row.kind)
        members = self._rows.members([group_id])[group_id]
        standing = self._rows.standing(kind, [member.key for member in members])
        changes = []
        merged = Standing(Status.MERGED, row.canonical_key)
        for member in members:
            if member.former_status is not None and standing.get(member.key) == merged:
                status = Status(member.former_status)
                moved = self._records.set_status(kind, member.key, status, now_at)
                changes.append(
                    Change(kind, member.key, Action.UNMERGED, moved.record, moved.status)
                )
            member.former_status = None
            self._session.add(member)
        self._history.add(changes, now_at, who, f"不再并入 {row.canonical_key}")
        row.state = GroupState.OPEN.value
        self._finish(row, EventAction.UNMERGED, who, now_at, standing)
        return self.group(group_id)

    def dismiss(self, group_id: int, who: str, now_at: datetime) -> StoredGroup:
        """Note that an open group's records are different things: never proposed together again.

        Raises:
            DuplicateError: no such group, or it is not open.
        """
        row = self._rows.row(group_id, lock=True)
        self._require_state(row, GroupState.OPEN, "判定为不是重复")
        keys = [member.key for member in self._rows.members([group_id])[group_id]]
        row.state = GroupState.DISMISSED.value
        standing = self._rows.standing(Kind(row.kind), keys)
        self._finish(row, EventAction.DISMISSED, who, now_at, standing)
        return self.group(group_id)

    def reopen(self, group_id: int, who: str, now_at: datetime) -> StoredGroup:
        """Take back that an open group's records are different things: it waits again.

        Raises:
            DuplicateError: no such group, it is not dismissed, or one of its records waits in
                another group meanwhile.
        """
        row = self._rows.row(group_id, lock=True)
        self._require_state(row, GroupState.DISMISSED, "撤销判定")
        kind = Kind(row.kind)
        keys = [member.key for member in self._rows.members([group_id])[group_id]]
        if others := self._rows.with_members(kind, keys, GroupState.OPEN):
            numbers = "、".join(f"第 {stored_id(other)} 组" for other in others)
            raise DuplicateError(f"这一组的记录已在{numbers}待处理，请先处理{numbers}。")
        row.state = GroupState.OPEN.value
        self._finish(row, EventAction.REOPENED, who, now_at, self._rows.standing(kind, keys))
        return self.group(group_id)

    def _require_state(self, row: DuplicateGroupTable, wanted: GroupState, act: str) -> None:
        state = GroupState(row.state)
        if state is wanted:
            return
        advice = {
            GroupState.OPEN: "只有合并过的组可以取消合并。",
            GroupState.MERGED: f"它以 {row.canonical_key} 为准；要改动，请先取消合并。",
            GroupState.DISMISSED: "组内记录已判定为不同的内容，不再处理。",
            GroupState.JOINED: "请在待处理的组中找到它的记录。",
        }[state]
        raise DuplicateError(f"第 {row.id} 组现在是“{state.value}”，不能{act}。{advice}")

    def _check_mergeable(
        self, kind: Kind, keys: Sequence[str], canonical: str, standing: Mapping[str, Standing]
    ) -> None:
        for key in keys:
            if key not in standing:
                raise DuplicateError(
                    f"{kind.label} {key} 已不存在，本组不能合并；请重新查重，或判定为不是重复。"
                )
            one = standing[key]
            if one.status is Status.MERGED:
                raise DuplicateError(
                    f"{kind.label} {key} 已并入 {one.merged_into}，不能再合并；请先取消那次合并。"
                )
            if one.status is Status.WITHDRAWN:
                raise DuplicateError(
                    f"{kind.label} {key} 已撤回，不能合并；请先恢复它，或判定本组不是重复。"
                )
        if standing[canonical].status is not Status.ACTIVE:
            raise DuplicateError(
                f"{kind.label} {canonical} 现在是“{standing[canonical].status.value}”，"
                "不能代表其他记录；请选一条有效的。"
            )
        for key in self._records.representatives(kind, [key for key in keys if key != canonical]):
            raise DuplicateError(
                f"已有记录并入 {kind.label} {key}，它不能再并入 {canonical}；"
                f"请以 {key} 为准，或先取消原来的合并。"
            )

    def _finish(
        self,
        row: DuplicateGroupTable,
        action: EventAction,
        who: str,
        now_at: datetime,
        standing: Mapping[str, Standing],
    ) -> None:
        row.updated_at = now_at
        self._session.add(row)
        before = {key: one.status.value for key, one in standing.items()}
        self._rows.note(row, action, who, now_at, before)


def _stored(row: DuplicateGroupTable, members: Sequence[DuplicateMemberTable]) -> StoredGroup:
    return StoredGroup(
        id=stored_id(row),
        kind=Kind(row.kind),
        state=GroupState(row.state),
        keys=tuple(member.key for member in members),
        canonical_key=row.canonical_key,
        reason=row.reason,
        pairs=tuple(KeyPair(*pair) for pair in row.pairs),
        found_at=row.found_at,
        updated_at=row.updated_at,
    )
