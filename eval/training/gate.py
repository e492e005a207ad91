"""Train a ranking model and hold it against what answers now.

On a set that was learnt from, the *recipe* is measured, whatever the set is: a model is fitted
anew for every fold, on what the fold does not test. On a set that was not, the model itself is.
It passes where no set got worse beyond noise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from eval.baseline import Baseline, Verdict, judge, measure_now, read_baseline, stored_names
from eval.experiment import Collection, Pool, Progress
from eval.folds import FOLDS
from eval.labelled import GRADED_MEASURES, LabelledSet, OpenSet
from eval.measures import usable_needs
from eval.qrels import Qrels
from eval.rankers import Additive, AsItIs
from eval.table import silent
from eval.training.ranking import Source, fit_model
from matcher.query import Query
from matcher.scoring import ScoringModel

FEEDBACK = "feedback"


@dataclass(frozen=True, slots=True)
class Trained:
    """A model and what the gate says of it."""

    model: ScoringModel
    verdicts: tuple[Verdict, ...]
    left_out: tuple[str, ...]
    """Sets too small to be measured, and why, for people."""

    @property
    def passed(self) -> bool:
        """At least one set could be measured, and none got worse."""
        return bool(self.verdicts) and all(verdict.passed for verdict in self.verdicts)

    @property
    def report(self) -> Mapping[str, Any]:
        """For ``zhitong ranking promote --gate``."""
        return {
            "passed": self.passed,
            "model_hash": self.model.ranking_model.hash,
            "verdicts": [
                {"set": each.set_name, "passed": each.passed, "sentence": each.sentence}
                for each in self.verdicts
            ],
            "left_out": list(self.left_out),
        }


def feedback_set(
    needs: Mapping[str, Query], achievements: Mapping[str, Query], qrels: Qrels
) -> LabelledSet:
    """Judgements given in the product, as a set to learn from."""
    return LabelledSet(
        FEEDBACK,
        Collection(needs, achievements, qrels),
        Pool.JUDGED,
        GRADED_MEASURES,
        min_candidates=2,
        trains=True,
    )


def train(
    name: str,
    learnt: Sequence[OpenSet],
    measured: Sequence[OpenSet],
    active: ScoringModel,
    encoder: str,
    prior: ScoringModel | None,
    progress: Progress = silent,
) -> Trained:
    """Fit on ``learnt`` and measure on these and on ``measured``.

    A stored baseline is what a set is held against, and where there is none ``active``.

    Raises:
        EvalError: there are too few judgements to learn from.
    """
    sources = [Source(w.labelled.name, w.store, w.labelled.collection.qrels) for w in learnt]
    model = fit_model(sources, name, prior=prior)
    verdicts: list[Verdict] = []
    left_out: list[str] = []
    learnt = [replace(one, labelled=replace(one.labelled, trains=True)) for one in learnt]
    for where in (*learnt, *measured):
        labelled = where.labelled
        folds = where in learnt
        usable = usable_needs(labelled.collection.qrels, labelled.min_candidates)
        if not usable or (folds and len(usable) < FOLDS):
            left_out.append(f"{labelled.name}：可度量的需求只有 {len(usable)} 条，没有检验。")
            continue
        ranker = Additive(model=model, prior=prior)
        now = measure_now(where, encoder, learnt if folds else (), ranker, progress)
        verdicts.append(judge(now, _before(where, encoder, active)))
    return Trained(model, tuple(verdicts), tuple(left_out))


def _before(where: OpenSet, encoder: str, active: ScoringModel) -> Baseline:
    if where.labelled.name in stored_names():
        return read_baseline(where.labelled.name)
    # As it stands, without learning: judgements given in the product are new to it.
    return measure_now(where, encoder, (), AsItIs(Additive(active)))
