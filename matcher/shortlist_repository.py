"""All queries on shortlists. Takes a session and never commits.

Whoever writes holds ``corpus.database.writer``, so that two who change one list do so one after the
other, and the second finds that his version is no longer today's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_
from sqlmodel import Session, col, select

from corpus.tables import aware, stored_id
from matcher.feedback import Pair
from matcher.shortlist import (
    DEFAULT_NAME,
    MOST_ENTRIES,
    Access,
    Entry,
    Reader,
    Sharing,
    Shortlist,
    ShortlistError,
    UnknownShortlistError,
    check_access,
    checked_name,
    checked_note,
)
from matcher.tables import ShortlistEntryTable, ShortlistShareTable, ShortlistTable


@dataclass(frozen=True, slots=True)
class Added:
    """An entry of a list; ``new`` is False where the pair stood there already."""

    entry: Entry
    new: bool


class ShortlistRepository:
    """The lists of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- reading ---------------------------------------------------------------------------

    def require(self, shortlist_id: int, reader: Reader, needed: Access) -> Shortlist:
        """A list with which a reader may do what needs ``needed``.

        Raises:
            UnknownShortlistError, ClosedShortlistError: see ``check_access``.
        """
        row = self._session.get(ShortlistTable, shortlist_id)
        if row is None:
            raise UnknownShortlistError.of(shortlist_id)
        found = self._shortlist(row)
        check_access(found, reader, needed)
        return found

    def readable(
        self, reader: Reader, offset: int, limit: int, *, archived: bool = False
    ) -> list[Shortlist]:
        """What a reader may read, the one changed last first; ``archived``: those put away."""
        statement = (
            select(ShortlistTable)
            .where(_readable(reader, archived))
            .order_by(col(ShortlistTable.changed_at).desc(), col(ShortlistTable.id).desc())
            .offset(offset)
            .limit(limit)
        )
        return [self._shortlist(row) for row in self._session.exec(statement)]

    def count(self, reader: Reader, *, archived: bool = False) -> int:
        """How many there are of these."""
        statement = select(func.count(col(ShortlistTable.id))).where(_readable(reader, archived))
        return self._session.exec(statement).one()

    def entries(self, shortlist_id: int) -> list[Entry]:
        """The entries of a list in order."""
        return [_entry(row) for row in self._rows(shortlist_id)]

    def counts(self, shortlist_ids: Sequence[int]) -> dict[int, int]:
        """How many entries each of some lists has; those without any are left out."""
        statement = (
            select(ShortlistEntryTable.shortlist_id, func.count(col(ShortlistEntryTable.id)))
            .where(
                col(ShortlistEntryTable.shortlist_id).in_(shortlist_ids),
                col(ShortlistEntryTable.removed_at).is_(None),
            )
            .group_by(col(ShortlistEntryTable.shortlist_id))
        )
        return dict(self._session.exec(statement).all())

    def holding(self, reader: Reader, pair: Pair) -> list[tuple[int, str]]:
        """Number and name of the lists that hold a pair, of those that a reader may read."""
        statement = (
            select(col(ShortlistTable.id), ShortlistTable.name)
            .join(
                ShortlistEntryTable, col(ShortlistEntryTable.shortlist_id) == col(ShortlistTable.id)
            )
            .where(
                _readable(reader, archived=False),
                ShortlistEntryTable.need_key == pair.need,
                ShortlistEntryTable.achievement_key == pair.achievement,
                col(ShortlistEntryTable.removed_at).is_(None),
            )
            .order_by(col(ShortlistTable.id))
        )
        return [(number or 0, name) for number, name in self._session.exec(statement)]

    def entry(self, shortlist_id: int, entry_id: int) -> Entry:
        """An entry of a list, also one that was taken out.

        Raises:
            UnknownShortlistError: this list has none with this number.
        """
        return _entry(self._entry_row(shortlist_id, entry_id))

    def named(self, owner: str, name: str) -> Shortlist | None:
        """The list of an owner with a name, of those that are not archived."""
        statement = select(ShortlistTable).where(
            ShortlistTable.owner == owner,
            ShortlistTable.name == name,
            col(ShortlistTable.archived_at).is_(None),
        )
        row = self._session.exec(statement.order_by(col(ShortlistTable.id))).first()
        return self._shortlist(row) if row else None

    def names(self, owner: str) -> list[str]:
        """Names of an owner's lists that are not archived."""
        statement = select(ShortlistTable.name).where(
            ShortlistTable.owner == owner, col(ShortlistTable.archived_at).is_(None)
        )
        return list(self._session.exec(statement))

    # -- writing lists ---------------------------------------------------------------------

    def create(self, owner: str, name: str, note: str, now_at: datetime) -> Shortlist:
        """A new list, shared with nobody.

        Raises:
            ShortlistError: the name or the note cannot be, or the owner has a list of this name.
        """
        name, note = checked_name(name), checked_note(note)
        self._check_free(owner, name)
        row = ShortlistTable(
            owner=owner, name=name, note=note, created_at=now_at, changed_at=now_at
        )
        self._session.add(row)
        self._session.flush()
        return self._shortlist(row)

    def default(self, owner: str, now_at: datetime) -> Shortlist:
        """The list 我的收藏 of an owner, made where there is none."""
        return self.named(owner, DEFAULT_NAME) or self.create(owner, DEFAULT_NAME, "", now_at)

    def describe(self, shortlist: Shortlist, name: str, note: str, now_at: datetime) -> Shortlist:
        """Another name and note.

        Raises:
            ShortlistError: see ``create``.
        """
        name, note = checked_name(name), checked_note(note)
        if name != shortlist.name:
            self._check_free(shortlist.owner, name)
        return self._changed(shortlist, now_at, name=name, note=note)

    def share(self, shortlist: Shortlist, sharing: Sharing, now_at: datetime) -> Shortlist:
        """Let others in, these and no more."""
        self._session.exec(
            delete(ShortlistShareTable).where(col(ShortlistShareTable.shortlist_id) == shortlist.id)
        )
        for account, access in sharing.people.items():
            self._session.add(
                ShortlistShareTable(shortlist_id=shortlist.id, account=account, access=access.value)
            )
        return self._changed(shortlist, now_at, everyone=sharing.everyone.value)

    def archive(self, shortlist: Shortlist, now_at: datetime) -> Shortlist:
        """Put a list away; one that is stays as it is."""
        if shortlist.archived_at is not None:
            return shortlist
        return self._changed(shortlist, now_at, archived_at=now_at)

    def unarchive(self, shortlist: Shortlist, now_at: datetime) -> Shortlist:
        """Take a list back.

        Raises:
            ShortlistError: its owner has another list of this name by now.
        """
        if shortlist.archived_at is None:
            return shortlist
        self._check_free(shortlist.owner, shortlist.name)
        return self._changed(shortlist, now_at, archived_at=None)

    # -- writing entries -------------------------------------------------------------------

    def add(
        self,
        shortlist: Shortlist,
        pair: Pair,
        note: str,
        who: str,
        evidence_id: int | None,
        now_at: datetime,
    ) -> Added:
        """Put a pair at the end of a list; one that stands there stays as it is.

        Raises:
            ShortlistError: the list is full, or the note cannot be.
        """
        note, known = checked_note(note), self._of_pair(shortlist.id, pair)
        if known is not None and known.removed_at is None:
            return Added(_entry(known), new=False)
        rows = self._rows(shortlist.id)
        if len(rows) >= MOST_ENTRIES:
            raise ShortlistError(
                f"清单“{shortlist.name}”已有 {MOST_ENTRIES} 条，放不下了。请另建一份清单。"
            )
        row = known or ShortlistEntryTable(
            shortlist_id=shortlist.id, need_key=pair.need, achievement_key=pair.achievement,
            position=0, added_by=who, added_at=now_at,
        )  # fmt: skip
        row.position = max((one.position for one in rows), default=0) + 1
        row.note, row.added_by, row.added_at = note, who, now_at
        row.evidence_id, row.removed_at = evidence_id, None
        self._session.add(row)
        self._changed(shortlist, now_at)
        return Added(_entry(row), new=True)

    def remove(self, shortlist: Shortlist, entry_id: int, now_at: datetime) -> Entry:
        """Take an entry out; it keeps its place for being put back.

        Raises:
            UnknownShortlistError: the list has none with this number.
        """
        row = self._entry_row(shortlist.id, entry_id)
        if row.removed_at is None:
            row.removed_at = now_at
            self._session.add(row)
            self._changed(shortlist, now_at)
        return _entry(row)

    def put_back(self, shortlist: Shortlist, entry_id: int, now_at: datetime) -> Entry:
        """Undo a removal.

        Raises:
            UnknownShortlistError: the list has none with this number.
            ShortlistError: the list is full by now.
        """
        row = self._entry_row(shortlist.id, entry_id)
        if row.removed_at is not None:
            if len(self._rows(shortlist.id)) >= MOST_ENTRIES:
                raise ShortlistError(f"清单“{shortlist.name}”已满，放不回去。请先去掉几条。")
            row.removed_at = None
            self._session.add(row)
            self._changed(shortlist, now_at)
        return _entry(row)

    def annotate(self, shortlist: Shortlist, entry_id: int, note: str, now_at: datetime) -> Entry:
        """Another note for an entry.

        Raises:
            UnknownShortlistError: the list has none with this number.
            ShortlistError: the note cannot be.
        """
        row = self._entry_row(shortlist.id, entry_id)
        row.note = checked_note(note)
        self._session.add(row)
        self._changed(shortlist, now_at)
        return _entry(row)

    def reorder(self, shortlist: Shortlist, order: Sequence[int], now_at: datetime) -> Shortlist:
        """Give the entries the order of their numbers.

        Raises:
            ValueError: it is no permutation of them.
        """
        rows = {stored_id(row): row for row in self._rows(shortlist.id)}
        if sorted(order) != sorted(rows):
            raise ValueError("an order names every entry once")
        for position, entry_id in enumerate(order, start=1):
            rows[entry_id].position = position
            self._session.add(rows[entry_id])
        return self._changed(shortlist, now_at)

    # -- inside ----------------------------------------------------------------------------

    def _check_free(self, owner: str, name: str) -> None:
        if self.named(owner, name) is not None:
            raise ShortlistError(f"已有清单“{name}”。请换一个名称。")

    def _changed(self, shortlist: Shortlist, now_at: datetime, **values: Any) -> Shortlist:
        row = self._session.get(ShortlistTable, shortlist.id)
        if row is None:
            raise AssertionError("lists are never deleted")
        row.sqlmodel_update({**values, "changed_at": now_at, "version": row.version + 1})
        self._session.add(row)
        self._session.flush()
        return self._shortlist(row)

    def _shortlist(self, row: ShortlistTable) -> Shortlist:
        statement = select(ShortlistShareTable).where(ShortlistShareTable.shortlist_id == row.id)
        people = {
            share.account: Access(share.access)
            for share in self._session.exec(statement.order_by(ShortlistShareTable.account))
        }
        return Shortlist(
            id=stored_id(row),
            owner=row.owner,
            name=row.name,
            note=row.note,
            sharing=Sharing(Access(row.everyone), people),
            version=row.version,
            created_at=aware(row.created_at),
            changed_at=aware(row.changed_at),
            archived_at=aware(row.archived_at) if row.archived_at else None,
        )

    def _rows(self, shortlist_id: int) -> list[ShortlistEntryTable]:
        statement = (
            select(ShortlistEntryTable)
            .where(
                ShortlistEntryTable.shortlist_id == shortlist_id,
                col(ShortlistEntryTable.removed_at).is_(None),
            )
            .order_by(col(ShortlistEntryTable.position), col(ShortlistEntryTable.id))
        )
        return list(self._session.exec(statement))

    def _entry_row(self, shortlist_id: int, entry_id: int) -> ShortlistEntryTable:
        row = self._session.get(ShortlistEntryTable, entry_id)
        if row is None or row.shortlist_id != shortlist_id:
            raise UnknownShortlistError.of_entry(entry_id)
        return row

    def _of_pair(self, shortlist_id: int, pair: Pair) -> ShortlistEntryTable | None:
        statement = select(ShortlistEntryTable).where(
            ShortlistEntryTable.shortlist_id == shortlist_id,
            ShortlistEntryTable.need_key == pair.need,
            ShortlistEntryTable.achievement_key == pair.achievement,
        )
        return self._session.exec(statement).one_or_none()


def _readable(reader: Reader, archived: bool) -> ColumnElement[bool]:
    own = col(ShortlistTable.owner) == reader.name
    if archived:
        return and_(own, col(ShortlistTable.archived_at).is_not(None))
    named = exists().where(
        col(ShortlistShareTable.shortlist_id) == col(ShortlistTable.id),
        col(ShortlistShareTable.account) == reader.name,
    )
    seen = [own, named]
    if reader.sees_everything:
        seen.append(col(ShortlistTable.everyone) > Access.NONE.value)
    return and_(or_(*seen), col(ShortlistTable.archived_at).is_(None))


def _entry(row: ShortlistEntryTable) -> Entry:
    return Entry(
        id=stored_id(row),
        shortlist_id=row.shortlist_id,
        pair=Pair(row.need_key, row.achievement_key),
        note=row.note,
        added_by=row.added_by,
        added_at=aware(row.added_at),
        evidence_id=row.evidence_id,
        removed_at=aware(row.removed_at) if row.removed_at else None,
    )
