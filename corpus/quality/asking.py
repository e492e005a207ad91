"""Choose concrete questions for what a need leaves open, from ``resources/questions.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from corpus.model import Need
from corpus.quality.aspects import CORE, Aspect, Level
from corpus.quality.assessment import MAX_READ, assess
from corpus.text import fold

MIN_QUESTIONS = 3
"""A vague need is asked at least so many questions."""

_LABEL_POINTS, _TITLE_POINTS, _TEXT_POINTS = 3, 2, 1
_MIN_POINTS = 2  # one stray word in a long text does not make an industry


@dataclass(frozen=True, slots=True)
class Question:
    """What to ask, with a short answer as an example."""

    aspect: Aspect
    text: str
    example: str


@dataclass(frozen=True, slots=True)
class Template:
    """A question; with ``words`` it is only asked where one of them stands in the need."""

    question: Question
    words: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Industry:
    """Templates of one industry, and what points to it."""

    name: str
    labels: tuple[str, ...]
    words: tuple[str, ...]
    templates: tuple[Template, ...]


@functools.cache
def industries() -> tuple[Industry, ...]:
    """All industries, the general one first."""
    text = resources.files("corpus.resources").joinpath("questions.toml").read_text("utf-8")
    return tuple(_industry(entry) for entry in tomllib.loads(text)["industry"])


def questions(need: Need, limit: int = 5) -> list[Question]:
    """At most ``limit`` questions about what is missing, most valuable first.

    A clear need is asked nothing. Each missing aspect is asked once, in the order of
    ``Aspect``; a vague need with fewer gaps than ``MIN_QUESTIONS`` gets second questions about
    its core gaps. An industry is chosen by ``need.industry``, ``need.technology_field`` (stated or
    suggested) and the words of the need; templates whose words stand in the need come first.

    Raises:
        ValueError: ``limit`` is below 1.
    """
    if limit < 1:
        raise ValueError(f"limit must be at least 1, not {limit}")
    quality = assess(need)
    if quality.level is Level.CLEAR:
        return []
    text = fold(f"{need.title[:MAX_READ]}\n{need.body[:MAX_READ]}").text
    chosen = _industries_of(need)
    ranked = {aspect: _ranked(aspect, chosen, text) for aspect in quality.missing}
    asked = [ranked[aspect][0] for aspect in quality.missing]
    if quality.level is Level.VAGUE and len(asked) < MIN_QUESTIONS:
        more = [q for aspect in CORE if aspect in ranked for q in ranked[aspect][1:]]
        asked += more[: MIN_QUESTIONS - len(asked)]
        order = list(Aspect)
        asked.sort(key=lambda question: order.index(question.aspect))
    return asked[:limit]


def _ranked(aspect: Aspect, chosen: Sequence[Industry], text: str) -> list[Question]:
    """Questions about an aspect: by words that stand in the text, then by industry."""
    found = []
    for place, industry in enumerate(chosen):
        for template in industry.templates:
            hits = sum(word in text for word in template.words)
            if template.question.aspect is aspect and (hits or not template.words):
                found.append((-hits, place, template.question))
    return [question for _, _, question in sorted(found, key=lambda row: row[:2])]


def _industries_of(need: Need) -> list[Industry]:
    """The industries that something points to, strongest first, then the general one."""
    general, *special = industries()
    label = " ".join(
        (
            need.industry,
            need.technology_field,
            need.suggested.get("industry", ""),
            need.suggested.get("technology_field", ""),
        )
    )
    title, body = fold(need.title[:MAX_READ]).text, fold(need.body[:MAX_READ]).text
    points = {industry.name: _points(industry, label, title, body) for industry in special}
    special.sort(key=lambda industry: -points[industry.name])
    return [*(i for i in special if points[i.name] >= _MIN_POINTS), general]


def _points(industry: Industry, label: str, title: str, body: str) -> int:
    labelled = any(part in label for part in industry.labels)
    in_title = sum(word in title for word in industry.words)
    in_body = sum(word in body for word in industry.words)
    return labelled * _LABEL_POINTS + in_title * _TITLE_POINTS + in_body * _TEXT_POINTS


def _industry(entry: Mapping[str, Any]) -> Industry:
    return Industry(
        entry["name"],
        tuple(entry["labels"]),
        tuple(entry["words"]),
        tuple(
            Template(
                Question(Aspect(row["aspect"]), row["text"], row["example"]),
                tuple(row.get("words", ())),
            )
            for row in entry["questions"]
        ),
    )
