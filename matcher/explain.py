"""Why a pair was proposed: matched terms at their exact places, and the passages that carry it.

Everything shown is a span of the original text, so that it can be checked by eye.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.languages import language_of
from corpus.text import sentences
from indexer.encoder import Encoder
from indexer.tokenizer import Token, Tokenizer
from matcher.passages import Quoting, Span
from matcher.query import PreparedQuery, Query

__all__ = ["Explanation", "Span", "TermReason", "explain"]

# Sentences compared by the encoder, some 30 ms each on one core.
_MAX_ENCODED_SENTENCES = 16


@dataclass(frozen=True, slots=True)
class TermReason:
    """A term both sides hold, with its part of the BM25 score and every place it stands."""

    term: str
    part: float
    key: bool  # worth showing first: see ``key_terms``
    query_spans: tuple[Span, ...]
    document_spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Terms by falling part; of each side the passage that carries the match."""

    terms: tuple[TermReason, ...]
    query_sentence: Span
    document_sentence: Span


UNEXPLAINED = Explanation((), Span("title", 0, 0), Span("title", 0, 0))
"""Of a match for which nobody asked the reasons."""


def explain(
    query: PreparedQuery,
    document: Query,
    parts: Mapping[str, float],
    window: tuple[int, int] | None,
    tokenizer: Tokenizer,
    encoder: Encoder | None,
    quoting: Quoting,
) -> Explanation:
    """Explain one pair.

    Args:
        document: title and text of the other side.
        parts: each matching term's part of the BM25 score.
        window: the span of the document's text nearest to the query; None for its title.
        encoder: decides between sentences where the pair shares no term and nothing else tells
            a passage of the text; None without one.
        quoting: chooses passages of ``query`` and its documents.
    """
    asked = _places(query.title_tokens, query.text_tokens, parts)
    title, text = tokenizer.tokenize(document.title), tokenizer.tokenize(document.text)
    held = _places(title, text, parts)
    keys = key_terms(held)
    terms = tuple(
        TermReason(term, part, term in keys, tuple(asked.get(term, ())), tuple(held[term]))
        for term, part in sorted(parts.items(), key=lambda pair: (-pair[1], pair[0]))
        if term in held
    )
    query_sentence, document_sentence = quoting.passages(document, title, text, window)
    untold = not terms and (
        document_sentence.field == "title" or _is_foreign(query.query, document)
    )
    if untold and encoder is not None and query.vector is not None and document.text.strip():
        document_sentence = _nearest_sentence(document, window, query.vector, encoder)
    return Explanation(terms, query_sentence, document_sentence)


def key_terms(terms: Iterable[str]) -> set[str]:
    """Terms that tell a person something: not single characters, not parts of a longer one.

    All terms stay in the explanation, since they are in the score; where only single
    characters match they are the key terms.
    """
    found = set(terms)
    words = {term for term in found if len(term) > 1}
    whole = {t for t in words if not any(t != other and t in other for other in words)}
    return whole or found


def _is_foreign(query: Query, document: Query) -> bool:
    """Whether what characters are common says nothing: the document is in another language."""
    return language_of(f"{query.title}\n{query.text}") != language_of(document.text)


def _places(
    title: Iterable[Token], text: Iterable[Token], wanted: Mapping[str, float]
) -> dict[str, list[Span]]:
    places: dict[str, list[Span]] = {}
    for field, tokens in (("title", title), ("text", text)):
        for token in tokens:
            if token.term in wanted:
                places.setdefault(token.term, []).append(Span(field, token.start, token.end))
    return places


def _candidates(side: Query, window: tuple[int, int] | None) -> list[Span]:
    start, end = window or (0, len(side.text))
    inside = [Span("text", s, e) for s, e in sentences(side.text) if s < end and e > start]
    return inside or [Span("title", 0, len(side.title))]


def _nearest_sentence(
    side: Query, window: tuple[int, int] | None, vector: NDArray[np.float32], encoder: Encoder
) -> Span:
    candidates = _candidates(side, window)[:_MAX_ENCODED_SENTENCES]
    vectors = encoder.encode_passages([span.of(side.title, side.text) for span in candidates])
    return candidates[int((vectors @ vector).argmax())]
