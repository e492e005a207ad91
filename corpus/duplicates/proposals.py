"""From found groups to proposals: what is known, what joins, what a person ruled out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlmodel import Session

from corpus.duplicates.groups import DuplicateGroup
from corpus.duplicates.rows import GroupRows
from corpus.duplicates.stored import EventAction, GroupState, KeyPair, RecordedCounts
from corpus.duplicates.tables import DuplicateGroupTable, DuplicateMemberTable
from corpus.model import Kind, Status
from corpus.repository import CorpusRepository
from corpus.tables import stored_id

_UNFIT = frozenset({Status.WITHDRAWN, Status.MERGED})


class Proposals:
    """Proposed groups of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records = CorpusRepository(session)
        self._rows = GroupRows(session)

    def record(
        self, kind: Kind, groups: Iterable[DuplicateGroup], now_at: datetime
    ) -> RecordedCounts:
        """Propose found groups; the same groups again change nothing.

        Two records of a dismissed group never come together again. A group that overlaps open
        ones is joined with them. Records that are gone, withdrawn or merged are left out.
        """
        new = extended = known = 0
        for group in groups:
            for keys, pairs in self._allowed_parts(kind, group):
                open_rows = self._rows.with_members(kind, keys, GroupState.OPEN)
                members = self._rows.members([stored_id(row) for row in open_rows])
                if any({m.key for m in found} >= set(keys) for found in members.values()):
                    known += 1
                elif open_rows and self._extend(open_rows, keys, pairs, now_at):
                    extended += 1
                elif open_rows:
                    known += 1
                else:
                    self._propose(kind, keys, pairs, group.reason, now_at)
                    new += 1
        return RecordedCounts(new, extended, known)

    def _allowed_parts(
        self, kind: Kind, group: DuplicateGroup
    ) -> list[tuple[list[str], list[KeyPair]]]:
        """The group, or what is left of it when dismissed pairs are kept apart.

        The first key of a part is the one proposed to stand for it.
        """
        stored = self._records.get_many(kind, group.ids)
        order = [group.canonical, *(i for i in group.ids if i != group.canonical)]
        key_of = {
            i: stored[i].record.key for i in order if i in stored and stored[i].status not in _UNFIT
        }
        pairs = [
            KeyPair(key_of[p.left_id], key_of[p.right_id], p.score, p.reason)
            for p in group.pairs
            if p.left_id in key_of and p.right_id in key_of
        ]
        apart = self._dismissed_pairs(kind, list(key_of.values()))
        linked = {frozenset((p.left, p.right)) for p in pairs} - apart
        parts: list[list[str]] = []
        for key in key_of.values():
            for part in parts:
                together = [frozenset((key, other)) for other in part]
                if apart.isdisjoint(together) and not linked.isdisjoint(together):
                    part.append(key)
                    break
            else:
                parts.append([key])
        return [
            (part, [p for p in pairs if p.left in part and p.right in part])
            for part in parts
            if len(part) > 1
        ]

    def _dismissed_pairs(self, kind: Kind, keys: Sequence[str]) -> set[frozenset[str]]:
        rows = self._rows.with_members(kind, keys, GroupState.DISMISSED)
        members = self._rows.members([stored_id(row) for row in rows])
        return {
            frozenset((one.key, other.key))
            for found in members.values()
            for one in found
            for other in found
            if one.key < other.key
        }

    def _propose(
        self,
        kind: Kind,
        keys: Sequence[str],
        pairs: Sequence[KeyPair],
        reason: str,
        now_at: datetime,
    ) -> None:
        row = DuplicateGroupTable(
            kind=kind.value,
            state=GroupState.OPEN.value,
            reason=reason,
            canonical_key=keys[0],
            pairs=_to_json(pairs),
            found_at=now_at,
            updated_at=now_at,
        )
        self._session.add(row)
        self._session.flush()
        self._session.add_all(
            DuplicateMemberTable(group_id=stored_id(row), key=key) for key in keys
        )
        self._rows.note(row, EventAction.FOUND, "", now_at, {})

    def _extend(
        self,
        rows: Sequence[DuplicateGroupTable],
        keys: Sequence[str],
        pairs: Sequence[KeyPair],
        now_at: datetime,
    ) -> bool:
        """Put keys, and what other open groups hold, into the oldest group; False if none fits."""
        first, *others = rows
        kind = Kind(first.kind)
        members = self._rows.members([stored_id(row) for row in rows])
        inside = [m.key for m in members[stored_id(first)]]
        wanted = dict.fromkeys([*keys, *(m.key for row in others for m in members[stored_id(row)])])
        apart = self._dismissed_pairs(kind, [*inside, *wanted])
        before = len(inside)
        for key in wanted:
            if key not in inside and apart.isdisjoint(frozenset((key, k)) for k in inside):
                inside.append(key)
                self._session.add(DuplicateMemberTable(group_id=stored_id(first), key=key))
        known = {(p[0], p[1]): p for p in first.pairs}
        arriving = [*_to_json(pairs), *(p for row in others for p in row.pairs)]
        known.update(((p[0], p[1]), p) for p in arriving if p[0] in inside and p[1] in inside)
        if len(inside) == before:
            return False
        first.pairs, first.updated_at = list(known.values()), now_at
        self._session.add(first)
        self._rows.note(first, EventAction.EXTENDED, "", now_at, {})
        for row in others:
            if {m.key for m in members[stored_id(row)]} <= set(inside):
                row.state, row.updated_at = GroupState.JOINED.value, now_at
                self._session.add(row)
                self._rows.note(row, EventAction.JOINED, "", now_at, {})
        return True


def _to_json(pairs: Iterable[KeyPair]) -> list[list[Any]]:
    return [[p.left, p.right, p.score, p.reason] for p in pairs]
