"""Is the chance shown a chance, are the levels what officers said, and is silence right?

    python -m eval.bench.calibration DATA

Method. Graded pairs: five folds by need as in ``eval.folds``; each judged pair has the score of the
model that has seen neither its need nor its achievement, nor near copies of them. Expected
calibration error (Naeini, Cooper & Hauskrecht, AAAI 2015) over ten bins of equal number and over
ten of equal width; the reliability table is that of equal number, and so is the drawing. Levels:
what people said of the pairs that got each. Sample, by the model that ships, which has not seen it:
every need is asked as in the product; it stays without an answer where no achievement is 较强.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.bench.defaults import default_makers
from eval.experiment import LabelledStore, Pool, Ranker
from eval.folds import split
from eval.labelled import SAMPLE, LabelledSet, read_set
from eval.training.ranking import Source, fit_model
from indexer.build import Makers
from matcher.engine import MatchConfig
from matcher.scoring import RELEVANT, Level, logistic, shipped_model

BINS = 10
_BAR = 40
Values = NDArray[np.float64]


def expected_calibration_error(
    chances: Values, right: NDArray[np.bool_], bins: Sequence[NDArray[np.int64]]
) -> float:
    """Σ share of a bin · |mean chance − share right|, over bins of indices."""
    return float(
        sum(
            len(each) / len(chances) * abs(chances[each].mean() - right[each].mean())
            for each in bins
            if len(each)
        )
    )


def by_number(chances: Values, count: int = BINS) -> list[NDArray[np.int64]]:
    """Indices in ``count`` bins of equal number, lowest chances first."""
    return np.array_split(np.argsort(chances, kind="stable"), count)


def by_width(chances: Values, count: int = BINS) -> list[NDArray[np.int64]]:
    """Indices in ``count`` bins of equal width of the chance."""
    places = np.minimum((chances * count).astype(int), count - 1)
    return [np.flatnonzero(places == place) for place in range(count)]


def held_out(labelled: LabelledSet, store: LabelledStore) -> tuple[Values, list[Level], Values]:
    """(pairs,) scores, levels and grades of every judged pair, by models that have not seen it."""
    scores, levels, grades = [], [], []
    parts = split(labelled.collection)
    for fold in parts.folds:
        pairs, _ = parts.training_pairs(fold)
        model = fit_model([Source(labelled.name, store, pairs)])
        tested = store.pairs({need: labelled.collection.qrels[need] for need in fold.test}, model)
        found = model.scores_of(tested.values)
        scores.append(found)
        levels += [model.level(score) for score in found.tolist()]
        grades.append(tested.grades)
    return np.concatenate(scores), levels, np.concatenate(grades)


def main(arguments: list[str]) -> None:
    """Measure and print."""
    makers = default_makers()
    sys.stdout.write(f"{__doc__}\n")
    with _opened("graded-pairs", Path(arguments[0]), makers) as (labelled, store):
        _calibration(*held_out(labelled, store))
    with _opened(SAMPLE, None, makers) as (labelled, store):
        _silence(labelled, store)


def _calibration(scores: Values, levels: Sequence[Level], grades: Values) -> None:
    chances = np.array([logistic(score) for score in scores.tolist()])
    right = grades >= RELEVANT
    numbers = by_number(chances)
    write = sys.stdout.write
    write(f"graded pairs: {len(chances)}, relevant {right.mean():.4f}\n")
    write(f"ECE, {BINS} bins of equal number: "
          f"{expected_calibration_error(chances, right, numbers):.4f}; of equal width: "
          f"{expected_calibration_error(chances, right, by_width(chances)):.4f}\n")  # fmt: skip
    write(f"Brier score {np.mean((chances - right) ** 2):.4f}, of the constant "
          f"{right.mean() * (1 - right.mean()):.4f}\n")  # fmt: skip
    write("chance shown | relevant | pairs |\n")
    for each in numbers:
        shown, found = chances[each].mean(), right[each].mean()
        bar = "".join(
            "|" if place == round(shown * _BAR) else "#" if place < round(found * _BAR) else " "
            for place in range(_BAR + 1)
        )
        write(f"{shown:12.3f} | {found:8.3f} | {len(each):5} | {bar}\n")
    write("(#: share relevant; |: chance shown)\n")
    write("level | pairs | grade 3 | ≥ 2 | ≥ 1 | mean chance\n")
    named = np.array([level.value for level in levels])
    for level in Level:
        some = named == level.value
        if some.any():
            shares = [(grades[some] >= grade).mean() for grade in (3, 2, 1)]
            write(f"{level.value} | {some.sum()} | " + " | ".join(f"{s:.3f}" for s in shares)
                  + f" | {chances[some].mean():.3f}\n")  # fmt: skip


def _silence(labelled: LabelledSet, store: LabelledStore) -> None:
    model = shipped_model()
    run = store.rank(MatchConfig(), Ranker.DEFAULT, Pool.ALL)
    qrels = labelled.collection.qrels
    shown, answer, _ = model.cuts
    silent = {need for need, docs in run.items() if not docs or docs[0][1] < answer}
    without = {need for need in run if max(qrels[need].values()) < RELEVANT}
    good = {(n, k) for n in run for k, grade in qrels[n].items() if grade >= RELEVANT}
    lost = {pair for pair in good if pair[0] in silent}
    listed = {(n, k) for n, docs in run.items() for k, score in docs if score >= shown}
    write = sys.stdout.write
    write(f"sample: {len(run)} needs, {len(without)} without an answer in the corpus\n")
    write(f"stay without an answer: {len(silent & without)} of {len(without)} "
          f"({len(silent & without) / len(without):.1%}) of those; "
          f"{len(silent - without)} of the other {len(run) - len(without)}\n")  # fmt: skip
    write(f"good matches lost by that: {len(lost)} of {len(good)} ({len(lost) / len(good):.2%})\n")
    kept = good - lost
    write(f"of the others, in the list down to 弱: {len(kept & listed)} of {len(kept)} "
          f"({len(kept & listed) / len(kept):.1%})\n")  # fmt: skip


@contextmanager
def _opened(
    name: str, data: Path | None, makers: Makers
) -> Iterator[tuple[LabelledSet, LabelledStore]]:
    labelled = read_set(name, data)
    with tempfile.TemporaryDirectory() as folder:
        store = LabelledStore(labelled.collection, makers, Path(folder), datetime.now(UTC))
        try:
            yield labelled, store
        finally:
            store.close()


if __name__ == "__main__":
    main(sys.argv[1:])
