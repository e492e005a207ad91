"""What somebody follows, what of the proposals for it he has seen, and what waits for him.

A proposal is an achievement that the page of a followed need lists. It is new until a page that
shows it was opened; what was opened is kept by key, so that *new* is exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlmodel import Session, col, select

from api import feedback
from api.feedback import FeedbackOut
from api.saved_searches import DeskError
from api.schemas import RecordOut
from api.services import Services
from api.tables import DeskVisitTable, FollowedRecordTable
from corpus.confidentiality import Role
from corpus.model import Kind, Record
from corpus.tables import aware
from matcher.engine import Match
from matcher.feedback import Verdict
from matcher.repository import FeedbackFilter, FeedbackRepository
from matcher.scoring import Level

MOST_FOLLOWED = 500
"""Records of each kind that one account follows."""
PAGE = 20
"""Followed needs that are ranked for one page."""
PROPOSALS = 10
"""Proposals of a need: as many as its own page lists."""
_KEPT = 1000  # proposals of one need that stay known as seen
_LOG = 100  # newest judgements that are looked through for changes
_CHUNK = 500


class FollowError(DeskError):
    """A record that cannot be followed; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Followed:
    """A record that somebody follows, by key."""

    kind: Kind
    key: str
    followed_at: datetime


class FollowRepository:
    """What one account follows and has seen, in one session; never commits."""

    def __init__(self, session: Session, user_id: int) -> None:
        self._session = session
        self._user_id = user_id

    def all(self, kind: Kind) -> list[Followed]:
        """Those of a kind, the last followed first; the records may be gone."""
        table = FollowedRecordTable
        statement = select(table).where(*self._own(table, kind)).order_by(col(table.id).desc())
        return [Followed(kind, row.key, aware(row.followed_at))
                for row in self._session.exec(statement)]  # fmt: skip

    def follows(self, kind: Kind, key: str) -> bool:
        """Whether a record is among them."""
        table = FollowedRecordTable
        statement = select(table.id).where(*self._own(table, kind), table.key == key)
        return self._session.exec(statement).first() is not None

    def follow(self, kind: Kind, key: str, now_at: datetime) -> bool:
        """Follow a record; False: it was followed already.

        Raises:
            FollowError: there are too many.
        """
        if self.follows(kind, key):
            return False
        if len(self.all(kind)) >= MOST_FOLLOWED:
            raise FollowError(
                f"最多关注 {MOST_FOLLOWED} 条{kind.label}。请先取消不再关心的，再关注新的。"
            )
        self._session.add(
            FollowedRecordTable(user_id=self._user_id, kind=kind.value, key=key, followed_at=now_at)
        )
        self._session.flush()
        return True

    def unfollow(self, kind: Kind, key: str) -> None:
        """Follow a record no longer, and forget what was seen of it."""
        for table in (FollowedRecordTable, DeskVisitTable):
            own = (*self._own(table, kind), col(table.key) == key)
            self._session.exec(delete(table).where(*own))
        self._session.flush()

    def seen(self, kind: Kind, keys: Sequence[str]) -> dict[str, frozenset[str]]:
        """By key, the keys of proposals that were seen; nothing was for one that is missing."""
        table, found = DeskVisitTable, dict[str, frozenset[str]]()
        for start in range(0, len(keys), _CHUNK):
            some = col(table.key).in_(keys[start : start + _CHUNK])
            rows = self._session.exec(select(table).where(*self._own(table, kind), some))
            found.update((row.key, frozenset(row.seen)) for row in rows)
        return found

    def mark_seen(self, kind: Kind, key: str, proposed: Iterable[str], now_at: datetime) -> None:
        """Note that a page with these proposals was opened; nothing for what is not followed."""
        if not self.follows(kind, key):
            return
        table = DeskVisitTable
        statement = select(table).where(*self._own(table, kind), table.key == key)
        row = self._session.exec(statement).first()
        now = list(dict.fromkeys(proposed))
        before = [one for one in (row.seen if row else []) if one not in set(now)]
        row = row or table(
            user_id=self._user_id, kind=kind.value, key=key, visited_at=now_at, seen=[]
        )
        # The last seen stand last, so that what was seen long ago goes first.
        row.seen, row.visited_at = [*before, *now][-_KEPT:], now_at
        self._session.add(row)
        self._session.flush()

    def _own(self, table: Any, kind: Kind) -> tuple[Any, ...]:
        return (col(table.user_id) == self._user_id, col(table.kind) == kind.value)


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """A proposal for a followed need."""

    need: RecordOut
    document: RecordOut
    level: Level
    chance: float
    place: int
    """On the need's own page, from 1."""
    is_new: bool
    is_judged: bool

    @property
    def waits(self) -> bool:
        """It is recommended, and nobody has judged it."""
        return self.level in (Level.GOOD, Level.STRONG) and not self.is_judged


