"""Wire schemas of the explanation card, and their conversion from domain values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

from pydantic import Field

from api.wire import Wire
from corpus.model import Kind, Record
from matcher.card import Card
from matcher.explain import Span
from matcher.indicators import IndicatorRow, Verdict
from matcher.objections import Addressee, Code, Objection, Severity, field_text
from matcher.similarity_kind import KindReading, SimilarityKind

Side = Record | str
"""A side of a pair, masked for whoever reads the card; or free text."""


class QuoteOut(Wire):
    """A piece of one side: ``quote`` is ``<field>[start:end]`` of the record as it is shown."""

    side: Kind
    field: str = Field(
        description="`title` or `text`, which hold the exact characters; or another field, whose "
        "value is quoted as it is shown (`budget`: its label). Free text is all `title`.",
        examples=["text", "budget"],
    )
    start: int
    end: int
    quote: str

    @classmethod
    def of(cls, span: Span, kind: Kind, side: Side) -> QuoteOut:
        text = side if isinstance(side, str) else field_text(side, span.field)
        return cls(
            side=kind,
            field=span.field,
            start=span.start,
            end=span.end,
            quote=text[span.start : span.end],
        )


class IndicatorOut(Wire):
    """A quantified requirement of the need and what the achievement states about it."""

    property: str = Field(examples=["抗拉强度"])
    verdict: Verdict
    sentence: str = Field(description="Both values, in the need's unit.")
    need: list[QuoteOut] = Field(description="Every place that states it, at least one.")
    achievement: QuoteOut | None = Field(description="Never null for 满足 and 不满足.")


class EmptyFieldOut(Wire):
    """A field that says nothing."""

    side: Kind
    field: str


class ObjectionOut(Wire):
    """What speaks against the pair; it quotes something, or names an empty field."""

    code: Code
    severity: Severity
    sentence: str
    need: list[QuoteOut]
    achievement: list[QuoteOut]
    empty: EmptyFieldOut | None


class QuestionOut(Wire):
    """What to ask next, and whom."""

    topic: str
    to: Addressee
    text: str


class SimilarityOut(Wire):
    """The kind of similarity and the words that decided it."""

    kind: SimilarityKind
    sentence: str
    need: list[QuoteOut]
    achievement: list[QuoteOut]


class CardOut(Wire):
    """What can be said of a pair beside its score."""

    indicators: list[IndicatorOut] = Field(default_factory=list)
    objections: list[ObjectionOut] = Field(default_factory=list, description="Heaviest first.")
    questions: list[QuestionOut] = Field(
        default_factory=list, description="Three, most valuable first; none for free text."
    )
    similarity: SimilarityOut | None = Field(
        default=None, description="Null where the kind cannot be told."
    )

    def counted(self, verdict: Literal["满足", "不满足", "未说明"]) -> int:
        """How many requirements have a verdict."""
        return sum(row.verdict == verdict for row in self.indicators)

    @property
    def met(self) -> IndicatorOut | None:
        """The first requirement that is met."""
        return next((row for row in self.indicators if row.verdict is Verdict.MET), None)

    @property
    def against(self) -> str:
        """The heaviest objection in one line; says so where there is none."""
        if not self.objections:
            return "没有发现；只看了双方写明的内容，仍请核对原文。"
        first, rest = self.objections[0], len(self.objections) - 1
        more = f"（另有 {rest} 条）" if rest else ""
        return f"{first.severity.value}：{first.sentence}{more}"


def card_fields(card: Card, asking: Side, document: Record) -> dict[str, Any]:
    """Values of the fields of a ``CardOut``, for it and for what extends it.

    ``document`` is of the other kind than what asks; both are as the reader may see them.
    """
    need, achievement = (
        (asking, document) if document.kind is Kind.ACHIEVEMENT else (document, asking)
    )
    return {
        "indicators": [_indicator(row, need, achievement) for row in card.indicators],
        "objections": [_objection(o, need, achievement) for o in card.objections],
        "questions": [
            QuestionOut(topic=q.topic, to=q.addressee, text=q.text) for q in card.questions
        ],
        "similarity": _similarity(card.similarity, need, achievement),
    }


def _quotes(spans: Iterable[Span], kind: Kind, side: Side) -> list[QuoteOut]:
    return [QuoteOut.of(span, kind, side) for span in spans]


def _indicator(row: IndicatorRow, need: Side, achievement: Side) -> IndicatorOut:
    held: Sequence[Span] = (row.achievement_span,) if row.achievement_span else ()
    return IndicatorOut(
        property=row.property,
        verdict=row.verdict,
        sentence=row.reason,
        need=_quotes(row.need_spans, Kind.NEED, need),
        achievement=next(iter(_quotes(held, Kind.ACHIEVEMENT, achievement)), None),
    )


def _objection(objection: Objection, need: Side, achievement: Side) -> ObjectionOut:
    empty = objection.empty
    return ObjectionOut(
        code=objection.code,
        severity=objection.severity,
        sentence=objection.sentence,
        need=_quotes(objection.need_spans, Kind.NEED, need),
        achievement=_quotes(objection.achievement_spans, Kind.ACHIEVEMENT, achievement),
        empty=EmptyFieldOut(side=empty.side, field=empty.field) if empty else None,
    )


def _similarity(reading: KindReading | None, need: Side, achievement: Side) -> SimilarityOut | None:
    if reading is None:
        return None
    return SimilarityOut(
        kind=reading.kind,
        sentence=reading.sentence,
        need=_quotes(reading.need_spans, Kind.NEED, need),
        achievement=_quotes(reading.achievement_spans, Kind.ACHIEVEMENT, achievement),
    )
