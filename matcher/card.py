"""The explanation card of a pair: indicators, what speaks against it, what to ask, its kind.

A card is always of a need and an achievement, whichever of them asked, and is made for one reader:
from the two records as the role may see them (``corpus.confidentiality.masked``). So nothing of a
hidden field can be in it, not even by what is missing; and what only *looks* empty, since it is
hidden, is no objection.

Free text has no record. Read as a need (or as an achievement, where it looks for needs) it gives
indicator rows and objections that quote something; it leaves no field empty, so what it does not
say is nothing, and there is no pair to ask about.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from corpus.confidentiality import Role, hidden_fields, masked
from corpus.model import Achievement, Need, Record
from matcher.explain import Span
from matcher.indicators import Indicator, IndicatorRow, Side, Verdict, compare, extract
from matcher.objections import (
    Code,
    NextQuestion,
    Objection,
    PreparedAchievement,
    PreparedNeed,
    judge,
    next_questions,
    visible,
)
from matcher.similarity_kind import KindReading, Traits, kind_of, traits

_KEPT = 500  # sides of each kind that stay read
_TITLE = 100  # characters; a first sentence up to this length is read as a title
_NAMED = 3  # indicators or words in a summary line
_SENTENCE_END = re.compile(r"[。！？；!?;\n]")


@dataclass(frozen=True, slots=True)
class Card:
    """What can be said of a pair beside its score.

    Spans are of ``objections.field_text`` of the two records; of free text they are spans of the
    field ``title``, which holds all of it, as in ``matcher.query.Query``.
    """

    indicators: tuple[IndicatorRow, ...]
    objections: tuple[Objection, ...]  # heaviest first
    questions: tuple[NextQuestion, ...]  # three; none for free text
    similarity: KindReading | None


@dataclass(frozen=True, slots=True)
class _NeedSide:
    prepared: PreparedNeed
    asked: tuple[Indicator, ...]
    traits: Traits
    hidden: frozenset[str]


@dataclass(frozen=True, slots=True)
class _AchievementSide:
    prepared: PreparedAchievement
    stated: tuple[Indicator, ...]
    traits: Traits
    hidden: frozenset[str]


_Judged = tuple[tuple[IndicatorRow, ...], tuple[Objection, ...]]


def summary_line(card: Card, words: Sequence[str]) -> str:
    """What speaks for a pair and what against it, in one line; ``words`` are those both sides
    hold, the weightiest first, as far as the reader may see them.

    It names and counts what the card holds, and never quotes a text.
    """
    met = list(dict.fromkeys(row.property for row in card.indicators if row.verdict is Verdict.MET))
    if met:
        more = " 等" if len(met) > _NAMED else ""
        favour = f"指标满足 {len(met)} 项（{'、'.join(met[:_NAMED])}{more}）"
    elif words:
        favour = f"都提到{'、'.join(words[:_NAMED])}"
    else:
        favour = "意思相近"
    if not card.objections:
        return f"有利：{favour}；不利：没有发现"
    first, rest = card.objections[0], len(card.objections) - 1
    more = f"，另有 {rest} 条" if rest else ""
    return f"有利：{favour}；不利：{first.code.value}（{first.severity.value}）{more}"


class CardMaker:
    """Makes cards for one reader on one day; what it has read, it reads only once."""

    def __init__(self, today: date, role: Role) -> None:
        """``today`` is the day on which deadlines and validities are looked at."""
        self._today = today
        self._role = role
        self._needs: dict[str, _NeedSide] = {}
        self._achievements: dict[str, _AchievementSide] = {}

    def cards(self, asking: Record, documents: Iterable[Record]) -> list[Card]:
        """A card for each document with the record that asked, in their order.

        The documents are of the other kind. Never raises on any text.
        """
        return [self._of_records(asking, document) for document in documents]

    def cards_of_text(self, text: str, documents: Sequence[Record]) -> list[Card]:
        """The same for free text: indicator rows and objections that quote something."""
        title = _first_sentence(text)
        rest, nothing = text[len(title) :], frozenset[str]()
        if documents and isinstance(documents[0], Achievement):
            need = _need_side(Need(key="", title=title, text=rest), nothing)
            judged = [self._judged(need, self._achievement(d)) for d in documents]
            return [_of_asking_text(rows, found, len(title)) for rows, found in judged]
        offer = _achievement_side(Achievement(key="", title=title, text=rest), nothing)
        judged = [self._judged(self._need(d), offer) for d in documents]
        return [_of_offering_text(rows, found, len(title)) for rows, found in judged]

    def _of_records(self, asking: Record, document: Record) -> Card:
        if isinstance(asking, Need) and isinstance(document, Achievement):
            return self._card(self._need(asking), self._achievement(document))
        if isinstance(asking, Achievement) and isinstance(document, Need):
            return self._card(self._need(document), self._achievement(asking))
        raise ValueError("a card is of a need and an achievement")

    def _need(self, need: Record) -> _NeedSide:
        if need.key not in self._needs:
            _make_room(self._needs)
            shown = masked(need, self._role)
            self._needs[need.key] = _need_side(shown, hidden_fields(need, self._role))
        return self._needs[need.key]

    def _achievement(self, achievement: Record) -> _AchievementSide:
        if achievement.key not in self._achievements:
            _make_room(self._achievements)
            shown = masked(achievement, self._role)
            hidden = hidden_fields(achievement, self._role)
            self._achievements[achievement.key] = _achievement_side(shown, hidden)
        return self._achievements[achievement.key]

    def _card(self, need: _NeedSide, offer: _AchievementSide) -> Card:
        rows, found = self._judged(need, offer)
        kind = kind_of(need.traits, offer.traits)
        if kind is not None and (
            _fields(kind.need_spans) & need.hidden or _fields(kind.achievement_spans) & offer.hidden
        ):
            kind = None
        questions = next_questions(need.prepared.need, offer.prepared.achievement, found)
        return Card(rows, found, questions, kind)

    def _judged(self, need: _NeedSide, offer: _AchievementSide) -> _Judged:
        wanted, given = need.prepared.need, offer.prepared.achievement
        checked = compare(
            wanted.title, wanted.body, need.asked, given.title, given.body, offer.stated
        )
        rows = tuple(row for row in checked if _is_open(row, need.hidden, offer.hidden))
        found = judge(need.prepared, offer.prepared, self._today, rows)
        return rows, visible(found, need.hidden, offer.hidden)


def _make_room(sides: dict[str, Any]) -> None:
    if len(sides) >= _KEPT:
        del sides[next(iter(sides))]


def _need_side(shown: Record, hidden: frozenset[str]) -> _NeedSide:
    if not isinstance(shown, Need):
        raise AssertionError("a masked need is a need")
    asked = extract(shown.title, shown.body, Side.NEED)
    return _NeedSide(PreparedNeed.of(shown), asked, traits(shown), hidden)


def _achievement_side(shown: Record, hidden: frozenset[str]) -> _AchievementSide:
    if not isinstance(shown, Achievement):
        raise AssertionError("a masked achievement is an achievement")
    stated = extract(shown.title, shown.body, Side.ACHIEVEMENT)
    return _AchievementSide(PreparedAchievement.of(shown), stated, traits(shown), hidden)


def _is_open(row: IndicatorRow, hidden_need: frozenset[str], hidden_offer: frozenset[str]) -> bool:
    """Whether a row rests on what the reader sees: 未说明 of a hidden text would be a guess."""
    if _fields(row.need_spans) & hidden_need:
        return False
    if row.achievement_span is None:
        return not hidden_offer & {"title", "text"}
    return row.achievement_span.field not in hidden_offer


def _fields(spans: Iterable[Span]) -> frozenset[str]:
    return frozenset(span.field for span in spans)


# -- free text -------------------------------------------------------------------------------


def _first_sentence(text: str) -> str:
    """What stands where a record has its title; empty where the first sentence is long."""
    end = _SENTENCE_END.search(text[: _TITLE + 1])
    first = text[: end.start()] if end else text
    return first if len(first) <= _TITLE else ""


def _of_asking_text(rows: Iterable[IndicatorRow], found: Iterable[Objection], offset: int) -> Card:
    asked = (replace(row, need_spans=_moved(row.need_spans, offset)) for row in rows)
    quoting = (
        replace(o, need_spans=_moved(o.need_spans, offset)) for o in found if o.empty is None
    )
    return Card(tuple(asked), tuple(quoting), (), None)


def _of_offering_text(
    rows: Iterable[IndicatorRow], found: Iterable[Objection], offset: int
) -> Card:
    stated = (
        replace(row, achievement_span=_moved((row.achievement_span,), offset)[0])
        for row in rows
        if row.achievement_span is not None
    )
    quoting = (
        replace(o, achievement_spans=_moved(o.achievement_spans, offset))
        for o in found
        if o.empty is None and (o.achievement_spans or o.code is not Code.INDICATOR_MISSING)
    )
    return Card(tuple(stated), tuple(quoting), (), None)


def _moved(spans: Sequence[Span], offset: int) -> tuple[Span, ...]:
    return tuple(
        Span("title", span.start + offset, span.end + offset) if span.field == "text" else span
        for span in spans
    )
