"""From queries to answers: over-fetching, near copies, the cap, cards, and where to go next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date

from sqlmodel import Session

from api.observability.metrics import RANKING
from corpus.confidentiality import Role, hidden_fields, masked
from corpus.duplicates.repository import DuplicateRepository
from corpus.duplicates.stored import StoredGroup
from corpus.model import Kind, Need, Record, RecordFilter, StoredRecord
from corpus.repository import CorpusRepository
from indexer.shard import IndexShard
from matcher.answer import LOOK_AHEAD, Answer, Listing, Shown, as_ranked, listing
from matcher.card import CardMaker
from matcher.engine import AnyQuery, Match, MatchEngine, Ranking
from matcher.next_routes import NextRoute, general_routes, next_routes
from matcher.query import Query

_MARGIN = 5  # matches fetched beyond the limit: near copies and the cap leave gaps


@dataclass(frozen=True, slots=True)
class Asked:
    """A query, the record that asks it (None: free text), and ids to leave out."""

    query: Query
    source: Record | None = None
    shelved: Collection[int] = ()


@dataclass(frozen=True, slots=True)
class Proposed:
    """The matches that a list shows, in order, and the ranking that they come from."""

    ranking: Ranking
    matches: tuple[Match, ...]


class Answerer:
    """Answers for one reader on one day, from one state of the database and one index."""

    def __init__(
        self,
        engine: MatchEngine,
        repository: CorpusRepository,
        reading: Callable[[], AbstractContextManager[Session]],
        shard: IndexShard,
        where: RecordFilter,
        role: Role,
        today: date,
    ) -> None:
        """``where`` keeps out what the role may not read."""
        self._engine = engine
        self._repository = repository
        self._reading = reading
        self._shard = shard
        self._where = where
        self._role = role
        self._today = today
        self._cards = CardMaker(today, role)

    def answers(self, asked: Sequence[Asked], target: Kind, limit: int) -> list[Answer]:
        """An answer for each question, of at most ``limit`` places.

        Raises:
            ShardError: no index can answer.
        """
        depth = limit + _MARGIN if target is Kind.ACHIEVEMENT else limit
        with RANKING.labels(target.value).time():
            return self._all(asked, target, depth, limit)

    def _all(self, asked: Sequence[Asked], target: Kind, depth: int, limit: int) -> list[Answer]:
        diverse = target is Kind.ACHIEVEMENT
        rankings = self._ranked(asked, target, depth)
        return [
            self._diverse(one, ranking, depth, limit)
            if diverse
            else self._answer(one, ranking, as_ranked(ranking.matches), {})
            for one, ranking in zip(asked, rankings, strict=True)
        ]

    def proposals(self, asked: Sequence[Asked], limit: int) -> list[Proposed]:
        """The achievements that ``answers`` lists, in the same places, without reasons or cards:
        for counting and naming them, some ten times as fast.

        Raises:
            ShardError: no index can answer.
        """
        depth = limit + _MARGIN
        rankings = self._ranked(asked, Kind.ACHIEVEMENT, depth, explained=False)
        found = []
        for one, ranking in zip(asked, rankings, strict=True):
            ranking, listed, _ = self._listing(one, ranking, depth, limit, explained=False)
            found.append(Proposed(ranking, tuple(place.match for place in listed.listed)))
        return found

    def _ranked(
        self, asked: Sequence[Asked], target: Kind, depth: int, *, explained: bool = True
    ) -> list[Ranking]:
        queries: Sequence[AnyQuery] = [one.query for one in asked]
        if not explained:
            queries = self._engine.remembered([one.query for one in asked], self._shard)
        shelved = [one.shelved for one in asked]
        return self._engine.match(
            self._repository, queries, target, self._where, depth, self._shard, shelved,
            explained=explained,
        )  # fmt: skip

    def _diverse(self, asked: Asked, ranking: Ranking, depth: int, limit: int) -> Answer:
        return self._answer(asked, *self._listing(asked, ranking, depth, limit))

    def _listing(
        self, asked: Asked, ranking: Ranking, depth: int, limit: int, *, explained: bool = True
    ) -> tuple[Ranking, Listing, dict[str, StoredGroup]]:
        """The ranking as far as it decides the list, the list, and groups of near copies."""
        while True:
            groups = self._groups(ranking.matches)
            names = {key: str(group.id) for key, group in groups.items()}
            listed = listing(ranking.matches, names, limit, self._role)
            if listed.settled or len(ranking.matches) < depth:
                return ranking, listed, groups
            depth = max(LOOK_AHEAD, 2 * depth)
            [ranking] = self._ranked([asked], ranking.target, depth, explained=explained)

    def _groups(self, matches: Sequence[Match]) -> dict[str, StoredGroup]:
        if not matches:
            return {}
        kind = matches[0].document.record.kind
        with self._reading() as session:
            return DuplicateRepository(session).open_groups(
                kind, [match.document.record.key for match in matches]
            )

    def _answer(
        self, asked: Asked, ranking: Ranking, listed: Listing, groups: dict[str, StoredGroup]
    ) -> Answer:
        documents = [one.match.document.record for one in listed.listed]
        cards = (
            self._cards.cards(asked.source, documents)
            if asked.source
            else self._cards.cards_of_text(asked.query.title, documents)
        )
        copies = self._near_copies(ranking.target, documents, groups, asked.shelved)
        shown = tuple(
            Shown(one.match, card, one.moved, copies.get(one.match.document.record.key, ()))
            for one, card in zip(listed.listed, cards, strict=True)
        )
        set_back = tuple(match.document for match in listed.set_back)
        routes = () if shown or ranking.target is Kind.NEED else self._routes(asked.source)
        return Answer(ranking, shown, set_back, routes)

    def _near_copies(
        self,
        kind: Kind,
        documents: Sequence[Record],
        groups: dict[str, StoredGroup],
        shelved: Collection[int],
    ) -> dict[str, tuple[StoredRecord, ...]]:
        """By key, the others of its group that the filter lets through, in order of id."""
        others = {
            record.key: [key for key in groups[record.key].keys if key != record.key]
            for record in documents
            if record.key in groups
        }
        if not others:
            return {}
        wanted = frozenset(key for keys in others.values() for key in keys)
        ids = self._repository.eligible_ids(kind, replace(self._where, keys=wanted))
        stored = self._repository.get_many(kind, [i for i in ids if i not in shelved])
        by_key = {one.record.key: one for one in stored.values()}
        return {
            key: tuple(sorted((by_key[k] for k in keys if k in by_key), key=lambda one: one.id))
            for key, keys in others.items()
        }

    def _routes(self, source: Record | None) -> tuple[NextRoute, ...]:
        if source is None:
            return general_routes()
        shown = masked(source, self._role)
        if not isinstance(shown, Need):
            raise AssertionError("achievements are found for needs")
        return next_routes(shown, hidden_fields(source, self._role), self._today)
