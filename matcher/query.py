"""What is searched for, and how it looks to each retrieval path."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.languages import field_languages, language_of
from corpus.model import Record
from indexer.bridge import bridged
from indexer.build import Makers
from indexer.offsets import beside_chinese
from indexer.tokenizer import Token


@dataclass(frozen=True, slots=True)
class QueryConfig:
    """How the two fields of a query are weighed. Chosen by cross-validation; see eval/README."""

    title_terms: float = 3.0
    """Weight of a term in the title beside one in the text, for BM25."""
    title_vector: float = 0.5
    """Share of the title's vector in the query vector, 0 to 1; the rest is title and text."""


@dataclass(frozen=True, slots=True)
class Query:
    """A need, an achievement, or free text (then ``text`` is empty)."""

    title: str
    text: str = ""

    @classmethod
    def of(cls, record: Record) -> Query:
        """The query that a record asks."""
        return cls(record.title, record.body)


@dataclass(frozen=True, slots=True)
class PreparedQuery:
    """A query with its tokens, its weighted words and pairs of characters, and, if an encoder
    answers, its vector."""

    query: Query
    title_tokens: Sequence[Token]
    text_tokens: Sequence[Token]
    terms: Counter[str]
    bigrams: Counter[str]
    vector: NDArray[np.float32] | None


def prepare_queries(
    queries: Sequence[Query], makers: Makers, config: QueryConfig, *, dense: bool = True
) -> list[PreparedQuery]:
    """Segment and embed queries; one encoder call for all of them."""
    vectors = _vectors(queries, makers, config) if dense else [None] * len(queries)
    prepared = []
    for query, vector in zip(queries, vectors, strict=True):
        title_tokens = makers.tokenizer.tokenize(query.title)
        text_tokens = makers.tokenizer.tokenize(query.text)
        prepared.append(
            PreparedQuery(
                query,
                title_tokens,
                text_tokens,
                _weighted(title_tokens, text_tokens, config),
                _weighted(*_pairs(query), config),
                vector,
            )
        )
    return prepared


class KeptQueries:
    """Prepared queries of late, for those who ask the same again: embedding a long text takes
    longer than ranking it. A query is prepared alike whenever it is. Safe for threads."""

    def __init__(self, makers: Makers, config: QueryConfig, most: int = 512) -> None:
        self._makers = makers
        self._config = config
        self._most = most
        self._kept: OrderedDict[tuple[Query, bool], PreparedQuery] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, queries: Sequence[Query], *, dense: bool) -> list[PreparedQuery]:
        """As ``prepare_queries`` makes them, in their order."""
        with self._lock:
            found = {q: self._kept[q, dense] for q in queries if (q, dense) in self._kept}
        new = [query for query in dict.fromkeys(queries) if query not in found]
        made = prepare_queries(new, self._makers, self._config, dense=dense) if new else []
        found |= dict(zip(new, made, strict=True))
        with self._lock:
            for query in found:
                self._kept[query, dense] = found[query]
                self._kept.move_to_end((query, dense))
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return [found[query] for query in queries]


def _pairs(query: Query) -> tuple[list[Token], list[Token]]:
    """Pairs of characters of title and text; of a foreign one also those of its Chinese words."""
    title, text = field_languages(query.title, query.text)
    return bridged(query.title, title, 2), bridged(query.text, text, 2)


def _weighted(title: Iterable[Token], text: Iterable[Token], config: QueryConfig) -> Counter[str]:
    terms: Counter[str] = Counter()
    for tokens, weight in ((title, config.title_terms), (text, 1.0)):
        for token in tokens:
            terms[token.term] += weight  # type: ignore[assignment]
    return terms


def _vectors(
    queries: Sequence[Query], makers: Makers, config: QueryConfig
) -> list[NDArray[np.float32] | None]:
    """Unit vectors: the title's, mixed with that of title and text where there is a text.

    Those of foreign queries are moved to where Chinese ones stand (see ``indexer.offsets``).
    """
    titles = makers.encoder.encode_queries([q.title for q in queries])
    long = [i for i, q in enumerate(queries) if q.text.strip()]
    whole = makers.encoder.encode_queries([f"{queries[i].title}\n{queries[i].text}" for i in long])
    vectors = titles.copy()
    for place, i in enumerate(long):
        mixed = config.title_vector * titles[i] + (1.0 - config.title_vector) * whole[place]
        vectors[i] = mixed / np.linalg.norm(mixed)
    languages = [language_of(f"{query.title}\n{query.text}") for query in queries]
    return list(beside_chinese(vectors, languages, makers.encoder))
