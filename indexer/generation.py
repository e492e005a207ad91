"""A generation as data: which segments answer, and which of their documents no longer do.

A generation is one file, named by the SHA-256 of its bytes, so that a flipped byte anywhere in
it is noticed before it is read. It names every file of its segments with size and SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from indexer import fields, grams, offsets
from indexer.errors import ShardError
from indexer.lexical import LexicalConfig

FORMAT_VERSION = 4
REBUILD = "请运行 zhitong index build。"

_NAME = re.compile(r"gen-([0-9a-f]{64})\.json")
_SEGMENT = re.compile(r"seg-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Maker:
    """What an index was made with; an index answers only to the same makers."""

    encoder_name: str
    encoder_fingerprint: str
    tokenizer_fingerprint: str


@dataclass(frozen=True, slots=True)
class SegmentEntry:
    """One segment of a generation. ``removed`` (tombstones): ids that no longer answer."""

    name: str
    documents: int  # in its files, the removed ones included
    live_rows: int  # vectors of the documents that answer
    removed: tuple[int, ...]  # ascending
    files: Mapping[str, tuple[int, str]]  # path within → (size in bytes, SHA-256 hex)

    @property
    def live(self) -> int:
        """Documents that answer."""
        return self.documents - len(self.removed)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a generation holds."""

    format_version: int
    layout: str  # ``layout`` of the program that wrote it
    kind: str
    maker: Maker
    config: LexicalConfig
    snapshot: str  # of the corpus: CorpusRepository.snapshot
    revision: int  # of the corpus when its content was read: CorpusRepository.revision
    dimension: int
    built_at: str
    segments: tuple[SegmentEntry, ...]

    @property
    def documents(self) -> int:
        """Documents that answer."""
        return sum(segment.live for segment in self.segments)

    @property
    def rows(self) -> int:
        """Vectors that answer."""
        return sum(segment.live_rows for segment in self.segments)

    @property
    def tombstones(self) -> int:
        """Documents still in the files of a segment that no longer answer."""
        return sum(len(segment.removed) for segment in self.segments)

    @property
    def files(self) -> dict[str, tuple[int, str]]:
        """Path within the folder of the kind → (size in bytes, SHA-256 hex) of every file."""
        return {f"{s.name}/{path}": facts for s in self.segments for path, facts in s.files.items()}

    def to_bytes(self) -> bytes:
        """The file's content."""
        return (json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n").encode()

    @classmethod
    def from_bytes(cls, content: bytes, name: str) -> Manifest:
        """Read the file called ``name``.

        Raises:
            ShardError: the content is not what the name says, or of another format.
        """
        if name != generation_name(content):
            raise ShardError(f"索引清单已损坏。{REBUILD}")
        try:
            raw: dict[str, Any] = json.loads(content)
            version = raw["format_version"]
            if version != FORMAT_VERSION:
                raise ShardError(
                    f"索引格式版本是 {version}，本程序需要 {FORMAT_VERSION}。{REBUILD}"
                )
            if raw["layout"] != layout():
                raise ShardError(f"索引按另一版规则（章节切分或语言校正）制成。{REBUILD}")
            raw["maker"] = Maker(**raw["maker"])
            raw["config"] = LexicalConfig(**raw["config"])
            raw["segments"] = tuple(_entry(entry) for entry in raw["segments"])
            return cls(**raw)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ShardError(f"索引清单已损坏。{REBUILD}") from error


@cache
def layout() -> str:
    """SHA-256 (hex) of how a text is cut into fields and characters, and how far vectors of foreign
    texts are moved; a part of the format."""
    made = f"{fields.fingerprint()} {grams.CODE_VERSION} {offsets.fingerprint()}"
    return hashlib.sha256(made.encode()).hexdigest()


def generation_name(content: bytes) -> str:
    """Name of the file with this content."""
    return f"gen-{hashlib.sha256(content).hexdigest()}.json"


def is_generation_name(text: str) -> bool:
    """Whether ``text`` has the form of a generation's name."""
    return _NAME.fullmatch(text) is not None


def _entry(raw: dict[str, Any]) -> SegmentEntry:
    if not _SEGMENT.fullmatch(raw["name"]):
        raise ValueError("not the name of a segment")
    raw["removed"] = tuple(map(int, raw["removed"]))
    raw["files"] = {path: (int(size), str(hash_)) for path, (size, hash_) in raw["files"].items()}
    return SegmentEntry(**raw)
