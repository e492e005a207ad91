"""Hard filters, answered by the database: it is the truth, so what was withdrawn or changed
there is never shown from an index that does not know yet."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from corpus.model import Kind, RecordFilter
from corpus.repository import CorpusRepository

_KEPT = 64


class EligibleIds:
    """Ids that pass a filter, remembered until the corpus changes. Safe for threads."""

    def __init__(self) -> None:
        self._cache: OrderedDict[tuple[int, Kind, RecordFilter], NDArray[np.int64]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, repository: CorpusRepository, kind: Kind, where: RecordFilter
    ) -> NDArray[np.int64]:
        """Ascending ids."""
        key = (repository.revision(), kind, where)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        ids = np.array(repository.eligible_ids(kind, where), dtype=np.int64)
        with self._lock:
            self._cache[key] = ids
            while len(self._cache) > _KEPT:
                self._cache.popitem(last=False)
        return ids
