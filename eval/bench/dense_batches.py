"""How many queries to give FAISS in one call.

    python -m eval.bench.dense_batches [VECTORS [QUERIES]]

Method: an exact inner-product index over random unit vectors of 384 dimensions (the default
encoder's size); the same queries are answered in calls of 1, 64, 256, 333, 334 and 1,024, and once
more in calls of 256 with ``distance_compute_blas_threshold`` at 0 and at 3,000. The variants take
turns, five rounds, so that a drift of the machine's speed meets all of them alike; shown are the
median seconds of CPU for a thousand queries and the ratio to calls of 1,024. Every variant has to
find the same neighbours.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from statistics import median

import faiss
import numpy as np
from numpy.typing import NDArray

SEED = 20261125
DIMENSION = 384
DEPTH = 200
ROUNDS = 5
REFERENCE = (1024, None)
# (queries a call, threshold; None for the library's default)
VARIANTS: Sequence[tuple[int, int | None]] = (
    (1, None), (1, 0), (64, None), (256, None), (333, None), (334, None), (256, 0), (256, 3000),
    REFERENCE,
)  # fmt: skip


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    rows, asked = (*map(int, arguments), *(7000, 1024)[len(arguments) :])
    rng = np.random.default_rng(SEED)
    index = faiss.IndexFlatIP(DIMENSION)
    index.add(_units(rng, rows))
    queries = _units(rng, asked)
    default = faiss.cvar.distance_compute_blas_threshold
    cpu: dict[tuple[int, int | None], list[float]] = {variant: [] for variant in VARIANTS}
    expected = None
    for _round in range(ROUNDS):
        for size, threshold in VARIANTS:
            faiss.cvar.distance_compute_blas_threshold = default if threshold is None else threshold
            started = time.process_time()
            found = [index.search(queries[i : i + size], DEPTH) for i in range(0, asked, size)]
            cpu[size, threshold].append((time.process_time() - started) * 1000 / asked)
            best = np.concatenate([scores[:, 0] for scores, _ in found])
            expected = best if expected is None else expected
            if not np.allclose(best, expected, atol=1e-5):
                raise AssertionError(f"calls of {size}: other neighbours")
    lines = [
        __doc__ or "",
        f"{rows} vectors, {asked} queries, {faiss.omp_get_max_threads()} threads, "
        f"default threshold {default}, faiss {faiss.__version__}",
        "| queries a call | threshold | CPU s per 1,000 | ratio |",
        "|---:|---:|---:|---:|",
    ]
    reference = median(cpu[REFERENCE])
    lines += [
        f"| {size} | {'default' if threshold is None else threshold} "
        f"| {median(cpu[size, threshold]):.2f} | {median(cpu[size, threshold]) / reference:.1f} |"
        for size, threshold in VARIANTS
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _units(rng: np.random.Generator, rows: int) -> NDArray[np.float32]:
    vectors = rng.normal(size=(rows, DIMENSION))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


if __name__ == "__main__":
    main(sys.argv[1:])
