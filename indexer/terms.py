"""Term counts of a segment's documents, field by field: raw numbers, from which BM25F is computed.

No statistic of a collection and no weight is stored here (no idf, no mean length), so that a
score never depends on how a collection is cut into segments, and other weights ask for nothing
to be made anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ShardError
from indexer.fields import LAYERS, Layer

Ids = NDArray[np.int64]
Rows = NDArray[np.int32]
Values = NDArray[np.float64]
FieldTerms = Mapping[Layer, Sequence[str]]
"""A document: the terms of each of its fields, repetitions included."""

_VOCABULARY = "vocabulary.json"
_ARRAYS = ("doc_ids", "lengths", "pointers", "rows", "counts")
# Sets of weights whose frequencies a segment remembers.
_REMEMBERED = 4


@dataclass(frozen=True, slots=True)
class Frequencies:
    """Postings of a segment under some weights of the fields, term by term."""

    columns: Mapping[str, int]
    pointers: NDArray[np.int64]
    rows: Rows
    values: Values  # weighted counts, > 0

    def of(self, term: str) -> tuple[Rows, Values]:
        """Rows of the documents that hold a term, ascending, and its frequency in each."""
        column = self.columns.get(term)
        if column is None:
            return self.rows[:0], self.values[:0]
        start, end = int(self.pointers[column]), int(self.pointers[column + 1])
        return self.rows[start:end], self.values[start:end]


class TermCounts:
    """Which field of which document holds which term how often. Never changed once made."""

    def __init__(
        self,
        doc_ids: Ids,
        lengths: NDArray[np.int64],
        vocabulary: Sequence[str],
        pointers: NDArray[np.int64],
        rows: Rows,
        counts: NDArray[np.unsignedinteger[Any]],
    ) -> None:
        """Postings of ``vocabulary[i]`` are ``rows``/``counts`` at pointers[i]:pointers[i + 1]."""
        self.doc_ids = doc_ids
        """(n,) ascending; a document's place here is its row."""
        self.lengths = lengths
        """(fields, n) number of terms, repetitions included."""
        self.vocabulary = vocabulary
        """Terms that a document holds, ascending."""
        self._pointers = pointers
        self._rows = rows
        self._counts = counts  # (fields, postings)
        self._columns = {term: column for column, term in enumerate(vocabulary)}
        self._remembered = lru_cache(_REMEMBERED)(self._computed)

    @classmethod
    def build(cls, doc_ids: Sequence[int], documents: Iterable[FieldTerms]) -> TermCounts:
        """Count ``documents`` under ``doc_ids``; they are read once, in that order.

        Raises:
            ValueError: the ids do not ascend, or do not fit the documents.
        """
        ids = np.asarray(doc_ids, dtype=np.int64)
        numbers: dict[str, int] = {}
        lengths: list[list[int]] = []
        terms: list[NDArray[np.int64]] = [np.empty(0, np.int64)]
        counts = [_narrowed(np.empty((len(LAYERS), 0), np.int64))]
        for document in documents:
            fields = [document.get(layer, ()) for layer in LAYERS]
            lengths.append([len(field) for field in fields])
            held, block = _counted(fields, numbers)
            terms.append(held)
            counts.append(block)
        if len(lengths) != len(ids) or np.any(np.diff(ids) <= 0):
            raise ValueError("one document per id, ids ascending and unique")
        rows = np.repeat(np.arange(len(ids)), [len(held) for held in terms[1:]])
        return cls._of(
            ids,
            np.array(lengths, np.int64).reshape(-1, len(LAYERS)).T,
            list(numbers),
            np.concatenate(terms),
            rows,
            np.concatenate(counts, axis=1),
        )

    @classmethod
    def merge(cls, parts: Iterable[tuple[TermCounts, NDArray[np.bool_]]]) -> TermCounts:
        """The documents of each part for which its mask is true, as if counted together."""
        kept = list(parts)
        ids = np.concatenate([np.empty(0, np.int64), *(p.doc_ids[keep] for p, keep in kept)])
        empty = np.empty((len(LAYERS), 0), np.int64)
        lengths = np.concatenate([empty, *(p.lengths[:, keep] for p, keep in kept)], axis=1)
        order = np.argsort(ids)
        row_of = np.empty(len(ids), np.int64)
        row_of[order] = np.arange(len(ids))
        numbers: dict[str, int] = {}
        terms, rows = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
        counts = [_narrowed(empty)]
        first = 0
        for part, keep in kept:
            new_rows = np.full(len(keep), -1, np.int64)
            new_rows[keep] = row_of[first : first + int(keep.sum())]
            first += int(keep.sum())
            own = [numbers.setdefault(term, len(numbers)) for term in part.vocabulary]
            stays = keep[part._rows]
            terms.append(np.repeat(np.array(own, np.int64), np.diff(part._pointers))[stays])
            rows.append(new_rows[part._rows[stays]])
            counts.append(part._counts[:, stays])
        return cls._of(
            ids[order],
            lengths[:, order],
            list(numbers),
            np.concatenate(terms),
            np.concatenate(rows),
            np.concatenate(counts, axis=1),
        )

    @classmethod
    def _of(
        cls,
        ids: Ids,
        lengths: NDArray[np.int64],
        names: Sequence[str],
        terms: NDArray[np.int64],
        rows: NDArray[np.int64],
        counts: NDArray[np.unsignedinteger[Any]],
    ) -> TermCounts:
        """From postings (number of a term in ``names``, row, counts) in any order.

        The result depends on the documents alone: the vocabulary is sorted and holds no term
        that none of them has.
        """
        used, terms = np.unique(terms, return_inverse=True)
        held = [names[number] for number in used.tolist()]
        alphabetical = sorted(range(len(held)), key=held.__getitem__)
        rank = np.empty(len(held), np.int64)
        rank[alphabetical] = np.arange(len(held))
        columns = rank[terms]
        order = np.argsort(columns * max(len(ids), 1) + rows)
        pointers = np.concatenate(([0], np.cumsum(np.bincount(columns, minlength=len(held)))))
        return cls(
            ids,
            np.ascontiguousarray(lengths),
            [held[i] for i in alphabetical],
            pointers.astype(np.int64),
            rows[order].astype(np.int32),
            _narrowed(counts[:, order]),
        )

    def weighted(self, weights: tuple[float, ...]) -> Frequencies:
        """Postings whose frequency is Σ weight · count over the fields (``LAYERS``).

        A field of weight 0 is as if it were not there.
        """
        return self._remembered(weights)

    def weighted_lengths(self, weights: tuple[float, ...]) -> Values:
        """(n,) Σ weight · length over the fields."""
        return _weighted_sum(weights, self.lengths)

    def title_rows(self, term: str) -> Rows:
        """Rows of the documents whose title holds a term, ascending."""
        column = self._columns.get(term)
        if column is None:
            return self._rows[:0]
        here = slice(int(self._pointers[column]), int(self._pointers[column + 1]))
        return self._rows[here][self._counts[Layer.TITLE.number, here] > 0]

    def title_sums(self, values: Values) -> Values:
        """(n,) sum of ``values`` (one for each of ``vocabulary``) over the title's distinct terms.

        Terms are added in ascending order.
        """
        columns = np.repeat(np.arange(len(self.vocabulary)), np.diff(self._pointers))
        titles = self._counts[Layer.TITLE.number] > 0
        rows = self._rows[titles]
        sums = np.bincount(rows, values[columns[titles]], minlength=len(self.doc_ids))
        return sums.astype(np.float64)  # whole numbers where there is nothing to add

    def _computed(self, weights: tuple[float, ...]) -> Frequencies:
        values = _weighted_sum(weights, self._counts)
        if all(weight > 0 for weight in weights):
            return Frequencies(self._columns, self._pointers, self._rows, values)
        held = values > 0
        pointers = np.concatenate(([0], np.cumsum(held)))[self._pointers]
        return Frequencies(self._columns, pointers, self._rows[held], values[held])

    def save(self, folder: Path) -> None:
        """Write into an existing empty folder."""
        (folder / _VOCABULARY).write_text(json.dumps(list(self.vocabulary)), "ascii")
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
            if (
                len(pointers) != len(vocabulary) + 1
                or lengths.shape != (len(LAYERS), len(ids))
                or counts.shape != (len(LAYERS), len(rows))
            ):
                raise ValueError("the files do not fit each other")
        except (OSError, ValueError) as error:
            raise ShardError(
                f"词语索引无法打开（{error}）。请重新运行 zhitong index build。"
            ) from error
        return cls(ids, lengths, vocabulary, pointers, rows, counts)


