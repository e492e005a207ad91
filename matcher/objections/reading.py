"""A record made ready for looking for objections, and the quotes shown of it.

Patterns match a *plain* form that is as long as the original, character for character, so that
every place found is a place in the text as written. It is cheaper than ``corpus.text.fold`` and
gives up what would change the length (㎎, combined marks); the words looked for have none of it.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from corpus.model import Achievement, Record
from corpus.sections import SectionKind, sections
from corpus.text import excerpt, simplify
from matcher.explain import Span

MAX_READ = 20_000
"""Characters of the title and of the text that are read; the rest is not looked at."""

ASKED = re.compile(
    r"希望|寻求|寻找|要求|求购|征集|期望|拟(?:引进|采用|寻|开发|建|用|选)|想(?:找|要|用)|需要|急需|亟需|引进|"
    r"目标|开发|必须|须(?:采用|用|为|能)|改为|改成|改用|限定|只要|只考虑|倾向|优先"
)
"""Words of a sentence that says what is wanted."""

_T = TypeVar("_T")
_CLAUSE_END = re.compile(r"[。;!?\n,]|(?<!\d):(?!\d)")
_SENTENCE_END = frozenset("。;!?\n")
_BEFORE, _AFTER = 60, 40  # characters of a clause that are looked at around a mention
_SENTENCE = 120  # characters of a sentence that are looked at on each side
_QUOTE = 40
_KEPT_CHARACTERS = 20_000


class _Characters(dict[int, str]):
    """One character to one character: NFKC and lower case where they keep the length."""

    def __missing__(self, code: int) -> str:
        char = chr(code)
        made = unicodedata.normalize("NFKC", char).lower()
        made = made if len(made) == 1 else char
        if len(self) < _KEPT_CHARACTERS:
            self[code] = made
        return made


_CHARACTERS = _Characters()


def plain(text: str) -> str:
    """``text`` folded for searching, with the same length."""
    return simplify(text.translate(_CHARACTERS))


def field_text(record: Record, field: str) -> str:
    """A field as it is shown, which spans of it are spans of; ``text`` has the supplements."""
    if field == "text":
        return record.body
    if field == "cooperation":
        return "、".join(record.cooperation)
    if field == "region":
        return record.organisation.region if record.organisation else ""
    value = getattr(record, field)
    return str(getattr(value, "label", value) or "")


def whole(record: Record, field: str) -> Span:
    """The span of all of a field."""
    return Span(field, 0, len(field_text(record, field)))


def quote(record: Record, span: Span, limit: int = _QUOTE) -> str:
    """The words of a span on one line, cut at ``limit`` characters."""
    return excerpt(field_text(record, span.field)[span.start : span.end], limit)


@dataclass(frozen=True, slots=True)
class Mention:
    """A word found at ``[start, end)`` of a field, with what stands around it, plain.

    ``clause`` is cut to some dozens of characters on each side, so that a text without any
    punctuation does not cost the square of its length; the word begins at ``clause[at]``.
    """

    span: Span
    word: str
    clause: str
    at: int
    sentence: tuple[int, int]


class Part:
    """One text of a record, plain, with its clauses."""

    def __init__(self, field: str, text: str) -> None:
        self.field = field
        self.text = plain(text[:MAX_READ])

    @cached_property
    def _ends(self) -> tuple[list[int], list[int]]:
        """Places of the clause ends, and of those that also end a sentence."""
        found = [m.start() for m in _CLAUSE_END.finditer(self.text)]
        return found, [place for place in found if self.text[place] in _SENTENCE_END]

    def mention(self, start: int, end: int) -> Mention:
        """What is found at a place, with its clause and its sentence."""
        clauses, stops = self._ends
        left, right = _around(clauses, start, end, len(self.text))
        left, right = max(left, start - _BEFORE), min(right, end + _AFTER)
        return Mention(
            Span(self.field, start, end),
            self.text[start:end],
            self.text[left:right],
            start - left,
            _around(stops, start, end, len(self.text)),
        )


class Reading:
    """A record with its title and text, each plain. Made once, used for many pairs."""

    def __init__(self, record: Record) -> None:
        self.record = record
        self.title = Part("title", record.title)
        self.text = Part("text", record.body)

    @property
    def parts(self) -> tuple[Part, Part]:
        return self.title, self.text

    def asks_at(self, span: Span) -> bool:
        """Whether a place of a need says what is wanted: its title, its targets (目标指标), or a
        clause with a word for wanting; without targets a sentence with one is enough."""
        if span.field == "title" or span.start >= MAX_READ:
            return span.field == "title"
        if any(left <= span.start < right for left, right in self._targets):
            return True
        mention = self.text.mention(span.start, span.end)
        if ASKED.search(mention.clause):
            return True
        start, end = mention.sentence
        start, end = max(start, span.start - _SENTENCE), min(end, span.end + _SENTENCE)
        return not self._targets and ASKED.search(self.text.text, start, end) is not None

    @cached_property
    def _targets(self) -> list[tuple[int, int]]:
        found = sections(self.text.text)
        return [(s.start, s.end) for s in found if s.kind is SectionKind.TARGET]

    @property
    def is_achievement(self) -> bool:
        return isinstance(self.record, Achievement)


class WordFinder(Generic[_T]):
    """Finds the words of a table: leftmost, of these the longest, none overlapping.

    Words have two characters or more. Work grows with the text alone: words are looked up by
    their first two characters.
    """

    def __init__(self, words: Mapping[str, _T]) -> None:
        self._words = dict(words)
        self._lengths: dict[str, tuple[int, ...]] = {}
        for word in self._words:
            lengths = {len(word), *self._lengths.get(word[:2], ())}
            self._lengths[word[:2]] = tuple(sorted(lengths, reverse=True))

    def __contains__(self, word: str) -> bool:
        return word in self._words

    def words(self) -> Iterable[tuple[str, _T]]:
        """Every word with its value."""
        return self._words.items()

    def find(self, text: str) -> Iterator[tuple[int, int, _T]]:
        """Start, end and value of every word in plain ``text``."""
        reached = 0
        lengths = self._lengths
        for start, pair in enumerate(map(str.__add__, text, text[1:])):
            if pair not in lengths or start < reached:
                continue
            for length in lengths[pair]:
                end = start + length
                word = text[start:end]
                if len(word) == length and word in self._words and _stands_alone(text, start, end):
                    reached = end
                    yield start, end, self._words[word]
                    break


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Latin words are whole words: scr is not in scrap."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (
        (_latin(text[start]) and before and _latin(before))
        or (_latin(text[end - 1]) and after and _latin(after))
    )


def _latin(char: str) -> bool:
    return "a" <= char <= "z"


def _around(ends: list[int], start: int, end: int, length: int) -> tuple[int, int]:
    before = bisect_left(ends, start)
    after = bisect_right(ends, end - 1)
    left = ends[before - 1] + 1 if before else 0
    return left, ends[after] if after < len(ends) else length
