"""SQLModel tables of this layer. Conversion to domain values is in ``repository``."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Integer, UniqueConstraint
from sqlmodel import Field, SQLModel

# SQLite only counts up a 64-bit key that is declared INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")
# An id names a document in indexes, also after its record is gone: no other may ever get it.
_NEVER_REUSED = {"sqlite_autoincrement": True}


def stored_id(row: Any) -> int:
    """The id of a row that is in the database."""
    if row.id is None:
        raise AssertionError("a stored row has an id")
    return int(row.id)


def aware(moment: datetime) -> datetime:
    """A stored time; SQLite keeps UTC without saying so."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class OrganisationTable(SQLModel, table=True):
    __tablename__: ClassVar[Any] = "organisation"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    name: str = Field(unique=True)
    region: str = Field(default="", index=True)


class _RecordColumns(SQLModel):
    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    key: str = Field(unique=True)
    status: str = Field(default="有效", index=True)
    merged_into: str | None = Field(default=None, index=True)
    source: str = Field(default="", index=True)
    title: str
    text: str = ""
    technology_field: str = Field(default="", index=True)
    industry: str = ""
    organisation_id: int | None = Field(
        default=None, foreign_key="organisation.id", index=True, sa_type=BigKey
    )
    language: str = "zh"
    published_on: date | None = None
    valid_from_on: date | None = None
    valid_until_on: date | None = Field(default=None, index=True)
    confidentiality: str = "公开"
    text_rank: int = Field(default=0, index=True)
    content_hash: str
    record_hash: str
    updated_at: datetime


class AchievementTable(_RecordColumns, table=True):
    __tablename__: ClassVar[Any] = "achievement"
    __table_args__ = _NEVER_REUSED

    cooperation: list[str] = Field(sa_column=Column(JSON, nullable=False))
    contacts: list[list[str]] = Field(sa_column=Column(JSON, nullable=False))
    field_levels: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    suggested: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    supplements: list[list[str]] = Field(sa_column=Column(JSON, nullable=False))
    extra: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    maturity: str | None = Field(default=None, index=True)
    intellectual_property: str = ""
    price_min_wan: float | None = None
    price_max_wan: float | None = None
    price_negotiable: bool | None = None  # null: no price is stated


class NeedTable(_RecordColumns, table=True):
    __tablename__: ClassVar[Any] = "need"
    __table_args__ = _NEVER_REUSED

    cooperation: list[str] = Field(sa_column=Column(JSON, nullable=False))
    contacts: list[list[str]] = Field(sa_column=Column(JSON, nullable=False))
    field_levels: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    suggested: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    supplements: list[list[str]] = Field(sa_column=Column(JSON, nullable=False))
    extra: dict[str, str] = Field(sa_column=Column(JSON, nullable=False))
    county: str = Field(default="", index=True)
    budget_min_wan: float | None = None
    budget_max_wan: float | None = None
    budget_negotiable: bool | None = None  # null: no budget is stated


class ImportRunTable(SQLModel, table=True):
    """One file loaded: what it was, what it did, and whether it was taken back."""

    __tablename__: ClassVar[Any] = "import_run"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str
    file_name: str
    file_sha256: str
    source: str = ""
    profile: str = ""
    who: str = ""
    imported_at: datetime = Field(index=True)
    undone_at: datetime | None = None
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    duplicate: int = 0
    failed: int = 0
    withdrawn: int = 0


class RecordVersionTable(SQLModel, table=True):
    """A record as it was after one change; never altered. ``record`` is null after a deletion."""

    __tablename__: ClassVar[Any] = "record_version"
    __table_args__ = (UniqueConstraint("kind", "key", "number"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str
    key: str
    number: int
    action: str
    changed_at: datetime
    who: str = ""
    note: str = ""
    import_id: int | None = Field(
        default=None, foreign_key="import_run.id", index=True, sa_type=BigKey
    )
    file_row: int | None = None
    row: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    record: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))


class CorpusStateTable(SQLModel, table=True):
    """One row: ``revision`` counts up with every change, so that caches know their age."""

    __tablename__: ClassVar[Any] = "corpus_state"

    id: int = Field(default=1, primary_key=True)
    revision: int = 0
