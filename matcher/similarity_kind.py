"""Which kind of similarity a pair has, where it can be told: the same thing, a part that fits
beside it, or the same means from another trade. Where the rules see too little they say nothing.

The rules, in order, on titles and the beginnings of the texts (``resources/functions.toml``):

1. *Same object*, and the achievement's title ends in a part (传感器, 涂料) where the need asks for
   a whole (系统, 生产线): 互补可组合.
2. Same object, and what the achievement does is what the need asks for: 同类可替代.
3. Same object, and the two functions stand before or after each other (检测 and 修复): 互补可组合.
4. Same object, and the need asks for a substitute (国产化, 替代进口): 同类可替代.
5. *No* object in common, the same function by the same means (机器视觉, 激光熔覆), another trade:
   跨界可借鉴.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

from corpus.industries import industry_of
from corpus.model import Achievement, Need, Record
from corpus.text import fold
from indexer.tokenizer import default_lexicon
from matcher.explain import Span
from matcher.objections.reading import ASKED, Part, WordFinder, quote
from matcher.objections.words import object_finder

READ = 1000
"""Characters of a text that are looked at: what it is about stands at its beginning."""

_SURE_COMMON = 3  # characters in common of two titles that name an object, known or not


class SimilarityKind(StrEnum):
    """Kinds of similarity, in the words shown to people."""

    SUBSTITUTE = "同类可替代"
    COMPLEMENT = "互补可组合"
    CROSS_TRADE = "跨界可借鉴"


@dataclass(frozen=True, slots=True)
class KindReading:
    """A kind and the words that decided it: spans of title and text on each side, never none."""

    kind: SimilarityKind
    sentence: str  # one plain Chinese sentence
    need_spans: tuple[Span, ...]
    achievement_spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class _Words:
    functions: WordFinder[str]
    means: WordFinder[str]
    parts: tuple[str, ...]
    wholes: WordFinder[str]
    substitution: WordFinder[str]
    generic: WordFinder[str]
    complements: frozenset[frozenset[str]]


@dataclass(frozen=True, slots=True)
class Traits:
    """What one side is about: each word class with the place of its first word."""

    record: Record
    title: Part
    text: Part
    title_objects: Mapping[str, Span]
    text_objects: Mapping[str, Span]
    title_functions: Mapping[str, Span]
    text_functions: Mapping[str, Span]
    means: Mapping[str, Span]
    asked: str
    """The text; of a need only the sentences that say what is wanted, the others blank."""
    left: str
    """The title with every function, means and generic word blanked out."""

    @property
    def functions(self) -> Mapping[str, Span]:
        """Of title and text; the title's place where both name one."""
        return {**self.text_functions, **self.title_functions}


def similarity_kind(need: Need, achievement: Achievement) -> KindReading | None:
    """The kind of similarity of a pair, or None where it cannot be told."""
    return kind_of(traits(need), traits(achievement))


def traits(record: Record) -> Traits:
    """Read one side, once for as many pairs as wanted."""
    words = _words()
    title, text = Part("title", record.title[:READ]), Part("text", record.body[:READ])
    # What an enterprise wants stands in a sentence that says so; what it has is no function.
    asked = _asked_part(text) if isinstance(record, Need) else text.text
    return Traits(
        record,
        title,
        text,
        _objects(title),
        _objects(text),
        _places(words.functions, title.text, "title", last=True),
        _places(words.functions, asked, "text"),
        _places(words.means, title.text, "title") or _places(words.means, text.text, "text"),
        asked,
        _blanked(title.text, (words.functions, words.means, words.generic)),
    )


def kind_of(need: Traits, achievement: Traits) -> KindReading | None:
    """The rules of the module, on two sides read before."""
    same = _same_object(need, achievement)
    if same is None:
        return _cross_trade(need, achievement)
    for rule in (_part_of_whole, _same_function, _completing, _substitute):
        found = rule(need, achievement, same)
        if found is not None:
            return found
    return None


