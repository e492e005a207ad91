"""Which pairs of documents are worth comparing: buckets of documents that have something alike.

Four kinds of bucket, because each kind of edit breaks another one: MinHash bands of the text's
shingles (edits here and there), of the title's (an edited title), equal clauses (sentences in
another order, a shortened text), and equal titles but for generic words.

MinHash: A. Broder, On the resemblance and containment of documents, 1997. Banding: J. Leskovec,
A. Rajaraman, J. Ullman, Mining of Massive Datasets, 3.4. Hash family: M. Dietzfelbinger,
Universal hashing and k-wise independent random variables via integer arithmetic, 1996.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from corpus.duplicates.profile import Profile, scramble, shingle_hashes

TEXT_BANDS, TEXT_ROWS = 32, 4
"""Half of the pairs with a Jaccard index of 0.38 and 99 % of those with 0.6 share a band."""
TITLE_BANDS, TITLE_ROWS = 21, 3
"""Half of the pairs with a Jaccard index of 0.32 and 94 % of those with 0.5 share a band."""
LONG_CLAUSE = 8
"""Characters of a clause that is worth a bucket; shorter ones are shared by chance."""
FULL_BUCKET = 24
"""A bucket with more documents holds a template: only neighbours by title are paired."""
NEIGHBOURS = 6
"""How many followers, in order of title, a document of a full bucket is paired with."""

_SEED = 1997


def candidate_pairs(profiles: Sequence[Profile], fresh: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rows ``(i, j)``, i < j, of positions worth comparing; at least one of them is ``fresh``.

    Linear in the documents but for the sorting: a full bucket never yields all its pairs.
    """
    count = len(profiles)
    rank = np.empty(count, np.int64)  # neighbours in full buckets (Hernández and Stolfo, 1995)
    rank[sorted(range(count), key=lambda i: (profiles[i].title, profiles[i].body[:80], i))] = (
        np.arange(count)
    )
    found = np.empty(0, np.int64)
    for keys, positions in _bucket_keys(profiles):
        codes = [_paired(bucket, rank, fresh, count) for bucket in _buckets(keys, positions)]
        found = _distinct(np.concatenate([found, *codes]))
    return np.stack([found // max(count, 1), found % max(count, 1)], axis=1)


def signatures(sets: Iterable[NDArray[np.uint32]], length: int) -> NDArray[np.uint32]:
    """MinHash signatures, one row a set: the smallest value under ``length`` hash functions."""
    rng = np.random.default_rng(_SEED)
    factors = rng.integers(1, 2**63, (length, 1), dtype=np.uint64) | np.uint64(1)
    terms = rng.integers(0, 2**63, (length, 1), dtype=np.uint64)
    rows = []
    for hashes in sets:
        row = np.full(length, 2**32 - 1, np.uint64)
        for start in range(0, len(hashes), 4096):
            part = hashes[start : start + 4096].astype(np.uint64)
            row = np.minimum(row, ((factors * part + terms) >> np.uint64(32)).min(axis=1))
        rows.append(row.astype(np.uint32))
    return np.array(rows, np.uint32).reshape(-1, length)


def _bucket_keys(
    profiles: Sequence[Profile],
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    """(key, position) columns: documents with an equal key share a bucket."""
    texts = np.array([i for i, p in enumerate(profiles) if len(p.shingles)], np.int64)
    yield from _bands((profiles[i].shingles for i in texts), texts, TEXT_BANDS, TEXT_ROWS)
    titles = np.array([i for i, p in enumerate(profiles) if p.words], np.int64)
    pairs = (shingle_hashes("".join(profiles[i].words), 2) for i in titles)
    yield from _bands(pairs, titles, TITLE_BANDS, TITLE_ROWS)
    words = [hash(tuple(sorted(profiles[i].words))) & (2**64 - 1) for i in titles]
    yield np.array(words, np.uint64), titles
    clauses = [
        (hash(clause) & (2**64 - 1), i)
        for i, p in enumerate(profiles)
        for clause in set(p.clauses)
        if len(clause) >= LONG_CLAUSE
    ]
    yield (
        np.array([key for key, _ in clauses], np.uint64),
        np.array([i for _, i in clauses], np.int64),
    )


def _distinct(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    # By sorting: numpy's own unique goes by hashes, ten times slower for millions of numbers.
    codes.sort()
    return codes[np.concatenate([[True], codes[1:] != codes[:-1]])] if len(codes) else codes


def _bands(
    sets: Iterable[NDArray[np.uint32]], positions: NDArray[np.int64], bands: int, rows: int
) -> Iterator[tuple[NDArray[np.uint64], NDArray[np.int64]]]:
    matrix = signatures(sets, bands * rows)
    for band in range(bands):
        keys = np.zeros(len(positions), np.uint64)
        for column in matrix[:, band * rows : (band + 1) * rows].T:
            keys = (keys << np.uint64(32)) + scramble(keys + column).astype(np.uint64)
        yield keys, positions


def _buckets(keys: NDArray[np.uint64], positions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    order = np.argsort(keys, kind="stable")
    keys, positions = keys[order], positions[order]
    if not len(keys):
        return
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    for start, end in zip(starts, [*starts[1:], len(keys)], strict=True):
        if end - start > 1:
            yield positions[start:end]


def _paired(
    bucket: NDArray[np.int64], rank: NDArray[np.int64], fresh: NDArray[np.bool_], count: int
) -> NDArray[np.int64]:
    """Pairs of a bucket as single numbers, the smaller position first."""
    if len(bucket) <= FULL_BUCKET:
        first, second = np.triu_indices(len(bucket), 1)
    else:
        bucket = bucket[np.argsort(rank[bucket])]
        steps = [np.arange(len(bucket) - step) for step in range(1, NEIGHBOURS + 1)]
        first = np.concatenate(steps)
        second = np.concatenate([at + step for step, at in enumerate(steps, 1)])
    left, right = bucket[first], bucket[second]
    kept = fresh[left] | fresh[right]
    left, right = left[kept], right[kept]
    return np.minimum(left, right) * count + np.maximum(left, right)
