"""Parts of a labelled set that are looked at by themselves: a mean hides who is badly served.

A need may be in several parts of one dimension (its answers have several maturities), or in none.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterable, Sequence
from importlib import resources

from corpus.fields import suggest_many
from corpus.industries import industry_of
from eval.labelled import LabelledSet
from eval.measures import MIN_REL

SMALLEST = 5
"""Needs below which a part is not shown: its mean would say nothing."""
LENGTHS = ((150, "正文少于 150 字"), (400, "正文 150–399 字"))
"""Characters of a need's text below which it is of a length; the last part is all the others."""
LONGEST = "正文 400 字以上"

Slices = dict[str, dict[str, tuple[str, ...]]]
"""Dimension → part → its needs by id ascending."""


def slices(labelled: LabelledSet, needs: Sequence[str]) -> Slices:
    """The parts of ``needs`` with at least ``SMALLEST``; dimensions without one are left out."""
    dimensions: dict[str, Callable[[LabelledSet, Sequence[str]], dict[str, Iterable[str]]]] = {
        "行业门类": _industries,
        "技术领域": _technology_fields,
        "唐山重点行业": _topics,
        "正文长度": _lengths,
        "需求语言": _languages,
        "合适成果的成熟度": lambda s, n: _answers(s, n, "maturity"),
        "合适成果的语言": lambda s, n: _answers(s, n, "language"),
    }
    found: Slices = {}
    for name, labels_of in dimensions.items():
        parts: dict[str, set[str]] = {}
        for need, labels in labels_of(labelled, needs).items():
            for label in labels:
                parts.setdefault(label, set()).add(need)
        kept = {k: tuple(sorted(v)) for k, v in sorted(parts.items()) if len(v) >= SMALLEST}
        if kept:
            found[name] = kept
    return found


@functools.cache
def topics() -> dict[str, tuple[str, ...]]:
    """Topic → its words, of ``resources/topics.toml``."""
    text = resources.files("eval").joinpath("resources", "topics.toml").read_text("utf-8")
    return {name: tuple(words) for name, words in tomllib.loads(text).items()}


def topics_of(title: str, text: str) -> list[str]:
    """Topics with a word in the title, or two different ones in the text."""
    return [
        name
        for name, words in topics().items()
        if any(word in title for word in words) or sum(word in text for word in words) >= 2
    ]


def _topics(labelled: LabelledSet, needs: Sequence[str]) -> dict[str, Iterable[str]]:
    texts = labelled.collection.needs
    return {need: topics_of(texts[need].title, texts[need].text) for need in needs}


def _lengths(labelled: LabelledSet, needs: Sequence[str]) -> dict[str, Iterable[str]]:
    sizes = {need: len(labelled.collection.needs[need].text) for need in needs}
    if not any(sizes.values()):
        return {}
    return {
        need: [next((name for limit, name in LENGTHS if size < limit), LONGEST)]
        for need, size in sizes.items()
    }


def _languages(labelled: LabelledSet, needs: Sequence[str]) -> dict[str, Iterable[str]]:
    return _fact(labelled, needs, "language")


def _industries(labelled: LabelledSet, needs: Sequence[str]) -> dict[str, Iterable[str]]:
    """As the need's form says, else as the shipped model of ``corpus.fields`` suggests."""
    named = _fact(labelled, needs, "industry") or _suggested(labelled, needs, "industry")
    entries = {need: [industry_of(label) for label in labels] for need, labels in named.items()}
    return {need: [e.section for e in found if e is not None] for need, found in entries.items()}


def _technology_fields(labelled: LabelledSet, needs: Sequence[str]) -> dict[str, Iterable[str]]:
    return _fact(labelled, needs, "field") or _suggested(labelled, needs, "technology_field")


def _fact(labelled: LabelledSet, needs: Sequence[str], name: str) -> dict[str, Iterable[str]]:
    known = {need: labelled.need_facts.get(need, {}).get(name) for need in needs}
    return {need: [label] for need, label in known.items() if label}


def _suggested(labelled: LabelledSet, needs: Sequence[str], name: str) -> dict[str, Iterable[str]]:
    texts = [labelled.collection.needs[need] for need in needs]
    suggested = suggest_many([(text.title, text.text) for text in texts])
    labels = {need: getattr(each, name) for need, each in zip(needs, suggested, strict=True)}
    return {need: [label] for need, label in labels.items() if label}


def _answers(labelled: LabelledSet, needs: Sequence[str], name: str) -> dict[str, Iterable[str]]:
    """What is known of the achievements that are relevant to a need."""
    known = labelled.achievement_facts
    return {
        need: {
            known[key][name]
            for key, grade in labelled.collection.qrels[need].items()
            if grade >= MIN_REL and name in known.get(key, {})
        }
        for need in needs
    }
