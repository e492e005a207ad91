"""Agreement of raters, against a published example, a library and the plain definition."""

from __future__ import annotations

from itertools import permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score

from matcher.agreement import agreement, cohen_kappa, krippendorff_alpha
from matcher.feedback import DismissReason, Pair, Verdict, judgement
from tests.unit.test_feedback import ACCEPT, FAR, WRONG, entry, graded, undone

# K. Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section D: four observers
# of twelve units with missing values; ordinal alpha 0.815.
OBSERVERS = (
    "1 2 3 3 2 1 4 1 2 . . .",
    "1 2 3 3 2 2 4 1 2 5 . 3",
    ". 3 3 3 2 3 4 2 2 5 1 .",
    "1 2 3 3 2 4 4 1 2 5 1 .",
)


def published() -> list[list[int]]:
    columns = zip(*(row.split() for row in OBSERVERS), strict=True)
    return [[int(value) for value in column if value != "."] for column in columns]


def test_alpha_of_the_published_example() -> None:
    assert krippendorff_alpha(published()) == pytest.approx(0.815, abs=5e-4)


def defined(units: list[list[int]]) -> float | None:
    """Alpha by its definition, 1 − D_o / D_e, over every ordered pair of values."""
    pairable = [unit for unit in units if len(unit) > 1]
    values = [value for unit in pairable for value in unit]
    n = len(values)

    def distance(c: int, k: int) -> float:
        low, high = min(c, k), max(c, k)
        between = sum(low <= value <= high for value in values)
        return (between - (values.count(c) + values.count(k)) / 2) ** 2 if c != k else 0.0

    observed = sum(
        distance(c, k) / (len(unit) - 1) for unit in pairable for c, k in permutations(unit, 2)
    ) / max(n, 1)
    expected = sum(distance(c, k) for c, k in product(values, values)) / max(n * (n - 1), 1)
    return 1 - observed / expected if expected else None


@given(st.lists(st.lists(st.integers(0, 3), max_size=4), max_size=10))
def test_alpha_is_what_its_definition_says(units: list[list[int]]) -> None:
    found, expected = krippendorff_alpha(units), defined(units)
    assert (found is None) == (expected is None)
    if found is not None and expected is not None:
        assert found == pytest.approx(expected, abs=1e-9)
        assert found <= 1 + 1e-12


def test_alpha_is_one_for_full_agreement_and_undefined_without_variation() -> None:
    assert krippendorff_alpha([[0, 0], [3, 3, 3], [1, 1]]) == pytest.approx(1)
    for units in ([], [[1]], [[2, 2], [2, 2]], [[1], [2]]):
        assert krippendorff_alpha(units) is None


ratings = st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30)


@given(ratings)
def test_kappa_is_that_of_the_library(both: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in both], [b for _, b in both]
    found = cohen_kappa(first, second)
    if set(first) == set(second) and len(set(first)) == 1:
        assert found is None
        return
    assert found is not None
    expected = cohen_kappa_score(first, second)
    assert found == pytest.approx(expected, abs=1e-12)


def test_kappa_of_a_hand_worked_table() -> None:
    # 20 both yes, 15 both no, 5 only the first, 10 only the second: p_o 0.7, p_e 0.5.
    first = [1] * 20 + [0] * 15 + [1] * 5 + [0] * 10
    second = [1] * 20 + [0] * 15 + [0] * 5 + [1] * 10
    assert cohen_kappa(first, second) == pytest.approx(0.4)
    assert cohen_kappa([], []) is None
    with pytest.raises(ValueError, match="zip"):
        cohen_kappa([1], [])


def test_raters_are_compared_on_the_same_texts_and_disagreements_named() -> None:
    pairs = [Pair(f"N{i}", "A1") for i in range(6)]
    near = judgement(Verdict.DISMISS, reasons=[DismissReason.NO_ADVANTAGE])
    log = [
        entry(1, ACCEPT, "甲", pair=pairs[0]), entry(2, graded(3), "乙", pair=pairs[0]),
        entry(3, ACCEPT, "甲", pair=pairs[1]), entry(4, WRONG, "乙", pair=pairs[1]),
        entry(5, WRONG, "甲", pair=pairs[2]), entry(6, near, "乙", pair=pairs[2]),
        # One decides the other way for a reason that is not relevance.
        entry(7, ACCEPT, "甲", pair=pairs[3]), entry(8, FAR, "乙", pair=pairs[3]),
        # Other texts: not compared.
        entry(9, ACCEPT, "甲", pair=pairs[4]),
        entry(10, WRONG, "乙", pair=pairs[4], need_hash="older"),
        entry(11, ACCEPT, "甲", pair=pairs[5]), undone(entry(12, WRONG, "乙", pair=pairs[5])),
    ]  # fmt: skip
    found = agreement(log)
    assert (found.raters, found.units) == (2, 3)
    [both] = found.kappas
    assert (both.first, both.second, both.common) == ("乙", "甲", 3)
    assert both.kappa == cohen_kappa([1, 0, 0], [1, 1, 0])
    assert found.alpha == krippendorff_alpha([[2, 3], [2, 0], [0, 1]])
    named = {d.pair: (dict(d.grades), sorted(d.decisions)) for d in found.disagreements}
    assert named == {
        pairs[1]: ({"甲": 2, "乙": 0}, ["乙", "甲"]),
        pairs[3]: ({}, ["乙", "甲"]),
    }


def test_nothing_said_is_no_agreement() -> None:
    found = agreement([])
    assert (found.raters, found.units, found.alpha, found.kappas) == (0, 0, None, ())
