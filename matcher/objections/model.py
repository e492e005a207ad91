"""What speaks against a pair, as values. An objection always says where it can be checked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from corpus.model import Kind
from matcher.explain import Span


class Severity(StrEnum):
    """How much an objection weighs, heaviest first."""

    BLOCKER = "阻碍"  # as written, the two do not fit
    DOUBT = "疑点"  # may not fit; somebody has to look
    OPEN = "待问"  # not said; nothing speaks against it yet


class Code(StrEnum):
    """What an objection is about, in the order in which objections of one severity are shown."""

    SCOPE = "超出适用范围"
    REJECTED = "需求不接受"
    PROCESS = "工艺不符"
    INDICATOR_FAILED = "指标不满足"
    MATURITY = "成熟度偏早"
    SCALE = "规模差距"
    BUDGET = "超出预算"
    PROTECTION_LAPSED = "保护已失效"
    PROTECTION_NONE = "没有知识产权"
    PROTECTION_PENDING = "专利未授权"
    COOPERATION = "合作方式不合"
    EXPIRED = "已过有效期"
    INDICATOR_MISSING = "指标未说明"
    MATURITY_UNKNOWN = "成熟度未填"
    PROTECTION_UNKNOWN = "知识产权未填"
    PRICE_UNKNOWN = "价格未填"
    COOPERATION_UNKNOWN = "合作方式未填"


@dataclass(frozen=True, slots=True)
class EmptyField:
    """A field of one side that says nothing; ``field`` is its name in ``corpus.model``."""

    side: Kind
    field: str


@dataclass(frozen=True, slots=True)
class Objection:
    """One thing that speaks against a pair.

    Spans are of ``reading.field_text``: title, text with its supplements, or a structured field
    as it is shown. Without any span there is an empty field, never neither.
    """

    code: Code
    severity: Severity
    sentence: str  # one plain Chinese sentence
    need_spans: tuple[Span, ...] = ()
    achievement_spans: tuple[Span, ...] = ()
    empty: EmptyField | None = None

    def __post_init__(self) -> None:
        if not (self.need_spans or self.achievement_spans or self.empty):
            raise ValueError("an objection needs a span or an empty field")

    def fields(self, side: Kind) -> frozenset[str]:
        """Names of the fields of one side that it was read from."""
        spans = self.need_spans if side is Kind.NEED else self.achievement_spans
        empty = {self.empty.field} if self.empty and self.empty.side is side else set()
        return frozenset({span.field for span in spans} | empty)


class IndicatorRow(Protocol):
    """What is read of a row of ``matcher.indicators``; its type is not needed here."""

    @property
    def verdict(self) -> str:
        """满足, 不满足 or 未说明."""

    @property
    def need_spans(self) -> tuple[Span, ...]:
        """Every place that states the requirement, at least one."""

    @property
    def achievement_span(self) -> Span | None:
        """The statement that it was held against, if any; there is one for 不满足."""


class Addressee(StrEnum):
    """Who can answer a question."""

    OWNER = "成果方"
    ENTERPRISE = "企业"


@dataclass(frozen=True, slots=True)
class NextQuestion:
    """What to ask next. ``topic`` is a ``Code`` or another key of ``next_questions.toml``."""

    topic: str
    addressee: Addressee
    text: str