_Pair = tuple[Span, Span]


def _part_of_whole(need: Traits, achievement: Traits, same: _Pair) -> KindReading | None:
    part = _ending(achievement.title.text)
    if part is None or _ending(need.title.text) is not None:
        return None
    wholes = _words().wholes
    whole = _first(wholes, need.title.text, "title") or _first(wholes, need.asked, "text")
    if whole is None:
        return None
    wanted, given = quote(need.record, whole), quote(achievement.record, part)
    return KindReading(
        SimilarityKind.COMPLEMENT,
        f"对象都涉及“{quote(achievement.record, same[1])}”，需求要的是整体（“{wanted}”），"
        f"成果是其中的一部分（“{given}”），可以组合。",
        (same[0], whole),
        (same[1], part),
    )


def _same_function(need: Traits, achievement: Traits, same: _Pair) -> KindReading | None:
    shared = _main(achievement.title_functions, need.functions)
    if shared is None:
        return None
    return KindReading(
        SimilarityKind.SUBSTITUTE,
        f"对象都涉及“{quote(achievement.record, same[1])}”，要做的都是{shared}。",
        (same[0], need.functions[shared]),
        (same[1], achievement.title_functions[shared]),
    )


def _completing(need: Traits, achievement: Traits, same: _Pair) -> KindReading | None:
    for wanted, left in (need.title_functions or need.text_functions).items():
        for given, right in achievement.title_functions.items():
            if frozenset((wanted, given)) in _words().complements:
                return KindReading(
                    SimilarityKind.COMPLEMENT,
                    f"对象都涉及“{quote(achievement.record, same[1])}”，需求要的是{wanted}，"
                    f"成果做的是{given}，可以前后衔接。",
                    (same[0], left),
                    (same[1], right),
                )
    return None


def _substitute(need: Traits, achievement: Traits, same: _Pair) -> KindReading | None:
    words = _words().substitution
    wish = _first(words, need.title.text, "title") or _first(words, need.asked, "text")
    if wish is None or same[0].field != "title" or same[1].field != "title":
        return None
    return KindReading(
        SimilarityKind.SUBSTITUTE,
        f"需求写明“{quote(need.record, wish)}”，对象都是“{quote(achievement.record, same[1])}”。",
        (same[0], wish),
        (same[1],),
    )


def _cross_trade(need: Traits, achievement: Traits) -> KindReading | None:
    if not _other_trade(need.record, achievement.record):
        return None
    means = next((m for m in need.means if m in achievement.means), None)
    does = achievement.functions
    shared = _main(does, need.functions)
    if means is None or shared is None:
        return None
    return KindReading(
        SimilarityKind.CROSS_TRADE,
        f"行业不同，但都用“{quote(achievement.record, achievement.means[means])}”做{shared}，"
        "做法可以借鉴。",
        (need.means[means], need.functions[shared]),
        (achievement.means[means], does[shared]),
    )


def _same_object(need: Traits, achievement: Traits) -> _Pair | None:
    """Where both name the same object: by both titles, or by one title and the other's text."""
    left, right, length = _longest_common(need.left, achievement.left)
    # Two characters in common are a thing only where the dictionary knows it.
    if length >= _SURE_COMMON or need.left[left : left + length] in object_finder():
        return Span("title", left, left + length), Span("title", right, right + length)
    for asked, held in (
        (need.title_objects, achievement.title_objects),
        (need.text_objects, achievement.title_objects),
        (need.title_objects, achievement.text_objects),
    ):
        shared = [name for name in asked if name in held]
        if shared:
            best = max(shared, key=lambda name: (len(name), name))
            return asked[best], held[best]
    return None


