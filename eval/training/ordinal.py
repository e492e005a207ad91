"""Fit the cumulative logit model of ``matcher.scoring``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Values = NDArray[np.float64]
GRADES = (1, 2, 3)


@dataclass(frozen=True, slots=True)
class Ordinal:
    """log-odds(grade ≥ g) = thresholds[g − 1] + Σ weights · values."""

    weights: Values  # (features,)
    thresholds: Values  # (3,), falling


def fit_ordinal(
    values: Values,
    grades: NDArray[np.int64],
    rising: Sequence[bool],
    ridge: float,
    prior: Values | None = None,
) -> Ordinal:
    """Least sum over the three grades of the log losses, plus ridge / 2 · Σ (change · deviation)².

    The all-threshold loss with the logistic: Rennie & Srebro, Loss Functions for Preference
    Levels, IJCAI 2005. It is convex, so the result depends on no seed.

    Args:
        values: (n, features).
        grades: (n,) whole numbers 0 to 3.
        rising: features whose weight must not be negative.
        ridge: on changes of weights of standardised values, ≥ 0.
        prior: (features,) weights that few judgements change little; None for all 0.

    Raises:
        ValueError: all grades are equal.
    """
    if len(np.unique(grades)) < 2:
        raise ValueError("at least two grades are required")
    mean, deviation = values.mean(axis=0), values.std(axis=0)
    # What never varies teaches nothing: its weight stays that of the prior.
    varies = np.ptp(values, axis=0) > 0
    deviation = np.where(varies, deviation, 1.0)
    inputs = np.where(varies, (values - mean) / deviation, 0.0)
    targets = (grades[:, None] >= np.array(GRADES)).astype(np.float64)
    features = values.shape[1]
    known = np.zeros(features) if prior is None else prior * deviation

    def loss(point: Values) -> tuple[float, Values]:
        weights, thresholds = point[:features], point[features:]
        odds = (inputs @ weights)[:, None] + thresholds
        change = weights - known
        total = (np.logaddexp(0.0, odds) - targets * odds).sum() + ridge / 2 * change @ change
        slopes = 1.0 / (1.0 + np.exp(-odds)) - targets
        falls = inputs.T @ slopes.sum(axis=1) + ridge * change
        return float(total), np.concatenate([falls, slopes.sum(axis=0)])

    # Rates of the grades, kept off 0 and 1: a grade that never occurs has no best threshold.
    rates = (targets.sum(axis=0) + 0.5) / (len(targets) + 1.0)
    start = np.concatenate([np.zeros(features), np.log(rates / (1.0 - rates))])
    bounds = [(0.0, None) if up else (None, None) for up in rising] + [(-20.0, 20.0)] * len(GRADES)
    found = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-8}
    )
    weights = found.x[:features] / deviation
    thresholds = found.x[features:] - float(weights @ mean)
    # A threshold of a grade that never occurs is free; grades never cross.
    return Ordinal(weights, np.minimum.accumulate(thresholds))
