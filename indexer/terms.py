"""Term counts of a segment's documents: raw numbers, from which BM25 is computed when asked.

No statistic of a collection is stored here (no idf, no mean length), so that a score never
depends on how a collection is cut into segments.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ShardError

Ids = NDArray[np.int64]

_VOCABULARY = "vocabulary.json"
_ARRAYS = ("doc_ids", "lengths", "pointers", "rows", "counts")


class TermCounts:
    """Which document holds which term how often, term by term. Never changed once made."""

    def __init__(
        self,
        doc_ids: Ids,
        lengths: NDArray[np.int64],
        vocabulary: Sequence[str],
        pointers: NDArray[np.int64],
        rows: NDArray[np.int32],
        counts: NDArray[np.int32],
    ) -> None:
        """Postings of ``vocabulary[i]`` are ``rows``/``counts`` at pointers[i]:pointers[i + 1]."""
        self.doc_ids = doc_ids
        """(n,) ascending; a document's place here is its row."""
        self.lengths = lengths
        """(n,) number of terms, repetitions included."""
        self._vocabulary = vocabulary
        self._pointers = pointers
        self._rows = rows
        self._counts = counts
        self._columns = {term: column for column, term in enumerate(vocabulary)}

    @classmethod
    def build(cls, doc_ids: Sequence[int], documents: Sequence[Sequence[str]]) -> TermCounts:
        """Count ``documents`` (term lists) under ``doc_ids``.

        Raises:
            ValueError: the ids do not ascend, or do not fit the documents.
        """
        ids = np.asarray(doc_ids, dtype=np.int64)
        if len(documents) != len(ids) or np.any(np.diff(ids) <= 0):
            raise ValueError("one term list per id, ids ascending and unique")
        lengths = np.fromiter(map(len, documents), np.int64, len(documents))
        numbers: dict[str, int] = {}
        terms = np.fromiter(
            (numbers.setdefault(t, len(numbers)) for document in documents for t in document),
            np.int64,
        )
        rows = np.repeat(np.arange(len(ids)), lengths)
        return cls._of(ids, lengths, list(numbers), terms, rows, np.ones_like(rows))

    @classmethod
    def merge(cls, parts: Iterable[tuple[TermCounts, NDArray[np.bool_]]]) -> TermCounts:
        """The documents of each part for which its mask is true, as if counted together."""
        kept = list(parts)
        ids = np.concatenate([np.empty(0, np.int64), *(p.doc_ids[keep] for p, keep in kept)])
        lengths = np.concatenate([np.empty(0, np.int64), *(p.lengths[keep] for p, keep in kept)])
        order = np.argsort(ids)
        row_of = np.empty(len(ids), np.int64)
        row_of[order] = np.arange(len(ids))
        numbers: dict[str, int] = {}
        columns: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]] = []
        first = 0
        for part, keep in kept:
            new_rows = np.full(len(keep), -1, np.int64)
            new_rows[keep] = row_of[first : first + int(keep.sum())]
            first += int(keep.sum())
            own = [numbers.setdefault(term, len(numbers)) for term in part._vocabulary]
            of_posting = np.repeat(np.array(own, np.int64), np.diff(part._pointers))
            stays = keep[part._rows]
            columns.append(
                (of_posting[stays], new_rows[part._rows[stays]],
                 part._counts[stays].astype(np.int64))
            )  # fmt: skip
        terms, rows, counts = (
            np.concatenate([np.empty(0, np.int64), *(column[i] for column in columns)])
            for i in range(3)
        )
        return cls._of(ids[order], lengths[order], list(numbers), terms, rows, counts)

    @classmethod
    def _of(
        cls,
        ids: Ids,
        lengths: NDArray[np.int64],
        names: Sequence[str],
        terms: NDArray[np.int64],
        rows: NDArray[np.int64],
        counts: NDArray[np.int64],
    ) -> TermCounts:
        """From triples (number of a term in ``names``, row, count) in any order.

        The result depends on the documents alone: the vocabulary is sorted and holds no term
        that none of them has.
        """
        used, terms = np.unique(terms, return_inverse=True)
        held = [names[number] for number in used.tolist()]
        alphabetical = sorted(range(len(held)), key=held.__getitem__)
        rank = np.empty(len(held), np.int64)
        rank[alphabetical] = np.arange(len(held))
        keys = rank[terms] * max(len(ids), 1) + rows
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        firsts = np.flatnonzero(np.diff(keys, prepend=-1))
        totals = np.add.reduceat(counts[order], firsts) if len(firsts) else counts[:0]
        column, row = np.divmod(keys[firsts], max(len(ids), 1))
        pointers = np.concatenate(([0], np.cumsum(np.bincount(column, minlength=len(held)))))
        return cls(
            ids,
            lengths,
            [held[i] for i in alphabetical],
            pointers.astype(np.int64),
            row.astype(np.int32),
            totals.astype(np.int32),
        )

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Rows of the documents that hold a term, ascending, and how often each does."""
        column = self._columns.get(term)
        if column is None:
            return self._rows[:0], self._counts[:0]
        start, end = int(self._pointers[column]), int(self._pointers[column + 1])
        return self._rows[start:end], self._counts[start:end]

    def save(self, folder: Path) -> None:
        """Write into an existing empty folder."""
        (folder / _VOCABULARY).write_text(json.dumps(list(self._vocabulary)), "ascii")
        arrays: tuple[NDArray[np.integer[Any]], ...] = (
            self.doc_ids, self.lengths, self._pointers, self._rows, self._counts
        )  # fmt: skip
        for name, array in zip(_ARRAYS, arrays, strict=True):
            np.save(folder / f"{name}.npy", array)

    @classmethod
    def load(cls, folder: Path) -> TermCounts:
        """Open what ``save`` wrote; the arrays are memory-mapped.

        Raises:
            ShardError: a file is missing or malformed.
        """
        try:
            vocabulary: list[str] = json.loads((folder / _VOCABULARY).read_text("ascii"))
            ids, lengths, pointers, rows, counts = (
                np.load(folder / f"{name}.npy", mmap_mode="r") for name in _ARRAYS
            )
            if len(pointers) != len(vocabulary) + 1 or len(rows) != len(counts):
                raise ValueError("the files do not fit each other")
        except (OSError, ValueError) as error:
            raise ShardError(
                f"词语索引无法打开（{error}）。请重新运行 zhitong index build。"
            ) from error
        return cls(ids, lengths, vocabulary, pointers, rows, counts)
