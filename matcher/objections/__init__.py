"""What speaks against a pair, and what to ask next. Pure: no database, no model."""

from matcher.objections.asking import next_questions
from matcher.objections.judging import (
    PreparedAchievement,
    PreparedNeed,
    judge,
    objections,
    visible,
)
from matcher.objections.model import (
    Addressee,
    Code,
    EmptyField,
    IndicatorRow,
    NextQuestion,
    Objection,
    Severity,
)
from matcher.objections.reading import field_text, quote

__all__ = [
    "Addressee",
    "Code",
    "EmptyField",
    "IndicatorRow",
    "NextQuestion",
    "Objection",
    "PreparedAchievement",
    "PreparedNeed",
    "Severity",
    "field_text",
    "judge",
    "next_questions",
    "objections",
    "quote",
    "visible",
]
