"""Measure what a need says: completeness, vagueness, level, gaps."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from corpus.model import Amount, Need, Supplement
from corpus.quality.aspects import Aspect, AspectState, Evidence, NeedQuality, VaguenessParts
from corpus.quality.detect import find, measures
from corpus.quality.words import EMPTY, terms
from corpus.text import Folded, fold

MAX_READ = 20_000
"""Characters of the title, the text and each answer that are read; the rest is not looked at."""

_MAX_EVIDENCE = 8
_FULL_EMPTY, _FULL_NUMBERS, _FULL_TERMS, _FULL_LENGTH = 0.25, 3, 4, 100
_HAN = re.compile(r"[\u3400-\u9fff]")
_NO_MODE = frozenset({"其他", "其它", "不限", "待定", "无", ""})


def assess(need: Need) -> NeedQuality:
    """What ``need`` states, with evidence, and how vague it is. Never raises on any text.

    A structured field counts where it says something: 面议 is no budget, 其他 no cooperation. An
    answer (a supplement under an aspect's name) states its aspect.
    """
    pieces = list(_read(need))
    found: dict[Aspect, list[Evidence]] = {aspect: [] for aspect in Aspect}
    for aspect, evidence in (*_structured(need), *_answered(need), *_written(pieces)):
        if evidence not in found[aspect]:
            found[aspect].append(evidence)
    states = (AspectState(a, tuple(items[:_MAX_EVIDENCE])) for a, items in found.items())
    title, *texts = (piece.folded.text for piece in pieces)
    return NeedQuality(tuple(states), _vagueness(title, "\n".join(texts)))


def written(need: Need) -> list[tuple[Aspect, Evidence]]:
    """Every place of title and body that states an aspect, without a limit on their number."""
    return list(_written(_read(need)))


@dataclass(frozen=True, slots=True)
class _Piece:
    """A text that stands at ``offset`` of a field. Answers are read apart: what they stand
    below is no heading of theirs."""

    field: str
    offset: int
    folded: Folded


def _read(need: Need) -> Iterator[_Piece]:
    yield _Piece("title", 0, fold(need.title[:MAX_READ]))
    yield _Piece("text", 0, fold(need.text[:MAX_READ]))
    for supplement, start in _supplements(need):
        yield _Piece("text", start, fold(supplement.text[:MAX_READ]))


def _structured(need: Need) -> Iterator[tuple[Aspect, Evidence]]:
    if need.budget is not None and _says_money(need.budget):
        yield Aspect.BUDGET, Evidence("budget")
    if need.valid_until_on is not None:
        yield Aspect.DEADLINE, Evidence("valid_until_on")
    if any(mode.strip() not in _NO_MODE for mode in need.cooperation):
        yield Aspect.COOPERATION, Evidence("cooperation")


def _says_money(budget: Amount) -> bool:
    return budget.min_wan is not None or budget.max_wan is not None


def _answered(need: Need) -> Iterator[tuple[Aspect, Evidence]]:
    names = {aspect.value: aspect for aspect in Aspect}
    for supplement, start in _supplements(need):
        if supplement.aspect in names and supplement.text.strip():
            span = Evidence("text", start, start + len(supplement.text))
            yield names[supplement.aspect], span


def _supplements(need: Need) -> Iterator[tuple[Supplement, int]]:
    """Supplements and where their texts start in ``need.body``."""
    position = len(need.text)
    for supplement in need.supplements:
        start = position + len(f"\n{supplement.aspect}：")
        yield supplement, start
        position = start + len(supplement.text)


def _written(pieces: Iterable[_Piece]) -> Iterator[tuple[Aspect, Evidence]]:
    for piece in pieces:
        for found in find(piece.folded.text, is_title=piece.field == "title"):
            start, end = piece.folded.span(found.start, found.end)
            yield found.aspect, Evidence(piece.field, piece.offset + start, piece.offset + end)


def _vagueness(title: str, body: str) -> VaguenessParts:
    # Many listings repeat the title as the text: that says nothing more.
    text = title if body.strip() == title.strip() else f"{title}\n{body}"
    characters = len(_HAN.findall(text))
    empty = sum(len(match[0]) for match in EMPTY.finditer(text))
    words = {text[start:end] for start, end, _ in terms(text)}
    return VaguenessParts(
        empty_words=min(1.0, empty / characters / _FULL_EMPTY) if characters else 0.0,
        few_numbers=1.0 - min(1.0, len(measures(text)) / _FULL_NUMBERS),
        few_terms=1.0 - min(1.0, len(words) / _FULL_TERMS),
        short=1.0 - min(1.0, len("".join(text.split())) / _FULL_LENGTH),
    )