def _counted(
    fields: Sequence[Sequence[str]], numbers: dict[str, int]
) -> tuple[NDArray[np.int64], NDArray[np.unsignedinteger[Any]]]:
    """Distinct terms of a document, as numbers, and how often each field holds them."""
    terms = np.fromiter(
        (numbers.setdefault(term, len(numbers)) for field in fields for term in field), np.int64
    )
    distinct, places = np.unique(terms, return_inverse=True)
    field_of = np.repeat(np.arange(len(fields)), [len(field) for field in fields])
    cells = len(fields) * len(distinct)
    block = np.bincount(field_of * len(distinct) + places, minlength=cells)
    return distinct, _narrowed(block.reshape(len(fields), len(distinct)))


def _narrowed(counts: NDArray[np.integer[Any]]) -> NDArray[np.unsignedinteger[Any]]:
    """In the smallest unsigned type that holds the largest count, row by row in memory."""
    return np.ascontiguousarray(counts, np.min_scalar_type(int(counts.max(initial=0))))


def _weighted_sum(weights: tuple[float, ...], numbers: NDArray[np.integer[Any]]) -> Values:
    """Column by column, in the order of the fields: a matrix product's last bit may vary."""
    total = np.zeros(numbers.shape[1])
    for weight, row in zip(weights, numbers, strict=True):
        if weight:
            total += weight * row
    return total
