"""What a query costs in an index of characters, pairs of characters, words and windows.

    python -m eval.bench.index_fields [DOCUMENTS]

Method: DOCUMENTS (10,000) synthetic records of a title (20 Han characters) and a text (600), the
characters drawn from 3,500 by Zipf's law (exponent 1.0), every fourth text under headings. The
queries are texts made alike. Words are pairs of characters cut without overlap, so that the word
index has about as many postings as a real one. Vectors are random unit rows of 384 dimensions, a
title and four windows for each document, in one segment. Wall clock, one process, after one
query for warming up; medians and the slowest of 30 queries. The scores of candidates (300 of the
documents) have to be those of all documents to the last bit.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from corpus.model import Achievement
from indexer.build import document_terms
from indexer.dense import DenseIndex, VectorRows
from indexer.grams import bigrams, characters
from indexer.lexical import LexicalConfig, LexicalIndex
from indexer.live import LiveDocuments
from indexer.terms import TermCounts
from indexer.tokenizer import Token

SEED = 20261125
ALPHABET = 3500
TITLE, TEXT = 20, 600
QUERIES, CANDIDATES = 30, 300
DIMENSION, WINDOWS = 384, 4
HEADINGS = ("。技术难题：", "。技术指标：", "。应用领域：")


class Texts:
    """Random texts of Han characters."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(SEED)
        weights = 1.0 / np.arange(1, ALPHABET + 1)
        self._weights = weights / weights.sum()
        self._alphabet = np.array([chr(0x4E00 + place) for place in range(ALPHABET)])

    def text(self, length: int) -> str:
        return "".join(self.rng.choice(self._alphabet, length, p=self._weights))

    def record(self, key: int) -> Achievement:
        text = self.text(TEXT)
        if key % 4 == 0:
            text = "".join(h + text[i * 200 : i * 200 + 200] for i, h in enumerate(HEADINGS))
        return Achievement(key=str(key), title=self.text(TITLE), text=text)


def words(text: str) -> list[Token]:
    """Pairs of characters without overlap."""
    return bigrams(text)[::2]


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    sys.stdout.write((__doc__ or "") + "\n")
    documents = int(arguments[0]) if arguments else 10_000
    texts = Texts()
    records = [texts.record(key) for key in range(documents)]
    sys.stdout.write(f"{documents} documents, {QUERIES} queries, ms\n\n")
    sys.stdout.write(
        "| | query terms | postings read | median | slowest |\n|---|---|---|---|---|\n"
    )
    for name, cut in (("words", words), ("characters", characters), ("pairs", bigrams)):
        counts = TermCounts.build(range(documents), (document_terms(cut, r) for r in records))
        live = LiveDocuments([counts.doc_ids])
        index = LexicalIndex(live, [counts], LexicalConfig())
        title_only = index.with_config(_TITLE_ONLY)
        frequencies = counts.weighted(LexicalConfig().weights)
        for length, kind in ((TITLE, "a title"), (TEXT + TITLE, "title and text")):
            queries = [Counter(t.term for t in cut(texts.text(length))) for _ in range(QUERIES)]
            read = median(sum(len(frequencies.of(t)[0]) for t in query) for query in queries)
            terms = median(map(len, queries))
            sys.stdout.write(f"| **{name}**, asked with {kind} | {terms:.0f} | {read:.0f} | | |\n")
            candidates = texts.rng.choice(documents, min(CANDIDATES, documents), replace=False)
            _check(index, queries, candidates)
            for what, ask in (
                ("scores", index.scores),
                ("scores of titles only", title_only.scores),
                ("coverage", index.coverage),
                ("document_coverage", index.document_coverage),
                (f"pair_scores of {CANDIDATES}", _pairs(index, candidates)),
            ):
                _row(what, ask, queries)
    _dense(texts.rng, documents)


_TITLE_ONLY = LexicalConfig(
    problem_weight=0.0,
    solution_weight=0.0,
    indicators_weight=0.0,
    application_weight=0.0,
    other_weight=0.0,
)


def _pairs(
    index: LexicalIndex, candidates: NDArray[np.int64]
) -> Callable[[Mapping[str, float]], object]:
    return lambda query: index.pair_scores(query, candidates)


def _check(
    index: LexicalIndex, queries: Sequence[Mapping[str, float]], candidates: NDArray[np.int64]
) -> None:
    for query in queries[:3]:
        wanted = index.scores(query)[candidates]
        if not np.array_equal(index.pair_scores(query, candidates), wanted):
            raise AssertionError("scores of pairs differ from those of all documents")


def _dense(rng: np.random.Generator, documents: int) -> None:
    rows = documents * (1 + WINDOWS)
    vectors = rng.standard_normal((rows + QUERIES, DIMENSION), dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    part = VectorRows.build(np.repeat(np.arange(documents), 1 + WINDOWS), vectors[:rows])
    index = DenseIndex(LiveDocuments([part.doc_ids]), [part], DIMENSION)
    queries = list(vectors[rows:])
    candidates = rng.choice(documents, min(CANDIDATES, documents), replace=False)
    sys.stdout.write(f"| **vectors**, {rows} rows | | | | |\n")
    _row("best_scores", index.best_scores, queries)
    _row(f"exact_rows of {CANDIDATES}", lambda query: index.exact_rows(query, candidates), queries)
    _row("search, 200 documents", lambda query: index.search(query, 200), queries)


def _row(what: str, ask: Callable[[Any], object], queries: Sequence[Any]) -> None:
    ask(queries[0])
    times = []
    for query in queries:
        started = time.perf_counter()
        ask(query)
        times.append((time.perf_counter() - started) * 1000)
    sys.stdout.write(f"| {what} | | | {median(times):.2f} | {max(times):.2f} |\n")


if __name__ == "__main__":
    main(sys.argv[1:])
