"""The wrong process for the same thing; what one side rules out and the other is.

A need *asks* for a process in its title or in a sentence of what is wanted. An achievement
*offers* one in its title or in a clause that does not speak of others. Only words of the table
``resources/processes.toml`` count, and both sides must name the same object beside them.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib import resources
from typing import Any

from corpus.quality.words import PROBLEM
from corpus.text import fold
from matcher.explain import Span
from matcher.objections.model import Code, Objection, Severity
from matcher.objections.reading import ASKED, Mention, Part, Reading, WordFinder, quote
from matcher.objections.words import (
    NOT_OURS,
    NOT_WANTED,
    NOW,
    OFFERING,
    REFUSED,
    TROUBLE,
    UNSUITED,
    common_word,
    object_finder,
)

_MAX_MENTIONS = 200  # of process words in a text; more say nothing more
_MAX_PHRASES = 8
_PHRASE = 24  # characters behind 不适用于 that belong to it
_OPENING = 300  # characters of the text that a title stands over
_PHRASE_END = re.compile(r"[。;!?\n,]")


@dataclass(frozen=True, slots=True)
class Group:
    """Processes that exclude each other. ``objects`` are sets of words with one meaning."""

    name: str
    hard: bool
    objects: tuple[tuple[str, ...], ...]
    sides: tuple[str, ...]


class Stance(Enum):
    """What a text says of a process that it names."""

    MEANT = 1  # the need asks for it, or the achievement is it
    OTHER = 2  # the present state, a comparison, something to get away from
    PLAIN = 3  # cannot be told
    SETTING = 4  # the need names it beside a trouble: where it works, or what it blames


@dataclass(frozen=True, slots=True)
class Named:
    """A process of a group, named in a text."""

    side: str
    stance: Stance
    mention: Mention


Processes = Mapping[int, Sequence[Named]]
"""What a record names, by group."""


@functools.cache
def groups() -> tuple[Group, ...]:
    """The table, read once."""
    return tuple(
        Group(
            row["name"],
            row.get("hard", False),
            tuple(tuple(fold(words).text.split("|")) for words in row["objects"]),
            tuple(row["sides"]),
        )
        for row in _rows()
    )


@functools.cache
def process_finder() -> WordFinder[tuple[tuple[int, str], ...]]:
    """Every word of the table → its places (group, side) in it."""
    words: dict[str, dict[int, str]] = {}
    for number, row in enumerate(_rows()):
        for side, forms in row["sides"].items():
            for form in forms:
                words.setdefault(fold(form).text, {})[number] = side
    # The longest word is found: 砂型铸造 is a 铸造 too, for the groups that only know this.
    for word, uses in words.items():
        for other in (o for o in words if o != word and o in word):
            for number, side in words[other].items():
                uses.setdefault(number, side)
    return WordFinder({word: tuple(sorted(uses.items())) for word, uses in words.items()})


def processes_of(reading: Reading) -> Processes:
    """The processes that a record names, with what it says of them."""
    found: dict[int, list[Named]] = {}
    stance = _offered if reading.is_achievement else _asked
    for part in reading.parts:
        places = process_finder().find(part.text)
        for (start, end, uses), _ in zip(places, range(_MAX_MENTIONS), strict=False):
            mention = part.mention(start, end)
            said = stance(mention, part)
            for group, side in uses:
                found.setdefault(group, []).append(Named(side, said, mention))
    return found


def wrong_processes(
    need: Reading, achievement: Reading, asked: Processes, offered: Processes
) -> Iterator[Objection]:
    """One objection for each group in which the need asks for another process than is offered."""
    for number in sorted(asked.keys() & offered.keys()):
        group = groups()[number]
        meant = {Stance.MEANT, Stance.SETTING} if group.hard else {Stance.MEANT}
        wanted = [n for n in asked[number] if n.stance in meant]
        given = [n for n in offered[number] if n.stance is Stance.MEANT]
        sides = {n.side for n in wanted}
        # A text that knows the other process too may well do both, unless it rules it out.
        knows = {n.side for n in offered[number] if not UNSUITED.search(n.mention.clause)}
        vague = {n.side for n in asked[number] if n.stance is Stance.PLAIN}
        clear = [n for n in given if n.side not in vague]
        if not wanted or not clear or sides & knows:
            continue
        same = _same_object(group, need, wanted[0], achievement, clear[0])
        if same is None:
            continue
        left, right = wanted[0].mention.span, clear[0].mention.span
        yield Objection(
            Code.PROCESS,
            Severity.BLOCKER if group.hard else Severity.DOUBT,
            f"{_same_words(quote(need.record, same[0]), quote(achievement.record, same[1]))}，"
            f"但需求要的是“{quote(need.record, left)}”，"
            f"成果写的是“{quote(achievement.record, right)}”（{group.name}不同）。",
            tuple(dict.fromkeys((left, same[0]))),
            tuple(dict.fromkeys((right, same[1]))),
        )


def out_of_reach(need: Reading, achievement: Reading) -> Iterator[Objection]:
    """What the achievement says it does not suit stands in what the need is about."""
    for part, start, end in _phrases(achievement, UNSUITED):
        for wanted in (need.title, *_asking_clauses(need)):
            shared = _shared(part, start, end, wanted)
            if shared:
                yield Objection(
                    Code.SCOPE,
                    Severity.BLOCKER,
                    f"成果写明“{quote(achievement.record, Span(part.field, start, end))}”，"
                    f"而需求针对的是“{quote(need.record, shared[1])}”。",
                    (shared[1],),
                    (Span(part.field, start, end),),
                )
                break


def refused(need: Reading, achievement: Reading) -> Iterator[Objection]:
    """What the need refuses is what the achievement is, by its title."""
    title = achievement.title
    if NOT_OURS.search(title.text):
        return
    for part, start, end in _phrases(need, REFUSED):
        shared = _shared(part, start, end, title)
        if shared:
            yield Objection(
                Code.REJECTED,
                Severity.DOUBT,
                f"需求写明“{quote(need.record, Span(part.field, start, end))}”，"
                f"而成果是“{quote(achievement.record, shared[1])}”。",
                (Span(part.field, start, end),),
                (shared[1],),
            )


def _asked(mention: Mention, part: Part) -> Stance:
    clause = mention.clause
    if NOW.search(clause) or NOT_WANTED.search(clause):
        return Stance.OTHER
    setting = TROUBLE.search(clause) or PROBLEM.search(clause)
    if part.field == "text":
        start, end = mention.sentence
        left, right = max(start, mention.span.start - 120), min(end, mention.span.end + 40)
        if not ASKED.search(part.text, left, right):
            return Stance.OTHER if setting else Stance.PLAIN
    return Stance.SETTING if setting else Stance.MEANT


def _offered(mention: Mention, part: Part) -> Stance:
    if NOT_OURS.search(mention.clause):
        return Stance.OTHER
    plainly = part.field == "title" or OFFERING.search(mention.clause)
    return Stance.MEANT if plainly else Stance.PLAIN


def _same_object(
    group: Group, need: Reading, asked: Named, achievement: Reading, offered: Named
) -> tuple[Span, Span] | None:
    """Where both sides name the same object: in the title or the sentence of the process."""
    for words in group.objects:
        left = _named_near(words, need, asked.mention)
        right = _named_near(words, achievement, offered.mention)
        if left and right:
            return left, right
    return None


def _same_words(asked: str, offered: str) -> str:
    return f"对象都是“{asked}”" if asked == offered else f"对象相近（“{asked}”和“{offered}”）"


def _named_near(words: Sequence[str], reading: Reading, mention: Mention) -> Span | None:
    places = [(reading.title, 0, len(reading.title.text))]
    if mention.span.field == "title":
        places.append((reading.text, 0, _OPENING))
    else:
        places.append((reading.text, *mention.sentence))
    for part, start, end in places:
        for word in words:
            at = part.text.find(word, start, end)
            if at >= 0:
                return Span(part.field, at, at + len(word))
    return None


def _phrases(reading: Reading, pattern: re.Pattern[str]) -> Iterator[tuple[Part, int, int]]:
    """Where a ruling-out begins and what it rules out ends."""
    for part in reading.parts:
        matches = pattern.finditer(part.text)
        for match, _ in zip(matches, range(_MAX_PHRASES), strict=False):
            limit = min(len(part.text), match.end() + _PHRASE)
            stop = _PHRASE_END.search(part.text, match.end(), limit)
            end = stop.start() if stop else limit
            if end > match.end():
                yield part, match.start(), end


def _asking_clauses(need: Reading) -> Iterator[Part]:
    """The need's text as long as it says what is wanted at all."""
    if ASKED.search(need.text.text):
        yield need.text


def _shared(part: Part, start: int, end: int, other: Part) -> tuple[Span, Span] | None:
    """A known word of the ruling-out that stands in ``other`` and is not ruled out there."""
    phrase = part.text[start:end]
    for known in (object_finder(), _process_words()):
        place = common_word(phrase, other.text, known)
        if place is None:
            continue
        word = phrase[place[0] : place[1]]
        at = other.text.find(word)
        clause = other.mention(at, at + len(word)).clause
        if not REFUSED.search(clause) and not UNSUITED.search(clause):
            inside = Span(part.field, start + place[0], start + place[1])
            return inside, Span(other.field, at, at + len(word))
    return None


@functools.cache
def _process_words() -> WordFinder[str]:
    forms = (fold(f).text for row in _rows() for words in row["sides"].values() for f in words)
    return WordFinder({form: form for form in forms})


@functools.cache
def _rows() -> tuple[dict[str, Any], ...]:
    text = resources.files("matcher.resources").joinpath("processes.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)["group"])
