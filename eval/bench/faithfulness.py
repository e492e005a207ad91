"""Are the explanations true: does the score fall when the quoted passages are taken away?

    python -m eval.bench.faithfulness [PLACES [SET]]

Method. The needs of SET (default sample; a folder is looked for in ZHITONG_DATA) are asked as in
the product; of each the first PLACES (default 5) matches are taken. What a card quotes is cut out,
first of the achievement, then of the need, and the pair is scored again by the same index, with
every vector made anew (comprehensiveness, DeYoung et al., ERASER, ACL 2020). A card passes where
the score falls both times. Done with the passage alone, which is a sentence or two; with all that
is quoted, the title with its marks and the passage; and with a sentence, and with as many sentences
as are quoted, drawn at random from the text (a sentence also from the title), which is what a quote
chosen without reason would reach. Of the sides that fail it is told how many have no sentence at
all without which the score falls; they count as failed.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from corpus.model import Achievement
from corpus.text import sentences
from eval.bench.defaults import default_makers
from eval.experiment import LabelledStore
from eval.labelled import SAMPLE, read_set
from matcher.engine import AnyQuery, Match, MatchEngine
from matcher.explain import Span
from matcher.query import PreparedQuery, Query, prepare_queries

SEED = 20261125
PLACES = 5


@dataclass(frozen=True, slots=True)
class Falls:
    """By how much the score falls, in log-odds, without what is quoted of one side."""

    passage: float
    all_quoted: float
    random_sentence: float
    random_passage: float


@dataclass(frozen=True, slots=True)
class Side:
    """What became of one side of a card."""

    falls: Falls
    quoted: str
    """The title, or how many sentences."""
    characters: int
    hopeless: bool
    """Whether the score falls without no sentence of it; only looked for where the quote fails."""


def without(side: Query, spans: Sequence[Span]) -> Query:
    """The side with spans cut out: at most one of each field."""
    texts = {"title": side.title, "text": side.text}
    for span in spans:
        text = texts[span.field]
        texts[span.field] = text[: span.start] + text[span.end :]
    return replace(side, **texts)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    places = int(arguments[0]) if arguments else PLACES
    data = os.environ.get("ZHITONG_DATA")
    name = arguments[1] if len(arguments) > 1 else SAMPLE
    labelled = read_set(name, Path(data) if data else None)
    with tempfile.TemporaryDirectory() as folder:
        store = LabelledStore(
            labelled.collection, default_makers(), Path(folder), datetime.now(UTC)
        )
        needs = list(labelled.collection.needs.values())
        rng = np.random.default_rng(SEED)
        cards = [card for need in needs for card in sides_of(store, need, places, rng)]
        store.close()
    sys.stdout.write(f"{__doc__}\n{report(cards)}")


def report(cards: Sequence[tuple[Side, Side]]) -> str:
    """The shares of cards, for people."""
    lines = [f"cards: {len(cards)}"]
    for name in Falls.__slots__:
        one, other = (
            np.array([getattr(card[side].falls, name) for card in cards]) for side in (0, 1)
        )
        lines.append(
            f"without {name.replace('_', ' ')}: the score falls for the achievement "
            f"{np.mean(one > 0):.1%} (median by {np.median(one):.3f}), for the need "
            f"{np.mean(other > 0):.1%} (median by {np.median(other):.3f}), "
            f"both {np.mean((one > 0) & (other > 0)):.1%}"
        )
    for place, name in enumerate(("achievement", "need")):
        sides = [card[place] for card in cards]
        kinds = ", ".join(
            f"{n} {kind}" for kind, n in Counter(s.quoted for s in sides).most_common()
        )
        lines.append(
            f"quoted of the {name}: {kinds}; {np.mean([s.characters for s in sides]):.0f} "
            f"characters; no sentence would do: {sum(s.hopeless for s in sides)}"
        )
    return "\n".join(lines) + "\n"


def sides_of(
    store: LabelledStore, need: Query, places: int, rng: np.random.Generator
) -> Iterator[tuple[Side, Side]]:
    """Achievement and need of each card of one answer."""
    engine, ranking = store.ask(need, places)
    [prepared] = prepare_queries([need], engine.makers, engine.config.query)
    for match in ranking.matches:
        yield _of_card(engine, prepared, match, rng)


def _of_card(
    engine: MatchEngine, prepared: PreparedQuery, match: Match, rng: np.random.Generator
) -> tuple[Side, Side]:
    need, record = prepared.query, match.document.record
    if not isinstance(record, Achievement):
        raise AssertionError("needs are matched with achievements")
    document = Query.of(record)
    explanation = match.explanation

    def score(asked: AnyQuery, held: Query) -> float:
        changed = replace(record, title=held.title, text=held.text)
        parts, _ = engine.score_record(asked, changed)
        return math.fsum(part.part for part in parts)

    whole = score(prepared, document)

    def side(text: Query, quote: Span, again: Callable[[Query], float]) -> Side:
        title = Span("title", 0, len(text.title))
        inside = [s for s in _sentences(text) if quote.start <= s.start and s.end <= quote.end]
        count = len(inside) if quote.field == "text" else 0
        every = [title] if quote.field == "title" else [title, quote]
        chosen = ([quote], every, [_drawn(text, rng, 0)], [_drawn(text, rng, count)])
        falls = Falls(*(whole - again(without(text, spans)) for spans in chosen))
        hopeless = falls.passage <= 0 and not any(
            again(without(text, [sentence])) < whole for sentence in _sentences(text)
        )
        kind = f"of {count}" if count else "title"
        return Side(falls, kind, quote.end - quote.start, hopeless)

    return (
        side(document, explanation.document_sentence, lambda held: score(prepared, held)),
        side(need, explanation.query_sentence, lambda asked: score(asked, document)),
    )


def _sentences(side: Query) -> list[Span]:
    return [Span("text", start, end) for start, end in sentences(side.text)]


def _drawn(side: Query, rng: np.random.Generator, count: int) -> Span:
    """``count`` sentences that follow each other; with 0, one of the sentences and the title."""
    spans = _sentences(side)
    if not count:
        spans.append(Span("title", 0, len(side.title)))
    first = int(rng.integers(len(spans) - max(count, 1) + 1))
    return replace(spans[first], end=spans[first + max(count, 1) - 1].end)


if __name__ == "__main__":
    main(sys.argv[1:])
