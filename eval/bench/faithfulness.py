"""Are the explanations true: does the score fall when the quoted passages are taken away?

    python -m eval.bench.faithfulness [PLACES]

Method. The sample's needs are asked as in the product; of each the first PLACES (default 5) matches
are taken. What a card quotes is cut out, first of the achievement, then of the need, and the pair
is scored again by the same index (comprehensiveness, DeYoung et al., ERASER, ACL 2020). A card
passes where the score falls both times. Done with all that is quoted, the title with its marks and
the sentence; with the sentence alone; and with a sentence drawn at random from title and text,
which is what a quote chosen without reason would reach.
"""

from __future__ import annotations

import math
import sys
import tempfile
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

    all_quoted: float
    sentence: float
    random: float


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
    makers = default_makers()
    labelled = read_set(SAMPLE)
    with tempfile.TemporaryDirectory() as folder:
        store = LabelledStore(labelled.collection, makers, Path(folder), datetime.now(UTC))
        falls = list(_falls(store, list(labelled.collection.needs.values()), places))
        store.close()
    write = sys.stdout.write
    write(f"{__doc__}\ncards: {len(falls)}\n")
    for name in Falls.__slots__:
        one, other = (np.array([getattr(pair[side], name) for pair in falls]) for side in (0, 1))
        write(
            f"without {name.replace('_', ' ')}: the score falls for the achievement "
            f"{np.mean(one > 0):.1%} "
            f"(median by {np.median(one):.3f}), for the need {np.mean(other > 0):.1%} "
            f"(median by {np.median(other):.3f}), both {np.mean((one > 0) & (other > 0)):.1%}\n"
        )


def _falls(store: LabelledStore, needs: list[Query], places: int) -> Iterator[tuple[Falls, Falls]]:
    rng = np.random.default_rng(SEED)
    for need in needs:
        engine, ranking = store.ask(need, places)
        [prepared] = prepare_queries([need], engine.makers, engine.config.query)
        for match in ranking.matches:
            yield _of_card(engine, prepared, match, rng)


def _of_card(
    engine: MatchEngine, prepared: PreparedQuery, match: Match, rng: np.random.Generator
) -> tuple[Falls, Falls]:
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

    def falls(side: Query, sentence: Span, again: Callable[[Query], float]) -> Falls:
        title = Span("title", 0, len(side.title))
        quoted = [title] if sentence.field == "title" else [title, sentence]
        chosen = (quoted, [sentence], [_drawn(side, rng)])
        return Falls(*(whole - again(without(side, spans)) for spans in chosen))

    return (
        falls(document, explanation.document_sentence, lambda held: score(prepared, held)),
        falls(need, explanation.query_sentence, lambda asked: score(asked, document)),
    )


def _drawn(side: Query, rng: np.random.Generator) -> Span:
    spans = [Span("text", start, end) for start, end in sentences(side.text)]
    spans.append(Span("title", 0, len(side.title)))
    return spans[int(rng.integers(len(spans)))]


if __name__ == "__main__":
    main(sys.argv[1:])
