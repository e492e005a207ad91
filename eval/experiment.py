"""Rank a labelled collection with the product's own engine, in a temporary store.

The store is real: records go into a database, indexes are built and published, and the needs
are ranked by ``MatchEngine``, so that what is measured is what people get.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from sqlmodel import Session

from corpus.database import create_schema, open_database
from corpus.model import Achievement, Kind, RecordFilter
from corpus.repository import CorpusRepository
from indexer.build import Makers, build_index
from indexer.store import ShardStore
from matcher.engine import MatchConfig, MatchEngine
from matcher.query import Query, prepare_queries
from matcher.retriever import SIGNALS

Progress = Callable[[str, int, int], None]
_BATCH = 64


class Pool(StrEnum):
    """What is ranked for a need."""

    JUDGED = "judged"  # its judged achievements only
    ALL = "all"  # the whole collection


class Ranker(StrEnum):
    """Which paths take part."""

    DEFAULT = "default"
    LEXICAL = "lexical"
    DENSE = "dense"

    @property
    def signals(self) -> tuple[str, ...]:
        return SIGNALS if self is Ranker.DEFAULT else (self.value,)


@dataclass(frozen=True, slots=True)
class Collection:
    """A labelled collection: texts by id, and graded pairs."""

    needs: Mapping[str, Query]
    achievements: Mapping[str, Query]
    qrels: Mapping[str, Mapping[str, int]]


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

    def signals(
        self, pairs: Sequence[tuple[Query, str]], config: MatchConfig
    ) -> list[tuple[float, float]]:
        """(cosine, coverage) of (query, achievement id) pairs: what the relevance is made of.

        Raises:
            ShardError: the index cannot be read.
        """
        shard = self._store.open(Kind.ACHIEVEMENT, self._makers.maker)
        if shard.dense is None or shard.lexical is None:
            raise AssertionError("a store of our own has both paths")
        with Session(self._database) as session:
            stored = CorpusRepository(session).iterate(Kind.ACHIEVEMENT)
            row = {s.record.key: (place, s.id) for place, s in enumerate(stored)}
        queries = list(dict.fromkeys(query for query, _ in pairs))
        prepared = dict(
            zip(queries, prepare_queries(queries, self._makers, config.query), strict=True)
        )
        covered = {query: shard.lexical.coverage(prepared[query].terms) for query in queries}
        found = []
        for query, key in pairs:
            place, doc_id = row[key]
            vector = prepared[query].vector
            if vector is None:
                raise AssertionError("a dense query has a vector")
            cosine = float(shard.dense.row_scores(vector, doc_id).max())
            found.append((cosine, float(covered[query][place])))
        return found

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

        The whole collection is ranked as people get it. Judged candidates are few, and each of
        them is to have a place.
        """
        depth = config.retrieval.depth if pool is Pool.ALL else limit
        retrieval = replace(config.retrieval, signals=ranker.signals, depth=depth)
        engine = MatchEngine(self._makers, self._store, replace(config, retrieval=retrieval))
        wanted = [need for need in self._collection.needs if need in self._collection.qrels]
        if needs is not None:
            wanted = list(needs)
        run: Run = {}
        with Session(self._database) as session:
            repository = CorpusRepository(session)
            for start in range(0, len(wanted), _BATCH):
                chunk = wanted[start : start + _BATCH]
                queries = [self._collection.needs[need] for need in chunk]
                filters = [self._filter(need, pool) for need in chunk]
                ranked = engine.rank(repository, queries, Kind.ACHIEVEMENT, filters, limit)
                ids = sorted({doc.id for docs in ranked for doc in docs})
                keys = {i: s.record.key for i, s in repository.get_many(
                    Kind.ACHIEVEMENT, ids).items()}  # fmt: skip
                for need, docs in zip(chunk, ranked, strict=True):
                    run[need] = [(keys[doc.id], doc.score) for doc in docs]
                progress("rank", start + len(chunk), len(wanted))
        return run

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
