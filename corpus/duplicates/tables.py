"""Tables of duplicate groups. Conversion to values is in ``repository``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from corpus.tables import BigKey


class DuplicateGroupTable(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "duplicate_group"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str = Field(index=True)
    state: str = Field(index=True)
    reason: str
    canonical_key: str
    pairs: list[list[Any]] = Field(sa_column=Column(JSON, nullable=False))
    """Left key, right key, score, reason."""
    found_at: datetime
    updated_at: datetime


class DuplicateMemberTable(SQLModel, table=True):
    """A record of a group, by its key: ids change when an import is taken back and repeated."""

    __tablename__: ClassVar[Any] = "duplicate_member"
    __table_args__ = (UniqueConstraint("group_id", "key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    group_id: int = Field(foreign_key="duplicate_group.id", index=True, sa_type=BigKey)
    key: str = Field(index=True)
    former_status: str | None = None
    """What it was before it was merged; null while it is not."""


class DuplicateSearchTable(SQLModel, table=True):
    """One search for duplicates that somebody started, and how far it has come."""

    __tablename__: ClassVar[Any] = "duplicate_search"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str
    who: str
    started_at: datetime
    finished_at: datetime | None = None
    stage: str
    done: int = 0
    total: int = 0
    """Of the stage; 0: it cannot be counted."""
    records: int = 0
    groups: int = 0
    new: int = 0
    extended: int = 0
    problem: str = ""


class DuplicateEventTable(SQLModel, table=True):
    """What was done with a group; never altered."""

    __tablename__: ClassVar[Any] = "duplicate_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    group_id: int = Field(foreign_key="duplicate_group.id", index=True, sa_type=BigKey)
    action: str
    who: str = ""
    happened_at: datetime
    canonical_key: str
    before: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    """Statuses of the group's records before, by key."""
