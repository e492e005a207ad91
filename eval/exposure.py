"""Who is seen: how attention is spread over institutions and over the catalogue.

A reader looks at a lower place less often. The attention that place ``r`` (from 1) gets is

    v(r) = 1 / log2(1 + r)

and an institution's *exposure* is the sum of it over all its places in all lists, each list cut
at ``cutoff``. Source: Singh & Joachims 2018, "Fairness of Exposure in Rankings", KDD, section 3
(position bias with the discount of DCG).
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exposure:
    """How attention is spread; all shares are in [0, 1]."""

    by_organisation: Mapping[str, float]
    """Exposure of every institution of the catalogue, also of those never shown (0)."""
    gini: float
    """0 where all institutions are seen alike, near 1 where one gets everything."""
    largest: str
    """The institution that is seen most; the first by name of equals."""
    largest_share: float
    """Its share of all exposure."""
    coverage: float
    """Share of the catalogue's achievements that stand in at least one list."""


def exposures(
    rankings: Iterable[Sequence[str]], organisations: Mapping[str, str], cutoff: int
) -> dict[str, float]:
    """Exposure by institution over lists of achievement ids, best first.

    Args:
        organisations: institution by achievement; every achievement of the catalogue is in it.

    Raises:
        ValueError: ``cutoff`` is below 1.
        KeyError: a list names an achievement that is not in the catalogue.
    """
    if cutoff < 1:
        raise ValueError(f"cutoff must be at least 1, not {cutoff}")
    found = dict.fromkeys(sorted(set(organisations.values())), 0.0)
    for ranking in rankings:
        for rank, achievement in enumerate(ranking[:cutoff], start=1):
            found[organisations[achievement]] += 1.0 / math.log2(1 + rank)
    return found


def gini(values: Collection[float]) -> float:
    """Gini coefficient of values of at least 0; 0 for none or for zeros only.

    ``G = Σ (2i − n − 1) x_i / (n Σ x_i)`` over the values in ascending order, i from 1: half the
    mean absolute difference over the mean (Gini 1912; Damgaard & Weiner 2000, Ecology 81(4)).
    Largest possible value: ``1 − 1/n``.

    Raises:
        ValueError: a value is negative or no number.
    """
    ordered = sorted(values)
    if not all(math.isfinite(value) and value >= 0 for value in ordered):
        raise ValueError("values must be finite and at least 0")
    total = math.fsum(ordered)
    if total == 0:
        return 0.0
    n = len(ordered)
    # Shares first: sums of large values must not overflow.
    weighted = math.fsum((2 * i - n - 1) * (x / total) for i, x in enumerate(ordered, start=1))
    return max(0.0, weighted / n)


def exposure(
    rankings: Sequence[Sequence[str]], organisations: Mapping[str, str], cutoff: int
) -> Exposure:
    """All measures at once; see ``exposures`` for arguments and errors.

    Raises:
        ValueError: the catalogue is empty.
    """
    if not organisations:
        raise ValueError("the catalogue is empty")
    found = exposures(rankings, organisations, cutoff)
    largest = max(found, key=lambda name: found[name])
    total = math.fsum(found.values())
    shown = {achievement for ranking in rankings for achievement in ranking[:cutoff]}
    return Exposure(
        found,
        gini(found.values()),
        largest,
        found[largest] / total if total else 0.0,
        len(shown) / len(organisations),
    )
