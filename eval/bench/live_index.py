"""What a live index costs: an update and the query after it, against a rebuild; BM25 beside bm25s.

    python -m eval.bench.live_index [DOCUMENTS …]

Method: synthetic records of a title (3 words) and a text (30 words), words drawn from 30,000 by
Zipf's law (exponent 1.1); indexed with the deterministic fake encoder at 384 dimensions, so that
no model's speed hides the index's. Measured on the wall clock, in one process that keeps its index
open: a full rebuild (once; the fake encoder's share is shown); then 15 rounds of: change one record
and update the index (compare all hashes, write, flush, publish, merge when due), open the new
generation and answer one query by both paths, answer another query. Medians are shown. Every
updated index is compared with a rebuilt one at the end: same ids and scores.

BM25: the same term lists in our index as one segment, in ours after the 15 updates, and in bm25s
(method lucene, float64); 200 queries of 20 distinct words, scored against all documents, the three
taking turns; medians and the median of the per-query ratios. Scores have to agree to 1e-9.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import bm25s
import numpy as np
from numpy.typing import NDArray

from corpus.model import Achievement, Kind, Record, StoredRecord
from indexer.build import Makers, build_index, document_terms
from indexer.compact import compact
from indexer.fields import Layer
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.store import ShardStore
from indexer.testing import FakeEncoder
from indexer.tokenizer import Token
from indexer.update import Wanted, snapshot_of, update_index

SEED = 20261125
KIND = Kind.ACHIEVEMENT
WORDS = 30_000
ROUNDS = 15
QUERIES = 200
QUERY_WORDS = 20


class WordTokenizer:
    """Words between blanks."""

    fingerprint = "0" * 64

    def tokenize(self, text: str) -> list[Token]:
        return [Token(word, 0, 0) for word in text.split()]


class TimedEncoder(FakeEncoder):
    """Sums up the time spent in it."""

    def __init__(self) -> None:
        super().__init__("fake", 384, 400)
        self.seconds = 0.0

    def encode_passages(
        self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None
    ) -> NDArray[np.float32]:
        started = time.perf_counter()
        vectors = self.encode_queries(texts, progress)
        self.seconds += time.perf_counter() - started
        return vectors


class Corpus:
    """Random records in memory."""

    def __init__(self, documents: int) -> None:
        self.rng = np.random.default_rng(SEED)
        weights = 1.0 / np.arange(1, WORDS + 1) ** 1.1
        self._weights = weights / weights.sum()
        self.records = {key: self.record(key) for key in range(1, documents + 1)}
        self.hashes = {key: record.content_hash for key, record in self.records.items()}

    def words(self, count: int, *, distinct: bool = False) -> list[str]:
        drawn = self.rng.choice(WORDS, count, replace=not distinct, p=self._weights)
        return [f"w{number}" for number in drawn]

    def record(self, key: int) -> Achievement:
        title, text = " ".join(self.words(3)), " ".join(self.words(30))
        return Achievement(key=str(key), title=title, text=text)

    def change(self, key: int) -> None:
        self.records[key] = self.record(key)
        self.hashes[key] = self.records[key].content_hash

    def wanted(self) -> Wanted:
        return Wanted(0, sorted(self.hashes.items()))

    def stored(self, ids: Sequence[int] | None = None) -> list[StoredRecord]:
        return [StoredRecord(key, self.records[key]) for key in ids or sorted(self.records)]


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    sys.stdout.write((__doc__ or "") + "\n")
    for documents in map(int, arguments or ("5000", "50000")):
        with tempfile.TemporaryDirectory() as folder:
            sys.stdout.write("\n".join(measured(documents, Path(folder))) + "\n\n")


def measured(documents: int, folder: Path) -> list[str]:
    """The report for one size."""
    corpus, encoder = Corpus(documents), TimedEncoder()
    makers, store = Makers(encoder, WordTokenizer()), ShardStore(folder / "live")
    now_at = datetime.now(UTC)
    build_s = _timed(
        lambda: build_index(
            store, KIND, corpus.stored(), snapshot_of(corpus.wanted().pairs), makers, now_at
        )
    )
    embedding_s = encoder.seconds
    before = store.open(KIND, makers.maker).lexical
    oracle = _oracle(corpus, makers)
    updates, first_queries, queries = [], [], []

    def update() -> None:
        update_index(store, KIND, corpus.wanted, corpus.stored, makers, now_at)
        compact(store, KIND, now_at)

    def query() -> None:
        text = " ".join(corpus.words(QUERY_WORDS))
        shard = store.open(KIND, makers.maker)
        if shard.dense is None or shard.lexical is None:
            raise AssertionError("an index of our own has both paths")
        shard.lexical.search(dict.fromkeys(text.split(), 1.0), 200)
        shard.dense.search(encoder.encode_queries([text])[0], 200)

    _timed(query)
    for _ in range(ROUNDS):
        corpus.change(int(corpus.rng.integers(1, documents + 1)))
        updates.append(_timed(update))
        first_queries.append(_timed(query))
        queries.append(_timed(query))
    shard = store.open(KIND, makers.maker)
    _compare(corpus, makers, store, folder, now_at)
    if before is None or shard.lexical is None:
        raise AssertionError("an index of our own has both paths")
    return [
        f"{documents} documents, after the updates {len(shard.manifest.segments)} segments and "
        f"{shard.manifest.tombstones} tombstones",
        "| | seconds | of a rebuild |",
        "|---|---:|---:|",
        f"| full rebuild (fake encoder {embedding_s:.1f} s of it) | {build_s:.2f} | 1 |",
        f"| one-document update | {median(updates):.4f} | {median(updates) / build_s:.5f} |",
        f"| first query after it, opening included | {median(first_queries):.4f} | |",
        f"| next query | {median(queries):.4f} | |",
        "",
        *_bm25(corpus, before, shard.lexical, oracle),
    ]


def _oracle(corpus: Corpus, makers: Makers) -> bm25s.BM25:
    config = LexicalConfig()
    model = bm25s.BM25(k1=config.k1, b=config.b, method="lucene", dtype="float64")
    documents = [_terms(makers, s.record, config) for s in corpus.stored()]
    with np.errstate(divide="ignore"):  # it divides by document frequencies it then discards
        model.index(documents, show_progress=False)
    return model


def _terms(makers: Makers, record: Record, config: LexicalConfig) -> list[str]:
    """All terms in one list, the title's as often as they count."""
    fields = document_terms(makers.tokenizer.tokenize, record)
    times = {layer: round(weight) for layer, weight in zip(Layer, config.weights, strict=True)}
    return [term for layer, terms in fields.items() for term in terms * times[layer]]


