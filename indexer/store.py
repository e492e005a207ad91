"""Generations of an index on disk: published atomically, opened, kept apart, cleaned up.

    <root>/<kind>/CURRENT          name of the generation that answers
    <root>/<kind>/gen-…/           generations (see ``shard``)
    <root>/<kind>/.building-…/     one being written; left by a killed writer, removed by the next

A reader follows CURRENT, so a kill at any moment leaves the old generation answering.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from corpus.model import Kind
from indexer.errors import ShardError
from indexer.shard import MANIFEST, IndexShard, Maker, Manifest, file_digest, listed_files

_CURRENT = "CURRENT"
_NAME = re.compile(r"gen-[0-9a-f]{32}")


class ShardStore:
    """The generations below one folder. Opened shards are shared by all threads."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened: dict[tuple[Kind, Maker], tuple[str, IndexShard]] = {}
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
            raise ShardError(
                f"索引指针无法读取（{error}）。请运行 zhitong index build。"
            ) from error
        if not text.endswith("\n") or not _NAME.fullmatch(text[:-1]):
            raise ShardError("索引指针已损坏。请运行 zhitong index build。")
        return text[:-1]

    def open(self, kind: Kind, maker: Maker) -> IndexShard:
        """The current generation, opened once and again when another is published.

        Raises:
            ShardError: there is none, it is damaged, or it was made with something else.
        """
        with self._lock:
            for _attempt in range(3):
                name = self.current_name(kind)
                if name is None:
                    raise ShardError(f"还没有{kind.label}索引。请运行 zhitong index build。")
                cached = self._opened.get((kind, maker))
                if cached is not None and cached[0] == name:
                    return cached[1]
                try:
                    shard = IndexShard.open(self._root / kind / name, maker)
                except ShardError:
                    # Published over and cleaned away between reading the name and opening.
                    if self.current_name(kind) != name:
                        continue
                    raise
                self._opened[kind, maker] = (name, shard)
                return shard
        raise ShardError("索引正在频繁更新，请稍后再试。")

    def manifest(self, kind: Kind) -> Manifest | None:
        """Manifest of the current generation; None when nothing was ever built.

        Raises:
            ShardError: damaged.
        """
        name = self.current_name(kind)
        if name is None:
            return None
        try:
            return Manifest.from_json((self._root / kind / name / MANIFEST).read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise ShardError(
                f"索引清单无法读取（{error}）。请运行 zhitong index build。"
            ) from error

    def verify(self, kind: Kind) -> Manifest:
        """Read every byte of the current generation against its checksums.

        Raises:
            ShardError: there is none, or naming what is damaged.
        """
        name = self.current_name(kind)
        if name is None:
            raise ShardError(f"还没有{kind.label}索引。请运行 zhitong index build。")
        return IndexShard.verify(self._root / kind / name)

    @contextmanager
    def writing(self, kind: Kind) -> Iterator[Path]:
        """An empty folder to write a generation into; one writer at a time.

        Raises:
            ShardError: another process is building this index.
        """
        base = self._root / kind
        base.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(base / ".lock", timeout=0):
                for leftover in base.glob(".building-*"):
                    shutil.rmtree(leftover)
                folder = base / f".building-{uuid.uuid4().hex}"
                folder.mkdir()
                try:
                    yield folder
                finally:
                    shutil.rmtree(folder, ignore_errors=True)
        except Timeout as error:
            raise ShardError("另一个程序正在建立索引，请等它完成。") from error

    def publish(self, kind: Kind, folder: Path, manifest: Manifest) -> str:
        """Make a written folder the current generation; returns its name.

        Every file is on the disk before the pointer moves, and the pointer moves in one step.
        """
        (folder / MANIFEST).write_text(manifest.to_json(), "utf-8")
        for path in sorted(folder.rglob("*")):
            _fsync(path)
        _fsync(folder)
        base = self._root / kind
        name = f"gen-{uuid.uuid4().hex}"
        folder.rename(base / name)
        _fsync(base)
        pointer = base / f"{_CURRENT}.tmp"
        pointer.write_text(name + "\n", "ascii")
        _fsync(pointer)
        try:
            previous = self.current_name(kind)
        except ShardError:
            previous = None
        pointer.replace(base / _CURRENT)
        _fsync(base)
        # The generation before stays: a process may be about to open it.
        for older in base.glob("gen-*"):
            if older.name not in (name, previous):
                shutil.rmtree(older, ignore_errors=True)
        return name


def digest_files(folder: Path) -> dict[str, tuple[int, str]]:
    """Sizes and checksums of a written folder, for its manifest."""
    return {name: file_digest(folder / name) for name in listed_files(folder)}


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
