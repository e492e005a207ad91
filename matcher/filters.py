"""Hard filters, answered by the database: it is the truth, so what was withdrawn or changed
there is never shown from an index that does not know yet."""

from __future__ import annotations

import threading
from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from corpus.confidentiality import RowScope
from corpus.model import Kind, RecordFilter
from corpus.repository import CorpusRepository
from indexer.shard import IndexShard

_KEPT = 64
_Asked = tuple[int, str, Kind, RecordFilter, RowScope]


class EligibleIds:
    """Documents that pass a filter and that an index holds as they are now.

    Remembered until the corpus or the index changes. Safe for threads.
    """

    def __init__(self) -> None:
        self._cache: OrderedDict[_Asked, NDArray[np.int64]] = OrderedDict()
        self._lock = threading.Lock()

    def get(
        self, repository: CorpusRepository, kind: Kind, where: RecordFilter, shard: IndexShard
    ) -> NDArray[np.int64]:
        """Ascending ids. A record that was changed since it was indexed is left out: the index
        would find it for words that it no longer has."""
        key = (repository.revision(), shard.name, kind, where, repository.scope)
        with self._lock:
            if key in self._cache:
                self._cache.move_to_end(key)
                return self._cache[key]
        found = repository.eligible(kind, where)
        ids = np.array([row_id for row_id, _ in found], dtype=np.int64)
        ids = ids[shard.holds(ids, [content for _, content in found])]
        with self._lock:
            self._cache[key] = ids
            while len(self._cache) > _KEPT:
                self._cache.popitem(last=False)
        return ids
