"""What a good need says, and the values that an assessment is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from corpus.model import Need


class Aspect(StrEnum):
    """What an officer wants to know of a need, most valuable first."""

    OBJECT = "对象"
    PROBLEM = "问题"
    INDICATOR = "指标"
    BASE = "现有基础"
    BUDGET = "预算"
    DEADLINE = "期限"
    COOPERATION = "合作方式"


WEIGHTS: Mapping[Aspect, float] = MappingProxyType(
    {
        Aspect.OBJECT: 0.25,
        Aspect.PROBLEM: 0.20,
        Aspect.INDICATOR: 0.20,
        Aspect.BASE: 0.15,
        Aspect.BUDGET: 0.08,
        Aspect.DEADLINE: 0.06,
        Aspect.COOPERATION: 0.06,
    }
)
"""Share of each aspect in the completeness; they add up to 1. A judgement, not a fit: the first
four decide what can be found, the last three whether a deal can be made."""

CORE = (Aspect.OBJECT, Aspect.PROBLEM, Aspect.INDICATOR, Aspect.BASE)
"""Without one of these no expert knows what to offer."""

GAPS: Mapping[Aspect, str] = MappingProxyType(
    {
        Aspect.OBJECT: "没有写明是哪种产品、哪道工序或哪台设备，专家不知道从哪里入手。",
        Aspect.PROBLEM: "没有写明现在遇到的问题，例如“辊面三天就龟裂”“回收率低”。",
        Aspect.INDICATOR: "没有写明要达到的指标，请补上带单位的数值，例如“硬度不低于 HRC 55”。",
        Aspect.BASE: "没有写明现有基础，请补上在用的设备、工艺、产量或做过的试验。",
        Aspect.BUDGET: "没有写明预算，请补上拟投入资金的大致范围。",
        Aspect.DEADLINE: "没有写明期限，请补上希望什么时候解决。",
        Aspect.COOPERATION: "没有写明合作方式，例如委托开发、技术转让、合作开发。",
    }
)
"""One sentence for each aspect that is missing."""


class Level(StrEnum):
    """The overall impression; the lines between them stand at ``assessment``."""

    CLEAR = "清楚"
    FAIR = "尚可"
    VAGUE = "含糊"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an aspect is stated.

    ``field`` is ``title`` or ``text`` with the span ``[start, end)`` of ``need.title`` or
    ``need.body``, or the name of a structured field (``budget``, ``valid_until_on``,
    ``cooperation``) without a span.
    """

    field: str
    start: int | None = None
    end: int | None = None

    def quote(self, need: Need) -> str:
        """The words themselves; empty for a structured field."""
        if self.start is None:
            return ""
        return (need.title if self.field == "title" else need.body)[self.start : self.end]


@dataclass(frozen=True, slots=True)
class AspectState:
    """One aspect of a need; it is stated exactly when there is evidence."""

    aspect: Aspect
    evidence: tuple[Evidence, ...]

    @property
    def stated(self) -> bool:
        return bool(self.evidence)


@dataclass(frozen=True, slots=True)
class VaguenessParts:
    """The four parts of the vagueness, each in [0, 1]; 1 is worst."""

    empty_words: float
    """Share of the Chinese characters that belong to empty words (先进, 提高效率); 1 from 25 %."""
    few_numbers: float
    """1 without a number with a unit, 0 from three different ones."""
    few_terms: float
    """1 without a technical term of the dictionary, 0 from four different ones."""
    short: float
    """1 for no text, 0 from 100 characters of title and text."""

    @property
    def value(self) -> float:
        """0.30 · empty words + 0.25 · few numbers + 0.25 · few terms + 0.20 · short."""
        return (
            0.30 * self.empty_words
            + 0.25 * self.few_numbers
            + 0.25 * self.few_terms
            + 0.20 * self.short
        )


@dataclass(frozen=True, slots=True)
class NeedQuality:
    """What a need says and what it leaves open. ``aspects`` has each one, in order."""

    aspects: tuple[AspectState, ...]
    vagueness_parts: VaguenessParts

    @property
    def completeness(self) -> float:
        """Sum of the ``WEIGHTS`` of the stated aspects, in [0, 1]."""
        # The rounding keeps 1 at 1: the weights are decimal fractions.
        return round(sum(WEIGHTS[a.aspect] for a in self.aspects if a.stated), 6)

    @property
    def vagueness(self) -> float:
        """``vagueness_parts.value``, in [0, 1]."""
        return round(self.vagueness_parts.value, 6)

    @property
    def missing(self) -> tuple[Aspect, ...]:
        """Aspects that are not stated, most valuable first."""
        return tuple(a.aspect for a in self.aspects if not a.stated)

    @property
    def level(self) -> Level:
        """The lines, drawn on sight of real needs:

        - 含糊: the object is missing, or problem and indicator both are, or any core aspect is
          and vagueness > 0.60;
        - 清楚: object and indicator stated, at most one core aspect missing, completeness ≥ 0.65
          and vagueness ≤ 0.40;
        - 尚可: everything between.
        """
        core = [aspect for aspect in CORE if aspect in self.missing]
        aimless = Aspect.PROBLEM in core and Aspect.INDICATOR in core
        if Aspect.OBJECT in core or aimless or (core and self.vagueness > 0.60):
            return Level.VAGUE
        clear = (
            len(core) <= 1
            and Aspect.INDICATOR not in core
            and self.completeness >= 0.65
            and self.vagueness <= 0.40
        )
        return Level.CLEAR if clear else Level.FAIR

    @property
    def gaps(self) -> tuple[str, ...]:
        """One Chinese sentence for each missing aspect, most valuable first."""
        return tuple(GAPS[aspect] for aspect in self.missing)
