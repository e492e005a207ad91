"""How good a ranking is, by the definitions of trec_eval.

A *ranking* is achievement ids, best first, without repeats. *Grades* are the judgements of one
need; what is not judged counts as not relevant. *Relevant* means a grade of at least
``min_rel``. Every value is in [0, 1] and higher is better; where a measure would divide by
zero (nothing relevant, nothing ranked) it is 0. A ``cutoff`` or ``min_rel`` below 1 is a
``ValueError``. The tests hold all of it against ir_measures to 1e-12.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.qrels import EvalError, Qrels, Run

MIN_REL = 2
"""The lowest grade that counts as relevant in AP, P@5 and recall: 2 较强相关."""


def ndcg(ranking: Sequence[str], grades: Mapping[str, int], cutoff: int) -> float:
    """Normalised discounted cumulative gain of the first ``cutoff``.

    ``DCG = Σ max(grade, 0) / log2(rank + 1)``, ranks from 1, divided by the DCG of the best
    possible order of all judged achievements. The gain is linear: not ``2^grade − 1``, and
    the ideal is not taken from the retrieved achievements only.

    Source: Järvelin & Kekäläinen 2002, ACM TOIS 20(4), with the discount of trec_eval's
    ``ndcg_cut``.
    """
    _check(cutoff=cutoff)
    ideal = _dcg(sorted(grades.values(), reverse=True)[:cutoff])
    if ideal == 0:
        return 0.0
    return _dcg(grades.get(i, 0) for i in ranking[:cutoff]) / ideal


def average_precision(ranking: Sequence[str], grades: Mapping[str, int], min_rel: int) -> float:
    """Precision at the rank of each relevant achievement, averaged over all relevant ones.

    ``AP = (1/R) Σ (relevant among the first k) / k`` over the ranks k that hold a relevant
    achievement; R is the number judged relevant, so those not ranked count 0.

    Source: trec_eval ``map``; Buckley & Voorhees 2000, SIGIR.
    """
    relevant = _relevant(grades, min_rel)
    found, total = 0, 0.0
    for rank, achievement in enumerate(ranking, 1):
        if achievement in relevant:
            found += 1
            total += found / rank
    return total / len(relevant) if relevant else 0.0


def precision(
    ranking: Sequence[str], grades: Mapping[str, int], cutoff: int, min_rel: int
) -> float:
    """``(relevant among the first cutoff) / cutoff``, also where fewer are ranked.

    Source: trec_eval ``P``.
    """
    _check(cutoff=cutoff)
    return len(_relevant(grades, min_rel).intersection(ranking[:cutoff])) / cutoff


def recall(ranking: Sequence[str], grades: Mapping[str, int], cutoff: int, min_rel: int) -> float:
    """``(relevant among the first cutoff) / (all judged relevant)``.

    Source: trec_eval ``recall``.
    """
    _check(cutoff=cutoff)
    relevant = _relevant(grades, min_rel)
    return len(relevant.intersection(ranking[:cutoff])) / len(relevant) if relevant else 0.0


def reciprocal_rank(ranking: Sequence[str], grades: Mapping[str, int], min_rel: int) -> float:
    """``1 / rank`` of the first relevant achievement, 0 where there is none.

    Source: trec_eval ``recip_rank``.
    """
    relevant = _relevant(grades, min_rel)
    return next((1 / rank for rank, i in enumerate(ranking, 1) if i in relevant), 0.0)


def judged(ranking: Sequence[str], grades: Mapping[str, int], cutoff: int) -> float:
    """``(judged among the first cutoff) / min(cutoff, number ranked)``, any grade.

    Not a quality: it says how far the other measures can be trusted. Unlike `precision` the
    denominator is what is there, as in ir_measures (``Judged``, 0.4.3).
    """
    _check(cutoff=cutoff)
    top = ranking[:cutoff]
    return sum(i in grades for i in top) / len(top) if top else 0.0


@dataclass(frozen=True, slots=True)
class Measure:
    """A row of the table of measures."""

    name: str
    """As shown to people."""
    ir_measures_name: str
    """The same measure in the words of ir_measures."""
    compute: Callable[[Sequence[str], Mapping[str, int]], float]
    """From a ranking and the grades of its need to a value in [0, 1]."""


MEASURES: Sequence[Measure] = (
    Measure("nDCG@10", "nDCG@10", lambda ranking, grades: ndcg(ranking, grades, 10)),
    Measure("nDCG@5", "nDCG@5", lambda ranking, grades: ndcg(ranking, grades, 5)),
    Measure(
        "AP",
        f"AP(rel={MIN_REL})",
        lambda ranking, grades: average_precision(ranking, grades, MIN_REL),
    ),
    Measure(
        "P@5",
        f"P(rel={MIN_REL})@5",
        lambda ranking, grades: precision(ranking, grades, 5, MIN_REL),
    ),
    Measure(
        "recall@10",
        f"R(rel={MIN_REL})@10",
        lambda ranking, grades: recall(ranking, grades, 10, MIN_REL),
    ),
    Measure(
        "recall@50",
        f"R(rel={MIN_REL})@50",
        lambda ranking, grades: recall(ranking, grades, 50, MIN_REL),
    ),
    Measure("judged@10", "Judged@10", lambda ranking, grades: judged(ranking, grades, 10)),
)


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a run is worth; `evaluate` makes it."""

    per_need: Mapping[str, Mapping[str, float]]
    """For every judged need, by id ascending, the value of each of `MEASURES` by name."""
    needs: tuple[str, ...]
    """The needs that are averaged over, by id ascending; never empty."""
    missing: tuple[str, ...]
    """The judged needs, averaged over or not, for which nothing was ranked; they count 0."""

    @property
    def means(self) -> dict[str, float]:
        """Arithmetic mean of each measure over `needs`."""
        return _means(self.per_need[need] for need in self.needs)

    @property
    def means_all_judged(self) -> dict[str, float]:
        """The same over every judged need, also those with nothing relevant, which count 0."""
        return _means(self.per_need.values())

    def values(self, measure: str) -> list[float]:
        """A measure's values in the order of `needs`.

        Two evaluations with equal `needs` so give paired values.

        Raises:
            KeyError: there is no measure of that name.
        """
        return [self.per_need[need][measure] for need in self.needs]


