"""BM25 over our own tokens, through bm25s: the only module that knows that library.

Scores are float64 and computed for every document, so filters act inside the scan and a score
never depends on what else was asked in the same call.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bm25s
import numpy as np
from numpy.typing import NDArray

from indexer.errors import ShardError
from indexer.scored import ScoredDoc, top_documents

_DOC_IDS = "doc_ids.npy"


@dataclass(frozen=True, slots=True)
class LexicalConfig:
    """Parameters of BM25 and of the document it sees."""

    k1: float = 1.2
    """Saturation of term frequency (Robertson & Zaragoza 2009), > 0."""
    b: float = 0.75
    """Length normalisation, 0 (none) to 1 (full)."""
    title_weight: int = 3
    """How many times the title's terms count beside those of the text."""


class LexicalIndex:
    """BM25 (Lucene's variant: Kamphuis et al., ECIR 2020) over one shard's documents."""

    def __init__(self, model: Any, doc_ids: NDArray[np.int64]) -> None:
        self._model = model
        self._doc_ids = doc_ids

    @property
    def doc_ids(self) -> NDArray[np.int64]:
        """(n,) ids, ascending: position in this array is a document's row in the index."""
        return self._doc_ids

    @classmethod
    def build(
        cls, doc_ids: Sequence[int], documents: Sequence[Sequence[str]], config: LexicalConfig
    ) -> LexicalIndex:
        """Index ``documents`` (term lists) under ``doc_ids`` (ascending, unique)."""
        ids = np.asarray(doc_ids, dtype=np.int64)
        if len(documents) != len(ids) or np.any(np.diff(ids) <= 0):
            raise ValueError("one term list per id, ids ascending and unique")
        model = bm25s.BM25(k1=config.k1, b=config.b, method="lucene", dtype="float64")
        if any(documents):
            with warnings.catch_warnings():
                # bm25s divides by zero document frequencies it then discards.
                warnings.simplefilter("ignore", RuntimeWarning)
                model.index([list(d) for d in documents], show_progress=False)
        return cls(model, ids)

    def save(self, folder: Path) -> None:
        """Write into an existing empty folder."""
        np.save(folder / _DOC_IDS, self._doc_ids)
        if self._has_terms:
            self._model.save(str(folder), show_progress=False)

    @classmethod
    def load(cls, folder: Path, *, has_terms: bool = True) -> LexicalIndex:
        """Open what ``save`` wrote, memory-mapped.

        Raises:
            ShardError: a file is missing or malformed.
        """
        try:
            doc_ids = np.load(folder / _DOC_IDS, mmap_mode="r")
            model = (
                bm25s.BM25.load(str(folder), mmap=True)
                if has_terms
                else bm25s.BM25(dtype="float64")
            )
        except Exception as error:
            raise ShardError(
                f"词语索引无法打开（{error}）。请重新运行 zhitong index build。"
            ) from error
        return cls(model, doc_ids)

    @property
    def _has_terms(self) -> bool:
        return hasattr(self._model, "scores")

    @property
    def has_terms(self) -> bool:
        """False for an index in which no document has a single term."""
        return self._has_terms

    def scores(self, query: Mapping[str, float]) -> NDArray[np.float64]:
        """(n,) BM25 scores of every document for weighted terms; 0 where nothing matches.

        Terms are added in sorted order, so equal queries give bit-equal scores.
        """
        total = np.zeros(len(self._doc_ids), dtype=np.float64)
        for term in sorted(query):
            rows, parts = self._postings(term)
            total[rows] += query[term] * parts
        return total

    def contributions(self, query: Mapping[str, float], doc_id: int) -> dict[str, float]:
        """Each matching term's part of one document's score; the parts add up to it."""
        row = int(np.searchsorted(self._doc_ids, doc_id))
        if row == len(self._doc_ids) or self._doc_ids[row] != doc_id:
            return {}
        parts: dict[str, float] = {}
        for term in sorted(query):
            rows, values = self._postings(term)
            place = int(np.searchsorted(rows, row))
            if place < len(rows) and rows[place] == row:
                parts[term] = float(query[term] * values[place])
        return parts

    def coverage(self, query: Mapping[str, float]) -> NDArray[np.float64]:
        """(n,) share of the query's weight × idf on terms that each document holds, in [0, 1]."""
        held = np.zeros(len(self._doc_ids), dtype=np.float64)
        total = 0.0
        for term in sorted(query):
            weight = query[term] * self.idf(term)
            total += weight
            held[self._postings(term)[0]] += weight
        return held / total if total > 0 else held

    def idf(self, term: str) -> float:
        """ln(1 + (N − df + 0.5) / (df + 0.5)), ≥ 0: how telling a term is in this shard.

        Source: Robertson & Zaragoza 2009, in Lucene's never-negative form. A term that no
        document has gets the value for df = 0.
        """
        df = len(self._postings(term)[0])
        return float(np.log1p((len(self._doc_ids) - df + 0.5) / (df + 0.5)))

    def search(
        self, query: Mapping[str, float], n: int, allowed: NDArray[np.int64] | None = None
    ) -> list[ScoredDoc]:
        """The best ``n`` documents with a score above 0, by (score desc, id asc).

        ``allowed``: ascending ids the result may hold; None for all.
        """
        scores = self.scores(query)
        keep = scores > 0
        if allowed is not None:
            keep &= np.isin(self._doc_ids, allowed, assume_unique=True)
        rows = np.flatnonzero(keep)
        return top_documents(np.asarray(self._doc_ids)[rows], scores[rows], n)

    def _postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        # bm25s lists the empty term without giving it a column.
        column = self._model.vocab_dict.get(term) if self._has_terms and term else None
        if column is None:
            return np.empty(0, np.int32), np.empty(0, np.float64)
        pointers = self._model.scores["indptr"]
        start, end = int(pointers[column]), int(pointers[column + 1])
        return (
            self._model.scores["indices"][start:end],
            self._model.scores["data"][start:end],
        )
