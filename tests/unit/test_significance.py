"""The bootstrap: known cases, coverage, error rate."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from eval.qrels import EvalError
from eval.significance import bootstrap_mean, paired_bootstrap


def test_the_interval_is_that_of_the_normal_theory(rng: np.random.Generator) -> None:
    values = rng.normal(0.7, 0.2, size=400).tolist()
    interval = bootstrap_mean(values, seed=1)
    half = 1.96 * float(np.std(values)) / math.sqrt(400)
    assert interval.mean == pytest.approx(np.mean(values))
    assert interval.low == pytest.approx(interval.mean - half, abs=0.1 * half)
    assert interval.high == pytest.approx(interval.mean + half, abs=0.1 * half)


def test_the_interval_covers_as_often_as_it_says(rng: np.random.Generator) -> None:
    covered = 0
    for seed in range(300):
        interval = bootstrap_mean(rng.beta(2, 1, size=96).tolist(), resamples=500, seed=seed)
        covered += interval.low <= 2 / 3 <= interval.high
    assert 0.91 <= covered / 300 <= 0.98


def test_a_higher_level_is_wider(rng: np.random.Generator) -> None:
    values = rng.random(50).tolist()
    narrow, wide = (bootstrap_mean(values, level=level, seed=1) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high


def test_equal_seeds_give_equal_results(rng: np.random.Generator) -> None:
    values = rng.random(30).tolist()
    assert bootstrap_mean(values, seed=5) == bootstrap_mean(values, seed=5)
    assert bootstrap_mean(values, seed=5) != bootstrap_mean(values, seed=6)


def test_one_value_and_many_resamples_over_blocks() -> None:
    interval = bootstrap_mean([0.25], resamples=10, seed=1)
    assert (interval.mean, interval.low, interval.high) == (0.25, 0.25, 0.25)
    many = [0.0, 1.0] * 3_000  # 333 resamples a block
    assert bootstrap_mean(many, resamples=1_000, seed=1).mean == 0.5


def test_a_clear_difference_is_significant(rng: np.random.Generator) -> None:
    b = rng.random(96)
    a = b + rng.normal(0.05, 0.05, size=96)
    result = paired_bootstrap(a.tolist(), b.tolist(), seed=1)
    assert result.difference == pytest.approx(float(np.mean(a - b)))
    assert 0 < result.low < result.difference < result.high
    assert result.p_value == 1 / 10_001
    turned = paired_bootstrap(b.tolist(), a.tolist(), seed=1)
    assert turned.difference == -result.difference
    assert (turned.low, turned.high) == pytest.approx((-result.high, -result.low))
    assert turned.p_value == result.p_value


def test_pairing_counts(rng: np.random.Generator) -> None:
    """The same values against other needs: the difference stays, the certainty goes."""
    b = rng.random(96)
    a = b + 0.02
    assert paired_bootstrap(a.tolist(), b.tolist(), seed=1).p_value < 0.001
    assert paired_bootstrap(rng.permutation(a).tolist(), b.tolist(), seed=1).p_value > 0.2


def test_equal_rankers_are_not_different() -> None:
    result = paired_bootstrap([0.1, 0.5], [0.1, 0.5], seed=1)
    assert (result.difference, result.low, result.high, result.p_value) == (0, 0, 0, 1)


def test_the_p_value_of_two_pairs_by_hand() -> None:
    # d = (1, 0), mean 1/2: resampled means are 0, 1/2, 1 with 1/4, 1/2, 1/4; half are as far out.
    result = paired_bootstrap([1, 0], [0, 0], resamples=40_000, seed=1)
    assert result.p_value == pytest.approx(0.5, abs=0.02)


def test_false_alarms_are_as_rare_as_they_should_be(rng: np.random.Generator) -> None:
    alarms = 0
    for seed in range(400):
        a, b = rng.random((2, 60)).tolist()
        alarms += paired_bootstrap(a, b, resamples=400, seed=seed).p_value < 0.05
    assert 0.02 <= alarms / 400 <= 0.09


@pytest.mark.parametrize("bad", [[], [0.5, math.nan], [math.inf]])
def test_values_that_mean_nothing_are_refused(bad: list[float]) -> None:
    with pytest.raises(EvalError):
        bootstrap_mean(bad, seed=1)
    with pytest.raises(EvalError):
        paired_bootstrap(bad, [0.5] * len(bad), seed=1)
    with pytest.raises(EvalError):
        paired_bootstrap([0.5] * len(bad), bad, seed=1)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(EvalError, match="2 个和 1 个"):
        paired_bootstrap([0.5, 0.5], [0.5], seed=1)


@pytest.mark.parametrize(
    "options", [{"level": 0.0}, {"level": 1.0}, {"level": math.nan}, {"resamples": 0}]
)
def test_senseless_options_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="must"):
        bootstrap_mean([0.5], seed=1, **options)
