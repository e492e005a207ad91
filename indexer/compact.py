"""Merging segments: nothing is segmented or embedded again, and no ranking changes by a bit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import numpy as np

from corpus.model import Kind
from indexer.generation import Manifest, SegmentEntry
from indexer.segment import SegmentData
from indexer.shard import Generation
from indexer.store import ShardStore
from indexer.update import merged_grams, merged_passages, merged_terms

MOST_SEGMENTS = 8
"""A query asks every segment; beyond this many the smallest are merged."""
MOST_REMOVED = 0.25
"""Share of tombstones beyond which a segment is written anew."""
_STEP = 4


def due(entries: Sequence[SegmentEntry]) -> list[SegmentEntry]:
    """The segments to be merged into one; none when all is well.

    Those with too many tombstones; and, when there are too many segments, the two smallest and
    every next larger one until it is more than four times all smaller ones together. So a
    document is copied again only into a segment at least a quarter larger than its own (a
    logarithmic number of times, as in tiered merging: O'Neil et al., The LSM-Tree, 1996), and a
    small update never copies a big segment.
    """
    chosen = [e for e in entries if len(e.removed) > MOST_REMOVED * e.documents]
    rest = sorted((e for e in entries if e not in chosen), key=lambda e: (e.live, e.name))
    if len(rest) + bool(chosen) > MOST_SEGMENTS:
        total = 0
        for place, entry in enumerate(rest):
            if place > 1 and entry.live > _STEP * total:
                break
            chosen.append(entry)
            total += entry.live
    return chosen


def compact(
    store: ShardStore,
    kind: Kind,
    built_at: datetime,
    *,
    everything: bool = False,
    most_documents: int | None = None,
    wait_s: float = 0.0,
) -> Manifest | None:
    """Merge what is ``due`` and publish; returns None when there is nothing to merge.

    Args:
        everything: merge all segments into one without tombstones.
        most_documents: leave it when more would have to be copied; None for no limit.

    Raises:
        IndexBusyError: another process is at work on this index.
        ShardError: there is none, or it is damaged.
    """
    with store.writing(kind, wait_s) as folder:
        generation = store.generation(kind)
        entries = generation.manifest.segments
        if everything:
            tidy = len(entries) <= 1 and generation.manifest.tombstones == 0
            chosen = [] if tidy else list(entries)
        else:
            chosen = due(entries)
        copied = sum(entry.live for entry in chosen)
        if not chosen or (most_documents is not None and copied > most_documents):
            return None
        merged = store.add_segment(kind, folder, _merged(generation, chosen))
        left = tuple(entry for entry in entries if entry not in chosen)
        manifest = replace(
            generation.manifest, segments=(*left, merged), built_at=built_at.isoformat()
        )
        store.publish(kind, folder, manifest)
    return manifest


def _merged(generation: Generation, chosen: Sequence[SegmentEntry]) -> SegmentData:
    names = {entry.name for entry in chosen}
    pairs = zip(generation.segments, generation.live().alive, strict=True)
    segments, keeps = zip(*(pair for pair in pairs if pair[0].name in names), strict=True)
    terms = merged_terms(segments, keeps)
    hashes = np.concatenate([s.hashes[keep] for s, keep in zip(segments, keeps, strict=True)])
    ids = np.concatenate([s.doc_ids[keep] for s, keep in zip(segments, keeps, strict=True)])
    grams = merged_grams(segments, keeps)
    return SegmentData(hashes[np.argsort(ids)], terms, grams, merged_passages(segments, keeps))
