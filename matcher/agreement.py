"""How far raters agree, and about which pairs they do not.

Two measures over the grades 0 to 3 that ``feedback.relevance_by_rater`` gives:

*Cohen's kappa* of two raters, on relevant (较强 or 强) against not:
κ = (p_o − p_e) / (1 − p_e), p_o the observed agreement, p_e that expected from how often each
uses each class (J. Cohen, A coefficient of agreement for nominal scales, Educational and
Psychological Measurement 20(1), 1960, 37–46).

*Krippendorff's alpha*, ordinal, any number of raters, missing values allowed:
α = 1 − (n − 1) · Σ o_ck δ²_ck / Σ n_c n_k δ²_ck over c < k, where o_ck counts the pairs of values
c and k within a unit of m values, each by 1 / (m − 1), n_c are the sums over k, n those over c,
and δ²_ck = (Σ_{g=c..k} n_g − (n_c + n_k) / 2)² (K. Krippendorff, Computing Krippendorff's
Alpha-Reliability, 2011, section D).

1 is full agreement, 0 what chance would give, negative less than chance.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from matcher.feedback import (
    RELEVANT_FROM,
    Feedback,
    Pair,
    Texts,
    Verdict,
    relevance_by_rater,
)


@dataclass(frozen=True, slots=True)
class RaterPair:
    """Two raters: how many pairs both judged, and their kappa; None where it is undefined."""

    first: str
    second: str
    common: int
    kappa: float | None


@dataclass(frozen=True, slots=True)
class Disagreement:
    """A pair of texts on which raters differ.

    ``grades``: by rater, where they fall on both sides of relevant. ``decisions``: by rater,
    where some accept what others dismiss. One of the two may be empty.
    """

    pair: Pair
    grades: Mapping[str, int]
    decisions: Mapping[str, Feedback]


@dataclass(frozen=True, slots=True)
class Agreement:
    """Agreement over a log. ``units``: pairs of texts that at least two raters judged."""

    raters: int
    units: int
    alpha: float | None
    kappas: tuple[RaterPair, ...]
    disagreements: tuple[Disagreement, ...]


def agreement(log: Iterable[Feedback]) -> Agreement:
    """All of it; raters and pairs in order of their names."""
    entries = list(log)
    grades = relevance_by_rater(entries)
    raters = sorted({rater for unit in grades.values() for rater in unit})
    return Agreement(
        raters=len(raters),
        units=sum(len(unit) > 1 for unit in grades.values()),
        alpha=krippendorff_alpha(list(unit.values()) for unit in grades.values()),
        kappas=_kappas(grades.values()),
        disagreements=_disagreements(entries, grades),
    )


def cohen_kappa(first: Sequence[int], second: Sequence[int]) -> float | None:
    """κ of two raters' classes of the same units; None without units, or where both always give
    one and the same class, so that chance alone would agree.

    Raises:
        ValueError: the two are not of one length.
    """
    both = list(zip(first, second, strict=True))
    if not both:
        return None
    observed = sum(a == b for a, b in both) / len(both)
    counts = Counter(first), Counter(second)
    expected = sum(n * counts[1][c] for c, n in counts[0].items()) / len(both) ** 2
    return (observed - expected) / (1 - expected) if expected < 1 else None


def krippendorff_alpha(units: Iterable[Sequence[int]]) -> float | None:
    """Ordinal α of the values that raters gave to each unit; None where fewer than two values
    can be compared or all of them are equal."""
    weights: dict[tuple[int, int], list[float]] = defaultdict(list)
    for values in units:
        for pair in combinations(sorted(values), 2):
            weights[pair].append(1 / (len(values) - 1))
    # fsum: thirds and quarters are added up, and the order of units must not matter.
    shared = {ck: math.fsum(parts) for ck, parts in weights.items()}
    marginals: dict[int, float] = defaultdict(float)
    for (c, k), weight in shared.items():
        marginals[c] += weight
        marginals[k] += weight
    if len(marginals) < 2:
        return None
    squared = {pair: _ordinal(*pair, marginals) for pair in combinations(sorted(marginals), 2)}
    n = math.fsum(marginals.values())
    observed = math.fsum(shared.get(ck, 0.0) * d for ck, d in squared.items())
    expected = math.fsum(marginals[c] * marginals[k] * d for (c, k), d in squared.items())
    return 1 - (n - 1) * observed / expected


def _ordinal(low: int, high: int, marginals: Mapping[int, float]) -> float:
    between = math.fsum(count for value, count in marginals.items() if low <= value <= high)
    return (between - (marginals[low] + marginals[high]) / 2) ** 2


def _kappas(units: Iterable[Mapping[str, int]]) -> tuple[RaterPair, ...]:
    classes: dict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
    for unit in units:
        for first, second in combinations(sorted(unit), 2):
            classes[first, second].append(
                (unit[first] >= RELEVANT_FROM, unit[second] >= RELEVANT_FROM)
            )
    return tuple(
        RaterPair(*names, len(both), cohen_kappa([a for a, _ in both], [b for _, b in both]))
        for names, both in sorted(classes.items())
    )


def _disagreements(
    log: Sequence[Feedback], grades: Mapping[Texts, Mapping[str, int]]
) -> tuple[Disagreement, ...]:
    decided: dict[Texts, dict[str, Feedback]] = defaultdict(dict)
    for entry in sorted(log, key=lambda f: f.id):
        if entry.undone_at is None and entry.verdict is not Verdict.GRADE:
            decided[entry.pair, *entry.texts][entry.rater] = entry
    found = []
    for texts in sorted({*grades, *decided}):
        unit, decisions = grades.get(texts, {}), decided.get(texts, {})
        graded = len({grade >= RELEVANT_FROM for grade in unit.values()}) > 1
        split = len({entry.verdict for entry in decisions.values()}) > 1
        if graded or split:
            found.append(Disagreement(texts[0], unit if graded else {}, decisions if split else {}))
    return tuple(found)
