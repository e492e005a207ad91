"""What is compared of a document: its folded title and text, cut into tokens, clauses, shingles."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from corpus.text import fold

SHINGLE = 3
"""Characters in a shingle of a text."""
COMPARED = 20_000
"""Characters of a text that are compared; the rest only has to be equal for an exact copy."""
LONGEST_TITLE = 200
"""Characters of a title that are compared."""

_CIRCLED = re.compile(r"[①-⒛]")
_CLAUSE_END = re.compile(r"[。!?;\n\r]+|(?<!\d)[,:]|[,:](?!\d)|\.(?=[\s.]|$)")
# Numbers of list items: they change when sentences are put in another order.
_LIST_NUMBER = re.compile(r"^\s*\(?\d{1,2}(?:[)、]|\.(?!\d))")
# A dot, dash, slash or colon between digits is part of the number: 1.5 is not 15.
_NOISE = re.compile(r"[^\w%‰+<=>≤≥±~°./:\-×]|_|(?<!\d)[./:\-~]|[./:\-~](?!\d)")
_TOKEN = re.compile(r"\d+(?:\.\d+)*|[a-z]+|[^\W\d_a-z]")
_GENERIC_WORDS = (
    "一种 一类 一项 一套 新型 关于 基于 有关 相关 利用 采用 实现 进行 及其 以及 用于 技术 方法 "
    "工艺 研究 研发 研制 开发 应用 推广 产业化 示范 项目 成果 需求 寻求 求购 急需 解决 方案 问题 "
    "难题 攻关 合作 关键 共性 核心 及 与 和 的 之 其"
)
_GENERIC = re.compile("|".join(sorted(map(re.escape, _GENERIC_WORDS.split()), key=len)[::-1]))


@dataclass(frozen=True, slots=True)
class Document:
    """A record as the detection sees it; ``id`` is the record's database id."""

    id: int
    title: str
    text: str = ""
    dated_on: date | None = None
    """When it was published: the newer of two equally full texts stands for both."""


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """A document made ready for comparing."""

    document: Document
    title: str
    """Folded, without punctuation and blanks."""
    words: tuple[str, ...]
    """Tokens of the title without words that say nothing of its object."""
    body: str
    """The text, folded, without punctuation and blanks."""
    clauses: tuple[str, ...]
    """Pieces of the text between punctuation marks; joined they are ``body``."""
    shingles: NDArray[np.uint32]
    """Hashes of the text's character shingles, ascending, each once."""
    traditional: bool
    """Written in traditional characters."""
    digest: bytes
    """Equal digests: the same after folding."""

    @property
    def is_empty(self) -> bool:
        """Nothing that could be compared: no text and no title but generic words."""
        return not self.words and not self.body


def profile(document: Document) -> Profile:
    """Fold and cut a document. Work is bounded by ``COMPARED``, whatever the text."""
    title, title_changed = _fold(document.title[:LONGEST_TITLE])
    text, text_changed = _fold(document.text[:COMPARED])
    pieces = (_LIST_NUMBER.sub("", piece) for piece in _CLAUSE_END.split(text))
    clauses = tuple(clause for piece in pieces if (clause := plain(piece)))
    body, short = "".join(clauses), plain(title)
    digest = hashlib.blake2b(digest_size=16)
    beyond = document.title[LONGEST_TITLE:], document.text[COMPARED:]
    for part in (short, body, *beyond):
        digest.update(part.encode("utf-8", "replace") + b"\0")
    return Profile(
        document=document,
        title=short,
        words=tuple(tokens(_GENERIC.sub(" ", title))),
        body=body,
        clauses=clauses,
        shingles=shingle_hashes(body, SHINGLE),
        traditional=title_changed + text_changed > (len(short) + len(body)) // 50,
        digest=digest.digest(),
    )


def plain(folded: str) -> str:
    """``folded`` without punctuation and blanks; what belongs to a number stays."""
    return _NOISE.sub("", folded)


def tokens(folded: str) -> list[str]:
    """Numbers, Latin words, and every other letter by itself."""
    return _TOKEN.findall(folded)


def shingle_hashes(text: str, size: int) -> NDArray[np.uint32]:
    """Hashes of all runs of ``size`` characters, ascending, each once."""
    characters = np.frombuffer(text.encode("utf-32-le"), dtype=np.uint32).astype(np.uint64)
    count = len(characters) - size + 1
    if count < 1:
        return np.empty(0, np.uint32)
    mixed = np.zeros(count, np.uint64)
    for offset in range(size):
        mixed = mixed * np.uint64(0x100000001B3) + characters[offset : offset + count]
    return np.unique(scramble(mixed))


def scramble(values: NDArray[np.uint64]) -> NDArray[np.uint32]:
    """Well spread 32-bit hashes of 64-bit values (Steele et al. 2014, SplitMix64's finish)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values >> np.uint64(32), np.uint32)


def _fold(original: str) -> tuple[str, int]:
    """The folded text, and how many of its characters were traditional."""
    original = _CIRCLED.sub(" ", original)
    folded = fold(original).text
    unsimplified = unicodedata.normalize("NFKC", original).lower()
    if len(folded) != len(unsimplified):
        return folded, 0
    return folded, sum(a != b for a, b in zip(folded, unsimplified, strict=True))
