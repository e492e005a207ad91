"""Bringing a published index up to date without making anew what is already there.

A document is known by (id, content hash). What is new or changed goes into a new segment; what
vanished or changed gets a tombstone where it was; a document that comes back unchanged answers
again from the segment that still has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from corpus.model import Kind, StoredRecord
from indexer.build import (
    Makers,
    Progress,
    content_hashes,
    made_grams,
    made_passages,
    made_terms,
    no_progress,
)
from indexer.errors import ShardError
from indexer.generation import FORMAT_VERSION, Maker, Manifest, layout
from indexer.lexical import LexicalConfig
from indexer.live import Ids, Mask
from indexer.segment import Grams, Hashes, Passages, Segment, SegmentData
from indexer.shard import Generation
from indexer.store import ShardStore, without
from indexer.terms import TermCounts

Pairs = Sequence[tuple[int, str]]
"""(id, content hash in hex) of the documents an index is to hold, ids ascending."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an index is to hold, and the revision of the corpus before this was read."""

    revision: int
    pairs: Pairs
    makers: Makers | None = None
    """What it is to be made with as of now; None: what the caller gave before it waited."""


Load = Callable[[Sequence[int]], Sequence[StoredRecord]]
"""Active records by id; those that no longer exist or are no longer active are left out."""


@dataclass(frozen=True, slots=True)
class IndexUpdate:
    """What an update did, in documents. ``added + changed + reused`` is all there are now."""

    manifest: Manifest
    published: bool  # False: there was nothing to do
    added: int  # new to the index: segmented and embedded
    changed: int  # there before with another content: likewise
    removed: int  # there before, and no longer
    reused: int  # taken from segments that were there
    resegmented: int  # of the reused: another dictionary had segmented them
    reembedded: int  # of the reused: another model had embedded them


@dataclass(frozen=True, slots=True)
class Difference:
    """How an index stands to the documents it is to hold."""

    removed: tuple[Ids, ...]  # for each segment: ids that are not to answer from it
    missing: Ids  # no segment has them as they are now; ascending
    vanished: int  # answer now, and are no longer to
    changed: Ids  # of the missing: answer now with another content
    kept: int  # answer as they are
    is_empty: bool  # nothing is to be done


@dataclass(frozen=True, slots=True)
class Stale:
    """Which half of an index other makers made."""

    terms: bool
    vectors: bool

    @classmethod
    def of(cls, manifest: Manifest, maker: Maker) -> Stale:
        """Compare makers. Characters and their pairs go with the terms: a glossary is in them."""
        return cls(
            terms=manifest.maker.tokenizer_fingerprint != maker.tokenizer_fingerprint,
            vectors=manifest.maker.encoder_fingerprint != maker.encoder_fingerprint,
        )


def snapshot_of(current: Pairs) -> str:
    """Name of what an index is made from; equals ``CorpusRepository.snapshot``."""
    digest = hashlib.sha256()
    for doc_id, content in current:
        digest.update(f"{doc_id}:{content}\n".encode())
    return digest.hexdigest()


def difference(generation: Generation, current: Pairs) -> Difference:
    """Compare an index with the documents it is to hold."""
    ids = np.array([doc_id for doc_id, _ in current], np.int64)
    hashes = content_hashes([content for _, content in current])
    found = np.zeros(len(ids), np.bool_)
    answering = generation.live().doc_ids
    removed: list[Ids] = [np.empty(0, np.int64)] * len(generation.segments)
    # From the newest segment: of two with the same content the newer one is kept.
    for number in range(len(generation.segments) - 1, -1, -1):
        segment = generation.segments[number]
        same, places = _same(segment, ids, hashes)
        same &= ~found[places]
        found[places[same]] = True
        removed[number] = np.asarray(segment.doc_ids[~same])
    missing = ids[~found]
    before = [np.array(entry.removed, np.int64) for entry in generation.manifest.segments]
    unchanged = all(np.array_equal(a, b) for a, b in zip(removed, before, strict=True))
    return Difference(
        removed=tuple(removed),
        missing=missing,
        vanished=len(np.setdiff1d(answering, ids, assume_unique=True)),
        changed=np.intersect1d(answering, missing, assume_unique=True),
        kept=int(found.sum()),
        is_empty=unchanged and len(missing) == 0,
    )


