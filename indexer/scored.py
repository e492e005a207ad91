"""The one order of results: score descending, id ascending."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ScoredDoc:
    """A document's id and its score; higher is better."""

    id: int
    score: float


def top_documents(ids: NDArray[np.int64], scores: NDArray[np.float64], n: int) -> list[ScoredDoc]:
    """The best ``n`` of parallel arrays by (score descending, id ascending)."""
    if len(ids) > 4 * n > 0:
        # All that tie with the n-th stay in, so that the id decides between them.
        threshold = np.partition(scores, len(scores) - n)[len(scores) - n]
        keep = scores >= threshold
        ids, scores = ids[keep], scores[keep]
    order = np.lexsort((ids, -scores))[: max(n, 0)]
    return [ScoredDoc(int(ids[i]), float(scores[i])) for i in order]
