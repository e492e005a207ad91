"""What people say about words, and what a word must be. No I/O."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from corpus.model import CorpusError
from corpus.text import fold

MOST_CHARACTERS = 30
MOST_NOTE = 200

# What the tokenizer can take for one word.
_WORD = re.compile(r"[\u4e00-\u9fd5a-z0-9+#&._%-]+")
_FORM = re.compile(
    r"[\u4e00-\u9fd5a-z0-9+#&._%\u00b5\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff"
    r"\u3040-\u30ff\uac00-\ud7a3-]+"
)
_HAN = re.compile(r"[\u4e00-\u9fd5]")
_NUMBER = re.compile(r"[\d.,%+#&_-]+")


class DictionaryError(CorpusError):
    """Something that cannot be done with the dictionary; the message says why and what to do."""


class UnknownTermError(DictionaryError):
    """There is no such term."""


class StaleDictionaryError(DictionaryError):
    """The dictionary is no longer as it was when somebody decided about it."""


class TermKind(StrEnum):
    """What is said about a word."""

    WORD = "新词"
    SYNONYM = "同义词"
    STOP = "停用词"


class TermState(StrEnum):
    """Where a term stands. What is published and what is leaving act; the others do not."""

    DRAFT = "草稿"
    PUBLISHED = "已发布"
    LEAVING = "待撤下"
    WITHDRAWN = "已撤下"


class VersionAction(StrEnum):
    """How a version came to be."""

    PUBLISHED = "发布"
    ROLLED_BACK = "退回"


@dataclass(frozen=True, slots=True)
class Entry:
    """One word as the tokenizer reads it: folded. ``canonical`` is for synonyms only."""

    kind: TermKind
    term: str
    canonical: str = ""

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.term} → {self.canonical}" if self.canonical else self.term


@dataclass(frozen=True, slots=True)
class Term:
    """An entry with who said it, why, and where it stands."""

    id: int
    entry: Entry
    note: str
    state: TermState
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class DictionaryVersion:
    """What acted from one moment on: ids of terms. Never altered."""

    number: int
    action: VersionAction
    restores: int | None
    """The version whose words a rollback brought back; 0: the shipped dictionary alone."""
    who: str
    note: str
    happened_at: datetime
    term_ids: tuple[int, ...]


def checked_entry(kind: TermKind, term: str, canonical: str = "") -> Entry:
    """An entry of what somebody typed, folded.

    Raises:
        DictionaryError: it is empty, too long, or of characters that cannot be one word.
    """
    if kind is not TermKind.SYNONYM and canonical.strip():
        raise DictionaryError(f"{kind}不需要填“标准说法”，请清空后再试。")
    entry = Entry(kind, _folded(term), _folded(canonical))
    _check_word(entry.term, kind)
    if kind is TermKind.SYNONYM:
        if not entry.canonical:
            raise DictionaryError("请填写“标准说法”：这个词和哪个词是一个意思。")
        _check_word(entry.canonical, kind)
        if entry.term == entry.canonical:
            raise DictionaryError(f"“{entry.term}”和标准说法是同一个词，不必再加。")
    return entry


def checked_note(note: str) -> str:
    """A note, trimmed.

    Raises:
        DictionaryError: it is too long.
    """
    if len(note.strip()) > MOST_NOTE:
        raise DictionaryError(f"备注最多 {MOST_NOTE} 个字，请缩短。")
    return note.strip()


def active_stack(versions: list[DictionaryVersion]) -> list[int]:
    """Numbers of the published versions that no rollback took back, the oldest first.

    ``versions`` are in order; the last of the answer acts, without one the shipped dictionary.
    """
    stack: list[int] = []
    for version in versions:
        if version.action is VersionAction.PUBLISHED:
            stack.append(version.number)
        elif stack:
            stack.pop()
    return stack


def _folded(typed: str) -> str:
    # The limit first: folding a book takes its time.
    text = typed.strip()
    if len(text) > 4 * MOST_CHARACTERS:
        raise DictionaryError(f"一个词最多 {MOST_CHARACTERS} 个字，请缩短。")
    return fold(text).text


def _check_word(word: str, kind: TermKind) -> None:
    shown = f"“{word}”"
    if not word:
        raise DictionaryError("请填写词。")
    if len(word) > MOST_CHARACTERS:
        raise DictionaryError(f"一个词最多 {MOST_CHARACTERS} 个字，{shown}太长，请缩短。")
    if not (_FORM if kind is TermKind.SYNONYM else _WORD).fullmatch(word):
        raise DictionaryError(
            f"{shown}里有空格、标点或不支持的字符。"
            "一个词只能由汉字、字母、数字和 + # & . _ % - 组成。"
        )
    if _NUMBER.fullmatch(word):
        raise DictionaryError(f"{shown}只有数字和符号，检索本来就不用它，不能加入词典。")
    if kind is TermKind.WORD and (len(word) < 2 or not _HAN.search(word)):
        raise DictionaryError(
            f"新词至少两个字，其中至少一个汉字；{shown}不必加入，字母组成的词本来就是整词。"
        )
