"""From a ranking to the list that people read: near copies collapse, institutions are capped.

Works on matches in the engine's order and changes it as ``matcher.diversity`` does, for one reader:
an institution that he may not see is never counted. Only the first ``LOOK_AHEAD`` places are looked
at for the cap: what stands further down is no better answer for being of somebody else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from corpus.confidentiality import Role, masked
from corpus.model import StoredRecord
from matcher.card import Card
from matcher.diversity import DiversityConfig, Place, Ranked, diversify
from matcher.engine import Match, Ranking
from matcher.next_routes import NextRoute

LOOK_AHEAD = 30
"""Places among which the first places are filled; a whole number from ``first`` on."""

_UNCAPPED = DiversityConfig(first=0)


@dataclass(frozen=True, slots=True)
class Listed:
    """A match in its place."""

    match: Match
    moved: int = 0
    """By how many places the cap moved it down (positive) or up (negative)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """The list shown. ``set_back`` would be in it but for the cap, and stands behind its end."""

    listed: tuple[Listed, ...]
    set_back: tuple[Match, ...] = ()
    settled: bool = True
    """Whether no further match of the ranking could change it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A place of an answer: the match, its card, and what it stands for."""

    match: Match
    card: Card
    moved: int = 0
    near_copies: tuple[StoredRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is shown of a ranking, made for one reader."""

    ranking: Ranking
    shown: tuple[Shown, ...]
    set_back: tuple[StoredRecord, ...] = ()
    """What stands behind the end of the list only because of the cap."""
    routes: tuple[NextRoute, ...] = ()
    """Where to go next; only where nothing is shown."""


def as_ranked(matches: Iterable[Match]) -> Listing:
    """The matches in the engine's order, all of them."""
    return Listing(tuple(Listed(match) for match in matches))


def listing(
    matches: Sequence[Match],
    groups: Mapping[str, str],
    limit: int,
    role: Role,
    config: DiversityConfig | None = None,
) -> Listing:
    """The first ``limit`` places of ``matches``, which begin a ranking or are all of it.

    ``groups`` names by key the group of near copies that a document belongs to: of each group only
    the best is listed. A longer beginning of the same ranking gives the same list once it is
    ``settled``.
    """
    config = config or DiversityConfig()
    by_id = {match.document.id: match for match in matches}
    single = diversify([_entry(m, groups, role) for m in matches], _UNCAPPED)
    head = diversify([place.entry for place in single[:LOOK_AHEAD]], config)
    places = [*head, *single[LOOK_AHEAD:]]
    shown, rest = places[:limit], places[limit:]
    # ``moved`` is counted among collapsed places: new place = old place + moved.
    set_back = (p for at, p in enumerate(rest, start=limit) if at - p.moved < limit)
    full = len(places) >= limit
    sure = len(single) >= LOOK_AHEAD or not _is_over_cap(shown[: config.first], config)
    return Listing(
        tuple(Listed(by_id[place.entry.id], place.moved) for place in shown),
        tuple(by_id[place.entry.id] for place in set_back),
        full and sure,
    )


def _entry(match: Match, groups: Mapping[str, str], role: Role) -> Ranked:
    document = match.document
    owner = masked(document.record, role).organisation
    name = owner.name if owner else ""
    return Ranked(document.id, match.score, name, groups.get(document.record.key))


def _is_over_cap(places: Sequence[Place], config: DiversityConfig) -> bool:
    names = [place.entry.organisation for place in places if place.entry.organisation]
    return any(names.count(name) > config.per_organisation for name in set(names))
