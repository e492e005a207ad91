"""The fit of the cumulative logit model, against data made by one."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from eval.training.ordinal import GRADES, fit_ordinal


def made(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    values = rng.normal(size=(count, 3)) * np.array([1.0, 10.0, 0.1])
    odds = values @ np.array([1.5, -0.1, 0.0])
    noise = rng.logistic(size=count)
    return values, np.sum([odds + noise >= cut for cut in (0.0, 1.0, 3.0)], axis=0)


def test_it_finds_the_model_that_made_the_grades(rng: np.random.Generator) -> None:
    values, grades = made(rng, 40_000)
    found = fit_ordinal(values, grades, [True, False, True], 1.0)
    assert found.weights == pytest.approx([1.5, -0.1, 0.0], abs=0.15)
    assert found.thresholds == pytest.approx([0.0, -1.0, -3.0], abs=0.1)


def test_a_rising_weight_is_never_negative(rng: np.random.Generator) -> None:
    values, grades = made(rng, 2_000)
    found = fit_ordinal(-values, grades, [True, False, True], 1.0)
    assert found.weights[0] == 0.0


def test_with_two_grades_it_is_the_logistic_regression(rng: np.random.Generator) -> None:
    """All three thresholds are one question then, so the loss counts it three times."""
    values, grades = made(rng, 3_000)
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    two = np.where(grades >= 2, 3, 0)
    found = fit_ordinal(values, two, [False] * 3, 3.0)
    other = LogisticRegression(C=1.0, tol=1e-10, max_iter=1000).fit(values, two >= 2)
    assert found.weights == pytest.approx(other.coef_[0], abs=1e-4)
    assert found.thresholds == pytest.approx([other.intercept_[0]] * len(GRADES), abs=1e-4)


def test_a_grade_that_never_occurs_does_no_harm(rng: np.random.Generator) -> None:
    values, grades = made(rng, 500)
    found = fit_ordinal(values, np.minimum(grades, 2), [False] * 3, 1.0)
    assert np.isfinite(found.thresholds).all()
    assert (np.diff(found.thresholds) <= 0).all()


def test_nothing_to_learn_is_refused(rng: np.random.Generator) -> None:
    values, _ = made(rng, 50)
    with pytest.raises(ValueError, match="two grades"):
        fit_ordinal(values, np.zeros(50, np.int64), [False] * 3, 1.0)


def test_what_never_varies_keeps_its_weight(rng: np.random.Generator) -> None:
    values, grades = made(rng, 500)
    values[:, 1] = 7.0
    known = np.array([0.5, -2.0, 0.0])
    found = fit_ordinal(values, grades, [False] * 3, 1.0, known)
    assert found.weights[1] == pytest.approx(-2.0, abs=1e-3)
    assert fit_ordinal(values, grades, [False] * 3, 1.0).weights[1] == 0.0


def test_few_judgements_change_a_prior_little_and_many_much(rng: np.random.Generator) -> None:
    values, grades = made(rng, 20_000)
    known = np.array([0.2, 0.1, 1.0])
    few = fit_ordinal(values[:20], grades[:20], [False] * 3, 1000.0, known).weights
    many = fit_ordinal(values, grades, [False] * 3, 10.0, known).weights
    assert few == pytest.approx(known, abs=0.05)
    assert many == pytest.approx([1.5, -0.1, 0.0], abs=0.3)
