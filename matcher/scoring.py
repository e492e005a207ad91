"""From features to a score, a chance and a level: one additive, ordinal model.

For the grades 0 … 3 that technology-transfer officers give (无, 弱, 较强, 强),

    log-odds(grade ≥ g) = threshold_g + Σ weight_f · (value_f − reference_f),     g = 1, 2, 3

with the same weights for every grade: the cumulative logit model (McCullagh, Regression Models for
Ordinal Data, JRSS B 1980). The *score* is that of grade 2, its logistic the *chance* that an
officer calls the pair relevant, and every summand a part that can be shown. References are the
means of pairs graded 0, so ``start``, the part of no feature, is what such a pair has.

The *level* is cut from the score so that as many of the pairs that the model was fitted on get
each level as officers gave it. They are sparing and differ: a pair of level 强 is far from sure.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matcher.features import FEATURES, Signals, Values, features
from matcher.ranking_models import RankingError, RankingModel

FORMAT = "zhitong-ranking-1"
START = "start"
PART_LABELS: Mapping[str, str] = {START: "起点"} | {each.name: each.label for each in FEATURES}
"""What the parts of a score are called for people, in the order in which they are added."""
RELEVANT = 2
"""The grade from which an officer would pass a pair on: 较强."""
_SHIPPED = "ranking-1.json"


class Level(StrEnum):
    """How well a pair fits, in the officers' words."""

    STRONG = "强"
    GOOD = "较强"
    WEAK = "弱"
    NONE = "无"

    @property
    def rank(self) -> int:
        """0 for 无, 3 for 强."""
        return _LEVELS.index(self)


_LEVELS = (Level.NONE, Level.WEAK, Level.GOOD, Level.STRONG)


@dataclass(frozen=True, slots=True)
class Part:
    """A feature's name, its value for the pair, and its part of the score in log-odds."""

    feature: str
    value: float
    part: float


@dataclass(frozen=True, slots=True)
class Weight:
    """A feature's row of the model: part = weight · (value − reference)."""

    weight: float
    reference: float


@dataclass(frozen=True, slots=True)
class Unrelated:
    """Cosines of titles that have nothing to do with each other: what an encoder's scale is."""

    mean: float
    deviation: float


