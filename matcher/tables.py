"""Tables of this layer. Conversion to domain values is in ``repository``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from corpus.tables import BigKey


class RankingModelTable(SQLModel, table=True):
    """Every ranking model that ever answered or stands behind an evidence; never deleted."""

    __tablename__: ClassVar[Any] = "ranking_model"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    name: str
    hash: str = Field(unique=True)
    content: str
    """Canonical JSON, so that its hash can be computed again."""
    created_at: datetime
    note: str = ""
    promoted_at: datetime | None = None
    """When it last became the one that answers; null: it never did."""
    retired_at: datetime | None = None
    """When it last stopped to be; null: it never did, or answers now."""


class RankingEventTable(SQLModel, table=True):
    """One promotion or rollback; never altered."""

    __tablename__: ClassVar[Any] = "ranking_event"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    action: str
    model_id: int = Field(foreign_key="ranking_model.id", index=True, sa_type=BigKey)
    """The model promoted, or the one taken out of service by a rollback."""
    who: str = ""
    note: str = ""
    happened_at: datetime
    gate_passed: bool | None = None  # null: a rollback
    gate_report: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True))
    )


class EvidenceTable(SQLModel, table=True):
    """What a kept proposal rested on; never altered."""

    __tablename__: ClassVar[Any] = "evidence"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    hash: str = Field(unique=True)
    need_key: str = Field(index=True)
    achievement_key: str = Field(index=True)
    need_hash: str
    achievement_hash: str
    need_version: int | None = None  # of ``record_version``
    achievement_version: int | None = None
    need_record: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True))
    )
    """The record itself, where the history holds no version of it."""
    achievement_record: dict[str, Any] | None = Field(
        default=None, sa_column=Column(JSON(none_as_null=True))
    )
    encoder_name: str
    encoder_fingerprint: str
    tokenizer_fingerprint: str
    model_id: int = Field(foreign_key="ranking_model.id", index=True, sa_type=BigKey)
    generation: str
    score: float
    parts: list[list[Any]] = Field(sa_column=Column(JSON, nullable=False))
    """Feature, value, part."""
    card: str
    """Canonical JSON."""
    card_hash: str
    who: str = ""
    created_at: datetime


class FeedbackTable(SQLModel, table=True):
    """One judgement of a pair; only ``undone_at`` and ``undone_by`` are ever written again.

    Keys, not ids: ids change when an import is taken back and repeated.
    """

    __tablename__: ClassVar[Any] = "feedback"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    need_key: str = Field(index=True)
    achievement_key: str = Field(index=True)
    rater: str = Field(index=True)
    verdict: str
    grade: int | None = None
    reasons: list[str] = Field(sa_column=Column(JSON, nullable=False))
    note: str = ""
    given_at: datetime
    need_hash: str
    achievement_hash: str
    facts: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    """What the two records said beside their texts of what the reasons are about."""
    evidence_id: int | None = Field(
        default=None, foreign_key="evidence.id", index=True, sa_type=BigKey
    )
    undone_at: datetime | None = None
    undone_by: str = ""


class ShortlistTable(SQLModel, table=True):
    """One list of pairs; archived, never deleted.

    People are named as accounts are, whose names never change; this layer knows no accounts.
    """

    __tablename__: ClassVar[Any] = "shortlist"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    owner: str = Field(index=True)
    name: str
    note: str = ""
    everyone: int = 0
    """What everybody may do who sees every record; ``shortlist.Access``."""
    version: int = 1
    created_at: datetime
    changed_at: datetime
    archived_at: datetime | None = None


class ShortlistShareTable(SQLModel, table=True):
    """One account that a list is shared with."""

    __tablename__: ClassVar[Any] = "shortlist_share"
    __table_args__ = (UniqueConstraint("shortlist_id", "account"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    shortlist_id: int = Field(foreign_key="shortlist.id", index=True, sa_type=BigKey)
    account: str = Field(index=True)
    access: int


class ShortlistEntryTable(SQLModel, table=True):
    """One pair of a list; taken out, it stays as a row so that it can be put back."""

    __tablename__: ClassVar[Any] = "shortlist_entry"
    __table_args__ = (UniqueConstraint("shortlist_id", "need_key", "achievement_key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    shortlist_id: int = Field(foreign_key="shortlist.id", index=True, sa_type=BigKey)
    need_key: str = Field(index=True)
    achievement_key: str = Field(index=True)
    position: int
    note: str = ""
    added_by: str
    added_at: datetime
    evidence_id: int | None = Field(
        default=None, foreign_key="evidence.id", index=True, sa_type=BigKey
    )
    removed_at: datetime | None = None