def _same(segment: Segment, ids: Ids, hashes: Hashes) -> tuple[Mask, NDArray[np.int64]]:
    """For each row of a segment: is it among (ids, hashes), and at which place."""
    if len(ids) == 0:
        return np.zeros(len(segment.doc_ids), np.bool_), np.zeros(len(segment.doc_ids), np.int64)
    places = np.minimum(np.searchsorted(ids, segment.doc_ids), len(ids) - 1)
    same = ids[places] == segment.doc_ids
    same[same] = (hashes[places[same]] == segment.hashes[same]).all(axis=1)
    return same, places


def update_index(
    store: ShardStore,
    kind: Kind,
    current: Callable[[], Wanted],
    load: Load,
    makers: Makers,
    built_at: datetime,
    config: LexicalConfig | None = None,
    progress: Progress = no_progress,
    wait_s: float = 0.0,
    anew: bool = False,
) -> IndexUpdate:
    """Publish a generation that holds what is ``current``, unless the published one does.

    What another dictionary segmented is segmented anew and keeps its vectors; what another model
    embedded is embedded anew and keeps its terms. An index that is missing, damaged or of another
    format is built from nothing. The result ranks as a rebuilt index does; only a real model's
    vector may differ in its last bits, as it depends on the texts embedded with it.

    Args:
        current: reads what the index is to hold; called when no other writer can come between,
            since a writer that waited with what it had read would undo the other's work.
        load: reads records by id; one that has changed meanwhile is taken as it is now.
        wait_s: how long to wait for another writer.
        anew: use nothing of what is there.

    Raises:
        IndexBusyError: another process is still at work on this index.
    """
    config = config or LexicalConfig()
    with store.writing(kind, wait_s) as folder:
        wanted = current()
        pairs, makers = wanted.pairs, wanted.makers or makers
        job = _Job(store, kind, folder, load, makers, built_at, wanted.revision, config, progress)
        try:
            generation = None if anew else store.generation(kind)
        except ShardError:
            generation = None
        if generation is None:
            return job.everything(pairs)
        stale = Stale.of(generation.manifest, makers.maker)
        if stale.terms and stale.vectors:
            return job.everything(pairs)
        if stale.terms or stale.vectors:
            return job.refreshed(generation, pairs, stale)
        return job.amended(generation, pairs)


