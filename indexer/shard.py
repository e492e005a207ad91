"""The layout of one index on disk, as data, and opening it.

A *generation* is a folder that is written once and never changed:

    manifest.json            what made it, counts, size and SHA-256 of every other file
    dense.faiss              vectors (``dense``)
    windows.npy              (rows, 2) int64: span of the text behind each vector; (-1, -1) = title
    lexical/…                BM25 (``lexical``)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from indexer.dense import DenseIndex
from indexer.errors import ShardError
from indexer.lexical import LexicalIndex

FORMAT_VERSION = 1
MANIFEST = "manifest.json"
DENSE = "dense.faiss"
WINDOWS = "windows.npy"
LEXICAL = "lexical"
_REBUILD = "请运行 zhitong index build。"


@dataclass(frozen=True, slots=True)
class Maker:
    """What an index was made with; an index answers only to the same makers."""

    encoder_name: str
    encoder_fingerprint: str
    tokenizer_fingerprint: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds."""

    format_version: int
    kind: str
    maker: Maker
    snapshot: str  # of the corpus: CorpusRepository.snapshot
    documents: int
    rows: int
    dimension: int
    has_terms: bool
    built_at: str
    files: Mapping[str, tuple[int, str]]  # relative path → (size in bytes, SHA-256 hex)

    def to_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """Raises ShardError when the text is not a manifest of this format."""
        try:
            raw: dict[str, Any] = json.loads(text)
            version = raw["format_version"]
            if version != FORMAT_VERSION:
                raise ShardError(
                    f"索引格式版本是 {version}，本程序需要 {FORMAT_VERSION}。{_REBUILD}"
                )
            raw["maker"] = Maker(**raw["maker"])
            raw["files"] = {name: (int(s), str(h)) for name, (s, h) in raw["files"].items()}
            return cls(**raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ShardError(f"索引清单已损坏。{_REBUILD}") from error


def file_digest(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def listed_files(folder: Path) -> list[str]:
    """Relative paths of all files of a generation but the manifest, sorted."""
    paths = (p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
    return sorted(name for name in paths if name != MANIFEST)


class IndexShard:
    """An opened generation. A path that does not fit its maker is None, and says why."""

    def __init__(
        self,
        manifest: Manifest,
        lexical: LexicalIndex | None,
        dense: DenseIndex | None,
        windows: NDArray[np.int64],
        problems: tuple[str, ...],
    ) -> None:
        self.manifest = manifest
        self.lexical = lexical
        self.dense = dense
        self._windows = windows
        self.problems = problems

    @classmethod
    def open(cls, folder: Path, maker: Maker) -> IndexShard:
        """Open a generation after checking every file against the manifest.

        With another encoder the dense path is left out, with another dictionary the lexical
        one; ``problems`` then says so.

        Raises:
            ShardError: damaged, incomplete, of another format, or nothing of it fits ``maker``.
        """
        manifest = cls.verify(folder)
        problems: list[str] = []
        if manifest.maker.encoder_fingerprint != maker.encoder_fingerprint:
            problems.append(
                f"向量索引由另一模型生成（{manifest.maker.encoder_name}），"
                f"当前模型是 {maker.encoder_name}：语义检索已停用。{_REBUILD}"
            )
        dense_fits = not problems
        lexical_fits = manifest.maker.tokenizer_fingerprint == maker.tokenizer_fingerprint
        if not lexical_fits:
            problems.append(f"词语索引由另一版词典生成：词语检索已停用。{_REBUILD}")
        if not dense_fits and not lexical_fits:
            raise ShardError("".join(problems))
        lexical = (
            LexicalIndex.load(folder / LEXICAL, has_terms=manifest.has_terms)
            if lexical_fits
            else None
        )
        dense = DenseIndex.load(folder / DENSE) if dense_fits else None
        windows: NDArray[np.int64] = np.load(folder / WINDOWS, mmap_mode="r")
        if dense is not None and (dense.rows, len(dense.doc_ids), len(windows)) != (
            manifest.rows,
            manifest.documents,
            manifest.rows,
        ):
            raise ShardError(f"索引的行数与清单不符。{_REBUILD}")
        return cls(manifest, lexical, dense, windows, tuple(problems))

    @staticmethod
    def verify(folder: Path) -> Manifest:
        """Check every file's size and SHA-256 against the manifest, and that none is surplus.

        Raises:
            ShardError: naming the first file that does not agree.
        """
        try:
            manifest = Manifest.from_json((folder / MANIFEST).read_text("utf-8"))
            if set(listed_files(folder)) != set(manifest.files):
                raise ShardError(f"索引文件与清单不符。{_REBUILD}")
            for name, expected in manifest.files.items():
                if file_digest(folder / name) != expected:
                    raise ShardError(f"索引文件 {name} 已损坏。{_REBUILD}")
        except (OSError, UnicodeDecodeError) as error:
            raise ShardError(f"索引无法读取（{error}）。{_REBUILD}") from error
        return manifest

    def doc_ids(self) -> NDArray[np.int64]:
        """Ids of the documents this shard holds, ascending."""
        index = self.lexical if self.lexical is not None else self.dense
        if index is None:
            raise AssertionError("an opened shard has at least one path")
        return index.doc_ids

    def best_window(self, query: NDArray[np.float32], doc_id: int) -> tuple[int, int] | None:
        """Span of the text window nearest to the query; None if that is the title."""
        if self.dense is None:
            return None
        scores = self.dense.row_scores(query, doc_id)
        if len(scores) == 0:
            return None
        start, end = self._windows[self.dense.row_range(doc_id)[0] + int(scores.argmax())]
        return (int(start), int(end)) if start >= 0 else None
