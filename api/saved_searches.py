"""Saved searches: somebody's own, kept with their filters, deleted and had back.

What another person saved is as if it were not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from sqlalchemy import func
from sqlmodel import Session, col, select

from api.facets import Choice
from api.security.visitor import Visitor
from api.tables import SavedSearchTable
from corpus.model import Kind
from corpus.tables import aware, stored_id

MOST = 100
"""Saved searches of one account."""
NAME_LENGTH = 50
TEXT_LENGTH = 20_000
RESTORABLE = timedelta(days=30)
"""How long a deleted one can be had back."""


class DeskError(Exception):
    """What somebody cannot keep or find of his own; the message says what to do."""


class NeedsAccountError(DeskError):
    """The demonstration has no account to keep something for."""

    def __init__(self) -> None:
        super().__init__("示例没有账号，不能保存或关注。请用自己的账号登录后再试。")


class SavedSearchError(DeskError):
    """A search that cannot be saved; the message says what to do."""


class UnknownSavedSearchError(DeskError):
    """There is no such saved search of one's own."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """One search of one account."""

    id: int
    name: str
    kind: Kind
    text: str
    filters: Mapping[str, Sequence[str]]
    created_at: datetime
    is_deleted: bool = False

    @property
    def choice(self) -> Choice:
        """The filters."""
        return Choice.of(self.kind, self.filters)

    @property
    def address(self) -> str:
        """The page that runs it."""
        asked = [("q", self.text), ("kind", self.kind.value), *self.choice.pairs()]
        return f"/?{urlencode(asked)}"


def account_id(visitor: Visitor) -> int:
    """Whose things a request is about.

    Raises:
        NeedsAccountError: it is the demonstration.
    """
    if visitor.is_open or visitor.actor.user_id is None:
        raise NeedsAccountError
    return visitor.actor.user_id


class SavedSearchRepository:
    """The saved searches of one account, in one session; never commits."""

    def __init__(self, session: Session, user_id: int) -> None:
        self._session = session
        self._user_id = user_id

    def all(self) -> list[SavedSearch]:
        """In order of saving, the newest first."""
        statement = (
            select(SavedSearchTable)
            .where(*self._own(), col(SavedSearchTable.deleted_at).is_(None))
            .order_by(col(SavedSearchTable.id).desc())
        )
        return [_saved(row) for row in self._session.exec(statement)]

    def require(self, search_id: int, *, deleted: bool = False) -> SavedSearch:
        """One of them.

        Raises:
            UnknownSavedSearchError: there is none with this number; ``deleted``: nor among those
                that can be had back.
        """
        return _saved(self._row(search_id, deleted=deleted))

    def save(self, name: str, choice: Choice, text: str, now_at: datetime) -> SavedSearch:
        """A new one.

        Raises:
            SavedSearchError: name or text are missing or too long, or there are too many.
        """
        name, text = _name(name), text.strip()
        if not text:
            raise SavedSearchError("没有写要找什么。请先写一句话或粘贴需求，再保存。")
        if len(text) > TEXT_LENGTH:
            raise SavedSearchError(f"要找的内容最多 {TEXT_LENGTH} 个字。请删短后再保存。")
        self._room()
        row = SavedSearchTable(
            user_id=self._user_id, name=name, kind=choice.kind.value, text=text,
            filters=choice.as_lists(), created_at=now_at,
        )  # fmt: skip
        self._session.add(row)
        self._session.flush()
        return _saved(row)

    def rename(self, search_id: int, name: str) -> SavedSearch:
        """Give it another name.

        Raises:
            UnknownSavedSearchError, SavedSearchError: see ``require`` and ``save``.
        """
        row = self._row(search_id)
        row.name = _name(name)
        self._session.add(row)
        self._session.flush()
        return _saved(row)

    def delete(self, search_id: int, now_at: datetime) -> SavedSearch:
        """Take it off the list; what was deleted long ago, or beyond ``MOST``, goes for good.

        Raises:
            UnknownSavedSearchError: see ``require``.
        """
        row = self._row(search_id, deleted=True)
        row.deleted_at = row.deleted_at or now_at
        self._session.add(row)
        self._session.flush()
        gone = select(SavedSearchTable).where(
            *self._own(), col(SavedSearchTable.deleted_at).is_not(None)
        )
        deleted = sorted(
            self._session.exec(gone), key=lambda one: (_deleted_at(one), one.id), reverse=True
        )
        for place, old in enumerate(deleted):
            if place >= MOST or _deleted_at(old) < now_at - RESTORABLE:
                self._session.delete(old)
        self._session.flush()
        return _saved(row)

    def restore(self, search_id: int) -> SavedSearch:
        """Put a deleted one back; one that is there stays as it is.

        Raises:
            UnknownSavedSearchError, SavedSearchError: see ``require`` and ``save``.
        """
        row = self._row(search_id, deleted=True)
        if row.deleted_at is not None:
            self._room()
            row.deleted_at = None
            self._session.add(row)
            self._session.flush()
        return _saved(row)

    def _own(self) -> tuple[bool]:
        return (SavedSearchTable.user_id == self._user_id,)

    def _row(self, search_id: int, *, deleted: bool = False) -> SavedSearchTable:
        row = self._session.get(SavedSearchTable, search_id)
        if (
            row is None
            or row.user_id != self._user_id
            or (row.deleted_at is not None and not deleted)
        ):
            raise UnknownSavedSearchError("你没有这条保存的搜索。请到“保存的搜索”查看。")
        return row

    def _room(self) -> None:
        statement = (
            select(func.count())
            .select_from(SavedSearchTable)
            .where(*self._own(), col(SavedSearchTable.deleted_at).is_(None))
        )
        if self._session.exec(statement).one() >= MOST:
            raise SavedSearchError(f"最多保存 {MOST} 条搜索。请先删除不用的，再保存。")


def _name(typed: str) -> str:
    name = " ".join(typed.split())
    if not name:
        raise SavedSearchError("请给这条搜索起一个名称。")
    if len(name) > NAME_LENGTH:
        raise SavedSearchError(f"名称最多 {NAME_LENGTH} 个字，现在有 {len(name)} 个。")
    return name


def _deleted_at(row: SavedSearchTable) -> datetime:
    if row.deleted_at is None:
        raise AssertionError("only deleted rows are asked")
    return aware(row.deleted_at)


def _saved(row: SavedSearchTable) -> SavedSearch:
    return SavedSearch(
        stored_id(row), row.name, Kind(row.kind), row.text, row.filters, aware(row.created_at),
        row.deleted_at is not None,
    )  # fmt: skip
