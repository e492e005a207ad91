"""A segment: a folder of documents that is written once and never changed.

hashes.npy     (n, 32) uint8: content hash of each document
lexical/…      counts of words, and the ids of the documents (``terms``)
grams/…        likewise of characters and of their pairs
dense.faiss    vectors, with the document of each (``dense``)
windows.npy    (rows, 3) int64: span of the text behind each vector, number of its field;
               a document's first row is its title, with the span (-1, -1)
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from indexer.dense import VectorRows, Vectors
from indexer.errors import ShardError
from indexer.generation import REBUILD, SegmentEntry
from indexer.live import Mask
from indexer.terms import TermCounts

DENSE = "dense.faiss"
WINDOWS = "windows.npy"
HASHES = "hashes.npy"
LEXICAL = "lexical"
GRAMS = "grams"

Hashes = NDArray[np.uint8]
Windows = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Passages:
    """Vectors and what they stand for, row by row; rows of one document stand together.

    The first of a document is its title.
    """

    row_ids: NDArray[np.int64]  # ascending
    vectors: Vectors
    windows: Windows

    @classmethod
    def merge(cls, parts: Sequence[tuple[Passages, Mask]]) -> Passages:
        """The rows of each part (at least one) for which its mask is true, in order of id."""
        row_ids = np.concatenate([part.row_ids[mask] for part, mask in parts])
        order = np.argsort(row_ids, kind="stable")
        vectors = np.concatenate([part.vectors[mask] for part, mask in parts])
        windows = np.concatenate([part.windows[mask] for part, mask in parts])
        return cls(row_ids[order], vectors[order], windows[order])


@dataclass(frozen=True, slots=True)
class Grams:
    """Counts of characters and of their pairs (see ``grams``), of the same documents."""

    characters: TermCounts
    bigrams: TermCounts

    @classmethod
    def merge(cls, parts: Sequence[tuple[Grams, Mask]]) -> Grams:
        """The documents of each part for which its mask is true, as if counted together."""
        return cls(
            TermCounts.merge((part.characters, mask) for part, mask in parts),
            TermCounts.merge((part.bigrams, mask) for part, mask in parts),
        )

    def save(self, folder: Path) -> None:
        """Write into an existing empty folder."""
        for name in ("characters", "bigrams"):
            (folder / name).mkdir()
            getattr(self, name).save(folder / name)

    @classmethod
    def load(cls, folder: Path) -> Grams:
        """Open what ``save`` wrote.

        Raises:
            ShardError: a file is missing or malformed.
        """
        return cls(TermCounts.load(folder / "characters"), TermCounts.load(folder / "bigrams"))


@dataclass(frozen=True, slots=True)
class SegmentData:
    """What a segment is written from."""

    hashes: Hashes
    terms: TermCounts
    grams: Grams
    passages: Passages

    def write(self, folder: Path) -> None:
        """Write into an existing empty folder."""
        np.save(folder / HASHES, self.hashes)
        (folder / LEXICAL).mkdir()
        self.terms.save(folder / LEXICAL)
        (folder / GRAMS).mkdir()
        self.grams.save(folder / GRAMS)
        VectorRows.build(self.passages.row_ids, self.passages.vectors).save(folder / DENSE)
        np.save(folder / WINDOWS, self.passages.windows)


class Segment:
    """An opened segment. Which of its documents answer is the generation's to say."""

    def __init__(
        self,
        name: str,
        hashes: Hashes,
        terms: TermCounts,
        grams: Grams,
        vectors: VectorRows,
        windows: Windows,
    ) -> None:
        self.name = name
        self.hashes = hashes
        self.terms = terms
        self.grams = grams
        self.vectors = vectors
        self.windows = windows

    @classmethod
    def open(cls, base: Path, entry: SegmentEntry) -> Segment:
        """Open a segment below ``base`` after checking every file against the manifest.

        Raises:
            ShardError: damaged or incomplete.
        """
        cls.verify(base, entry)
        folder = base / entry.name
        segment = cls(
            entry.name,
            np.load(folder / HASHES, mmap_mode="r"),
            TermCounts.load(folder / LEXICAL),
            Grams.load(folder / GRAMS),
            VectorRows.load(folder / DENSE),
            np.load(folder / WINDOWS, mmap_mode="r"),
        )
        ids = segment.doc_ids
        if (
            len(ids) != entry.documents
            or len(segment.hashes) != entry.documents
            or not np.array_equal(segment.grams.characters.doc_ids, ids)
            or not np.array_equal(segment.grams.bigrams.doc_ids, ids)
            or not np.array_equal(segment.vectors.doc_ids, ids)
            or segment.windows.shape != (segment.vectors.rows, 3)
        ):
            raise ShardError(f"索引的行数与清单不符。{REBUILD}")
        return segment

    @staticmethod
    def verify(base: Path, entry: SegmentEntry) -> None:
        """Check every file's size and SHA-256, and that none is surplus.

        Raises:
            ShardError: naming the first file that does not agree.
        """
        folder = base / entry.name
        try:
            if set(listed_files(folder)) != set(entry.files):
                raise ShardError(f"索引文件与清单不符。{REBUILD}")
            for path, expected in entry.files.items():
                if file_digest(folder / path) != expected:
                    raise ShardError(f"索引文件 {path} 已损坏。{REBUILD}")
        except OSError as error:
            raise ShardError(f"索引无法读取（{error}）。{REBUILD}") from error

    @property
    def doc_ids(self) -> NDArray[np.int64]:
        """(n,) ids of its documents, ascending."""
        return self.terms.doc_ids

    @property
    def passages(self) -> Passages:
        """Its vectors as data."""
        return Passages(self.vectors.row_ids, self.vectors.vectors, self.windows)


def file_digest(path: Path) -> tuple[int, str]:
    """Size in bytes and SHA-256 (hex) of a file."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def listed_files(folder: Path) -> list[str]:
    """Paths of all files of a segment, within its folder, sorted."""
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())
