"""Need → ranked, filtered, explained achievements, and the other way round."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from corpus.model import Kind, Record, RecordFilter, StoredRecord
from corpus.repository import CorpusRepository
from indexer.build import Makers
from indexer.scored import ScoredDoc, top_documents
from indexer.shard import IndexShard
from indexer.store import ShardStore
from matcher.explain import UNEXPLAINED, Explanation, explain
from matcher.features import Signals, brought, signals_of
from matcher.filters import EligibleIds
from matcher.passages import Quoting
from matcher.query import KeptQueries, PreparedQuery, Query, QueryConfig, prepare_queries
from matcher.scale import GUESSED, Scales
from matcher.scoring import Level, Part, ScoringModel, shipped_model

_UNFILTERED = "可能性因此偏低，下面的结果没有按显示线筛选，请多看原文。"
# Quick scores are off by some 1e-5 at most (cosines in float32, times weights of some tens).
_SLACK = 1e-3
# Up to here documents are scored exactly at once.
_FEW = 512


AnyQuery = Query | PreparedQuery
"""A query as asked, or prepared before since it is asked several times."""


@dataclass(frozen=True, slots=True)
class MatchConfig:
    """Everything that decides a ranking."""

    query: QueryConfig = field(default_factory=QueryConfig)
    model: ScoringModel = field(default_factory=shipped_model)


@dataclass(frozen=True, slots=True)
class Match:
    """One proposed document. ``score``, the sum of ``parts``, orders; ``chance`` is made of it."""

    document: StoredRecord
    score: float
    parts: tuple[Part, ...]
    chance: float
    level: Level
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Ranking:
    """Matches in order; how many documents passed the filter; what was out of order.

    Every document that passed the filter was scored, so the list is exact.
    """

    query: Query
    target: Kind
    matches: tuple[Match, ...]
    eligible: int
    problems: tuple[str, ...]
    model: ScoringModel
    shelved: int
    """Documents that passed the filter and were left out, since the pair was dismissed."""


@dataclass(frozen=True, slots=True)
class PairStanding:
    """How one named document stands among all that passed a filter.

    Where it did not pass itself, ``place`` and the score are what they would be if it had.
    """

    match: Match
    model: ScoringModel
    place: int  # 1 is best
    eligible: int
    passed: bool
    shown: bool
    """Whether it is good enough to be proposed."""


class MatchEngine:
    """Answers queries from the published indexes and one database. Safe for threads."""

    def __init__(
        self, makers: Makers, store: ShardStore, config: MatchConfig | None = None
    ) -> None:
        self.makers = makers
        self.store = store
        self.config = config or MatchConfig()
        self._eligible = EligibleIds()
        self._scales = Scales(self.config.model)
        self._queries = KeptQueries(makers, self.config.query)

    def shard(self, kind: Kind) -> IndexShard:
        """The index that answers for a kind.

        Raises:
            ShardError: missing, damaged, or made with something else.
        """
        return self.store.open(kind, self.makers.maker)

    def rank(
        self,
        repository: CorpusRepository,
        queries: Sequence[AnyQuery],
        target: Kind,
        where: Sequence[RecordFilter] | RecordFilter,
        limit: int,
        shard: IndexShard | None = None,
    ) -> list[list[ScoredDoc]]:
        """The best ``limit`` documents for each query, without records, reasons or a floor.

        ``where`` is one filter for all queries or one for each; ``shard`` None is the current one.
        """
        shard = shard or self.shard(target)
        filters = [where] * len(queries) if isinstance(where, RecordFilter) else where
        return [
            self._best(shard, query, self._eligible.get(repository, target, one, shard), limit)
            for query, one in zip(self._prepared(queries, shard), filters, strict=True)
        ]

    def signals(
        self, queries: Sequence[AnyQuery], target: Kind, ids: Sequence[NDArray[np.int64]]
    ) -> list[Signals]:
        """For each query the exact signals of some documents: what a model is fitted on."""
        shard = self.shard(target)
        return [
            self._signals(shard, query, some)
            for query, some in zip(self._prepared(queries, shard), ids, strict=True)
        ]

    def score_record(
        self, query: AnyQuery, record: Record, shard: IndexShard | None = None
    ) -> tuple[tuple[Part, ...], Explanation]:
        """Score's parts and reasons of one record as given, whether the index has it or not.

        Its words weigh what they do among the documents of the index.
        """
        shard = shard or self.shard(record.kind)
        [prepared] = self._prepared([query], shard)
        scale, _ = self._scales.of(shard)
        found = brought(shard, prepared, record, self.makers, scale.centre)
        parts = self.config.model.parts(scale.of(found.signals), 0)
        quoting = self._quoting(shard, prepared)
        return parts, self._reasons(quoting, prepared, record, found.contributions, found.window)

    def match(
        self,
        repository: CorpusRepository,
        queries: Sequence[AnyQuery],
        target: Kind,
        where: RecordFilter,
        limit: int,
        shard: IndexShard | None = None,
        shelved: Sequence[Collection[int]] | None = None,
        *,
        explained: bool = True,
    ) -> list[Ranking]:
        """Explained matches for each query; an empty list where nothing is good enough.

        ``shard`` None is the current one; ``shelved`` are ids to leave out, for each query.
        Not ``explained``: the same matches with ``UNEXPLAINED`` for reasons, for counting and
        naming them; the reasons are what takes long.

        Raises:
            ShardError: no index can answer.
        """
        shard = shard or self.shard(target)
        eligible = self._eligible.get(repository, target, where, shard)
        problems = self._problems(shard)
        model = self.config.model
        rankings = []
        for query, left_out in zip(
            self._prepared(queries, shard), shelved or [()] * len(queries), strict=True
        ):
            # Not remembered with the filter: feedback is no change of the corpus.
            allowed = _without(eligible, left_out)
            kept = self._kept(shard, self._best(shard, query, allowed, limit))
            records = repository.get_many(target, [doc.id for doc in kept])
            there = [doc for doc in kept if doc.id in records]
            matches = self._explained(shard, query, there, records, reasons=explained)
            aside = len(eligible) - len(allowed)
            rankings.append(
                Ranking(query.query, target, matches, len(allowed), problems, model, aside)
            )
        return rankings

    # -- why not this one ----------------------------------------------------------------

    def explain_pair(
        self,
        repository: CorpusRepository,
        query: Query,
        document: StoredRecord,
        where: RecordFilter,
        shard: IndexShard | None = None,
        shelved: Collection[int] = (),
    ) -> PairStanding | None:
        """The match of one named document with its place among all that pass a filter; None where
        the index does not hold it as it is now.

        Raises:
            ShardError: no index can answer.
        """
        target = document.record.kind
        shard = shard or self.shard(target)
        own = np.array([document.id], dtype=np.int64)
        if not shard.holds(own, [document.record.content_hash])[0]:
            return None
        [prepared] = self._prepared([query], shard)
        allowed = _without(self._eligible.get(repository, target, where, shard), shelved)
        compared = np.union1d(allowed, own)
        docs = self._best(shard, prepared, compared, len(compared))
        place = next(at for at, doc in enumerate(docs) if doc.id == document.id)
        [match] = self._explained(shard, prepared, [docs[place]], {document.id: document})
        return PairStanding(
            match,
            self.config.model,
            place + 1,
            len(allowed),
            bool(np.isin(own, allowed)[0]),
            place < len(self._kept(shard, docs)),
        )

    def remembered(self, queries: Sequence[Query], shard: IndexShard) -> list[PreparedQuery]:
        """Queries prepared for a shard, and kept for the next time: for pages that rank the same
        needs again and again."""
        return self._queries.get(queries, dense=shard.dense is not None)

    def _prepared(self, queries: Sequence[AnyQuery], shard: IndexShard) -> list[PreparedQuery]:
        raw = [query for query in queries if isinstance(query, Query)]
        dense = shard.dense is not None
        made = iter(prepare_queries(raw, self.makers, self.config.query, dense=dense))
        return [next(made) if isinstance(query, Query) else query for query in queries]

    def _problems(self, shard: IndexShard) -> tuple[str, ...]:
        found = (*shard.problems, _UNFILTERED) if shard.problems else ()
        scale, _ = self._scales.of(shard)
        return (*found, GUESSED) if scale.guessed else found

    def _signals(
        self,
        shard: IndexShard,
        query: PreparedQuery,
        ids: NDArray[np.int64],
        *,
        exact: bool = True,
    ) -> Signals:
        scale, typical = self._scales.of(shard)
        return scale.of(signals_of(shard, query, ids, typical, exact=exact))

    def _best(
        self, shard: IndexShard, query: PreparedQuery, allowed: NDArray[np.int64], limit: int
    ) -> list[ScoredDoc]:
        """The best of ``allowed``, by (score descending, id ascending), as if all were scored
        exactly."""
        model, ids = self.config.model, allowed
        if limit < 1:
            return []
        if len(ids) > max(_FEW, limit):
            quick = model.scores(self._signals(shard, query, ids, exact=False))
            least = np.partition(quick, len(quick) - limit)[len(quick) - limit] - _SLACK
            ids = ids[quick >= least]
        scores = model.scores(self._signals(shard, query, ids))
        return top_documents(ids, scores, limit)

    def _kept(self, shard: IndexShard, docs: Sequence[ScoredDoc]) -> list[ScoredDoc]:
        model = self.config.model
        # With a path off, every score lacks its part: lines drawn for the whole would hide all
        # that the other path finds.
        if shard.problems:
            return list(docs)
        shown, answer, _ = model.cuts
        if not docs or docs[0].score < answer:
            return []
        return [doc for doc in docs if doc.score >= shown]

    def _explained(
        self,
        shard: IndexShard,
        query: PreparedQuery,
        docs: Sequence[ScoredDoc],
        records: Mapping[int, StoredRecord],
        *,
        reasons: bool = True,
    ) -> tuple[Match, ...]:
        model = self.config.model
        signals = self._signals(shard, query, np.array([doc.id for doc in docs], np.int64))
        quoting = self._quoting(shard, query)
        matches = []
        for place, doc in enumerate(docs):
            document = records[doc.id]
            matches.append(
                Match(
                    document,
                    doc.score,
                    model.parts(signals, place),
                    model.chance(doc.score),
                    model.level(doc.score),
                    self._explanation(shard, quoting, query, document) if reasons else UNEXPLAINED,
                )
            )
        return tuple(matches)

    def _quoting(self, shard: IndexShard, query: PreparedQuery) -> Quoting:
        return Quoting(query, shard.lexical, shard.bigrams, self.config.model)

    def _explanation(
        self, shard: IndexShard, quoting: Quoting, query: PreparedQuery, document: StoredRecord
    ) -> Explanation:
        window = shard.best_window(query.vector, document.id) if query.vector is not None else None
        parts = _parts(shard, query, document.id)
        return self._reasons(quoting, query, document.record, parts, window)

    def _reasons(
        self,
        quoting: Quoting,
        query: PreparedQuery,
        record: Record,
        contributions: Mapping[str, float],
        window: tuple[int, int] | None,
    ) -> Explanation:
        return explain(
            query,
            Query.of(record),
            contributions,
            window,
            self.makers.tokenizer,
            self.makers.encoder if query.vector is not None else None,
            quoting,
        )


def _without(ids: NDArray[np.int64], left_out: Collection[int]) -> NDArray[np.int64]:
    if not left_out:  # nearly always: no work for every query then
        return ids
    return ids[np.isin(ids, np.fromiter(left_out, np.int64), invert=True)]


def _parts(shard: IndexShard, query: PreparedQuery, doc_id: int) -> dict[str, float]:
    return shard.lexical.contributions(query.terms, doc_id) if shard.lexical is not None else {}
