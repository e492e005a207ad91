"""BM25F over the term counts of one or more segments.

Scores are float64, computed when asked and for every document, with statistics of all documents
that answer: a score depends neither on what else was asked in the same call, nor on filters, nor
on how the collection is cut into segments.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import log1p
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from indexer.fields import Layer
from indexer.live import Ids, LiveDocuments
from indexer.scored import ScoredDoc, top_documents
from indexer.terms import Frequencies, Rows, TermCounts

Scores = NDArray[np.float64]
Numbers = TypeVar("Numbers", NDArray[np.float64], float)
# Terms whose document frequency is remembered; a query has some dozens.
_REMEMBERED = 4096
# Finding one document among a term's postings takes as long as scoring this many of them.
_SEARCH_COST = 64


@dataclass(frozen=True, slots=True)
class LexicalConfig:
    """Parameters of BM25F. They act when asked: other values make nothing of an index anew."""

    k1: float = 1.2
    """Saturation of term frequency (Robertson & Zaragoza 2009), > 0."""
    b: float = 0.75
    """Length normalisation, 0 (none) to 1 (full)."""
    title_weight: float = 3.0
    """How many times a term of the title counts, ≥ 0; 0 leaves the field out wholly."""
    problem_weight: float = 1.0
    """Likewise for what the text calls problem, need or background."""
    solution_weight: float = 1.0
    """Likewise for solution, advantages and summary."""
    indicators_weight: float = 1.0
    """Likewise for targets and indicators."""
    application_weight: float = 1.0
    """Likewise for application and benefit."""
    other_weight: float = 1.0
    """Likewise for the rest, and for a text without headings."""

    @property
    def weights(self) -> tuple[float, ...]:
        """The fields' weights in order of ``fields.LAYERS``."""
        return tuple(float(getattr(self, f"{layer}_weight")) for layer in Layer)


