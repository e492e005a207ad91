"""The two retrieval paths, side by side, over one shard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.scored import ScoredDoc
from indexer.shard import IndexShard
from matcher.query import PreparedQuery

SIGNALS = ("dense", "lexical")


@dataclass(frozen=True, slots=True)
class RetrievalConfig:
    """What is fetched before fusion."""

    depth: int = 200
    """Candidates of each path, ≥ the number of results wanted."""
    signals: tuple[str, ...] = SIGNALS
    """Paths that take part: both, or one alone."""


def retrieve(
    shard: IndexShard,
    query: PreparedQuery,
    allowed: NDArray[np.int64],
    config: RetrievalConfig,
) -> dict[str, list[ScoredDoc]]:
    """A ranking of ``allowed`` documents by each path that the shard can answer."""
    rankings: dict[str, list[ScoredDoc]] = {}
    if "dense" in config.signals and shard.dense is not None and query.vector is not None:
        rankings["dense"] = shard.dense.search(query.vector, config.depth, allowed)
    if "lexical" in config.signals and shard.lexical is not None:
        rankings["lexical"] = shard.lexical.search(query.terms, config.depth, allowed)
    return rankings
