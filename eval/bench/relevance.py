"""Fit the shown relevance on graded pairs, and look at what it does to random pairs.

    python -m eval.bench.relevance NEEDS ACHIEVEMENTS QRELS [NEEDS ACHIEVEMENTS QRELS …]

Method: the judged pairs of every need (label: grade ≥ 2) and, for every need, 30 achievements drawn
at random from those not judged for it (label 0), both weighted so that each half counts the same;
logistic regression on (cosine − centre, coverage), centre being the median cosine of the random
pairs. Cross-validated by need in five folds: mean log loss against the constant guess, nDCG of the
order, and the share of random pairs above the lines of the shipped coefficients.
"""

from __future__ import annotations

import numpy as np

from eval.experiment import Collection, LabelledStore

SEED = 20261124
RANDOM_PAIRS = 30
MIN_REL = 2


def pairs(
    labelled: Collection, store: LabelledStore, rng: np.random.Generator
) -> list[tuple[str, float, float, int, bool]]:
    """(need, cosine, coverage, label, is random) of judged and of random pairs."""
    rows = []
    every = np.array(sorted(labelled.achievements))
    for need, grades in labelled.qrels.items():
        if need not in labelled.needs:
            continue
        drawn = [key for key in rng.choice(every, RANDOM_PAIRS) if key not in grades]
        for key, grade, is_random in [
            *((k, g, False) for k, g in grades.items()),
            *((k, 0, True) for k in drawn),
        ]:
            cosine, covered = store.signals(labelled.needs[need], key)
            rows.append((need, cosine, covered, int(grade >= MIN_REL), is_random))
    return rows
