"""Fit a ranking model on judged pairs of labelled sets.

The mean query and the scale of unrelated titles are measured on the training sets, then every
judged pair's features, then the weights (``ordinal``). No random number is drawn: the same
judgements, texts and encoder give the same model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eval.experiment import JudgedPairs, LabelledStore
from eval.qrels import EvalError, Qrels
from eval.training.ordinal import GRADES, fit_ordinal
from matcher.features import FEATURES
from matcher.scoring import RELEVANT, ScoringModel, Unrelated, Weight

RIDGE = 30.0
"""Chosen by cross-validation; anything from 3 to 200 gives the same to 0.003."""
LEAST_PAIRS = 30


@dataclass(frozen=True, slots=True)
class Source:
    """Judged pairs of a set that may be learnt from."""

    name: str
    store: LabelledStore
    qrels: Qrels


def fit_model(
    sources: Sequence[Source],
    name: str = "additive",
    ridge: float = RIDGE,
    prior: ScoringModel | None = None,
) -> ScoringModel:
    """The model fitted on all pairs of ``sources`` together.

    With a ``prior``, made for the same encoder, its mean query and scale are kept and few
    judgements change its weights little; how sparing the judges are they alone tell.

    Raises:
        EvalError: there are too few judgements, or they are all the same.
    """
    judged = [
        grade for source in sources for some in source.qrels.values() for grade in some.values()
    ]
    if len(judged) < LEAST_PAIRS or len(set(judged)) < 2:
        raise EvalError(
            f"训练至少要有 {LEAST_PAIRS} 对判定，且不能都是同一等级；现在有 {len(judged)} 对。"
        )
    draft = _draft(sources) if prior is None else prior
    pairs = [(source, source.store.pairs(source.qrels, draft)) for source in sources]
    grades = np.concatenate([found.grades for _, found in pairs])
    values = np.concatenate([found.values for _, found in pairs])
    known = np.array([prior.weights[f.name].weight for f in FEATURES]) if prior else None
    fitted = fit_ordinal(values, grades, [f.rising for f in FEATURES], ridge, known)
    references = values[grades == 0].mean(axis=0) if (grades == 0).any() else values.mean(axis=0)
    thresholds = fitted.thresholds + float(fitted.weights @ references)
    return replace(
        draft,
        name=name,
        weights={
            feature.name: Weight(float(weight), float(reference))
            for feature, weight, reference in zip(FEATURES, fitted.weights, references, strict=True)
        },
        thresholds=(float(thresholds[0]), float(thresholds[1]), float(thresholds[2])),
        cuts=_cuts(values @ fitted.weights + fitted.thresholds[RELEVANT - 1], grades),
        training=_facts(pairs, ridge, prior),
    )


def _draft(sources: Sequence[Source]) -> ScoringModel:
    """A model without weights: what the features are measured with."""
    vectors = np.concatenate([s.store.query_vectors(sorted(s.qrels)) for s in sources])
    scales = [s.store.unrelated() for s in sources]
    return ScoringModel(
        name="draft",
        weights={feature.name: Weight(0.0, 0.0) for feature in FEATURES},
        thresholds=(0.0, 0.0, 0.0),
        cuts=(0.0, 0.0, 0.0),
        encoder=sources[0].store.encoder,
        unrelated=Unrelated(
            float(np.mean([scale.mean for scale in scales])),
            float(np.mean([scale.deviation for scale in scales])),
        ),
        centre=tuple(vectors.astype(np.float64).mean(axis=0).tolist()),
        training={},
    )


def _cuts(scores: NDArray[np.float64], grades: NDArray[np.int64]) -> tuple[float, float, float]:
    """Scores that part as many pairs as the grades do."""
    first, second, third = (float(np.quantile(scores, np.mean(grades < grade))) for grade in GRADES)
    return first, second, third


def _facts(
    pairs: Sequence[tuple[Source, JudgedPairs]], ridge: float, prior: ScoringModel | None
) -> Mapping[str, Any]:
    return {
        "sets": {
            source.name: {
                "needs": len(set(found.needs)),
                "pairs": len(found.grades),
                "grades": {str(g): int((found.grades == g).sum()) for g in (0, *GRADES)},
            }
            for source, found in pairs
        },
        "ridge": ridge,
        "prior": prior.ranking_model.hash if prior else None,
    }
