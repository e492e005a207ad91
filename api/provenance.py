"""Where a record comes from, what has changed, and what its text is made of: as a role sees it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from api.clock import TIME_ZONE
from api.services import Services
from corpus.confidentiality import Role, hidden_fields, masked, masked_version
from corpus.history import History, Version
from corpus.model import Confidentiality, Kind, Record
from corpus.repository import CorpusRepository
from corpus.sections import sections
from matcher.indicators import Side, extract

MOST_VERSIONS = 50
_NAMES = {
    "title": "名称", "text": "正文", "technology_field": "技术领域", "industry": "行业",
    "organisation": "单位", "cooperation": "合作方式", "published_on": "发布日期",
    "valid_from_on": "有效期起", "valid_until_on": "有效期至", "source": "来源",
    "contacts": "联系方式", "confidentiality": "密级", "field_levels": "字段密级",
    "supplements": "补充", "extra": "其他列", "maturity": "成熟度", "language": "语言",
    "intellectual_property": "知识产权", "price": "价格", "county": "县区", "budget": "预算",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One change of a record; what the reader may not see is empty."""

    number: int
    day: str
    action: str
    who: str
    file: str
    changed: tuple[str, ...]
    """Names of the fields that differ from the version before, of those he sees."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A section of the text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Stated:
    """An indicator as the text states it."""

    property: str
    quote: str
    status: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What stands under 来源与历史."""

    source: str
    steps: Sequence[Step]
    earlier: int
    """Versions that are left out, since there are too many."""
    pieces: Sequence[Piece]
    indicators: Sequence[Stated]
    text_hidden: bool


def provenance(services: Services, kind: Kind, key: str, role: Role) -> Provenance:
    """Of one record.

    Raises:
        UnknownRecordError: it is not there for who asks.
    """
    with services.reading() as session:
        record = CorpusRepository(session, services.scope).require(kind, key).record
        versions = History(session).versions(kind, key)
    hidden, shown = hidden_fields(record, role), masked(record, role)
    closed = bool(hidden & {"title", "text"})
    return Provenance(
        source=shown.source,
        steps=_steps(versions, record, role)[:MOST_VERSIONS],
        earlier=max(len(versions) - MOST_VERSIONS, 0),
        pieces=() if closed else _pieces(shown),
        indicators=() if closed else _stated(shown),
        text_hidden=closed,
    )


def _steps(versions: Sequence[Version], latest: Record, role: Role) -> list[Step]:
    """The newest first, as they are given."""
    inside = role.clearance.level is not Confidentiality.PUBLIC
    # The name of a file may say what a closed record does not.
    whole = inside and not hidden_fields(latest, role) - {"contacts", "extra"}
    states = [
        masked_version(v.change.record, latest, role) if v.change.record else None for v in versions
    ]
    before_each = [*states[1:], None] if states else []
    return [
        Step(
            version.number,
            _day(version.changed_at),
            version.change.action.value,
            version.who if inside else "",
            version.file_name if whole else "",
            _changed(before, now),
        )
        for version, now, before in zip(versions, states, before_each, strict=True)
    ]


def _changed(before: Record | None, now: Record | None) -> tuple[str, ...]:
    if before is None or now is None:
        return ()
    return tuple(
        _NAMES[field.name]
        for field in fields(now)
        if field.name in _NAMES
        and getattr(before, field.name, None) != getattr(now, field.name, None)
    )


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"


def _pieces(record: Record) -> list[Piece]:
    found = [(part.kind.value, part.content(record.text)) for part in sections(record.text)]
    pieces = [Piece(name, text) for name, text in found if text]
    return [*pieces, *(Piece(s.aspect, s.text) for s in record.supplements)]


def _stated(record: Record) -> list[Stated]:
    side = Side.NEED if record.kind is Kind.NEED else Side.ACHIEVEMENT
    return [
        Stated(one.property, one.span.of(record.title, record.body), one.status.value)
        for one in extract(record.title, record.body, side)
    ]