@dataclass(frozen=True, slots=True)
class ScoringModel:
    """The numbers of the model; see the module. ``content`` of a ``RankingModel`` in types."""

    name: str
    weights: Mapping[str, Weight]
    """One for each of ``FEATURES``."""
    thresholds: tuple[float, float, float]
    """Log-odds of grades ≥ 1, ≥ 2, ≥ 3 of a pair at the references; falling."""
    cuts: tuple[float, float, float]
    """Scores from which the level is 弱, 较强, 强; rising. A query none of whose documents is 较强
    has no answer; in a list, nothing is shown that is not at least 弱."""
    encoder: str
    """Fingerprint of the encoder whose vectors it was fitted with."""
    unrelated: Unrelated
    """Of that encoder."""
    centre: tuple[float, ...]
    """Mean query vector of that encoder, (dimension,)."""
    training: Mapping[str, Any]
    """What it was fitted on and how, for people."""

    def __post_init__(self) -> None:
        if set(self.weights) != {feature.name for feature in FEATURES}:
            raise ValueError("one weight for each feature")
        if not all(a >= b for a, b in pairwise(self.thresholds)):
            raise ValueError("thresholds fall")
        if not all(a <= b for a, b in pairwise(self.cuts)):
            raise ValueError("cuts rise")
        if not self.unrelated.deviation > 0.0:
            raise ValueError("a positive deviation is required")

    @property
    def start(self) -> float:
        """Score of a pair at the references."""
        return self.thresholds[RELEVANT - 1]

    @property
    def ranking_model(self) -> RankingModel:
        """As it is kept and promoted."""
        return RankingModel(
            self.name,
            {
                "format": FORMAT,
                "weights": {
                    name: {"weight": w.weight, "reference": w.reference}
                    for name, w in sorted(self.weights.items())
                },
                "thresholds": list(self.thresholds),
                "cuts": list(self.cuts),
                "encoder": self.encoder,
                "unrelated": {
                    "mean": self.unrelated.mean,
                    "deviation": self.unrelated.deviation,
                },
                "centre": list(self.centre),
                "training": dict(self.training),
            },
        )

    def scores(self, signals: Signals) -> Values:
        """(n,) scores; see ``scores_of``."""
        return self.scores_of(features(signals))

    def scores_of(self, values: Values) -> Values:
        """(n,) scores of (n, features) values, in the order of ``FEATURES``, which is that in
        which parts are added. A NaN value has no part."""
        total = np.full(len(values), self.start)
        for feature, column in zip(FEATURES, values.T, strict=True):
            total = total + self._part(feature.name, column)
        return total

    def parts(self, signals: Signals, place: int) -> tuple[Part, ...]:
        """The parts of one document's score, the start first; they add up to it."""
        values = {f.name: float(f.func(signals)[place]) for f in FEATURES}
        return self.parts_of({n: v for n, v in values.items() if not math.isnan(v)})

    def parts_of(self, values: Mapping[str, float]) -> tuple[Part, ...]:
        """Likewise from values of features by name; what is missing has no part."""
        found = [Part(START, 1.0, self.start)]
        for feature in FEATURES:
            if feature.name in values:
                value = values[feature.name]
                part = self._part(feature.name, np.array([value]))
                found.append(Part(feature.name, value, float(part[0])))
        return tuple(found)

    def chance(self, score: float, grade: int = RELEVANT) -> float:
        """Probability of a grade ≥ ``grade`` (1, 2 or 3) for a score."""
        return logistic(score - self.start + self.thresholds[grade - 1])

    def level(self, score: float) -> Level:
        """See the module."""
        return _LEVELS[sum(score >= cut for cut in self.cuts)]

    def _part(self, name: str, values: Values) -> Values:
        row = self.weights[name]
        part = row.weight * (values - row.reference)
        return np.where(np.isnan(part), 0.0, part)


def logistic(score: float) -> float:
    """1 / (1 + exp(−score)), without overflow."""
    if score >= 0.0:
        return 1.0 / (1.0 + math.exp(-score))
    grown = math.exp(score)
    return grown / (1.0 + grown)


def scoring_model(model: RankingModel) -> ScoringModel:
    """A kept model, checked.

    Raises:
        RankingError: it is no model of this release, with what to do.
    """
    try:
        return _read(model.name, model.content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RankingError(
            f"排序模型 {model.name} 不适用于本版程序（{error}）。"
            "请用 zhitong train 重新训练，或用 zhitong ranking rollback 退回。"
        ) from error


@functools.cache
def shipped_model() -> ScoringModel:
    """The model that ships with the program, for the default encoder."""
    text = resources.files("matcher.resources").joinpath(_SHIPPED).read_text("utf-8")
    return _read(_SHIPPED.removesuffix(".json"), json.loads(text))


def _read(name: str, content: Mapping[str, Any]) -> ScoringModel:
    if content["format"] != FORMAT:
        raise ValueError(f"format {content['format']}")
    thresholds, cuts = (_numbers(content[key]) for key in ("thresholds", "cuts"))
    return ScoringModel(
        name=name,
        weights={
            key: Weight(*_numbers([row["weight"], row["reference"]]))
            for key, row in content["weights"].items()
        },
        thresholds=_three(thresholds),
        cuts=_three(cuts),
        encoder=str(content["encoder"]),
        unrelated=Unrelated(
            *_numbers([content["unrelated"]["mean"], content["unrelated"]["deviation"]])
        ),
        centre=tuple(_numbers(content["centre"])),
        training=dict(content["training"]),
    )


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = values
    return first, second, third


def _numbers(values: Sequence[Any]) -> list[float]:
    found = [float(value) for value in values]
    if any(isinstance(value, bool | str) for value in values) or not np.isfinite(found).all():
        raise ValueError("not a finite number")
    return found


def centre_vector(model: ScoringModel) -> NDArray[np.float32]:
    """``centre`` as the index wants it."""
    return np.asarray(model.centre, np.float32)
