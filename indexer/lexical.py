"""BM25 over the term counts of one or more segments.

Scores are float64, computed when asked and for every document, with statistics of all documents
that answer: a score depends neither on what else was asked in the same call, nor on filters, nor
on how the collection is cut into segments.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import log1p

import numpy as np
from numpy.typing import NDArray

from indexer.live import LiveDocuments
from indexer.scored import ScoredDoc, top_documents
from indexer.terms import TermCounts

Scores = NDArray[np.float64]
# Terms whose document frequency is remembered; a query has some dozens.
_REMEMBERED = 4096


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
    """BM25 in Lucene's variant: Σ weight · idf · tf / (tf + k1 · (1 − b + b · length / mean)).

    Source: Robertson & Zaragoza, The Probabilistic Relevance Framework, 2009; the variant as in
    Kamphuis et al., Which BM25 Do You Mean?, ECIR 2020.
    """

    def __init__(
        self, live: LiveDocuments, parts: Sequence[TermCounts], config: LexicalConfig
    ) -> None:
        self._live = live
        self._parts = parts
        lengths = [part.lengths[alive] for part, alive in zip(parts, live.alive, strict=True)]
        total = sum(int(some.sum()) for some in lengths)
        mean = total / live.count if total else 1.0
        self._norms = [
            config.k1 * (1.0 - config.b + config.b * (part.lengths / mean)) for part in parts
        ]
        self._has_terms = total > 0
        # Bounded, and gone with the generation it belongs to.
        self._idf = lru_cache(_REMEMBERED)(self._computed_idf)

    @classmethod
    def build(
        cls, doc_ids: Sequence[int], documents: Sequence[Sequence[str]], config: LexicalConfig
    ) -> LexicalIndex:
        """Index ``documents`` (term lists) under ``doc_ids`` in memory, as one segment.

        Raises:
            ValueError: the ids do not ascend, or do not fit the documents.
        """
        counts = TermCounts.build(doc_ids, documents)
        return cls(LiveDocuments([counts.doc_ids]), [counts], config)

    @property
    def doc_ids(self) -> NDArray[np.int64]:
        """(n,) ids, ascending: a document's place in this array is its place in ``scores``."""
        return self._live.doc_ids

    @property
    def has_terms(self) -> bool:
        """False for an index in which no document has a single term."""
        return self._has_terms

    def scores(self, query: Mapping[str, float]) -> Scores:
        """(n,) BM25 scores of every document for weighted terms; 0 where nothing matches.

        Terms are added in sorted order, so equal queries give bit-equal scores.
        """
        found = [np.zeros(len(part.doc_ids)) for part in self._parts]
        for term in sorted(query):
            idf, weight = self.idf(term), query[term]
            for segment, rows, counts in self._postings(term):
                norms = self._norms[segment][rows]
                found[segment][rows] += weight * (idf * counts / (counts + norms))
        return self._gathered(found)

    def contributions(self, query: Mapping[str, float], doc_id: int) -> dict[str, float]:
        """Each matching term's part of one document's score; the parts add up to it."""
        here = self._live.locate(doc_id)
        if here is None:
            return {}
        segment, row = here
        norm = self._norms[segment][row]
        parts: dict[str, float] = {}
        for term in sorted(query):
            rows, counts = self._parts[segment].postings(term)
            place = int(np.searchsorted(rows, row))
            if place < len(rows) and rows[place] == row:
                count = float(counts[place])
                parts[term] = float(query[term] * (self.idf(term) * count / (count + norm)))
        return parts

    def coverage(self, query: Mapping[str, float]) -> Scores:
        """(n,) share of the query's weight × idf on terms that each document holds, in [0, 1]."""
        held = [np.zeros(len(part.doc_ids)) for part in self._parts]
        total = 0.0
        for term in sorted(query):
            weight = query[term] * self.idf(term)
            total += weight
            for segment, rows, _ in self._postings(term):
                held[segment][rows] += weight
        shares = self._gathered(held)
        return shares / total if total > 0 else shares

    def idf(self, term: str) -> float:
        """ln(1 + (N − df + 0.5) / (df + 0.5)), ≥ 0: how telling a term is in this index.

        Source: Robertson & Zaragoza 2009, in Lucene's never-negative form. A term that no
        document has gets the value for df = 0.
        """
        return self._idf(term)

    def search(
        self, query: Mapping[str, float], n: int, allowed: NDArray[np.int64] | None = None
    ) -> list[ScoredDoc]:
        """The best ``n`` documents with a score above 0, by (score desc, id asc).

        ``allowed``: ascending ids the result may hold; None for all.
        """
        scores = self.scores(query)
        keep = scores > 0
        mask = self._live.mask(allowed)
        if mask is not None:
            keep &= mask[:-1]
        places = np.flatnonzero(keep)
        return top_documents(self.doc_ids[places], scores[places], n)

    def _computed_idf(self, term: str) -> float:
        df = 0
        for segment, rows, _ in self._postings(term):
            whole = self._live.whole[segment]
            df += len(rows) if whole else int(self._live.alive[segment][rows].sum())
        return log1p((self._live.count - df + 0.5) / (df + 0.5))

    def _postings(self, term: str) -> Iterator[tuple[int, NDArray[np.int32], NDArray[np.int32]]]:
        for segment, part in enumerate(self._parts):
            rows, counts = part.postings(term)
            if len(rows):
                yield segment, rows, counts

    def _gathered(self, found: Sequence[Scores]) -> Scores:
        """Values of each segment's rows, in order of ids and without those removed."""
        if len(found) == 1 and self._live.whole[0]:
            return found[0]
        gathered = np.zeros(self._live.count + 1)
        for values, places in zip(found, self._live.places, strict=True):
            gathered[places] = values
        return gathered[:-1]
