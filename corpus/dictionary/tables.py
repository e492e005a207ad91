"""Tables of the words that people add. Conversion to values is in ``repository``."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, Column
from sqlmodel import Field, SQLModel

from corpus.tables import BigKey


class DictionaryTermTable(SQLModel, table=True):
    """A word and what is said about it; but for its state never altered, and never deleted."""

    __tablename__: ClassVar[Any] = "dictionary_term"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str
    term: str = Field(index=True)
    canonical: str = ""
    note: str = ""
    state: str = Field(index=True)
    created_by: str
    created_at: datetime


class DictionaryVersionTable(SQLModel, table=True):
    """What acted from one moment on; only ever added to, the last row acts."""

    __tablename__: ClassVar[Any] = "dictionary_version"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    action: str
    restores: int | None = Field(default=None, sa_type=BigKey)
    who: str
    note: str = ""
    happened_at: datetime
    term_ids: list[int] = Field(sa_column=Column(JSON, nullable=False))
