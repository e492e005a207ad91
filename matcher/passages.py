"""Which passage of a side carries a match: the one without which the score would fall most.

A passage is a sentence, or two that follow each other. What is left out is estimated, since no
text can be embedded again for every sentence of twenty cards (some 40 ms a passage):

- what it takes of the score for common words and pairs of characters is computed exactly, with the
  text's shorter length;
- what it takes of the cosine is taken to be the share that it has of the window nearest to the
  query, times ``_WINDOW_COSINE``.

How often the score does fall: ``python -m eval.bench.faithfulness``. Leaving out as a reason:
comprehensiveness, DeYoung et al., ERASER, ACL 2020.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from corpus.languages import field_languages
from corpus.text import sentences
from indexer.bridge import bridged
from indexer.fields import Layer, Places
from indexer.lexical import LexicalIndex
from indexer.tokenizer import Token
from matcher.features import Signals
from matcher.query import PreparedQuery, Query
from matcher.scoring import ScoringModel

Falls = NDArray[np.float64]

# Least squares over the true falls of all sentences of the sample gives 0.012.
_WINDOW_COSINE = 0.01
# A second sentence has to add a quarter to what the better one alone takes of the score. With none
# of it fewer cards pass, and with less more is quoted for nothing.
_ALONE = 0.8
# A title that takes more than twice as much as any passage of the text is what carries the match.
_TITLE = 0.5
# Characters of two sentences together: more is no quote.
_LONGEST_PAIR = 120
# Sentences with most of what is common that are left out in turn, with their neighbours.
_TRIED = 6


@dataclass(frozen=True, slots=True)
class Span:
    """``[start, end)`` in the title or the text as written."""

    field: str  # "title" or "text"
    start: int
    end: int

    def of(self, title: str, text: str) -> str:
        """The characters it stands for."""
        return (title if self.field == "title" else text)[self.start : self.end]


class _Terms:
    """What one index finds of a query in one document, with and without a span of either text."""

    def __init__(
        self,
        index: LexicalIndex,
        query: Mapping[str, float],
        asked: Sequence[Token],
        title: Sequence[Token],
        text: Sequence[Token],
        places: Places,
    ) -> None:
        found = {token.term for tokens in (title, text) for token in tokens}
        self._index = index
        self._query = {term: weight for term, weight in query.items() if weight and term in found}
        self._title = [token.term for token in title]
        self._text: dict[Layer, tuple[list[int], list[str]]] = {}
        for token in text:
            starts, terms = self._text.setdefault(places.layer(token.start), ([], []))
            starts.append(token.start)
            terms.append(token.term)
        self.parts = index.document_contributions(self._query, self._without(None))
        self.whole = sum(self.parts.values())
        self.asked = _Marks(asked, {t: p / self._query[t] for t, p in self.parts.items()})
        often: dict[str, int] = {}
        for token in text:
            often[token.term] = often.get(token.term, 0) + 1
        self.held = _Marks(text, {t: p / often[t] for t, p in self.parts.items() if t in often})

    def without_held(self, span: Span) -> float:
        """The score of the document without its title or a span of its text."""
        return self._index.document_score(self._query, self._without(span))

    def without_asked(self, span: Span) -> float:
        """The score without the title of the query or a span of its text, of which each term counts
        once."""
        if span.field == "title":
            return self.asked.sum
        return self.whole - self.asked.within(span)

    def _without(self, span: Span | None) -> dict[Layer, list[str]]:
        if span is not None and span.field == "title":
            return {layer: terms for layer, (_, terms) in self._text.items()}
        fields = {Layer.TITLE: self._title}
        for layer, (starts, terms) in self._text.items():
            if span is None:
                fields[layer] = terms
            else:
                first, last = bisect_left(starts, span.start), bisect_left(starts, span.end)
                fields[layer] = terms[:first] + terms[last:]
        return fields


class _Marks:
    """Weights that stand at places of a text."""

    def __init__(self, tokens: Sequence[Token], weights: Mapping[str, float]) -> None:
        marked = [(token.start, weights[token.term]) for token in tokens if token.term in weights]
        self._starts = [start for start, _ in marked]
        self._sums: list[float] = [0.0, *np.cumsum([weight for _, weight in marked]).tolist()]

    @property
    def sum(self) -> float:
        """Of all weights."""
        return self._sums[-1]

    def within(self, span: Span) -> float:
        """Sum of the weights in a span."""
        first, last = (bisect_left(self._starts, place) for place in (span.start, span.end))
        return self._sums[last] - self._sums[first]


class Quoting:
    """Chooses the passages that are quoted of a query and its documents."""

    def __init__(
        self,
        query: PreparedQuery,
        words: LexicalIndex | None,
        pairs: LexicalIndex,
        model: ScoringModel,
    ) -> None:
        """``words`` None: that path is off, and what it would say is not known."""
        self._query = query
        self._words = words
        self._pairs = pairs
        self._model = model
        self._asked_pairs = _pairs(query.query)[1]

    def passages(
        self,
        document: Query,
        title: Sequence[Token],
        text: Sequence[Token],
        window: tuple[int, int] | None,
    ) -> tuple[Span, Span]:
        """The passage of the query and that of the document.

        The title stands for a side where no passage of its text is known to add to the score, or
        the title adds far more.

        Args:
            title: words of the document's title.
            text: words of its text.
            window: the span of its text nearest to the query; None if that is the title.
        """
        query, places = self._query, Places(document.text)
        pairs = _Terms(self._pairs, query.bigrams, self._asked_pairs, *_pairs(document), places)
        if self._words is None:
            return _title(query.query), _title(document)
        words = _Terms(self._words, query.terms, query.text_tokens, title, text, places)
        kinds = (words, pairs)
        whole = self._wording([(words.whole, pairs.whole)])

        asked = _candidates(query.query, [kind.asked for kind in kinds])
        held = _candidates(document, [kind.held for kind in kinds])
        asked_falls = whole - self._wording(
            [_each(k.without_asked(s) for k in kinds) for s in asked]
        )
        held_falls = whole - self._wording([_each(k.without_held(s) for k in kinds) for s in held])
        cosine = self._model.weights["meaning"].weight * _WINDOW_COSINE
        held_falls += cosine * np.array([_share(span, window) for span in held])
        return _chosen(asked, asked_falls), _chosen(held, held_falls)

    def _wording(self, scores: Sequence[tuple[float, float]]) -> Falls:
        """The part of the score of (BM25 over words, over pairs of characters)."""
        words, pairs = np.array(scores, np.float64).reshape(-1, 2).T
        unknown = np.full(len(words), np.nan)
        return self._model.scores(Signals(unknown, unknown, unknown, words, pairs))


def _each(values: Iterator[float]) -> tuple[float, float]:
    words, pairs = values
    return words, pairs


def _pairs(side: Query) -> tuple[list[Token], list[Token]]:
    title, text = field_languages(side.title, side.text)
    return bridged(side.title, title, 2), bridged(side.text, text, 2)


def _title(side: Query) -> Span:
    return Span("title", 0, len(side.title))


def _candidates(side: Query, common: Sequence[_Marks]) -> list[Span]:
    """The title first; sentences with most in common, and these with a neighbour."""
    spans = [Span("text", start, end) for start, end in sentences(side.text)]
    weights = [sum(marks.within(span) for marks in common) for span in spans]
    best = sorted(range(len(spans)), key=lambda place: (-weights[place], place))[:_TRIED]
    found = [_title(side), *(spans[place] for place in sorted(best))]
    for place in sorted({first for at in best for first in (at - 1, at)} - {-1, len(spans) - 1}):
        both = Span("text", spans[place].start, spans[place + 1].end)
        if both.end - both.start <= _LONGEST_PAIR:
            found.append(both)
    return found


def _share(span: Span, window: tuple[int, int] | None) -> float:
    """What part of the window a span is."""
    if window is None or span.field == "title":
        return 0.0
    common = min(span.end, window[1]) - max(span.start, window[0])
    return max(common, 0) / (window[1] - window[0])


def _chosen(spans: Sequence[Span], falls: Falls) -> Span:
    """The passage with the largest fall; one within it where that has nearly as much of it. The
    title, which is the first, where it has far more, or no other has any."""
    texts = range(1, len(spans))
    best = max(texts, key=lambda place: (falls[place], -place), default=0)
    if falls[best] <= max(0.0, _TITLE * falls[0]):
        return spans[0]
    enough = [
        place
        for place in texts
        if falls[place] >= _ALONE * falls[best] and _is_part(spans[place], spans[best])
    ]
    return spans[max(enough, key=lambda place: (falls[place], -place), default=best)]


def _is_part(span: Span, other: Span) -> bool:
    return span != other and other.start <= span.start and span.end <= other.end
