"""Find the aspects of a need in one text: clause by clause, on the folded form."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from corpus.quality.aspects import Aspect
from corpus.quality.words import (
    BASE,
    BUDGET,
    COMPARISON,
    COOPERATION,
    COUNTED_MEASURE,
    DEADLINE,
    GENERAL_STATE,
    GOAL,
    PRESENT,
    PROBLEM,
    TECHNICAL_MEASURE,
    terms,
    thing,
)
from corpus.sections import Section, SectionKind, sections

_SENTENCE_END = re.compile(r"[。;!?\n]")
_CLAUSE_END = re.compile(r"[。;!?\n]|,(?![0-9]{3})")
# 需求内容 is about anything, so only a heading that names a problem makes one.
_PROBLEM_HEADING = re.compile(r"问题|难题|缺点")
_MIN_SECTION = 4  # characters; 无 or 见附件 is not a base
_MAX_CLAUSE = 80  # characters; a longer clause is shown by the words alone
_MAX_OBJECTS = 8  # terms; more say nothing more


@dataclass(frozen=True, slots=True)
class Found:
    """An aspect stated in ``[start, end)`` of the folded text."""

    aspect: Aspect
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Clause:
    start: int
    end: int
    text: str
    section: Aspect | None  # of the heading that it stands under
    goal: bool  # its sentence speaks of what is wanted
    present: bool  # its sentence speaks of how things are


def find(folded: str, *, is_title: bool) -> list[Found]:
    """Everything that the text states, in order of place within each clause."""
    found = list(_objects(folded, is_title=is_title))
    for clause in _clauses(folded):
        found += _in_clause(clause)
    return found


def measures(folded: str) -> set[str]:
    """The different numbers with units, blanks left out."""
    every = [*TECHNICAL_MEASURE.finditer(folded), *COUNTED_MEASURE.finditer(folded)]
    # A measure that both patterns know, or that lies within another, counts once.
    spans = sorted((m.start(), -m.end(), m[0]) for m in every)
    kept, reached = set(), -1
    for start, negative_end, text in spans:
        if start >= reached:
            kept.add("".join(text.split()))
            reached = -negative_end
    return kept


def _objects(folded: str, *, is_title: bool) -> Iterator[Found]:
    spans = [(start, end) for start, end, is_object in terms(folded) if is_object]
    if is_title and not spans and (named := thing(folded)):
        spans = [named]
    seen: set[str] = set()
    for start, end in spans:
        word = folded[start:end]
        if word not in seen and len(seen) < _MAX_OBJECTS:
            seen.add(word)
            yield Found(Aspect.OBJECT, start, end)


def _clauses(folded: str) -> Iterator[_Clause]:
    for section in sections(folded):
        aspect = _aspect_of(section, folded)
        first = section.heading[1] if section.heading else section.start
        for start, end in _pieces(folded, first, section.end, _SENTENCE_END):
            goal = GOAL.search(folded, start, end) is not None
            present = PRESENT.search(folded, start, end) is not None
            for left, right in _pieces(folded, start, end, _CLAUSE_END):
                text = folded[left:right]
                left += len(text) - len(text.lstrip())
                text = text.strip()
                if text:
                    yield _Clause(left, left + len(text), text, aspect, goal, present)


def _aspect_of(section: Section, folded: str) -> Aspect | None:
    if section.kind is SectionKind.TARGET:
        return Aspect.INDICATOR
    if section.kind is SectionKind.BASIS:
        return Aspect.BASE
    if section.heading and _PROBLEM_HEADING.search(folded, *section.heading):
        return Aspect.PROBLEM
    return None


def _pieces(text: str, start: int, end: int, cut: re.Pattern[str]) -> Iterator[tuple[int, int]]:
    for match in cut.finditer(text, start, end):
        if start < match.start():
            yield start, match.start()
        start = match.end()
    if start < end:
        yield start, end


def _in_clause(clause: _Clause) -> Iterator[Found]:
    budget = BUDGET.search(clause.text)
    if budget:
        yield _found(Aspect.BUDGET, clause, budget)
    for aspect, pattern in ((Aspect.DEADLINE, DEADLINE), (Aspect.COOPERATION, COOPERATION)):
        if match := pattern.search(clause.text):
            yield _found(aspect, clause, match)
    base = _base(clause)
    if base:
        yield _found(Aspect.BASE, clause, base)
    if clause.section is not Aspect.INDICATOR and (match := PROBLEM.search(clause.text)):
        yield _found(Aspect.PROBLEM, clause, match)
    elif clause.section is Aspect.PROBLEM and len(clause.text) >= _MIN_SECTION:
        yield Found(Aspect.PROBLEM, clause.start, clause.end)
    if not budget and (measure := _indicator(clause, has_base=base is not None)):
        yield _found(Aspect.INDICATOR, clause, measure)


def _base(clause: _Clause) -> re.Match[str] | None:
    if clause.section is Aspect.BASE and len(clause.text) >= _MIN_SECTION:
        return _WHOLE.match(clause.text)
    if clause.section is Aspect.INDICATOR or GENERAL_STATE.search(clause.text):
        return None
    return BASE.search(clause.text)


_WHOLE = re.compile(r".{1,80}")


def _indicator(clause: _Clause, *, has_base: bool) -> re.Match[str] | None:
    """A number that is a target: wanted, compared, or set down as 硬度:55 hrc."""
    wanted = clause.section is Aspect.INDICATOR or clause.goal
    if has_base or clause.section is Aspect.BASE or PRESENT.search(clause.text):
        return None
    compared = COMPARISON.search(clause.text) is not None
    if measure := TECHNICAL_MEASURE.search(clause.text):
        listed = ":" in clause.text and not clause.present
        return measure if compared or wanted or listed else None
    measure = COUNTED_MEASURE.search(clause.text)
    return measure if measure and wanted and (compared or clause.section is not None) else None


def _found(aspect: Aspect, clause: _Clause, match: re.Match[str]) -> Found:
    if clause.end - clause.start <= _MAX_CLAUSE:
        return Found(aspect, clause.start, clause.end)
    return Found(aspect, clause.start + match.start(), clause.start + match.end())
