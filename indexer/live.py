"""Which document of which segment answers: the same for both paths of an index."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.errors import ShardError

Ids = NDArray[np.int64]
Mask = NDArray[np.bool_]


class LiveDocuments:
    """The documents of all segments but those removed, in one order: ids ascending.

    A *place* is a document's position in that order; ``count`` stands for "removed".
    """

    def __init__(self, segments: Sequence[Ids], removed: Sequence[Ids] | None = None) -> None:
        """Take the ids of each segment (ascending), and those that no longer answer from it.

        Raises:
            ShardError: a document answers from two segments.
        """
        gone = removed or [np.empty(0, np.int64)] * len(segments)
        self.alive: list[Mask] = [
            np.isin(ids, dead, assume_unique=True, invert=True)
            for ids, dead in zip(segments, gone, strict=True)
        ]
        """For each segment (its documents,): whether a document answers from it."""
        kept = [ids[alive] for ids, alive in zip(segments, self.alive, strict=True)]
        ids = np.concatenate([np.empty(0, np.int64), *kept])
        order = np.argsort(ids)
        self.doc_ids: Ids = ids[order]
        """(count,) ascending."""
        if np.any(np.diff(self.doc_ids) == 0):
            raise ShardError("索引清单自相矛盾。请运行 zhitong index build --full。")
        self.whole = [bool(alive.all()) for alive in self.alive]
        """For each segment: whether all of its documents answer."""
        self._owner = np.repeat(np.arange(len(segments)), [len(part) for part in kept])[order]
        rows = [np.flatnonzero(alive) for alive in self.alive]
        self._row = np.concatenate([np.empty(0, np.int64), *rows])[order]
        self.places: list[NDArray[np.int64]] = []
        """For each segment (its documents,): the place of each, or ``count``."""
        place = np.empty(len(ids), np.int64)
        place[order] = np.arange(len(ids))
        first = 0
        for alive, part in zip(self.alive, kept, strict=True):
            places = np.full(len(alive), len(ids), np.int64)
            places[alive] = place[first : first + len(part)]
            self.places.append(places)
            first += len(part)

    @property
    def count(self) -> int:
        """How many documents answer."""
        return len(self.doc_ids)

    def locate(self, doc_id: int) -> tuple[int, int] | None:
        """(segment, row in it) of a document; None when it is not here."""
        place = int(np.searchsorted(self.doc_ids, doc_id))
        if place == len(self.doc_ids) or self.doc_ids[place] != doc_id:
            return None
        return int(self._owner[place]), int(self._row[place])

    def located(self, doc_ids: Ids) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """(segments, rows) of documents in any order; segment −1 for one that is not here."""
        segments, rows = np.full(len(doc_ids), -1, np.int64), np.zeros(len(doc_ids), np.int64)
        if self.count:
            places = np.minimum(np.searchsorted(self.doc_ids, doc_ids), self.count - 1)
            here = self.doc_ids[places] == doc_ids
            segments[here], rows[here] = self._owner[places[here]], self._row[places[here]]
        return segments, rows

    def mask(self, allowed: Ids | None) -> Mask | None:
        """(count + 1,) which places are among ``allowed`` (unique ids); None for all of them."""
        if allowed is None:
            return None
        mask = np.zeros(self.count + 1, np.bool_)
        mask[:-1] = np.isin(self.doc_ids, allowed, assume_unique=True)
        return None if mask[:-1].all() else mask

    def rows(self, segment: int, mask: Mask | None) -> Mask | None:
        """(documents of the segment,) which of its rows a ``mask`` lets through; None for all."""
        if mask is not None:
            return np.asarray(mask[self.places[segment]])
        return None if self.whole[segment] else self.alive[segment]