class LexicalIndex:
    """BM25 in Lucene's variant over weighted fields.

    Σ weight · idf · tf / (tf + k1 · (1 − b + b · length / mean)), where tf and length are sums over
    the fields, each field's number times its weight: as if a field's text were repeated.

    Source: Robertson, Zaragoza & Taylor, Simple BM25 Extension to Multiple Weighted Fields, CIKM
    2004; the variant of BM25 as in Kamphuis et al., Which BM25 Do You Mean?, ECIR 2020.
    """

    def __init__(
        self, live: LiveDocuments, parts: Sequence[TermCounts], config: LexicalConfig
    ) -> None:
        self._live = live
        self._parts = parts
        self._weights = config.weights
        # Whole numbers first: their sum is the same however the collection is cut.
        lengths = [part.lengths[:, alive] for part, alive in zip(parts, live.alive, strict=True)]
        totals = [sum(int(some[layer.number].sum()) for some in lengths) for layer in Layer]
        total = sum(w * t for w, t in zip(self._weights, totals, strict=True))
        self._mean = total / live.count if total else 1.0
        self._config = config
        self._norms = [self._norm(part.weighted_lengths(self._weights)) for part in parts]
        self._has_terms = total > 0
        # Bounded, and gone with the generation it belongs to.
        self._idf = lru_cache(_REMEMBERED)(self._computed_idf)

    @classmethod
    def build(
        cls, doc_ids: Sequence[int], documents: Sequence[Sequence[str]], config: LexicalConfig
    ) -> LexicalIndex:
        """Index ``documents`` (term lists, of no field) under ``doc_ids`` in memory.

        Raises:
            ValueError: the ids do not ascend, or do not fit the documents.
        """
        counts = TermCounts.build(doc_ids, ({Layer.OTHER: terms} for terms in documents))
        return cls(LiveDocuments([counts.doc_ids]), [counts], config)

    def with_config(self, config: LexicalConfig) -> LexicalIndex:
        """The same documents under other parameters."""
        return LexicalIndex(self._live, self._parts, config)

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
                found[segment][rows] += _part(weight, idf, counts, self._norms[segment][rows])
        return self._gathered(found)

    def pair_scores(self, query: Mapping[str, float], doc_ids: Sequence[int] | Ids) -> Scores:
        """(len(doc_ids),) the scores of these documents, as in ``scores`` to the last bit.

        In any order. A document that is not here scores 0.
        """
        segments, rows = self._live.located(np.asarray(doc_ids, np.int64))
        scores = np.zeros(len(rows))
        if len(rows) * _SEARCH_COST > self._live.count:
            places = np.searchsorted(self.doc_ids, np.asarray(doc_ids, np.int64))
            here = segments >= 0
            scores[here] = self.scores(query)[places[here]]
            return scores
        asked = [(number, np.flatnonzero(segments == number)) for number in np.unique(segments)]
        for term in sorted(query):
            idf, weight = self.idf(term), query[term]
            for number, places in asked:
                if number < 0:
                    continue
                held, counts = self._frequencies[number].of(term)
                if not len(held):
                    continue
                at = np.minimum(np.searchsorted(held, rows[places]), len(held) - 1)
                here = held[at] == rows[places]
                norms = self._norms[number][rows[places[here]]]
                scores[places[here]] += _part(weight, idf, counts[at[here]], norms)
        return scores

    def document_score(
        self, query: Mapping[str, float], fields: Mapping[Layer, Sequence[str]]
    ) -> float:
        """The score of a document that need not be here, by this index's statistics.

        ``fields`` are its terms. For one that is here it is ``pair_scores``, to the last bit.
        """
        score = 0.0
        for part in self.document_contributions(query, fields).values():
            score += part
        return score

    def document_contributions(
        self, query: Mapping[str, float], fields: Mapping[Layer, Sequence[str]]
    ) -> dict[str, float]:
        """``contributions`` of a document that need not be here; ``fields`` are its terms."""
        counts: Counter[str] = Counter()
        length = 0.0
        for layer in sorted(fields, key=lambda one: one.number):
            weight = self._weights[layer.number]
            length += weight * len(fields[layer])
            for term, number in Counter(fields[layer]).items():
                counts[term] += weight * number  # type: ignore[assignment]
        norm = self._norm(length)
        return {
            term: _part(query[term], self.idf(term), float(counts[term]), norm)
            for term in sorted(query)
            if counts[term] > 0
        }

    def contributions(self, query: Mapping[str, float], doc_id: int) -> dict[str, float]:
        """Each matching term's part of one document's score; the parts add up to it."""
        here = self._live.locate(doc_id)
        if here is None:
            return {}
        segment, row = here
        norm = self._norms[segment][row]
        parts: dict[str, float] = {}
        for term in sorted(query):
            rows, counts = self._frequencies[segment].of(term)
            place = int(np.searchsorted(rows, row))
            if place < len(rows) and rows[place] == row:
                parts[term] = float(_part(query[term], self.idf(term), counts[place], norm))
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

    def document_coverage(self, query: Mapping[str, float]) -> Scores:
        """(n,) share of the idf of each title's distinct terms that the query holds, in [0, 1].

        0 for a document whose title has no term. How much of what the document is about was
        asked for, beside ``coverage``, how much of what was asked for the document has.
        """
        held = [np.zeros(len(part.doc_ids)) for part in self._parts]
        for term in sorted(query):
            if query[term] > 0:
                for segment, part in enumerate(self._parts):
                    held[segment][part.title_rows(term)] += self.idf(term)
        wholes = self._title_idf
        return np.divide(self._gathered(held), wholes, out=np.zeros(len(wholes)), where=wholes > 0)

    @cached_property
    def _title_idf(self) -> Scores:
        """(n,) idf of each title's distinct terms, added in ascending order as in a query."""
        df: dict[str, int] = {}
        for segment, part in enumerate(self._parts):
            found = self._frequencies[segment]
            alive = np.concatenate(([0], np.cumsum(self._live.alive[segment][found.rows])))
            for term, count in zip(
                part.vocabulary, np.diff(alive[found.pointers]).tolist(), strict=True
            ):
                df[term] = df.get(term, 0) + count
        idf = {term: self._idf_of(count) for term, count in df.items()}
        return self._gathered(
            [part.title_sums(np.array([idf[t] for t in part.vocabulary])) for part in self._parts]
        )

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

    @cached_property
    def _frequencies(self) -> list[Frequencies]:
        # Each segment remembers its own, so that a new generation computes the new one's only.
        return [part.weighted(self._weights) for part in self._parts]

    def _norm(self, length: Numbers) -> Numbers:
        k1, b = self._config.k1, self._config.b
        return k1 * (1.0 - b + b * (length / self._mean))

    def _computed_idf(self, term: str) -> float:
        df = 0
        for segment, rows, _ in self._postings(term):
            whole = self._live.whole[segment]
            df += len(rows) if whole else int(self._live.alive[segment][rows].sum())
        return self._idf_of(df)

    def _idf_of(self, df: int) -> float:
        return log1p((self._live.count - df + 0.5) / (df + 0.5))

    def _postings(self, term: str) -> Iterator[tuple[int, Rows, Scores]]:
        for segment, found in enumerate(self._frequencies):
            rows, counts = found.of(term)
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


def _part(weight: float, idf: float, counts: Numbers, norms: Numbers) -> Numbers:
    """A term's part of a score: one order of operations for one document and for all."""
    return weight * (idf * counts / (counts + norms))
