"""What is compared in a pair: a table of small functions, each a sentence that people can check.

The value of a feature is made of signals of the indexes; its part of the score is its weight times
how far it lies above the reference of the ranking model (``scoring``). A new signal is one
function and one row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.model import Record
from indexer.build import Makers, document_terms, passages
from indexer.dense import similarities
from indexer.grams import bigrams
from indexer.shard import IndexShard
from matcher.query import PreparedQuery

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Signals:
    """What the indexes say of one query and some documents: (n,) each, in the order of the ids.

    NaN where nobody can tell: a path that is off.
    """

    title: Values
    """Cosine of the query and the document's title, −1 to 1."""
    text: Values
    """Cosine of the query and the nearest window of the text; the title's where there is none."""
    typical: Values
    """Cosine of the document's title and the mean query: high for one that resembles any need."""
    words: Values
    """BM25 over words, ≥ 0."""
    bigrams: Values
    """BM25 over pairs of neighbouring characters, ≥ 0."""


@dataclass(frozen=True, slots=True)
class Feature:
    """A row of the table."""

    name: str
    label: str  # for people
    func: Callable[[Signals], Values]
    rising: bool  # whether a higher value can only speak for a pair

    @property
    def reason(self) -> str:
        """What it says, for people: the function's docstring."""
        return (self.func.__doc__ or "").strip()


def _meaning(signals: Signals) -> Values:
    """两段文字意思相近的程度（向量余弦，取标题和正文各段中最近的），不要求用同样的词"""
    return np.maximum(signals.title, signals.text)


def _typical(signals: Signals) -> Values:
    """与什么需求都有些相近的成果，按相近的程度扣减"""
    return signals.typical


def _wording(signals: Signals) -> Values:
    """两段文字共同的词和相邻两字，越少见的越有分量（BM25 的对数）"""
    # Pairs of characters find what no dictionary has; more of them, or single characters, ranked
    # no better (eval/README).
    return np.log1p((signals.words + 0.2 * signals.bigrams) / 5.0)


FEATURES: Sequence[Feature] = (
    Feature("meaning", "意思相近", _meaning, rising=True),
    Feature("typical", "泛泛相近", _typical, rising=False),
    Feature("wording", "用词相同", _wording, rising=True),
)
"""All that a ranking is made of, in the order in which parts are added."""


def features(signals: Signals) -> Values:
    """(n, features) values, in the order of ``FEATURES``."""
    return np.stack([feature.func(signals) for feature in FEATURES], axis=1)


def signals_of(
    shard: IndexShard,
    query: PreparedQuery,
    ids: NDArray[np.int64],
    typical: Values,
    *,
    exact: bool = True,
) -> Signals:
    """Signals of these documents in canonical float64, the same for one in whatever company.

    The ids are of the shard; ``typical`` is that of all of its documents. Not ``exact``: quickly
    and but for the last digits of the cosines, to tell which documents are worth scoring exactly.
    """
    title = text = known = words = np.full(len(ids), np.nan)
    dense = shard.dense
    if dense is not None and query.vector is not None:
        places = np.searchsorted(shard.doc_ids(), ids)
        known = typical[places]
        if exact:
            title, text = dense.exact_rows(query.vector, ids)
        else:
            quick = dense.best_scores(query.vector)
            title, text = (scores[places].astype(np.float64) for scores in quick)
    if shard.lexical is not None:
        words = shard.lexical.pair_scores(query.terms, ids)
    pairs = shard.bigrams.pair_scores(query.bigrams, ids)
    return Signals(title, text, known, words, pairs)


@dataclass(frozen=True, slots=True)
class Brought:
    """What is known of a record that need not be in the index."""

    signals: Signals  # (1,)
    contributions: Mapping[str, float]
    """Each matching word's part of the BM25 score."""
    window: tuple[int, int] | None
    """The span of the text nearest to the query; None if that is the title."""


def brought(
    shard: IndexShard,
    query: PreparedQuery,
    record: Record,
    makers: Makers,
    centre: NDArray[np.float32],
) -> Brought:
    """A record as if it stood in the index, by the index's statistics.

    For one that is there it is what the index says, but for the last digits of the cosines: its
    vectors were made in other company.
    """
    title = text = typical = words = float("nan")
    window: tuple[int, int] | None = None
    contributions: Mapping[str, float] = {}
    if shard.dense is not None and query.vector is not None:
        rows = passages(makers.encoder, record)
        vectors = makers.encoder.encode_passages([passage for passage, _ in rows])
        cosines = similarities(query.vector, vectors)
        best = rows[int(cosines.argmax())][1]
        window = (best[0], best[1]) if best[0] >= 0 else None
        title, text = float(cosines[0]), float(cosines[1:].max(initial=-1.0))
        text = text if len(cosines) > 1 else title
        typical = float(similarities(centre, vectors[:1])[0])
    if shard.lexical is not None:
        held = document_terms(makers.tokenizer.tokenize, record)
        contributions = shard.lexical.document_contributions(query.terms, held)
        words = shard.lexical.document_score(query.terms, held)
    pairs = shard.bigrams.document_score(query.bigrams, document_terms(bigrams, record))
    signals = Signals(*(np.array([value]) for value in (title, text, typical, words, pairs)))
    return Brought(signals, contributions, window)
