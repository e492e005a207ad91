"""A shortlist as a document to hand on: what a file or a printed page says of each pair."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from api.cards import CardOut, card_fields
from api.pairs import current
from api.schemas import MatchOut, RecordOut
from api.security.visitor import Visitor
from api.services import Services
from api.shortlist_schemas import ShortlistOut
from api.shortlists import Seen, exported, note_for, visible
from corpus.confidentiality import Role, masked
from matcher.card import CardMaker


@dataclass(frozen=True, slots=True)
class HandedPair:
    """A pair with everything that is said of it."""

    need: RecordOut
    achievement: RecordOut
    match: MatchOut | None
    """None where nothing could score it."""
    card: CardOut
    note: str
    seen_at: datetime | None
    """When this was said of it; None: it is said now."""
    changed: bool
    """One of the texts has changed since."""


@dataclass(frozen=True, slots=True)
class Handout:
    """A list, for one reader."""

    shortlist: ShortlistOut
    pairs: tuple[HandedPair, ...]
    hidden: int
    """Entries that this reader may not see."""


def handout(services: Services, visitor: Visitor, shortlist_id: int, *, to_file: bool) -> Handout:
    """The list as a visitor may see it; ``to_file``: it leaves the house, so it is audited.

    Raises:
        UnknownShortlistError: it is not there for him.
    """
    find = exported if to_file else visible
    shortlist, entries, total = find(services, visitor, shortlist_id)
    pairs = tuple(_handed(services, one, visitor.role) for one in entries)
    return Handout(shortlist, pairs, total - len(pairs))


def _handed(services: Services, one: Seen, role: Role) -> HandedPair:
    need, achievement = one.pair.records
    match = one.then.match if one.then else current(services, one.entry.pair, role)
    card: CardOut
    if match is None:
        [made] = CardMaker(services.today(), role).cards(need, [achievement])
        card = CardOut(**card_fields(made, masked(need, role), masked(achievement, role)))
    else:
        card = match
    return HandedPair(
        need=RecordOut.of(need, role),
        achievement=RecordOut.of(achievement, role),
        match=match,
        card=card,
        note=note_for(one.entry.note, role),
        seen_at=one.then.seen_at if one.then else None,
        changed=one.then.changed if one.then else False,
    )