def _longest_common(left: str, right: str) -> tuple[int, int, int]:
    """Start in each and length of the longest common run without blanks, the first of equals."""
    best = (0, 0, 0)
    lengths = [0] * (len(right) + 1)
    for i, char in enumerate(left, start=1):
        before = 0
        for j, other in enumerate(right, start=1):
            here = lengths[j]
            lengths[j] = before + 1 if char == other and char.isalnum() else 0
            before = here
            if lengths[j] > best[2]:
                best = (i - lengths[j], j - lengths[j], lengths[j])
    return best


def _other_trade(need: Record, achievement: Record) -> bool:
    """Both sides name their industry, or their field, and it is not the same."""
    left, right = _industry(need), _industry(achievement)
    if left and right and left != right:
        return True
    fields = _field(need), _field(achievement)
    return bool(fields[0] and fields[1] and fields[0] != fields[1])


def _industry(record: Record) -> str:
    entry = industry_of(record.industry or record.suggested.get("industry", ""))
    return entry.code if entry else ""


def _field(record: Record) -> str:
    return record.technology_field or record.suggested.get("technology_field", "")


def _main(does: Mapping[str, Span], wanted: Mapping[str, Span]) -> str | None:
    """The first of the achievement's functions that is wanted."""
    return next((name for name in does if name in wanted), None)


def _asked_part(text: Part) -> str:
    """The text with every sentence blanked that does not say what is wanted."""
    kept = []
    position = 0
    while position < len(text.text):
        _, end = text.mention(position, position + 1).sentence
        sentence = text.text[position : end + 1]
        kept.append(sentence if ASKED.search(sentence) else " " * len(sentence))
        position += len(sentence)
    return "".join(kept)


def _objects(part: Part) -> dict[str, Span]:
    words, synonyms = _words(), default_lexicon().synonyms
    found: dict[str, Span] = {}
    for start, end, term in object_finder().find(part.text):
        inside = part.text[start:end]
        # 缺陷检测 says what is done, 机器视觉 by what: neither is an object.
        if _blanked(inside, (words.functions, words.means, words.generic)).strip() == inside:
            found.setdefault(synonyms.get(term, term), Span(part.field, start, end))
    return found


def _places(
    finder: WordFinder[str], text: str, field: str, *, last: bool = False
) -> dict[str, Span]:
    """Each class with the place of its first word; ``last``: classes from the end, since what a
    Chinese title is about stands at its end."""
    hits = [(name, Span(field, start, end)) for start, end, name in finder.find(text) if name]
    found: dict[str, Span] = {}
    for name, span in reversed(hits) if last else hits:
        found.setdefault(name, span)
    return found


def _first(finder: WordFinder[str], text: str, field: str) -> Span | None:
    return next((Span(field, start, end) for start, end, _ in finder.find(text)), None)


def _ending(title: str) -> Span | None:
    """The part that a title ends in."""
    bare = title.rstrip(" 。.)）")
    word = next((w for w in _words().parts if bare.endswith(w)), None)
    return Span("title", len(bare) - len(word), len(bare)) if word else None


def _blanked(text: str, finders: Iterable[WordFinder[str]]) -> str:
    characters = list(text)
    for finder in finders:
        for start, end, _ in finder.find(text):
            characters[start:end] = " " * (end - start)
    return "".join(characters)


@functools.cache
def _words() -> _Words:
    source = resources.files("matcher.resources").joinpath("functions.toml")
    table: dict[str, Any] = tomllib.loads(source.read_text("utf-8"))
    return _Words(
        # Things that are named after what is done are found as themselves, and say nothing.
        _finder({**table["functions"], "": table["ignored"]["words"]}),
        _finder(table["means"]),
        tuple(sorted((fold(w).text for w in table["parts"]["部件"]), key=len, reverse=True)),
        _finder({"整体": table["parts"]["整体"]}),
        _finder(table["substitution"]),
        _finder(table["generic"]),
        frozenset(frozenset(pair) for row in table["complements"] for pair in row["pairs"]),
    )


def _finder(classes: Mapping[str, list[str]]) -> WordFinder[str]:
    return WordFinder({fold(w).text: name for name, words in classes.items() for w in words})