def _bm25(
    corpus: Corpus, whole: LexicalIndex, updated: LexicalIndex, oracle: bm25s.BM25
) -> list[str]:
    ours: list[float] = []
    ours_updated: list[float] = []
    theirs: list[float] = []
    for _ in range(QUERIES):
        words = [w for w in corpus.words(QUERY_WORDS, distinct=True) if w in oracle.vocab_dict]
        query = dict.fromkeys(words, 1.0)
        started = time.perf_counter()
        expected = oracle.get_scores(words)
        theirs.append(time.perf_counter() - started)
        started = time.perf_counter()
        scores = whole.scores(query)
        ours.append(time.perf_counter() - started)
        ours_updated.append(_timed(lambda query=query: updated.scores(query)))  # type: ignore[misc]
        if not np.allclose(scores, expected, rtol=0, atol=1e-9):
            raise AssertionError("scores differ from those of bm25s")
    rows = (("bm25s", theirs), ("ours, one segment", ours), ("ours, updated", ours_updated))
    return [
        "| BM25, all documents scored | ms a query | ratio to bm25s |",
        "|---|---:|---:|",
        *(
            f"| {name} | {median(times) * 1000:.3f} | "
            f"{median(a / b for a, b in zip(times, theirs, strict=True)):.2f} |"
            for name, times in rows
        ),
    ]


def _compare(
    corpus: Corpus, makers: Makers, store: ShardStore, folder: Path, now_at: datetime
) -> None:
    other = ShardStore(folder / "rebuilt")
    build_index(other, KIND, corpus.stored(), "", makers, now_at)
    shards = [one.open(KIND, makers.maker) for one in (store, other)]
    for _ in range(20):
        text = " ".join(corpus.words(QUERY_WORDS))
        query, vector = dict.fromkeys(text.split(), 1.0), makers.encoder.encode_queries([text])[0]
        found = [
            (s.lexical.search(query, 200), s.dense.search(vector, 200))
            for s in shards
            if s.lexical is not None and s.dense is not None
        ]
        if found[0] != found[1]:
            raise AssertionError("the updated index answers otherwise than the rebuilt one")


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main(sys.argv[1:])
