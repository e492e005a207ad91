"""A title or a text ready to be read: folded, with its clauses, sentences and sections."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass

from corpus.sections import Section, SectionKind, sections
from corpus.text import Folded
from matcher.explain import Span
from matcher.indicators.folding import folded

LONGEST_TEXT = 20_000
REACH = 60  # characters of a clause that are read before a number
_CLAUSE = re.compile(r"[，。；;！？!?\n、]|(?<!\d),|,(?!\d)")
_SENTENCE = re.compile(r"[。；;！？!?\n]")


@dataclass(frozen=True, slots=True)
class Field:
    """One folded field with what is needed to read it."""

    name: str
    folded: Folded
    sections: tuple[Section, ...]
    clause_ends: tuple[int, ...]
    sentence_ends: tuple[int, ...]

    @classmethod
    def of(cls, name: str, original: str) -> Field:
        made = folded(original[:LONGEST_TEXT])
        text = made.text
        return cls(
            name,
            made,
            tuple(sections(original[:LONGEST_TEXT])) if name == "text" else (),
            tuple(match.end() for match in _CLAUSE.finditer(text)),
            tuple(match.end() for match in _SENTENCE.finditer(text)),
        )

    def clause_start(self, position: int) -> int:
        """Where the clause of ``position`` begins, inside an open bracket at the bracket."""
        start = last_before(self.clause_ends, position)
        near = max(start, position - REACH)
        opening = self.folded.text.rfind("(", near, position)
        return opening + 1 if opening > self.folded.text.rfind(")", near, position) else start

    def before_in_sentence(self, position: int) -> str:
        """The sentence up to ``position``, at most 200 characters of it."""
        start = last_before(self.sentence_ends, position)
        return self.folded.text[max(start, position - 200) : position]

    def span(self, start: int, end: int) -> Span:
        """Into the original."""
        return Span(self.name, *self.folded.span(start, end))

    def section(self, position: int) -> tuple[SectionKind, str]:
        """Kind and heading of the section of a place in the folded text."""
        place = self.folded.starts[position]
        index = bisect_right([part.start for part in self.sections], place) - 1
        if index < 0:
            return SectionKind.OTHER, ""
        part = self.sections[index]
        heading = self._written(part.heading) if part.heading else ""
        return part.kind, heading

    def _written(self, heading: tuple[int, int]) -> str:
        first = bisect_right(self.folded.ends, heading[0])
        return self.folded.text[first : bisect_right(self.folded.ends, heading[1])]


def last_before(ends: tuple[int, ...], position: int) -> int:
    """The last of the rising ``ends`` that is not behind ``position``; 0 before the first."""
    index = bisect_right(ends, position)
    return ends[index - 1] if index else 0
