"""How good a need is, what to ask the enterprise, and how its answers go into the record.

``assess`` measures, ``questions`` asks about what is missing, ``apply_answers`` records.
"""

from corpus.quality.answers import MAX_ANSWER, AnswerError, answers_of, apply_answers
from corpus.quality.asking import Question, questions
from corpus.quality.aspects import (
    WEIGHTS,
    Aspect,
    AspectState,
    Evidence,
    Level,
    NeedQuality,
    VaguenessParts,
)
from corpus.quality.assessment import assess

__all__ = [
    "MAX_ANSWER",
    "WEIGHTS",
    "AnswerError",
    "Aspect",
    "AspectState",
    "Evidence",
    "Level",
    "NeedQuality",
    "Question",
    "VaguenessParts",
    "answers_of",
    "apply_answers",
    "assess",
    "questions",
]
