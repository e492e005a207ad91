"""The open table of rankers: a name, and something that ranks needs or can be fitted to do so.

A ranker that learns has `fit`; an experiment fits it anew for every fold and gives it only what it
may see. One that ships a fitted model has `rank` as well, which then answers for sets that nobody
trains on. To add a ranker, write a class and a row in `RANKERS`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from eval.experiment import Ranker, Run
from eval.labelled import OpenSet
from eval.qrels import Qrels
from eval.qrels import Run as ReadRun
from eval.training.ranking import Source, fit_model
from matcher.engine import MatchConfig
from matcher.scoring import ScoringModel

DEFAULT = "default"
"""The row that others are compared with: what people get."""
RRF_K = 60
"""Damping of the first ranks (Cormack, Clarke & Büttcher, SIGIR 2009)."""


@dataclass(frozen=True, slots=True)
class Training:
    """Judged pairs of a set that may be learnt from."""

    where: OpenSet
    qrels: Qrels


@runtime_checkable
class FixedRanker(Protocol):
    """Ranks without learning, or after it."""

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """For each of ``needs`` its achievements, best first, from the set's pool."""
        ...


@runtime_checkable
class LearnedRanker(Protocol):
    """Can be fitted. It keeps nothing between two calls of `fit`: what it learns is returned."""

    def fit(self, training: Sequence[Training]) -> FixedRanker:
        """A ranker that has learnt from ``training``, never empty, and from nothing else."""
        ...


AnyRanker = FixedRanker | LearnedRanker


@dataclass(frozen=True, slots=True)
class OnePath:
    """One path of the index alone."""

    path: Ranker

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """By the store."""
        return where.store.rank(MatchConfig(), self.path, where.labelled.pool, needs=needs)


@dataclass(frozen=True, slots=True)
class Additive:
    """The product's own ranking model: fitted anew where it learns, else as it ships."""

    model: ScoringModel | None = None
    """What ranks where nothing is learnt; None: that which ships."""
    prior: ScoringModel | None = None
    """What learning begins with; None: nothing."""

    def fit(self, training: Sequence[Training]) -> FixedRanker:
        """A ranker by the model that ``training`` gives."""
        sources = [Source(t.where.labelled.name, t.where.store, t.qrels) for t in training]
        return Additive(fit_model(sources, prior=self.prior))

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """By the engine."""
        config = MatchConfig() if self.model is None else MatchConfig(model=self.model)
        return where.store.rank(config, Ranker.DEFAULT, where.labelled.pool, needs=needs)


@dataclass(frozen=True, slots=True)
class AsItIs:
    """A ranker that does not learn even where it could."""

    ranker: FixedRanker

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """As the ranker does."""
        return self.ranker.rank(where, needs)


@dataclass(frozen=True, slots=True)
class ReciprocalRankFusion:
    """``Σ 1 / (k + rank)`` over rankings, equal scores sharing the best of their ranks.

    The usual hybrid: a yardstick.

    Source: Cormack, Clarke & Büttcher 2009, SIGIR.
    """

    parts: tuple[FixedRanker, ...]
    k: int = RRF_K

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """Ties in the order of the collection."""
        place = {key: i for i, key in enumerate(where.labelled.collection.achievements)}
        runs = [part.rank(where, needs) for part in self.parts]
        fused: Run = {}
        for need in needs:
            scores: dict[str, float] = {}
            for run in runs:
                for key, rank in _ranks(run[need]):
                    scores[key] = scores.get(key, 0.0) + 1.0 / (self.k + rank)
            fused[need] = sorted(scores.items(), key=lambda item: (-item[1], place[item[0]]))
        return fused


@dataclass(frozen=True, slots=True)
class StandardScores:
    """Scores of each ranking made standard within a need (mean 0, deviation 1), then added.

    What a ranking leaves out has that ranking's lowest score. Source: Montague & Aslam 2001, CIKM.
    """

    parts: tuple[FixedRanker, ...]

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """Ties in the order of the collection."""
        place = {key: i for i, key in enumerate(where.labelled.collection.achievements)}
        runs = [part.rank(where, needs) for part in self.parts]
        fused: Run = {}
        for need in needs:
            keys = {key for run in runs for key, _ in run[need]}
            scores = dict.fromkeys(keys, 0.0)
            for run in runs:
                for key, value in _standard(dict(run[need]), keys).items():
                    scores[key] += value
            fused[need] = sorted(scores.items(), key=lambda item: (-item[1], place[item[0]]))
        return fused


@dataclass(frozen=True, slots=True)
class RunFile:
    """A run made elsewhere. Needs that are not in it are not ranked, and count 0."""

    run: ReadRun

    def rank(self, where: OpenSet, needs: Sequence[str]) -> Run:
        """The run's order, restricted to what the needs and the pool of the set allow."""
        return {need: list(self.run[need]) for need in needs if need in self.run}


RANKERS: Mapping[str, AnyRanker] = {
    DEFAULT: Additive(),
    "lexical": OnePath(Ranker.LEXICAL),
    "dense": OnePath(Ranker.DENSE),
    "rrf": ReciprocalRankFusion((OnePath(Ranker.DENSE), OnePath(Ranker.LEXICAL))),
    "zscore": StandardScores((OnePath(Ranker.DENSE), OnePath(Ranker.LEXICAL))),
}
"""What an experiment compares."""


def _ranks(ranking: Sequence[tuple[str, float]]) -> list[tuple[str, int]]:
    ranks: list[tuple[str, int]] = []
    rank, previous = 0, None
    for at, (key, score) in enumerate(ranking, 1):
        if score != previous:
            rank, previous = at, score
        ranks.append((key, rank))
    return ranks


def _standard(scores: Mapping[str, float], keys: set[str]) -> dict[str, float]:
    lowest = min(scores.values(), default=0.0)
    full = {key: scores.get(key, lowest) for key in sorted(keys)}
    mean = sum(full.values()) / max(len(full), 1)
    deviation = (sum((v - mean) ** 2 for v in full.values()) / max(len(full), 1)) ** 0.5
    return {key: (value - mean) / deviation if deviation else 0.0 for key, value in full.items()}
