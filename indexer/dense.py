"""Exact vector search: the only module that knows FAISS.

A document has one or more rows (first its title, then windows of its text); its score is that of
its best row. FAISS finds candidates in float32; they are scored again in float64, because the last
bit of a float32 product depends on how many queries were asked together.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any, TypeVar

import faiss
import numpy as np
from numpy.typing import NDArray

from indexer.errors import ShardError
from indexer.live import LiveDocuments, Mask
from indexer.scored import ScoredDoc, top_documents

Vectors = NDArray[np.float32]
Exact = NDArray[np.float64]
Number = TypeVar("Number", np.float32, np.float64)
# Candidates beyond n, so that float32 rounding cannot push a true result out. Where more tie
# than these, the search goes deeper.
_OVERFETCH = 16
# Up to this many rows left out are searched and dropped afterwards: FAISS has no matrix
# multiplication for a search that leaves out rows.
_FEW_ROWS = 256
# Results held in memory at once, 12 bytes each.
_RESULTS = 8 * 1024**2
# Large enough for FAISS's matrix multiplication at any dimension, small enough for memory.
_BATCH = 1024


class VectorRows:
    """The vectors of one segment, compared by inner product.

    Rows are units and products cosines, but for what ``offsets`` moved.
    """

    def __init__(self, index: Any) -> None:
        self._index = index
        flat: Any = faiss.downcast_index(index.index)
        self._flat = flat
        count, width = int(flat.ntotal), int(flat.d)
        self.vectors: Vectors = faiss.rev_swig_ptr(flat.get_xb(), count * width).reshape(
            count, width
        )
        """(rows, dimension)."""
        self.row_ids: NDArray[np.int64] = faiss.vector_to_array(index.id_map)
        """(rows,) the document of each row, ascending."""
        self.doc_ids, starts = np.unique(self.row_ids, return_index=True)
        self._bounds = np.append(starts, count).astype(np.int64)
        self._sizes = np.diff(self._bounds)
        self._document = np.repeat(np.arange(len(starts)), self._sizes)

    @classmethod
    def build(cls, row_ids: Sequence[int] | NDArray[np.int64], vectors: Vectors) -> VectorRows:
        """Take ``vectors`` (rows, dimension), row i belonging to document ``row_ids[i]``.

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
    def load(cls, path: Path) -> VectorRows:
        """Open what ``save`` wrote, memory-mapped.

        Raises:
            ShardError: the file is missing or malformed.
        """
        try:
            return cls(faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC))
        except (RuntimeError, AssertionError, AttributeError) as error:
            raise ShardError("向量索引无法打开。请重新运行 zhitong index build。") from error

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    @property
    def rows(self) -> int:
        """Number of vectors."""
        return len(self.row_ids)

    def row_range(self, document: int) -> tuple[int, int]:
        """Rows ``[start, end)`` of the document at a place in ``doc_ids``."""
        return int(self._bounds[document]), int(self._bounds[document + 1])

    def row_mask(self, keep: Mask) -> Mask:
        """(rows,) the rows of the documents (as in ``doc_ids``) for which ``keep`` is true."""
        return np.asarray(keep[self._document])

    def best_scores(self, query: Vectors) -> tuple[Vectors, Vectors]:
        """(documents,) similarities of title and best text (see ``DenseIndex``), in float32."""
        return _title_and_text(self.vectors @ query, self._bounds[:-1], self._sizes)

    def exact_scores(self, query: Vectors, documents: NDArray[np.int64]) -> tuple[Exact, Exact]:
        """Likewise in float64, of some documents (places in ``doc_ids``, in any order)."""
        rows, firsts = self._rows_of(documents)
        scores = similarities(query, self.vectors[rows])
        return _title_and_text(scores, firsts, self._sizes[documents])

    def best(self, queries: Vectors, n: int, keep: Mask | None) -> list[list[ScoredDoc]]:
        """The best ``n`` documents for each of ``queries`` (q, dimension), at most some 1,000.

        ``keep`` (documents,): which the results may hold; None for all.
        """
        candidates = self._candidates(queries, n, keep)
        return [self._rescore(q, found, n) for q, found in zip(queries, candidates, strict=True)]

    def _candidates(self, queries: Vectors, n: int, keep: Mask | None) -> list[NDArray[np.int64]]:
        """For each query the documents (places in ``doc_ids``) among which its best ``n`` are."""
        mask = None if keep is None else self.row_mask(keep)
        wanted = self.rows if mask is None else int(mask.sum())
        depth = (n + _OVERFETCH) * -(-self.rows // max(len(self.doc_ids), 1))
        if depth >= wanted:
            whole = np.arange(len(self.doc_ids)) if keep is None else np.flatnonzero(keep)
            return [whole] * len(queries)
        parameters = None
        if mask is not None and self.rows - wanted <= _FEW_ROWS:
            depth += self.rows - wanted
        elif mask is not None:
            bits: Any = np.packbits(mask, bitorder="little")
            selector = faiss.IDSelectorBitmap(bits)  # type: ignore[call-arg]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        found: list[NDArray[np.int64]] = [np.empty(0, np.int64)] * len(queries)
        open_queries = np.arange(len(queries))
        depth = min(self.rows, depth)
        while len(open_queries):
            unfinished = []
            size = max(_RESULTS // depth, 1)
            for start in range(0, len(open_queries), size):
                block = open_queries[start : start + size]
                scores, hits = self._flat.search(queries[block], depth, params=parameters)
                for query, values, rows in zip(block, scores, hits, strict=True):
                    # FAISS pads a short result with -1; a padded one has shown all there is.
                    exhausted = depth == self.rows or bool(rows[-1] == -1)
                    inside = rows != -1 if mask is None else (rows != -1) & mask[rows]
                    documents = self._document[rows[inside]]
                    found[query] = np.unique(documents)
                    length = float(np.linalg.norm(queries[query]))
                    if not exhausted and not self._settled(
                        values[inside], documents, float(values[-1]), n, length
                    ):
                        unfinished.append(query)
            open_queries = np.array(unfinished, dtype=np.int64)
            depth = min(self.rows, depth * 4)
        return found

    @cached_property
    def _longest(self) -> float:
        """Length of the longest row."""
        squares = np.einsum("ij,ij->i", self.vectors, self.vectors)
        return float(np.sqrt(squares.max(initial=0.0)))

    def _settled(
        self, scores: Vectors, documents: NDArray[np.int64], last: float, n: int, length: float
    ) -> bool:
        """Whether no document outside ``documents`` can be among the best ``n``.

        Its score is at most the last one; each is off by up to dimension · 2⁻²⁴ times the lengths
        of both vectors (the bound for a float32 sum of products). ``length`` is the query's.
        """
        firsts = np.sort(np.unique(documents, return_index=True)[1])
        rounding = self.dimension * 2.0**-23 * length * self._longest
        return len(firsts) >= n and bool(scores[firsts[n - 1]] - last > rounding)

    def _rescore(self, query: Vectors, documents: NDArray[np.int64], n: int) -> list[ScoredDoc]:
        if len(documents) == 0:
            return []
        rows, firsts = self._rows_of(documents)
        scores = np.maximum.reduceat(similarities(query, self.vectors[rows]), firsts)
        return top_documents(self.doc_ids[documents], scores, n)

    def _rows_of(self, documents: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """All rows of some documents one after another, and where each document's begin there."""
        counts = self._sizes[documents]
        firsts = np.cumsum(counts) - counts
        return np.repeat(self._bounds[documents] - firsts, counts) + np.arange(counts.sum()), firsts


class DenseIndex:
    """Exact search over the vectors of one or more segments, as if they were one."""

    def __init__(self, live: LiveDocuments, parts: Sequence[VectorRows], dimension: int) -> None:
        self._live = live
        self._parts = parts
        self.dimension = dimension
        self.rows = sum(
            int(part.row_mask(alive).sum()) for part, alive in zip(parts, live.alive, strict=True)
        )
        """Number of vectors that answer."""

    @property
    def doc_ids(self) -> NDArray[np.int64]:
        """(n,) ids of the documents, ascending."""
        return self._live.doc_ids

    def document_vectors(self, doc_id: int) -> Vectors:
        """(rows of the document, dimension), in the order they were added."""
        here = self._live.locate(doc_id)
        if here is None:
            return np.empty((0, self.dimension), np.float32)
        segment, row = here
        start, end = self._parts[segment].row_range(row)
        return self._parts[segment].vectors[start:end]

    def row_scores(self, query: Vectors, doc_id: int) -> NDArray[np.float64]:
        """(rows of the document,) canonical float64 similarities; none when it is not here."""
        return similarities(query, self.document_vectors(doc_id))

    def best_scores(self, query: Vectors) -> tuple[Vectors, Vectors]:
        """(n,) similarity of each document's title, and of the best of its text's windows.

        In order of ``doc_ids``; the title's where there is no text. In float32, whose last digits
        depend on how the collection is cut: for candidates, to be scored by ``exact_rows``.
        """
        titles, texts = np.zeros((2, self._live.count + 1), np.float32)
        query = np.asarray(query, np.float32)
        for part, places in zip(self._parts, self._live.places, strict=True):
            titles[places], texts[places] = part.best_scores(query)
        return titles[:-1], texts[:-1]

    def exact_rows(
        self, query: Vectors, doc_ids: Sequence[int] | NDArray[np.int64]
    ) -> tuple[Exact, Exact]:
        """``best_scores`` in canonical float64 of these documents, in the order given.

        The same for a document in whatever company it is asked; NaN for one that is not here.
        """
        segments, rows = self._live.located(np.asarray(doc_ids, np.int64))
        titles, texts = np.full((2, len(rows)), np.nan)
        for number, part in enumerate(self._parts):
            here = segments == number
            titles[here], texts[here] = part.exact_scores(query, rows[here])
        return titles, texts

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
        if n <= 0:
            return [[] for _ in queries]
        mask = self._live.mask(allowed)
        keeps = [self._live.rows(segment, mask) for segment in range(len(self._parts))]
        asked = [
            (part, None if keep is None or keep.all() else keep)
            for part, keep in zip(self._parts, keeps, strict=True)
            if part.rows and (keep is None or keep.any())
        ]
        results: list[list[ScoredDoc]] = []
        for start in range(0, len(queries), _BATCH):
            block = np.ascontiguousarray(queries[start : start + _BATCH], dtype=np.float32)
            found = [part.best(block, n, keep) for part, keep in asked]
            results += [_merged([f[i] for f in found], n) for i in range(len(block))]
        return results


def similarities(query: Vectors, vectors: Vectors) -> NDArray[np.float64]:
    """(rows,) inner products in float64: the same for a row in whatever company it stands."""
    # Not a matrix product: its last bit depends on the number of rows. A sum over the last
    # axis is done row by row.
    products = vectors.astype(np.float64) * query.astype(np.float64)
    return np.asarray(products.sum(axis=1), dtype=np.float64)


def _title_and_text(
    scores: NDArray[Number], firsts: NDArray[np.int64], sizes: NDArray[np.int64]
) -> tuple[NDArray[Number], NDArray[Number]]:
    """Of rows one document after another: the first of each, and the best of its others."""
    titles = scores[firsts]
    if not len(firsts):
        return titles, titles
    # The title loses to any text, and stands for the text where there is none.
    scores[firsts] = -np.inf
    texts = np.maximum.reduceat(scores, firsts)
    return titles, np.where(sizes > 1, texts, titles)


def _merged(found: Sequence[list[ScoredDoc]], n: int) -> list[ScoredDoc]:
    if len(found) == 1:
        return found[0]
    return sorted(chain.from_iterable(found), key=lambda doc: (-doc.score, doc.id))[:n]
