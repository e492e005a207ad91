"""The additive model: parts that add up, chances that are one, levels that rise."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.testing import FakeEncoder
from matcher.features import FEATURES, Signals, features
from matcher.ranking_models import RankingError, RankingModel
from matcher.scoring import START, Level, logistic, scoring_model, shipped_model
from matcher.testing import plain_model

MODEL = shipped_model()
numbers = st.floats(-1.0, 1.0)
bm25 = st.floats(0.0, 300.0)
rows = st.lists(st.tuples(numbers, numbers, numbers, bm25, bm25), min_size=1, max_size=20)


def signals_of(table: list[tuple[float, ...]]) -> Signals:
    return Signals(*np.array(table, np.float64).T)


@given(rows)
def test_parts_add_up_to_the_score_and_the_chance_is_its_logistic(
    table: list[tuple[float, ...]],
) -> None:
    signals = signals_of(table)
    scores = MODEL.scores(signals)
    for place, score in enumerate(scores):
        parts = MODEL.parts(signals, place)
        assert [part.feature for part in parts] == [START, *(f.name for f in FEATURES)]
        assert math.fsum(part.part for part in parts) == pytest.approx(score, abs=1e-12)
        again = MODEL.parts_of({p.feature: p.value for p in parts if p.feature != START})
        assert again == parts
        assert MODEL.chance(score) == pytest.approx(1 / (1 + math.exp(-score)), abs=1e-15)


@given(rows)
def test_a_score_does_not_depend_on_the_company(table: list[tuple[float, ...]]) -> None:
    together = MODEL.scores(signals_of(table))
    alone = [MODEL.scores(signals_of([row]))[0] for row in table]
    assert together.tolist() == alone


@given(st.floats(-800, 800), st.floats(-800, 800))
def test_chances_and_levels_rise_with_the_score(one: float, other: float) -> None:
    low, high = sorted((one, other))
    order = list(Level)
    assert MODEL.chance(low) <= MODEL.chance(high)
    assert order.index(MODEL.level(low)) >= order.index(MODEL.level(high))
    assert MODEL.chance(low, 1) >= MODEL.chance(low, 2) >= MODEL.chance(low, 3)
    assert 0.0 <= logistic(low) <= 1.0


@pytest.mark.parametrize("feature", [f for f in FEATURES if f.rising])
def test_what_can_only_speak_for_a_pair_never_lowers_it(feature: Any) -> None:
    assert MODEL.weights[feature.name].weight >= 0.0


def test_nobody_can_tell_means_no_part() -> None:
    nan = float("nan")
    signals = signals_of([(nan, nan, nan, 3.0, 4.0)])
    assert [part.feature for part in MODEL.parts(signals, 0)] == [START, "wording"]
    assert np.isfinite(MODEL.scores(signals)).all()


def test_every_feature_says_what_it_is_in_chinese() -> None:
    for feature in FEATURES:
        assert len(feature.reason) > 10
        assert any("\u4e00" <= char <= "\u9fff" for char in feature.reason)
    assert features(signals_of([(0.1, 0.5, 0.2, 0.0, 0.0)]))[0, 0] == 0.5  # the best passage


def test_a_model_is_the_same_after_a_round_trip() -> None:
    content = json.loads(MODEL.ranking_model.text)
    again = scoring_model(RankingModel(MODEL.name, content))
    assert again == MODEL
    assert again.ranking_model.hash == MODEL.ranking_model.hash


@pytest.mark.parametrize(
    "damage",
    [
        {"format": "other"},
        {"weights": {}},
        {"thresholds": [0, 1, 2]},
        {"thresholds": [1, 0]},
        {"cuts": [2, 1, 0]},
        {"cuts": ["1", 2, 3]},
        {"centre": [float("inf")]},
        {"unrelated": {"mean": 0, "deviation": 0}},
    ],
)
def test_a_file_that_is_no_model_says_what_to_do(damage: dict[str, Any]) -> None:
    content = {**MODEL.ranking_model.content, **damage}
    with pytest.raises(RankingError, match="zhitong train"):
        scoring_model(RankingModel("坏的", content))


def test_the_shipped_model_is_that_of_the_shipped_encoder() -> None:
    """Its fingerprint is compared where the encoder is there."""
    assert len(MODEL.centre) == 384
    assert MODEL.training["sets"]["graded-pairs"]["pairs"] == 6434


def test_the_plain_model_fits_its_encoder() -> None:
    model = plain_model(FakeEncoder())
    assert replace(model, name="x").encoder == FakeEncoder().fingerprint
