"""Frozen domain values of the corpus. No input or output here.

An *achievement* 成果 is what a research institution offers, a *need* 需求 is what an
enterprise asks for. Both are *records*: a key from their source, a title, a text and facts.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from enum import StrEnum
from typing import Any


class CorpusError(Exception):
    """Base of this package's errors; the message says what happened and what to do."""


class Kind(StrEnum):
    """The two kinds of record."""

    ACHIEVEMENT = "achievement"
    NEED = "need"

    @property
    def label(self) -> str:
        """Chinese name shown to people."""
        return "成果" if self is Kind.ACHIEVEMENT else "需求"

    @property
    def other(self) -> Kind:
        """The kind that this one is matched with."""
        return Kind.NEED if self is Kind.ACHIEVEMENT else Kind.ACHIEVEMENT


class Maturity(StrEnum):
    """Maturity levels in the words of Chinese transfer platforms."""

    RESEARCH = "正在研发"
    SAMPLE = "已有样品"
    LAB_SCALE = "通过小试"
    PILOT_SCALE = "通过中试"
    MASS_PRODUCTION = "可以量产"

    @property
    def trl(self) -> tuple[int, int]:
        """Technology readiness levels (GB/T 22900, 1–9) that the word usually stands for."""
        return _TRL[self]


_TRL = {
    Maturity.RESEARCH: (1, 3),
    Maturity.SAMPLE: (4, 4),
    Maturity.LAB_SCALE: (5, 5),
    Maturity.PILOT_SCALE: (6, 7),
    Maturity.MASS_PRODUCTION: (8, 9),
}


@dataclass(frozen=True, slots=True)
class Organisation:
    """Who owns a record. ``region`` is one of ``taxonomy.regions()`` or empty."""

    name: str
    region: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Record:
    key: str  # unique within its kind; from the source, or made from the content
    title: str
    text: str = ""
    technology_field: str = ""
    industry: str = ""
    organisation: Organisation | None = None
    language: str = "zh"
    cooperation: tuple[str, ...] = ()
    published_on: date | None = None
    valid_until_on: date | None = None
    extra: Mapping[str, str] = field(default_factory=dict)  # columns nobody mapped: kept as read

    @property
    def content_hash(self) -> str:
        """SHA-256 of what an index is made from: title and text."""
        return _sha256([self.title, self.text])

    @property
    def record_hash(self) -> str:
        """SHA-256 of the whole record: equal hashes mean that an import changes nothing."""
        return _sha256(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Achievement(_Record):
    """A research output offered for transfer."""

    maturity: Maturity | None = None
    intellectual_property: str = ""

    @property
    def kind(self) -> Kind:
        return Kind.ACHIEVEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Need(_Record):
    """A technology need of an enterprise; ``county`` is one of ``taxonomy.counties()``."""

    county: str = ""
    budget_wan: float | None = None  # 万元

    @property
    def kind(self) -> Kind:
        return Kind.NEED


Record = Achievement | Need


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with its 64-bit database id, which is also its id in every index."""

    id: int
    record: Record


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Hard conditions on records; an empty set means that anything goes.

    The sets are *any of*; the fields are joined by *and*. ``regions`` are regions of the
    owner (成果) or counties (需求). ``min_maturity`` keeps achievements at that level or
    above; a record without a stated maturity does not pass it. ``valid_on`` drops records
    whose validity ended before that day. ``keys`` restricts to given records.
    """

    technology_fields: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    min_maturity: Maturity | None = None
    valid_on: date | None = None
    keys: frozenset[str] | None = None


def _sha256(value: Any) -> str:
    encoded = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(encoded.encode()).hexdigest()