@dataclass(frozen=True, slots=True)
class _Job:
    """One update, with the lock held."""

    store: ShardStore
    kind: Kind
    folder: Path
    load: Load
    makers: Makers
    built_at: datetime
    revision: int
    config: LexicalConfig
    progress: Progress

    def everything(self, pairs: Pairs) -> IndexUpdate:
        """Build from nothing."""
        records = self._load([doc_id for doc_id, _ in pairs])
        manifest = self._manifest(_pairs_of(records))
        manifest = self._published(manifest, self._data(records))
        return IndexUpdate(manifest, True, len(records), 0, 0, 0, 0, 0)

    def amended(self, generation: Generation, pairs: Pairs) -> IndexUpdate:
        """Tombstones for what is gone, one new segment for what is missing."""
        found = difference(generation, pairs)
        records = self._load(found.missing.tolist())
        same_config = generation.manifest.config == self.config
        if found.is_empty and same_config:
            return IndexUpdate(generation.manifest, False, 0, 0, 0, found.kept, 0, 0)
        loaded = dict(_pairs_of(records))
        gone = set(found.missing.tolist()) - loaded.keys()
        held = [(i, loaded.get(i, content)) for i, content in pairs if i not in gone]
        changed = len(loaded.keys() & set(found.changed.tolist()))
        entries = tuple(
            without(entry, segment, removed)
            for entry, segment, removed in zip(
                generation.manifest.segments, generation.segments, found.removed, strict=True
            )
            if len(removed) < entry.documents
        )
        manifest = replace(self._manifest(held), segments=entries)
        manifest = self._published(manifest, self._data(records) if records else None)
        return IndexUpdate(
            manifest,
            True,
            added=len(records) - changed,
            changed=changed,
            removed=found.vanished,
            reused=found.kept,
            resegmented=0,
            reembedded=0,
        )

    def refreshed(self, generation: Generation, pairs: Pairs, stale: Stale) -> IndexUpdate:
        """Make the stale half of everything anew, in one segment; keep the other half."""
        records = self._load([doc_id for doc_id, _ in pairs])
        now = _pairs_of(records)
        found = difference(generation, now)
        missing = set(found.missing.tolist())
        fresh = [stored for stored in records if stored.id in missing]
        keeps = [
            np.isin(segment.doc_ids, removed, assume_unique=True, invert=True)
            for segment, removed in zip(generation.segments, found.removed, strict=True)
        ]
        if stale.terms:
            terms = made_terms(records, self.makers.tokenizer, self.progress)
            grams = made_grams(records)
            added = made_passages(fresh, self.makers.encoder, self.progress)
            passages = merged_passages(generation.segments, keeps, added)
        else:
            passages = made_passages(records, self.makers.encoder, self.progress)
            counts = made_terms(fresh, self.makers.tokenizer, self.progress)
            terms = merged_terms(generation.segments, keeps, counts)
            grams = merged_grams(generation.segments, keeps, made_grams(fresh))
        hashes = content_hashes([content for _, content in now])
        data = SegmentData(hashes, terms, grams, passages)
        manifest = self._published(self._manifest(now), data if records else None)
        return IndexUpdate(
            manifest,
            True,
            added=len(fresh) - len(found.changed),
            changed=len(found.changed),
            removed=found.vanished,
            reused=found.kept,
            resegmented=found.kept if stale.terms else 0,
            reembedded=found.kept if stale.vectors else 0,
        )

    def _load(self, ids: Sequence[int]) -> list[StoredRecord]:
        return sorted(self.load(ids), key=lambda stored: stored.id) if ids else []

    def _data(self, records: Sequence[StoredRecord]) -> SegmentData | None:
        if not records:
            return None
        return SegmentData(
            content_hashes([stored.record.content_hash for stored in records]),
            made_terms(records, self.makers.tokenizer, self.progress),
            made_grams(records),
            made_passages(records, self.makers.encoder, self.progress),
        )

    def _manifest(self, held: Pairs) -> Manifest:
        return Manifest(
            format_version=FORMAT_VERSION,
            layout=layout(),
            kind=self.kind.value,
            maker=self.makers.maker,
            config=self.config,
            snapshot=snapshot_of(held),
            revision=self.revision,
            dimension=self.makers.encoder.dimension,
            built_at=self.built_at.isoformat(),
            segments=(),
        )

    def _published(self, manifest: Manifest, data: SegmentData | None) -> Manifest:
        """Publish the manifest with one more segment of ``data``."""
        if data is not None:
            entry = self.store.add_segment(self.kind, self.folder, data)
            manifest = replace(manifest, segments=(*manifest.segments, entry))
        self.store.publish(self.kind, self.folder, manifest)
        return manifest


def merged_terms(
    segments: Sequence[Segment], keeps: Sequence[Mask], *more: TermCounts
) -> TermCounts:
    """Terms of the kept documents of segments, and of ``more``, copied into one."""
    parts = [(segment.terms, keep) for segment, keep in zip(segments, keeps, strict=True)]
    parts += [(counts, np.ones(len(counts.doc_ids), np.bool_)) for counts in more]
    return TermCounts.merge(parts)


def merged_grams(segments: Sequence[Segment], keeps: Sequence[Mask], *more: Grams) -> Grams:
    """Characters and pairs of the kept documents of segments, and of ``more``, in one."""
    parts = [(segment.grams, keep) for segment, keep in zip(segments, keeps, strict=True)]
    parts += [(some, np.ones(len(some.characters.doc_ids), np.bool_)) for some in more]
    return Grams.merge(parts)


def merged_passages(
    segments: Sequence[Segment], keeps: Sequence[Mask], *more: Passages
) -> Passages:
    """Vectors of the kept documents of segments, and of ``more``, copied into one."""
    parts = [
        (segment.passages, segment.vectors.row_mask(keep))
        for segment, keep in zip(segments, keeps, strict=True)
    ]
    parts += [(some, np.ones(len(some.row_ids), np.bool_)) for some in more]
    return Passages.merge(parts)


def _pairs_of(records: Sequence[StoredRecord]) -> Pairs:
    return [(stored.id, stored.record.content_hash) for stored in records]