def usable_needs(qrels: Qrels, min_candidates: int = 10, min_rel: int = MIN_REL) -> tuple[str, ...]:
    """Needs whose judgements can tell rankers apart, by id ascending.

    These are needs with at least ``min_candidates`` judged achievements, at least one of them
    graded ``min_rel`` or higher. Where the whole collection is ranked, not the judged
    achievements only, ``min_candidates=1`` fits.
    """
    return tuple(
        need
        for need, grades in sorted(qrels.items())
        if len(grades) >= min_candidates and max(grades.values(), default=min_rel - 1) >= min_rel
    )


def evaluate(run: Run, qrels: Qrels, needs: Collection[str] | None = None) -> Evaluation:
    """Measure a run.

    A judged need that is not in the run, or has an empty ranking, counts 0 in every measure:
    leaving it out would reward silence. A need without relevant achievements also has 0 (nDCG:
    without a positive grade); leave such needs out of the mean by ``needs``. Rankings of needs
    without judgements are not looked at.

    Args:
        run: rankings in their own order; scores are not looked at.
        qrels: the judgements.
        needs: which needs to average over, each of them judged, usually `usable_needs`;
            without it all judged needs.

    Raises:
        EvalError: there is no need to average over, one of ``needs`` has no judgements, or an
            achievement stands twice in a ranking.
    """
    averaged = tuple(sorted(set(qrels if needs is None else needs)))
    if not averaged:
        raise EvalError("没有可以度量的需求：每条需求要有足够的已标注成果。")
    unknown = [need for need in averaged if need not in qrels]
    if unknown:
        raise EvalError(f"需求 {unknown[0]} 没有标注，无法度量。")
    per_need: dict[str, dict[str, float]] = {}
    for need, grades in sorted(qrels.items()):
        ranking = [achievement for achievement, _ in run.get(need, ())]
        if len(set(ranking)) != len(ranking):
            raise EvalError(f"{need} 的排序里有成果出现了两次。")
        per_need[need] = {measure.name: measure.compute(ranking, grades) for measure in MEASURES}
    return Evaluation(per_need, averaged, tuple(need for need in per_need if not run.get(need)))


def _means(rows: Iterable[Mapping[str, float]]) -> dict[str, float]:
    kept = list(rows)
    return {m.name: math.fsum(row[m.name] for row in kept) / len(kept) for m in MEASURES}


def _dcg(grades: Iterable[int]) -> float:
    return sum(max(grade, 0) / math.log2(rank + 1) for rank, grade in enumerate(grades, 1))


def _relevant(grades: Mapping[str, int], min_rel: int) -> set[str]:
    _check(min_rel=min_rel)
    return {achievement for achievement, grade in grades.items() if grade >= min_rel}


def _check(**arguments: int) -> None:
    for name, value in arguments.items():
        if value < 1:
            raise ValueError(f"{name} must be at least 1, not {value}")
