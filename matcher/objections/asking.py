"""The three questions to ask next about a pair: those whose answers decide most."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

from corpus.model import Achievement, Need
from corpus.text import excerpt
from matcher.explain import Span
from matcher.objections.model import Addressee, NextQuestion, Objection
from matcher.objections.reading import field_text, quote, whole

LIMIT = 3
"""So many questions can be asked on the phone."""

MAX_OF_A_TOPIC = 2
"""Five missing indicators are not three questions about indicators."""

FOREIGN = "境外技术"
ALWAYS = ("用户", "试验", "改造")

_TITLE = 30
_HOME = frozenset({"北京", "天津", "河北", "唐山"})
_ABROAD = frozenset({"日本", "韩国"})


@dataclass(frozen=True, slots=True)
class Template:
    """One row of ``resources/next_questions.toml``."""

    topic: str
    value: int
    to: Addressee
    text: str


@functools.cache
def templates() -> Mapping[str, Template]:
    """By topic."""
    text = resources.files("matcher.resources").joinpath("next_questions.toml").read_text("utf-8")
    rows = tomllib.loads(text)["question"]
    return {
        row["topic"]: Template(row["topic"], row["value"], Addressee(row["to"]), row["text"])
        for row in rows
    }


def next_questions(
    need: Need, achievement: Achievement, found: Sequence[Objection]
) -> tuple[NextQuestion, ...]:
    """Three questions, most valuable first, none twice; the same pair gives the same ones.

    Args:
        need, achievement: as the reader may see them (``corpus.confidentiality.masked``): their
            words are quoted.
        found: the objections that the reader may see (``judging.visible``).
    """
    ranked = sorted(_possible(need, achievement, found), key=lambda pair: -pair[0])
    chosen: list[NextQuestion] = []
    for _, question in ranked:
        repeated = any(question.text == other.text for other in chosen)
        of_topic = sum(question.topic == other.topic for other in chosen)
        if not repeated and of_topic < MAX_OF_A_TOPIC:
            chosen.append(question)
        if len(chosen) == LIMIT:
            break
    return tuple(chosen)


def _possible(
    need: Need, achievement: Achievement, found: Sequence[Objection]
) -> Iterator[tuple[int, NextQuestion]]:
    for objection in found:
        # A need that has run out is not for the owner of the achievement to answer.
        if objection.code in templates() and not _is_of_need_alone(objection):
            asked, offered = _words(need, achievement, objection)
            yield _filled(objection.code, need, achievement, asked, offered)
    origin = _origin(achievement)
    if origin is not None:
        yield _filled(FOREIGN, need, achievement, "", quote(achievement, origin))
    for topic in ALWAYS:
        yield _filled(topic, need, achievement, "", "")


def _is_of_need_alone(objection: Objection) -> bool:
    return objection.code == "已过有效期" and not objection.achievement_spans


def _words(need: Need, achievement: Achievement, objection: Objection) -> tuple[str, str]:
    """What is quoted of each side. A form of cooperation is asked for by the need's field."""
    asked = objection.need_spans
    if not asked and objection.empty is not None and objection.empty.field == "cooperation":
        asked = (whole(need, "cooperation"),)
    left = quote(need, asked[0]) if asked else ""
    right = objection.achievement_spans
    return left, quote(achievement, right[0]) if right else ""


def _origin(achievement: Achievement) -> Span | None:
    """Where it shows that the technology comes from abroad: the region, or another language."""
    owner = achievement.organisation
    if owner is not None and owner.region in _ABROAD:
        return Span("region", 0, len(owner.region))
    if achievement.language != "zh" and (owner is None or owner.region not in _HOME):
        return Span("language", 0, len(field_text(achievement, "language")))
    return None


def _filled(
    topic: str, need: Need, achievement: Achievement, asked: str, offered: str
) -> tuple[int, NextQuestion]:
    template = templates()[topic]
    text = template.text.format(
        need=excerpt(need.title, _TITLE),
        achievement=excerpt(achievement.title, _TITLE),
        asked=asked,
        offered=offered,
    )
    return template.value, NextQuestion(topic, template.to, text)
