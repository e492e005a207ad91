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


class UnknownRecordError(CorpusError):
    """There is no record with that key."""


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


class Confidentiality(StrEnum):
    """Who may see a record or a field, from open to closed; see ``confidentiality``."""

    PUBLIC = "公开"
    INTERNAL = "内部"
    CONFIDENTIAL = "保密"

    @property
    def rank(self) -> int:
        """0 for public; a higher rank is more closed."""
        return list(Confidentiality).index(self)


class Status(StrEnum):
    """Where a stored record stands. Only active ones are indexed and proposed."""

    ACTIVE = "有效"
    WITHDRAWN = "已撤回"  # by a person
    DELISTED = "来源已下架"  # no longer in the source's full list; back when it is listed again
    EXPIRED = "已到期"  # closed by hand; past ``valid_until_on`` is a matter of the filter
    MERGED = "已合并"  # the same as another record, which stands for it


class ContactKind(StrEnum):
    """What a contact value is."""

    PERSON = "联系人"
    PHONE = "电话"
    MAIL = "邮箱"
    OTHER = "其他"


@dataclass(frozen=True, slots=True)
class Contact:
    """One way to reach the owner of a record. Confidential: never part of any text."""

    kind: ContactKind
    value: str


@dataclass(frozen=True, slots=True)
class Amount:
    """Money in 万元; a missing bound is open. ``negotiable`` is 面议."""

    min_wan: float | None = None
    max_wan: float | None = None
    negotiable: bool = False

    @property
    def label(self) -> str:
        """For people: 面议, 300 万元, 100–200 万元, 不低于 50 万元, 不高于 80 万元."""
        low, high = self.min_wan, self.max_wan
        if low is not None and high is not None:
            return f"{low:g} 万元" if low == high else f"{low:g}–{high:g} 万元"
        if low is not None:
            return f"不低于 {low:g} 万元"
        if high is not None:
            return f"不高于 {high:g} 万元"
        return "面议" if self.negotiable else ""


@dataclass(frozen=True, slots=True)
class Supplement:
    """An answer to a question that a vague need raised; kept over later imports."""

    aspect: str  # an aspect's name of ``corpus.quality``, shown as a heading
    text: str


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
    valid_from_on: date | None = None
    valid_until_on: date | None = None
    source: str = ""  # where it came from: a platform, a survey; the key is unique within it
    contacts: tuple[Contact, ...] = ()
    confidentiality: Confidentiality = Confidentiality.PUBLIC
    field_levels: Mapping[str, Confidentiality] = field(default_factory=dict)
    """Fields that are more closed than the record, by name."""
    suggested: Mapping[str, str] = field(default_factory=dict)
    """Values for empty fields (``technology_field``, ``industry``), guessed from the text."""
    supplements: tuple[Supplement, ...] = ()
    extra: Mapping[str, str] = field(default_factory=dict)  # columns nobody mapped: kept as read

    @property
    def body(self) -> str:
        """The text with the supplements below it: what is searched, matched and shown."""
        added = (f"{s.aspect}：{s.text}" for s in self.supplements)
        return "\n".join((self.text, *added)) if self.supplements else self.text

    @property
    def text_level(self) -> Confidentiality:
        """Level from which on all that is searched, title and text, may be read."""
        levels = (self.confidentiality, *map(self.field_levels.get, ("title", "text")))
        return max((level for level in levels if level), key=lambda level: level.rank)

    @property
    def content_hash(self) -> str:
        """SHA-256 of what an index is made from: title and body."""
        return _sha256([self.title, self.body])

    @property
    def record_hash(self) -> str:
        """SHA-256 of what the source says: equal hashes mean that an import changes nothing.

        Suggestions and supplements are ours, not the source's.
        """
        values = asdict(self)
        del values["suggested"], values["supplements"]
        return _sha256(values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Achievement(_Record):
    """A research output offered for transfer."""

    maturity: Maturity | None = None
    intellectual_property: str = ""
    price: Amount | None = None

    @property
    def kind(self) -> Kind:
        return Kind.ACHIEVEMENT


@dataclass(frozen=True, slots=True, kw_only=True)
class Need(_Record):
    """A technology need of an enterprise; ``county`` is one of ``taxonomy.counties()``."""

    county: str = ""
    budget: Amount | None = None

    @property
    def kind(self) -> Kind:
        return Kind.NEED


Record = Achievement | Need


@dataclass(frozen=True, slots=True)
class StoredRecord:
    """A record with its 64-bit database id, which is also its id in every index."""

    id: int
    record: Record
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordFilter:
    """Hard conditions on records; an empty set means that anything goes.

    The sets are *any of*; the fields are joined by *and*. ``regions`` are regions of the
    owner (成果) or counties (需求). A section among ``industries`` stands for its divisions too.
    ``min_maturity`` keeps achievements at that level or above; a record without a stated maturity
    does not pass it. ``maturities`` and ``protections`` (values of ``protection.Protection``)
    concern achievements only. ``title`` is a piece of the title, in any case. ``valid_on`` drops
    records whose validity ended before that day. ``keys`` restricts to given records.
    ``statuses`` is never empty: what is withdrawn or merged is asked for by name.
    """

    technology_fields: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    industries: frozenset[str] = frozenset()
    maturities: frozenset[str] = frozenset()
    protections: frozenset[str] = frozenset()
    min_maturity: Maturity | None = None
    title: str = ""
    valid_on: date | None = None
    keys: frozenset[str] | None = None
    statuses: frozenset[Status] = frozenset({Status.ACTIVE})
    open_to: Confidentiality = Confidentiality.CONFIDENTIAL
    """Keeps records whose title and text are open at this level. Who may not read a text must
    not learn by searching what is in it."""
    asked_at: Confidentiality = Confidentiality.CONFIDENTIAL
    """The conditions on values (fields, regions, industries, maturity, protection, title) hold only
    of values open at this level: who may not read a value must not learn it by filtering. Records
    are not dropped otherwise."""


def _sha256(value: Any) -> str:
    encoded = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(encoded.encode()).hexdigest()
