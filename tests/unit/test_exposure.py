"""Exposure: the formulas by hand, and what must hold for any values."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.exposure import exposure, exposures, gini

OWNERS = {"a": "甲", "b": "甲", "c": "乙", "d": "丙"}
values = st.lists(st.floats(0, 1e300), max_size=30)


def test_exposure_by_hand() -> None:
    found = exposures([["a", "c"], ["c", "a", "b"]], OWNERS, 2)
    assert found["甲"] == pytest.approx(1 + 1 / math.log2(3))
    assert found["乙"] == pytest.approx(1 / math.log2(3) + 1)
    assert found["丙"] == 0.0


def test_everything_at_once() -> None:
    seen = exposure([["a", "b"]], OWNERS, 10)
    assert (seen.largest, seen.largest_share, seen.coverage) == ("甲", 1.0, 0.5)
    assert seen.gini == pytest.approx(2 / 3)  # one of three has everything: 1 − 1/n
    nothing = exposure([], OWNERS, 10)
    assert (nothing.gini, nothing.largest_share, nothing.coverage) == (0.0, 0.0, 0.0)


@given(values)
def test_gini_is_half_the_mean_difference_over_the_mean(given_values: list[float]) -> None:
    found = gini(given_values)
    assert 0 <= found <= 1
    total = math.fsum(given_values)
    if total > 0 and math.isfinite(total):
        x = np.array(given_values) / total
        expected = np.abs(x[:, None] - x[None, :]).mean() / 2 / x.mean()
        assert found == pytest.approx(expected, abs=1e-9)
        assert found <= 1 - 1 / len(x) + 1e-9


@given(st.lists(st.floats(0.001, 1e6), min_size=1, max_size=20), st.floats(0.01, 100))
def test_gini_knows_no_unit_and_no_order(given_values: list[float], factor: float) -> None:
    scaled = [value * factor for value in reversed(given_values)]
    assert gini(scaled) == pytest.approx(gini(given_values), abs=1e-9)
    assert gini([given_values[0]] * len(given_values)) == pytest.approx(0.0, abs=1e-9)


@given(st.lists(st.permutations(list(OWNERS)), max_size=5), st.integers(1, 6))
def test_all_attention_goes_to_somebody(rankings: list[list[str]], cutoff: int) -> None:
    total = sum(1 / math.log2(1 + r) for r in range(1, min(cutoff, len(OWNERS)) + 1))
    found = exposures(rankings, OWNERS, cutoff)
    assert math.fsum(found.values()) == pytest.approx(total * len(rankings))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="cutoff"):
        exposures([], OWNERS, 0)
    with pytest.raises(KeyError):
        exposures([["x"]], OWNERS, 3)
    with pytest.raises(ValueError, match="catalogue"):
        exposure([], {}, 3)
    for wrong in (-1.0, math.nan, math.inf):
        with pytest.raises(ValueError, match="finite"):
            gini([1.0, wrong])
