"""Exact vector search: the only module that knows FAISS.

A document has one or more rows (its title, windows of its text); its score is that of its best
row. FAISS finds candidates in float32; they are scored again in float64, because the last bit
of a float32 product depends on how many queries were asked together.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.errors import ShardError
from indexer.scored import ScoredDoc, top_documents

Vectors = NDArray[np.float32]
# Candidates beyond n, so that float32 rounding cannot push a true result out. Where more tie
# than these, the search goes deeper.
_OVERFETCH = 16
# Results held in memory at once, 12 bytes each.
_RESULTS = 8 * 1024**2
# Large enough for FAISS's matrix multiplication at any dimension, small enough for memory.
_BATCH = 1024


class DenseIndex:
    """Inner product over unit rows, i.e. cosine similarity, in [−1, 1]."""

    def __init__(self, index: Any) -> None:
        self._index = index
        flat: Any = faiss.downcast_index(index.index)
        self._vectors: Vectors = faiss.rev_swig_ptr(flat.get_xb(), flat.ntotal * flat.d).reshape(
            flat.ntotal, flat.d
        )
        row_ids: NDArray[np.int64] = faiss.vector_to_array(index.id_map)
        self._doc_ids, starts = np.unique(row_ids, return_index=True)
        self._bounds = np.append(starts, len(row_ids)).astype(np.int64)

    @classmethod
    def build(cls, row_ids: Sequence[int], vectors: Vectors) -> DenseIndex:
        """Index ``vectors`` (rows, dimension), row i belonging to document ``row_ids[i]``.

        ``row_ids`` ascend; rows of one document stand together.
        """
        ids = np.asarray(row_ids, dtype=np.int64)
        if len(ids) != len(vectors) or np.any(np.diff(ids) < 0):
            raise ValueError("one id per row, ids ascending")
        index = faiss.IndexIDMap(faiss.IndexFlatIP(vectors.shape[1]))
        if len(ids):
            index.add_with_ids(np.ascontiguousarray(vectors, dtype=np.float32), ids)
        return cls(index)

    def save(self, path: Path) -> None:
        """Write one file."""
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path) -> DenseIndex:
        """Open what ``save`` wrote, memory-mapped.

        Raises:
            ShardError: the file is missing or malformed.
        """
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        except (RuntimeError, AssertionError, AttributeError) as error:
            raise ShardError("向量索引无法打开。请重新运行 zhitong index build。") from error

    @property
    def doc_ids(self) -> NDArray[np.int64]:
        """(n,) ids of the documents, ascending."""
        return self._doc_ids

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    @property
    def rows(self) -> int:
        """Number of vectors."""
        return int(self._index.ntotal)

    def row_range(self, doc_id: int) -> tuple[int, int]:
        """Rows ``[start, end)`` of a document; empty when it is not here."""
        place = int(np.searchsorted(self._doc_ids, doc_id))
        if place == len(self._doc_ids) or self._doc_ids[place] != doc_id:
            return 0, 0
        return int(self._bounds[place]), int(self._bounds[place + 1])

    def document_vectors(self, doc_id: int) -> Vectors:
        """(rows of the document, dimension), in the order they were added."""
        start, end = self.row_range(doc_id)
        return self._vectors[start:end]

    def row_scores(self, query: Vectors, doc_id: int) -> NDArray[np.float64]:
        """(rows of the document,) canonical float64 similarities."""
        return _similarities(query, self.document_vectors(doc_id))

    def search(
        self, query: Vectors, n: int, allowed: NDArray[np.int64] | None = None
    ) -> list[ScoredDoc]:
        """The best ``n`` documents for one query vector (dimension,).

        ``allowed``: ids the result may hold; None for all. Fewer than ``n`` come back when
        there are fewer.
        """
        return self.search_batch(query[None, :], n, allowed)[0]

    def search_batch(
        self, queries: Vectors, n: int, allowed: NDArray[np.int64] | None = None
    ) -> list[list[ScoredDoc]]:
        """``search`` for every row of ``queries`` (q, dimension): same ids, scores and order."""
        if n <= 0 or self.rows == 0 or (allowed is not None and len(allowed) == 0):
            return [[] for _ in queries]
        results: list[list[ScoredDoc]] = []
        for start in range(0, len(queries), _BATCH):
            block = np.ascontiguousarray(queries[start : start + _BATCH], dtype=np.float32)
            candidates = self._candidates(block, n, allowed)
            results.extend(
                self._rescore(query, ids, n) for query, ids in zip(block, candidates, strict=True)
            )
        return results

    def _candidates(
        self, queries: Vectors, n: int, allowed: NDArray[np.int64] | None
    ) -> list[NDArray[np.int64]]:
        parameters = None
        if allowed is not None and not self._covers(allowed):
            selector = faiss.IDSelectorBatch(np.ascontiguousarray(allowed, dtype=np.int64))
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        found: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(queries)
        open_queries = np.arange(len(queries))
        rows_per_doc = -(-self.rows // max(len(self._doc_ids), 1))
        depth = min(self.rows, (n + _OVERFETCH) * rows_per_doc)
        while len(open_queries):
            unfinished = []
            size = max(_RESULTS // depth, 1)
            for start in range(0, len(open_queries), size):
                block = open_queries[start : start + size]
                scores, ids = self._index.search(queries[block], depth, params=parameters)
                for query, values, hits in zip(block, scores, ids, strict=True):
                    # FAISS pads a short result with -1; a padded one has shown all there is.
                    exhausted = depth == self.rows or bool(hits[-1] == -1)
                    found[query] = np.unique(hits[hits != -1])
                    if not exhausted and not self._settled(values, hits, n):
                        unfinished.append(query)
            open_queries = np.array(unfinished, dtype=np.int64)
            depth = min(self.rows, depth * 4)
        return found

    def _settled(self, scores: Vectors, hits: NDArray[np.int64], n: int) -> bool:
        """Whether no document outside ``hits`` can be among the best ``n``.

        Its score is at most the last one; each is off by up to dimension · 2⁻²⁴ (the bound for
        a float32 sum of products of unit vectors).
        """
        firsts = np.sort(np.unique(hits, return_index=True)[1])
        rounding = self.dimension * 2.0**-23
        return len(firsts) >= n and bool(scores[firsts[n - 1]] - scores[-1] > rounding)

    def _covers(self, allowed: NDArray[np.int64]) -> bool:
        return len(allowed) >= len(self._doc_ids) and bool(
            np.isin(self._doc_ids, allowed, assume_unique=True).all()
        )

    def _rescore(self, query: Vectors, ids: NDArray[np.int64], n: int) -> list[ScoredDoc]:
        if len(ids) == 0:
            return []
        places = np.searchsorted(self._doc_ids, ids)
        starts, counts = self._bounds[places], np.diff(self._bounds)[places]
        firsts = np.concatenate(([0], np.cumsum(counts)[:-1]))
        rows = np.repeat(starts - firsts, counts) + np.arange(counts.sum())
        scores = np.maximum.reduceat(_similarities(query, self._vectors[rows]), firsts)
        return top_documents(ids, scores, n)


def _similarities(query: Vectors, vectors: Vectors) -> NDArray[np.float64]:
    # Not a matrix product: its last bit depends on the number of rows. A sum over the last
    # axis is done row by row.
    products = vectors.astype(np.float64) * query.astype(np.float64)
    return np.asarray(products.sum(axis=1), dtype=np.float64)