@dataclass(frozen=True, slots=True)
class NeedRow:
    """A followed need; ``record`` is None where it is not there (any more)."""

    record: RecordOut | None
    key: str
    proposals: tuple[ProposalRow, ...] = ()

    @property
    def new(self) -> int:
        """Proposals that no opened page has shown."""
        return sum(one.is_new for one in self.proposals)

    @property
    def waiting(self) -> int:
        """Recommended proposals that nobody has judged."""
        return sum(one.waits for one in self.proposals)


def need_rows(
    services: Services, user_id: int, role: Role, followed: Sequence[Followed]
) -> tuple[list[NeedRow], list[str]]:
    """Followed needs with what is proposed for each, as their own pages list it; and what was
    out of order. All are ranked at once: at most ``PAGE`` of them.

    Raises:
        IndexerError, RankingError: nothing can be ranked.
    """
    if len(followed) > PAGE:
        raise ValueError(f"at most {PAGE} needs are ranked at once")
    keys = [one.key for one in followed]
    proposed, problems = _proposed(services, keys, role)
    with services.reading() as session:
        seen = FollowRepository(session, user_id).seen(Kind.NEED, keys)
        judged = {need.key: _judged(session, need.key) for need, _ in proposed}
    found: dict[str, NeedRow] = {}
    for need, matches in proposed:
        before, done = seen.get(need.key, frozenset()), judged[need.key]
        shown = RecordOut.of(need, role)
        rows = tuple(
            ProposalRow(
                shown,
                RecordOut.of(match.document.record, role),
                match.level,
                match.chance,
                place,
                match.document.record.key not in before,
                match.document.record.key in done,
            )
            for place, match in enumerate(matches, start=1)
        )
        found[need.key] = NeedRow(shown, need.key, rows)
    return [found.get(key, NeedRow(None, key)) for key in keys], problems


def _proposed(
    services: Services, keys: Sequence[str], role: Role
) -> tuple[list[tuple[Record, tuple[Match, ...]]], list[str]]:
    """The needs that are there for who asks, with the achievements that ``Services.match`` lists
    for each; and what was out of order."""
    with services.searching(Kind.ACHIEVEMENT) as (repository, shard, lag):
        stored = (repository.get(Kind.NEED, key) for key in keys)
        needs = [one.record for one in stored if one is not None]
        answerer = services.answerer(repository, shard, services.record_filter(), role)
        found = answerer.proposals(services.asked(needs), PROPOSALS)
    problems = [problem for one in found[:1] for problem in one.ranking.problems]
    matches = [one.matches for one in found]
    return list(zip(needs, matches, strict=True)), [*problems, *lag]


def _judged(session: Session, need: str) -> frozenset[str]:
    entries = FeedbackRepository(session).entries(FeedbackFilter(need=need), 0, 10_000)
    return frozenset(entry.pair.achievement for entry in entries)


@dataclass(frozen=True, slots=True)
class Judged:
    """What somebody said lately, and which of it rests on texts that have changed since."""

    latest: Sequence[FeedbackOut]
    dismissed: Sequence[FeedbackOut]
    """Pairs he dismissed; one side has changed, so they may be proposed again."""
    accepted: Sequence[FeedbackOut]
    """Pairs he accepted; one side has changed."""


def judged_by(services: Services, name: str, role: Role) -> Judged:
    """Of the newest judgements of an account; only the last on a pair counts."""
    page = feedback.page(services, FeedbackFilter(rater=name), 0, _LOG, role)
    last: Mapping[tuple[str, str], FeedbackOut] = {
        (entry.need, entry.achievement): entry for entry in reversed(page.entries)
    }
    changed = [
        entry
        for entry in sorted(last.values(), key=lambda one: -one.id)
        if entry.outdated and entry.need_title is not None and entry.achievement_title is not None
    ]
    return Judged(
        page.entries[:5],
        [entry for entry in changed if entry.verdict is Verdict.DISMISS],
        [entry for entry in changed if entry.verdict is Verdict.ACCEPT],
    )
