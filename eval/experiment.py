"""Rank a labelled collection with the product's own engine, in a temporary store.

The store is real: records go into a database, indexes are built and published, and the needs
are ranked by ``MatchEngine``, so that what is measured is what people get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sqlmodel import Session

from corpus.database import create_schema, open_database
from corpus.model import Achievement, Kind, RecordFilter
from corpus.repository import CorpusRepository
from indexer.build import Makers, build_index
from indexer.scored import ScoredDoc
from indexer.store import ShardStore
from matcher.engine import MatchConfig, MatchEngine, Ranking
from matcher.features import features
from matcher.query import PreparedQuery, Query, QueryConfig, prepare_queries
from matcher.scale import unrelated_titles
from matcher.scoring import ScoringModel, Unrelated

Progress = Callable[[str, int, int], None]
_BATCH = 64


class Pool(StrEnum):
    """What is ranked for a need."""

    JUDGED = "judged"  # its judged achievements only
    ALL = "all"  # the whole collection


class Ranker(StrEnum):
    """What ranks."""

    DEFAULT = "default"  # the product's own model
    LEXICAL = "lexical"  # BM25 over words alone
    DENSE = "dense"  # vectors alone


@dataclass(frozen=True, slots=True)
class Collection:
    """A labelled collection: texts by id, and graded pairs."""

    needs: Mapping[str, Query]
    achievements: Mapping[str, Query]
    qrels: Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class JudgedPairs:
    """Parallel arrays, one entry a judged pair."""

    needs: tuple[str, ...]
    keys: tuple[str, ...]
    values: NDArray[np.float64]  # (n, features), in the order of ``matcher.features.FEATURES``
    grades: NDArray[np.int64]


Run = dict[str, list[tuple[str, float]]]
"""For each need its (achievement id, score), best first."""


class LabelledStore:
    """A collection in a temporary store, indexed once and then ranked as often as wanted."""

    def __init__(
        self,
        collection: Collection,
        makers: Makers,
        folder: Path,
        now_at: datetime,
        progress: Progress = lambda _stage, _done, _total: None,
    ) -> None:
        self._collection = collection
        self._makers = makers
        self._prepared: dict[str, PreparedQuery] = {}
        self._store = ShardStore(folder / "index")
        self._database = open_database(f"sqlite:///{folder / 'eval.db'}")
        create_schema(self._database)
        with Session(self._database) as session:
            repository = CorpusRepository(session)
            repository.upsert(
                [
                    Achievement(key=key, title=document.title, text=document.text)
                    for key, document in collection.achievements.items()
                ],
                now_at,
            )
            session.commit()
            build_index(
                self._store,
                Kind.ACHIEVEMENT,
                repository.iterate(Kind.ACHIEVEMENT),
                repository.snapshot(Kind.ACHIEVEMENT),
                makers,
                now_at,
                progress=progress,
            )

    def close(self) -> None:
        """Give back the database connections."""
        self._database.dispose()

    def pairs(self, qrels: Mapping[str, Mapping[str, int]], model: ScoringModel) -> JudgedPairs:
        """The features of every judged pair whose need has a text, as measured for ``model``.

        Raises:
            ShardError: the index cannot be read.
        """
        engine = MatchEngine(self._makers, self._store, MatchConfig(model=model))
        needs = [need for need in self._collection.needs if need in qrels]
        ids = self._ids()
        keys = [sorted(qrels[need], key=ids.__getitem__) for need in needs]
        signals = engine.signals(
            self.prepared(needs),
            Kind.ACHIEVEMENT,
            [np.array([ids[key] for key in each], np.int64) for each in keys],
        )
        return JudgedPairs(
            tuple(need for need, each in zip(needs, keys, strict=True) for _ in each),
            tuple(key for each in keys for key in each),
            np.concatenate([features(each) for each in signals]),
            np.array([qrels[n][k] for n, each in zip(needs, keys, strict=True) for k in each]),
        )

    def rank(
        self,
        config: MatchConfig,
        ranker: Ranker,
        pool: Pool,
        limit: int = 1000,
        progress: Progress = lambda _stage, _done, _total: None,
        needs: Sequence[str] | None = None,
    ) -> Run:
        """Rank every need that has judgements, or ``needs``; at most ``limit`` achievements each.

        By the engine, as people get it, or by one path of the index alone.
        """
        engine = MatchEngine(self._makers, self._store, config)
        wanted = [need for need in self._collection.needs if need in self._collection.qrels]
        if needs is not None:
            wanted = list(needs)
        keys = {number: key for key, number in self._ids().items()}
        run: Run = {}
        with Session(self._database) as session:
            repository = CorpusRepository(session)
            for start in range(0, len(wanted), _BATCH):
                chunk = wanted[start : start + _BATCH]
                queries = self.prepared(chunk)
                filters = [self._filter(need, pool) for need in chunk]
                if ranker is Ranker.DEFAULT:
                    ranked = engine.rank(repository, queries, Kind.ACHIEVEMENT, filters, limit)
                else:
                    ranked = self._one_path(repository, ranker, queries, filters, limit)
                for need, docs in zip(chunk, ranked, strict=True):
                    run[need] = [(keys[doc.id], doc.score) for doc in docs]
                progress("rank", start + len(chunk), len(wanted))
        return run

    def prepared(self, needs: Sequence[str]) -> list[PreparedQuery]:
        """Needs as the engine asks them; each is embedded once."""
        new = [need for need in dict.fromkeys(needs) if need not in self._prepared]
        queries = [self._collection.needs[need] for need in new]
        made = prepare_queries(queries, self._makers, QueryConfig())
        self._prepared |= dict(zip(new, made, strict=True))
        return [self._prepared[need] for need in needs]

    def ask(self, query: Query, limit: int) -> tuple[MatchEngine, Ranking]:
        """The explained matches of a query, as in the product, and the engine that made them."""
        engine = MatchEngine(self._makers, self._store)
        with Session(self._database) as session:
            repository = CorpusRepository(session)
            [ranking] = engine.match(repository, [query], Kind.ACHIEVEMENT, RecordFilter(), limit)
        return engine, ranking

    def query_vectors(self, needs: Sequence[str]) -> NDArray[np.float32]:
        """(n, dimension) query vectors of those needs that have a text."""
        known = [need for need in needs if need in self._collection.needs]
        return np.stack([q.vector for q in self.prepared(known) if q.vector is not None])

    def unrelated(self) -> Unrelated:
        """How near titles of the collection lie that have nothing to do with each other."""
        dense = self._store.open(Kind.ACHIEVEMENT, self._makers.maker).dense
        if dense is None:
            raise AssertionError("a store of our own has both paths")
        return unrelated_titles(dense)[0]

    @property
    def encoder(self) -> str:
        """Fingerprint of the encoder."""
        return self._makers.encoder.fingerprint

    def _one_path(
        self,
        repository: CorpusRepository,
        ranker: Ranker,
        queries: Sequence[PreparedQuery],
        filters: Sequence[RecordFilter],
        limit: int,
    ) -> list[list[ScoredDoc]]:
        shard = self._store.open(Kind.ACHIEVEMENT, self._makers.maker)
        found = []
        for query, where in zip(queries, filters, strict=True):
            allowed = np.array(repository.eligible_ids(Kind.ACHIEVEMENT, where), np.int64)
            if ranker is Ranker.LEXICAL and shard.lexical is not None:
                found.append(shard.lexical.search(query.terms, limit, allowed))
            elif shard.dense is not None and query.vector is not None:
                found.append(shard.dense.search(query.vector, limit, allowed))
            else:
                raise AssertionError("a store of our own has both paths")
        return found

    def _ids(self) -> dict[str, int]:
        with Session(self._database) as session:
            stored = CorpusRepository(session).iterate(Kind.ACHIEVEMENT)
            return {one.record.key: one.id for one in stored}

    def _filter(self, need: str, pool: Pool) -> RecordFilter:
        if pool is Pool.ALL:
            return RecordFilter()
        return RecordFilter(keys=frozenset(self._collection.qrels[need]))


def collection(
    needs: Sequence[Mapping[str, str]],
    achievements: Sequence[Mapping[str, str]],
    qrels: Mapping[str, Mapping[str, int]],
) -> Collection:
    """From rows with ``need_id`` / ``achievement_id``, ``title`` and optional ``text``."""
    return Collection(
        {row["need_id"]: Query(row["title"], row.get("text") or "") for row in needs},
        {row["achievement_id"]: Query(row["title"], row.get("text") or "") for row in achievements},
        qrels,
    )
