"""Need → ranked, filtered, explained achievements, and the other way round."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from corpus.model import Kind, RecordFilter, StoredRecord
from corpus.repository import CorpusRepository
from indexer.build import Makers
from indexer.shard import IndexShard
from indexer.store import ShardStore
from matcher.calibration import Relevance, RelevanceConfig, relevance
from matcher.explain import Explanation, explain
from matcher.filters import EligibleIds
from matcher.fusion import FusedDoc, FusionConfig, reciprocal_rank_fusion
from matcher.query import PreparedQuery, Query, QueryConfig, prepare_queries
from matcher.retriever import RetrievalConfig, retrieve

_UNFILTERED = "相关度因此偏低，下面的结果没有按显示线筛选，请多看原文。"


@dataclass(frozen=True, slots=True)
class MatchConfig:
    """Everything that decides a ranking."""

    query: QueryConfig = field(default_factory=QueryConfig)
    retrieval: RetrievalConfig = field(default_factory=RetrievalConfig)
    fusion: FusionConfig = field(default_factory=FusionConfig)
    relevance: RelevanceConfig = field(default_factory=RelevanceConfig)


@dataclass(frozen=True, slots=True)
class Match:
    """One proposed document. ``score`` orders, ``relevance`` tells how good it is."""

    document: StoredRecord
    score: float
    fused: FusedDoc
    relevance: Relevance
    recommended: bool
    explanation: Explanation


@dataclass(frozen=True, slots=True)
class Ranking:
    """Matches in order; how many documents passed the filter; what was out of order."""

    query: Query
    target: Kind
    matches: tuple[Match, ...]
    eligible: int
    problems: tuple[str, ...]
    shelved: int
    """Documents that passed the filter and were left out, since the pair was dismissed."""


@dataclass(frozen=True, slots=True)
class PairStanding:
    """How one named document stands among all that passed a filter.

    Where it did not pass itself, ``place`` and the score are what they would be if it had.
    """

    match: Match
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

    def shard(self, kind: Kind) -> IndexShard:
        """The index that answers for a kind.

        Raises:
            ShardError: missing, damaged, or made with something else.
        """
        return self.store.open(kind, self.makers.maker)

    def rank(
        self,
        repository: CorpusRepository,
        queries: Sequence[Query],
        target: Kind,
        where: Sequence[RecordFilter] | RecordFilter,
        limit: int,
        shard: IndexShard | None = None,
    ) -> list[list[FusedDoc]]:
        """The best ``limit`` ids for each query, without records, reasons or a floor.

        ``where`` is one filter for all queries or one for each; ``shard`` None is the current one.
        """
        shard = shard or self.shard(target)
        prepared = prepare_queries(
            queries, self.makers, self.config.query, dense=self._dense(shard)
        )
        filters = [where] * len(queries) if isinstance(where, RecordFilter) else where
        return [
            self._fuse(shard, query, self._eligible.get(repository, target, one, shard))[:limit]
            for query, one in zip(prepared, filters, strict=True)
        ]

    def match(
        self,
        repository: CorpusRepository,
        queries: Sequence[Query],
        target: Kind,
        where: RecordFilter,
        limit: int,
        shard: IndexShard | None = None,
        shelved: Sequence[Collection[int]] | None = None,
    ) -> list[Ranking]:
        """Explained matches for each query; an empty list where nothing is good enough.

        ``shard`` None is the current one; ``shelved`` are ids to leave out, for each query.

        Raises:
            ShardError: no index can answer.
        """
        shard = shard or self.shard(target)
        prepared = prepare_queries(
            queries, self.makers, self.config.query, dense=self._dense(shard)
        )
        eligible = self._eligible.get(repository, target, where, shard)
        # With a path off, every relevance lacks its part: a line drawn for the whole would hide
        # all that the other path finds.
        floor = 0.0 if shard.problems else self.config.relevance.floor
        problems = (*shard.problems, _UNFILTERED) if shard.problems else ()
        rankings = []
        for query, left_out in zip(prepared, shelved or [()] * len(prepared), strict=True):
            # Not remembered with the filter: feedback is no change of the corpus.
            allowed = _without(eligible, left_out)
            kept: list[tuple[FusedDoc, Relevance]] = []
            covered = shard.lexical.coverage(query.terms) if shard.lexical is not None else None
            for doc in self._fuse(shard, query, allowed):
                if len(kept) == limit:
                    break
                estimate = self._relevance(shard, query, doc, covered)
                if estimate.value >= floor:
                    kept.append((doc, estimate))
            records = repository.get_many(target, [doc.id for doc, _ in kept])
            matches = tuple(
                self._explained(shard, query, records[doc.id], doc, estimate)
                for doc, estimate in kept
                if doc.id in records
            )
            aside = len(eligible) - len(allowed)
            rankings.append(Ranking(query.query, target, matches, len(allowed), problems, aside))
        return rankings

    def match_record(
        self,
        repository: CorpusRepository,
        kind: Kind,
        key: str,
        where: RecordFilter,
        limit: int,
        shard: IndexShard | None = None,
        shelved: Collection[int] = (),
    ) -> tuple[StoredRecord, Ranking]:
        """Matches of one stored record on the other side, without the ids in ``shelved``.

        Raises:
            UnknownRecordError: no such record.
            ShardError: no index can answer.
        """
        stored = repository.require(kind, key)
        query = Query.of(stored.record)
        [ranking] = self.match(repository, [query], kind.other, where, limit, shard, [shelved])
        return stored, ranking

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
        """The match of one named document with its place; None where the index does not hold it
        as it is now.

        Raises:
            ShardError: no index can answer.
        """
        target = document.record.kind
        shard = shard or self.shard(target)
        own = np.array([document.id], dtype=np.int64)
        if not shard.holds(own, [document.record.content_hash])[0]:
            return None
        [prepared] = prepare_queries(
            [query], self.makers, self.config.query, dense=self._dense(shard)
        )
        allowed = _without(self._eligible.get(repository, target, where, shard), shelved)
        compared = np.union1d(allowed, own)
        listed = self._fuse(shard, prepared, compared)
        if all(doc.id != document.id for doc in listed):
            # Beyond what a list is made of: all of them, behind those in it.
            known = {doc.id for doc in listed}
            deep = replace(self.config.retrieval, depth=len(compared))
            every = retrieve(shard, prepared, compared, deep)
            fused = reciprocal_rank_fusion(every, self.config.fusion)
            listed += [doc for doc in fused if doc.id not in known]
        found = next((at for at, doc in enumerate(listed) if doc.id == document.id), None)
        doc = FusedDoc(document.id, 0.0, ()) if found is None else listed[found]
        covered = shard.lexical.coverage(prepared.terms) if shard.lexical is not None else None
        estimate = self._relevance(shard, prepared, doc, covered)
        floor = 0.0 if shard.problems else self.config.relevance.floor
        return PairStanding(
            self._explained(shard, prepared, document, doc, estimate),
            len(listed) + 1 if found is None else found + 1,
            len(allowed),
            bool(np.isin(own, allowed)[0]),
            estimate.value >= floor,
        )

    def _dense(self, shard: IndexShard) -> bool:
        return shard.dense is not None and "dense" in self.config.retrieval.signals

    def _fuse(
        self, shard: IndexShard, query: PreparedQuery, allowed: NDArray[np.int64]
    ) -> list[FusedDoc]:
        rankings = retrieve(shard, query, allowed, self.config.retrieval)
        return reciprocal_rank_fusion(rankings, self.config.fusion)

    def _relevance(
        self,
        shard: IndexShard,
        query: PreparedQuery,
        doc: FusedDoc,
        covered: NDArray[np.float64] | None,
    ) -> Relevance:
        # A document that only one path found has no part of the other: look its signal up.
        cosine = next((part.score for part in doc.parts if part.signal == "dense"), None)
        if cosine is None and shard.dense is not None and query.vector is not None:
            cosine = float(shard.dense.row_scores(query.vector, doc.id).max())
        share = 0.0
        if covered is not None:
            share = float(covered[np.searchsorted(shard.doc_ids(), doc.id)])
        return relevance(cosine, share, self.config.relevance)

    def _explained(
        self,
        shard: IndexShard,
        query: PreparedQuery,
        document: StoredRecord,
        doc: FusedDoc,
        estimate: Relevance,
    ) -> Match:
        window = shard.best_window(query.vector, doc.id) if query.vector is not None else None
        explanation = explain(
            query,
            Query.of(document.record),
            _parts(shard, query, doc.id),
            window,
            self.makers.tokenizer,
            self.makers.encoder if query.vector is not None else None,
        )
        recommended = estimate.value >= self.config.relevance.recommend
        return Match(document, doc.score, doc, estimate, recommended, explanation)


def _without(ids: NDArray[np.int64], left_out: Collection[int]) -> NDArray[np.int64]:
    if not left_out:  # nearly always: no work for every query then
        return ids
    return ids[np.isin(ids, np.fromiter(left_out, np.int64), invert=True)]


def _parts(shard: IndexShard, query: PreparedQuery, doc_id: int) -> dict[str, float]:
    return shard.lexical.contributions(query.terms, doc_id) if shard.lexical is not None else {}
