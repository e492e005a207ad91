"""Generations of an index on disk: published atomically, opened, kept apart, cleaned up.

    <root>/<kind>/CURRENT          name of the generation that answers
    <root>/<kind>/gen-….json       generations (see ``generation``)
    <root>/<kind>/seg-…/           segments, shared between generations (see ``segment``)
    <root>/<kind>/.building-…/     what a writer has in hand; left by a killed one, removed by
                                   the next

A reader follows CURRENT, so a kill at any moment leaves the old generation answering.
"""

from __future__ import annotations

import os
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from filelock import FileLock, Timeout

from corpus.model import Kind
from indexer.errors import IndexBusyError, ShardError
from indexer.generation import (
    REBUILD,
    Maker,
    Manifest,
    SegmentEntry,
    generation_name,
    is_generation_name,
)
from indexer.segment import Segment, SegmentData, file_digest, listed_files
from indexer.shard import Generation, IndexShard

_CURRENT = "CURRENT"
_ATTEMPTS = 3


class ShardStore:
    """The generations below one folder. Opened ones are shared by all threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._generations: dict[Kind, Generation] = {}
        self._shards: dict[tuple[Kind, Maker], IndexShard] = {}
        self._lock = threading.Lock()

    def current_name(self, kind: Kind) -> str | None:
        """Name of the published generation; None when nothing was ever built.

        Raises:
            ShardError: the pointer is damaged.
        """
        try:
            text = (self._root / kind / _CURRENT).read_text("ascii")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise ShardError(f"索引指针无法读取（{error}）。{REBUILD}") from error
        if not text.endswith("\n") or not is_generation_name(text[:-1]):
            raise ShardError(f"索引指针已损坏，或由旧版程序写成。{REBUILD}")
        return text[:-1]

    def open(self, kind: Kind, maker: Maker) -> IndexShard:
        """The current generation, opened once and again when another is published.

        Raises:
            ShardError: there is none, it is damaged, or it was made with something else.
        """
        with self._lock:
            generation = self._current(kind)
            shard = self._shards.get((kind, maker))
            if shard is None or shard.name != generation.name:
                shard = self._shards[kind, maker] = IndexShard(generation, maker)
            return shard

    def generation(self, kind: Kind) -> Generation:
        """The current generation, whoever made it.

        Raises:
            ShardError: there is none, or it is damaged.
        """
        with self._lock:
            return self._current(kind)

    def _current(self, kind: Kind) -> Generation:
        for _attempt in range(_ATTEMPTS):
            name = self.current_name(kind)
            if name is None:
                raise ShardError(f"还没有{kind.label}索引。{REBUILD}")
            opened = self._generations.get(kind)
            if opened is not None and opened.name == name:
                return opened
            try:
                manifest = self._read(kind, name)
                known = {s.name: s for s in opened.segments} if opened is not None else {}
                # Segments never change: one that is open stays so in the next generation.
                segments = [
                    known.get(entry.name) or Segment.open(self._root / kind, entry)
                    for entry in manifest.segments
                ]
            except ShardError:
                # Published over and cleaned away between reading the name and opening.
                if self.current_name(kind) != name:
                    continue
                raise
            self._generations[kind] = Generation(name, manifest, segments)
            return self._generations[kind]
        raise ShardError("索引正在频繁更新，请稍后再试。")

    def _read(self, kind: Kind, name: str) -> Manifest:
        try:
            content = (self._root / kind / name).read_bytes()
        except OSError as error:
            raise ShardError(f"索引清单无法读取（{error}）。{REBUILD}") from error
        manifest = Manifest.from_bytes(content, name)
        if manifest.kind != kind:
            raise ShardError(f"{kind.label}索引的位置上是另一类记录的索引。{REBUILD}")
        return manifest

    def manifest(self, kind: Kind) -> Manifest | None:
        """Manifest of the current generation; None when nothing was ever built.

        Raises:
            ShardError: damaged.
        """
        name = self.current_name(kind)
        return None if name is None else self._read(kind, name)

    def verify(self, kind: Kind) -> Manifest:
        """Read every byte of the current generation against its checksums.

        Raises:
            ShardError: there is none, or naming what is damaged.
        """
        manifest = self.manifest(kind)
        if manifest is None:
            raise ShardError(f"还没有{kind.label}索引。{REBUILD}")
        for entry in manifest.segments:
            Segment.verify(self._root / kind, entry)
        return manifest

    # -- writing ---------------------------------------------------------------------------

    @contextmanager
    def writing(self, kind: Kind, wait_s: float = 0.0) -> Iterator[Path]:
        """An empty folder to write a segment into; one writer at a time.

        Raises:
            IndexBusyError: another process is at work on this index, and still is after
                ``wait_s`` seconds.
        """
        base = self._root / kind
        base.mkdir(parents=True, exist_ok=True)
        lock = FileLock(base / ".lock", timeout=wait_s)
        try:
            lock.acquire()
        except Timeout as error:
            raise IndexBusyError("另一个程序正在建立索引，请等它完成。") from error
        try:
            for leftover in base.glob(".building-*"):
                shutil.rmtree(leftover)
            folder = base / f".building-{uuid.uuid4().hex}"
            folder.mkdir()
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)
        finally:
            lock.release()

    def add_segment(self, kind: Kind, folder: Path, data: SegmentData) -> SegmentEntry:
        """Write a segment by way of a writer's ``folder``; no generation has it yet."""
        name = f"seg-{uuid.uuid4().hex}"
        aside = folder / name
        aside.mkdir()
        data.write(aside)
        files = {path: file_digest(aside / path) for path in listed_files(aside)}
        for path in sorted(aside.rglob("*")):
            _fsync(path)
        _fsync(aside)
        aside.rename(self._root / kind / name)
        return SegmentEntry(
            name=name,
            documents=len(data.hashes),
            live_rows=len(data.passages.row_ids),
            removed=(),
            files=files,
        )

    def publish(self, kind: Kind, folder: Path, manifest: Manifest) -> str:
        """Make a generation of segments that are there the current one; returns its name.

        Every file is on the disk before the pointer moves, and the pointer moves in one step.
        """
        base = self._root / kind
        content = manifest.to_bytes()
        name = generation_name(content)
        _write(folder / name, content)
        (folder / name).rename(base / name)
        _fsync(base)
        try:
            previous = self.current_name(kind)
        except ShardError:
            previous = None
        _write(base / f"{_CURRENT}.tmp", f"{name}\n".encode())
        (base / f"{_CURRENT}.tmp").replace(base / _CURRENT)
        _fsync(base)
        self._clean(kind, manifest, name, previous)
        return name

    def _clean(self, kind: Kind, manifest: Manifest, name: str, previous: str | None) -> None:
        """Remove what neither the current generation nor the one before needs.

        The one before stays: a process may be about to open it.
        """
        needed = {name, *(entry.name for entry in manifest.segments)}
        if previous is not None:
            try:
                before = self._read(kind, previous)
                needed |= {previous, *(entry.name for entry in before.segments)}
            except ShardError:
                pass  # damaged: there is nothing in it to be opened
        base = self._root / kind
        for path in (*base.glob("gen-*"), *base.glob("seg-*")):
            if path.name in needed:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def without(entry: SegmentEntry, segment: Segment, removed: np.ndarray) -> SegmentEntry:
    """The entry of a segment from which the documents ``removed`` (ids) no longer answer."""
    gone = np.isin(segment.vectors.row_ids, removed)
    return SegmentEntry(
        name=entry.name,
        documents=entry.documents,
        live_rows=int((~gone).sum()),
        removed=tuple(sorted(removed.tolist())),
        files=entry.files,
    )


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    _fsync(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
