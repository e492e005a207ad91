"""What could be chance: the bootstrap over needs.

Needs are the sample: another hundred enterprises would have given other means. All results are
the same for the same values, options and seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.qrels import EvalError

RESAMPLES = 10_000
LEVEL = 0.95
SEED = 20_021

_BLOCK = 2_000_000  # values drawn at a time: 16 MB of positions


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean and its confidence interval, in the unit of the values."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class PairedResult:
    """A difference of means, its confidence interval, and how often chance alone does as much."""

    difference: float
    """mean(a) − mean(b)."""
    low: float
    high: float
    p_value: float
    """Two-sided, in (0, 1]."""


def bootstrap_mean(
    values: Sequence[float], *, resamples: int = RESAMPLES, level: float = LEVEL, seed: int
) -> Interval:
    """Mean with its percentile bootstrap interval.

    ``resamples`` samples of n values are drawn with replacement; the interval runs from the
    ``(1 − level)/2`` to the ``(1 + level)/2`` quantile of their means (linear interpolation).
    With few needs it is somewhat too narrow: below about 20 read it as a hint.

    Source: Efron & Tibshirani 1993, An Introduction to the Bootstrap, ch. 13; Sakai 2006,
    SIGIR, for measures of retrieval with needs as the sample.

    Args:
        values: one value a need.
        resamples: how often to draw, at least 1.
        level: coverage of the interval, in (0, 1).
        seed: of the random numbers, at least 0.

    Raises:
        EvalError: there are no values, or one is not a finite number.
        ValueError: ``resamples``, ``level`` or ``seed`` is out of range.
    """
    sample = _sample(values)
    low, high = _interval(_resampled_means(sample, resamples, seed), level)
    return Interval(float(sample.mean()), low, high)


def paired_bootstrap(
    a: Sequence[float],
    b: Sequence[float],
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int,
) -> PairedResult:
    """Does ranker a differ from ranker b on the same needs?

    With ``d = a − b`` for each need, the interval is `bootstrap_mean`'s for d. The p-value is
    the two-sided shift method: under the hypothesis of no difference the distribution of the
    resampled means is the observed one moved to centre 0, so
    ``p = (1 + #{|mean*(d) − mean(d)| ≥ |mean(d)|}) / (1 + resamples)``. The added 1 keeps it
    above 0. Values that are all equal in pairs give p = 1.

    Source: Noreen 1989; Smucker, Allan & Carterette 2007, CIKM (bootstrap, shift method); the
    added 1: Davison & Hinkley 1997, §4.2.

    Args:
        a: one value a need.
        b: the values of the same needs in the same order.
        resamples: how often to draw, at least 1.
        level: coverage of the interval, in (0, 1).
        seed: of the random numbers, at least 0.

    Raises:
        EvalError: the lengths differ, there are no values, or one is not a finite number.
        ValueError: ``resamples``, ``level`` or ``seed`` is out of range.
    """
    first, second = _sample(a), _sample(b)
    if len(first) != len(second):
        raise EvalError(f"成对比较需要同样多的数值，现在是 {len(first)} 个和 {len(second)} 个。")
    sample = first - second
    difference = float(sample.mean())
    means = _resampled_means(sample, resamples, seed)
    low, high = _interval(means, level)
    # The margin lets resamples that are as far out on paper count in spite of rounding.
    reached = abs(difference) * (1 - 1e-12)
    extreme = int(np.count_nonzero(np.abs(means - difference) >= reached))
    return PairedResult(difference, low, high, (1 + extreme) / (1 + resamples))


def _sample(values: Sequence[float]) -> NDArray[np.float64]:
    sample = np.asarray(values, dtype=np.float64)
    if sample.size == 0:
        raise EvalError("没有数值，无法计算区间。")
    if not np.isfinite(sample).all():
        raise EvalError("数值里有 NaN 或无穷大，无法计算区间。")
    return sample


def _resampled_means(sample: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, not {resamples}")
    rng = np.random.default_rng(seed)
    block = max(1, _BLOCK // sample.size)
    means = np.empty(resamples)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        positions = rng.integers(sample.size, size=(stop - start, sample.size))
        means[start:stop] = sample[positions].mean(axis=1)
    return means


def _interval(means: NDArray[np.float64], level: float) -> tuple[float, float]:
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}")
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
