"""Why a pair was proposed: matched terms at their exact places, and the sentences that carry them.

Everything shown is a span of the original text, so that it can be checked by eye.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.text import sentences
from indexer.encoder import Encoder
from indexer.tokenizer import Token, Tokenizer
from matcher.query import PreparedQuery, Query

# Sentences compared by the encoder when a pair shares no word (another language).
_MAX_ENCODED_SENTENCES = 16


@dataclass(frozen=True, slots=True)
class Span:
    """``[start, end)`` in the title or the text as written."""

    field: str  # "title" or "text"
    start: int
    end: int

    def of(self, title: str, text: str) -> str:
        """The characters it stands for."""
        return (title if self.field == "title" else text)[self.start : self.end]


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
    """Terms by falling part; the sentence of each side that carries the match."""

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
) -> Explanation:
    """Explain one pair.

    Args:
        document: title and text of the other side.
        parts: each matching term's part of the BM25 score.
        window: the span of the document's text nearest to the query; None for its title.
        encoder: decides between sentences where the pair shares no term; None without one.
    """
    asked = _places(query.title_tokens, query.text_tokens, parts)
    held = _places(tokenizer.tokenize(document.title), tokenizer.tokenize(document.text), parts)
    keys = key_terms(held)
    terms = tuple(
        TermReason(term, part, term in keys, tuple(asked.get(term, ())), tuple(held[term]))
        for term, part in sorted(parts.items(), key=lambda pair: (-pair[1], pair[0]))
        if term in held
    )
    weights = {reason.term: reason.part for reason in terms}
    query_sentence = _best_sentence(query.query, asked, weights, None)
    document_sentence = _best_sentence(document, held, weights, window)
    if not weights and encoder is not None and query.vector is not None and document.text.strip():
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


def _best_sentence(
    side: Query,
    places: Mapping[str, Sequence[Span]],
    weights: Mapping[str, float],
    window: tuple[int, int] | None,
) -> Span:
    """The sentence that holds the most weight, of those in the window if one of them holds any.

    The window is what is nearest in meaning: a sentence elsewhere may hold more of the words and
    yet carry less of the score. Falls back to the title when no sentence of the text holds a term.
    """
    best, best_key = Span("title", 0, len(side.title)), (False, 0.0)
    for start, end in sentences(side.text):
        weight = sum(
            weights[term]
            for term, spans in places.items()
            if term in weights
            and any(s.field == "text" and start <= s.start and s.end <= end for s in spans)
        )
        near = window is not None and start < window[1] and end > window[0]
        if weight > 0 and (near, weight) > best_key:
            best, best_key = Span("text", start, end), (near, weight)
    return best


def _nearest_sentence(
    side: Query, window: tuple[int, int] | None, vector: NDArray[np.float32], encoder: Encoder
) -> Span:
    candidates = _candidates(side, window)[:_MAX_ENCODED_SENTENCES]
    vectors = encoder.encode_passages([span.of(side.title, side.text) for span in candidates])
    return candidates[int((vectors @ vector).argmax())]
