"""Fit the shown relevance on graded pairs, and look at what it does to random pairs.

    python -m eval.bench.relevance NEEDS ACHIEVEMENTS QRELS [NEEDS ACHIEVEMENTS QRELS …]

Method: the judged pairs of every need (label: grade ≥ 2) and, for every need, 30 achievements drawn
at random from those not judged for it (label 0), the two groups weighted to count the same;
logistic regression on (cosine − centre, coverage), centre being the median cosine of the random
pairs. Printed: the fit; log loss in five folds by need beside that of a constant; and what the
*shipped* coefficients say of random and of relevant pairs.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GroupKFold

from eval.experiment import LabelledStore, collection
from eval.qrels import read_qrels, read_texts
from indexer.build import Makers
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.tokenizer import JiebaTokenizer
from matcher.calibration import RelevanceConfig, relevance
from matcher.engine import MatchConfig

SEED = 20261124
RANDOM_PAIRS = 30
MIN_REL = 2


@dataclass(frozen=True, slots=True)
class Pairs:
    """Parallel arrays, one entry a pair."""

    need: NDArray[np.str_]
    signals: NDArray[np.float64]  # (n, 2): cosine, coverage
    label: NDArray[np.bool_]
    random: NDArray[np.bool_]

    @property
    def weight(self) -> NDArray[np.float64]:
        """Random and judged pairs count half each."""
        share = np.where(self.random, self.random.sum(), (~self.random).sum())
        return np.asarray(len(self.random) / (2.0 * share), dtype=np.float64)


def read_pairs(needs: Path, achievements: Path, qrels: Path, makers: Makers) -> Pairs:
    """Signals of the judged and the random pairs of one labelled set."""
    rng = np.random.default_rng(SEED)
    labelled = collection(
        read_texts(needs, "need_id"), read_texts(achievements, "achievement_id"), read_qrels(qrels)
    )
    every = np.array(sorted(labelled.achievements))
    chosen: list[tuple[str, str, bool, bool]] = []
    for need, grades in labelled.qrels.items():
        if need not in labelled.needs:
            continue
        chosen += [(need, key, grade >= MIN_REL, False) for key, grade in grades.items()]
        drawn = rng.choice(every, min(RANDOM_PAIRS, len(every)), replace=False)
        chosen += [(need, str(key), False, True) for key in drawn if key not in grades]
    with tempfile.TemporaryDirectory() as folder:
        store = LabelledStore(labelled, makers, Path(folder), datetime.now(UTC))
        pairs = [(labelled.needs[need], key) for need, key, _, _ in chosen]
        signals = store.signals(pairs, MatchConfig())
        store.close()
    return Pairs(
        np.array([row[0] for row in chosen]),
        np.array(signals),
        np.array([row[2] for row in chosen]),
        np.array([row[3] for row in chosen]),
    )


def main(arguments: list[str]) -> None:
    """Fit, cross-validate, print."""
    cache = EncoderConfig(cache_dir=Path(tempfile.gettempdir()) / "zhitong-bench")
    makers = Makers(SentenceTransformerEncoder(cache), JiebaTokenizer())
    sets = [
        read_pairs(Path(needs), Path(achievements), Path(qrels), makers)
        for needs, achievements, qrels in zip(*[iter(arguments)] * 3, strict=True)
    ]
    pairs = Pairs(*(np.concatenate([getattr(s, name) for s in sets])
                    for name in ("need", "signals", "label", "random")))  # fmt: skip
    centre = float(np.median(pairs.signals[pairs.random, 0]))
    inputs = pairs.signals - np.array([centre, 0.0])
    model = _fit(inputs, pairs, np.ones(len(inputs), dtype=bool))
    dense, lexical = model.coef_[0]
    lines = [__doc__ or "", f"pairs: {len(inputs)}, relevant {pairs.label.sum()}, "
             f"random {pairs.random.sum()}", f"fit: bias {model.intercept_[0]:.2f}, "
             f"dense {dense:.1f}, lexical {lexical:.2f}, centre {centre:.4f}",
             _validated(inputs, pairs)]  # fmt: skip
    config = RelevanceConfig()
    shown = np.array([relevance(c, v, config).value for c, v in pairs.signals])
    for name, mask in (("random", pairs.random), ("relevant", pairs.label)):
        values = shown[mask]
        lines.append(
            f"shipped coefficients, {name} pairs: median {np.median(values):.3f}, "
            f"99 % below {np.quantile(values, 0.99):.3f}, "
            f"at or above floor {config.floor}: {np.mean(values >= config.floor):.1%}, "
            f"recommended (≥ {config.recommend}): {np.mean(values >= config.recommend):.2%}"
        )
    sys.stdout.write("\n".join(lines) + "\n")


def _fit(inputs: NDArray[np.float64], pairs: Pairs, rows: NDArray[np.bool_]) -> LogisticRegression:
    model = LogisticRegression(C=1e6, max_iter=1000)
    return model.fit(inputs[rows], pairs.label[rows], sample_weight=pairs.weight[rows])


def _validated(inputs: NDArray[np.float64], pairs: Pairs) -> str:
    held_out = np.empty(len(inputs))
    constant = np.empty(len(inputs))
    for train, test in GroupKFold(5).split(inputs, groups=pairs.need):
        rows = np.zeros(len(inputs), dtype=bool)
        rows[train] = True
        held_out[test] = _fit(inputs, pairs, rows).predict_proba(inputs[test])[:, 1]
        constant[test] = np.average(pairs.label[train], weights=pairs.weight[train])
    losses = [log_loss(pairs.label, p, sample_weight=pairs.weight) for p in (held_out, constant)]
    return f"log loss, five folds by need: {losses[0]:.4f} (constant guess {losses[1]:.4f})"


if __name__ == "__main__":
    main(sys.argv[1:])
