"""An opened generation: both paths over its segments, for one pair of makers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from indexer.dense import DenseIndex
from indexer.errors import ShardError
from indexer.fields import LAYERS, Layer
from indexer.generation import REBUILD, Maker, Manifest
from indexer.lexical import LexicalIndex
from indexer.live import LiveDocuments
from indexer.segment import Hashes, Segment


@dataclass(frozen=True, slots=True)
class Generation:
    """A generation whose segments are open, whoever made them."""

    name: str
    manifest: Manifest
    segments: Sequence[Segment]

    def live(self) -> LiveDocuments:
        """Which documents answer.

        Raises:
            ShardError: one answers from two segments.
        """
        removed = [np.array(entry.removed, np.int64) for entry in self.manifest.segments]
        return LiveDocuments([segment.doc_ids for segment in self.segments], removed)


class IndexShard:
    """What answers queries. A path that does not fit its maker is None, and says why.

    It never changes: whoever holds one gets answers of one generation, whatever is published
    meanwhile.
    """

    def __init__(self, generation: Generation, maker: Maker) -> None:
        """Leave out the dense path with another encoder, the lexical one with another dictionary.

        Raises:
            ShardError: nothing of the generation fits ``maker``.
        """
        manifest = generation.manifest
        problems: list[str] = []
        if manifest.maker.encoder_fingerprint != maker.encoder_fingerprint:
            problems.append(
                f"向量索引由另一模型生成（{manifest.maker.encoder_name}），"
                f"当前模型是 {maker.encoder_name}：语义检索已停用。{REBUILD}"
            )
        dense_fits = not problems
        lexical_fits = manifest.maker.tokenizer_fingerprint == maker.tokenizer_fingerprint
        if not lexical_fits:
            problems.append(f"词语索引由另一版词典或译名表生成：词语检索已停用。{REBUILD}")
        if not dense_fits and not lexical_fits:
            raise ShardError("".join(problems))
        self.name = generation.name
        self.manifest = manifest
        self.problems = tuple(problems)
        self._segments = generation.segments
        self._live = generation.live()
        self._ordered_hashes: Hashes | None = None
        self.lexical: LexicalIndex | None = None
        if lexical_fits:
            counts = [segment.terms for segment in generation.segments]
            self.lexical = LexicalIndex(self._live, counts, manifest.config)
        grams = [segment.grams for segment in generation.segments]
        config = manifest.config
        self.characters = LexicalIndex(self._live, [g.characters for g in grams], config)
        """Terms as of ``bridge.bridged_grams``. It answers to every maker: with another glossary
        only some terms of foreign documents are others."""
        self.bigrams = LexicalIndex(self._live, [g.bigrams for g in grams], config)
        """Pairs; likewise."""
        self.dense: DenseIndex | None = None
        if dense_fits:
            vectors = [segment.vectors for segment in generation.segments]
            self.dense = DenseIndex(self._live, vectors, manifest.dimension)

    def doc_ids(self) -> NDArray[np.int64]:
        """Ids of the documents this shard answers with, ascending."""
        return self._live.doc_ids

    def holds(self, ids: NDArray[np.int64], content_hashes: Sequence[str]) -> NDArray[np.bool_]:
        """(len(ids),) whether each document (ids ascending) is here with that content."""
        places = np.searchsorted(self.doc_ids(), ids)
        held = np.zeros(len(ids), np.bool_)
        here = places < len(self.doc_ids())
        held[here] = self.doc_ids()[places[here]] == ids[here]
        if held.any():
            asked = [bytes.fromhex(content) for content in content_hashes]
            wanted = np.frombuffer(b"".join(asked), np.uint8).reshape(len(ids), -1)
            held[held] = (self._hashes()[places[held]] == wanted[held]).all(axis=1)
        return held

    def _hashes(self) -> Hashes:
        """(documents, 32) content hashes in order of ``doc_ids``."""
        if self._ordered_hashes is None:
            alive = zip(self._segments, self._live.alive, strict=True)
            parts = [(segment.doc_ids[mask], segment.hashes[mask]) for segment, mask in alive]
            order = np.argsort(np.concatenate([ids for ids, _ in parts]))
            self._ordered_hashes = np.concatenate([hashes for _, hashes in parts])[order]
        return self._ordered_hashes

    def best_window(self, query: NDArray[np.float32], doc_id: int) -> tuple[int, int] | None:
        """Span of the text window nearest to the query; None if that is the title."""
        here = self._live.locate(doc_id)
        if self.dense is None or here is None:
            return None
        segment, row = self._segments[here[0]], here[1]
        best = int(self.dense.row_scores(query, doc_id).argmax())
        start, end, _ = segment.windows[segment.vectors.row_range(row)[0] + best]
        return (int(start), int(end)) if start >= 0 else None

    def layer_scores(self, query: NDArray[np.float32], doc_id: int) -> dict[Layer, float]:
        """Canonical float64 similarity of the best window of each field that a document has.

        Empty without the dense path or the document.
        """
        here = self._live.locate(doc_id)
        if self.dense is None or here is None:
            return {}
        segment = self._segments[here[0]]
        start, end = segment.vectors.row_range(here[1])
        best: dict[Layer, float] = {}
        scores = self.dense.row_scores(query, doc_id).tolist()
        for number, score in zip(segment.windows[start:end, 2].tolist(), scores, strict=True):
            layer = LAYERS[number]
            best[layer] = max(best.get(layer, score), score)
        return best
