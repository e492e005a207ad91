"""SQLModel tables of this layer. Conversion to domain values is in ``repository``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, Integer
from sqlmodel import Field, SQLModel

# SQLite only counts up a 64-bit key that is declared INTEGER.
BigKey = BigInteger().with_variant(Integer, "sqlite")


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
    organisation_id: int | None = Field(default=None, foreign_key="organisation.id", index=True)
    language: str = "zh"
    published_on: date | None = None
    valid_from_on: date | None = None
    valid_until_on: date | None = Field(default=None, index=True)
    confidentiality: str = "公开"
    content_hash: str
    record_hash: str
    updated_at: datetime


class AchievementTable(_RecordColumns, table=True):
    __tablename__: ClassVar[Any] = "achievement"

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


class CorpusStateTable(SQLModel, table=True):
    """One row: ``revision`` counts up with every change, so that caches know their age."""

    __tablename__: ClassVar[Any] = "corpus_state"

    id: int = Field(default=1, primary_key=True)
    revision: int = 0
