"""Joining rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from indexer.scored import ScoredDoc


@dataclass(frozen=True, slots=True)
class FusionConfig:
    """Reciprocal rank fusion."""

    k: int = 60
    """Damping of the first ranks (Cormack, Clarke & Büttcher, SIGIR 2009 use 60), ≥ 1."""
    dense_weight: float = 1.0
    """Weight of the dense ranking, ≥ 0."""
    lexical_weight: float = 1.0
    """Weight of the lexical ranking, ≥ 0."""

    def weight(self, signal: str) -> float:
        """Weight of a signal by its name."""
        return {"dense": self.dense_weight, "lexical": self.lexical_weight}[signal]


@dataclass(frozen=True, slots=True)
class SignalPart:
    """One signal's part of a fused score."""

    signal: str  # "dense" or "lexical"
    rank: int  # 1 is best
    score: float  # the signal's own score
    part: float  # weight / (k + rank)


@dataclass(frozen=True, slots=True)
class FusedDoc:
    """A document's fused score, the sum of its parts in order of ``parts``."""

    id: int
    score: float
    parts: tuple[SignalPart, ...]


def reciprocal_rank_fusion(
    rankings: Mapping[str, Sequence[ScoredDoc]], config: FusionConfig
) -> list[FusedDoc]:
    """Sum of weight / (k + rank) over the rankings a document is in (Cormack et al. 2009).

    Documents with equal scores share a rank (the best of theirs), so that the order of ids
    never decides a score. Ordered by (score descending, id ascending).
    """
    parts: dict[int, list[SignalPart]] = {}
    for signal, ranking in rankings.items():
        rank, previous = 0, None
        for place, doc in enumerate(ranking, start=1):
            if doc.score != previous:
                rank, previous = place, doc.score
            part = config.weight(signal) / (config.k + rank)
            parts.setdefault(doc.id, []).append(SignalPart(signal, rank, doc.score, part))
    fused = [FusedDoc(i, sum(p.part for p in found), tuple(found)) for i, found in parts.items()]
    return sorted(fused, key=lambda doc: (-doc.score, doc.id))
