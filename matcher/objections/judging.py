"""All objections to a pair, heaviest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from corpus.model import Achievement, Kind, Need
from matcher.explain import Span
from matcher.objections.facts import (
    Stage,
    cooperation,
    expired,
    money,
    protection,
    stage_of,
    too_early,
)
from matcher.objections.model import Code, IndicatorRow, Objection, Severity
from matcher.objections.process import (
    Processes,
    out_of_reach,
    processes_of,
    refused,
    wrong_processes,
)
from matcher.objections.reading import MAX_READ, Reading, quote
from matcher.objections.scale import too_small

_SEVERITIES, _CODES = tuple(Severity), tuple(Code)


@dataclass(frozen=True, slots=True)
class PreparedNeed:
    """A need read once, for as many achievements as wanted."""

    need: Need
    reading: Reading
    processes: Processes

    @classmethod
    def of(cls, need: Need) -> PreparedNeed:
        """Read a need."""
        reading = Reading(need)
        return cls(need, reading, processes_of(reading))


@dataclass(frozen=True, slots=True)
class PreparedAchievement:
    """An achievement read once, for as many needs as wanted."""

    achievement: Achievement
    reading: Reading
    processes: Processes
    stage: Stage | None

    @classmethod
    def of(cls, achievement: Achievement) -> PreparedAchievement:
        """Read an achievement."""
        reading = Reading(achievement)
        return cls(achievement, reading, processes_of(reading), stage_of(reading, achievement))


def objections(
    need: Need, achievement: Achievement, today: date, indicators: Iterable[IndicatorRow] = ()
) -> tuple[Objection, ...]:
    """What speaks against a pair; see ``judge``."""
    return judge(PreparedNeed.of(need), PreparedAchievement.of(achievement), today, indicators)


def judge(
    need: PreparedNeed,
    offer: PreparedAchievement,
    today: date,
    indicators: Iterable[IndicatorRow] = (),
) -> tuple[Objection, ...]:
    """What speaks against a pair, by severity, then in the order of ``Code``.

    Read from the records as they are: what may be shown to whom is for ``visible``.

    Args:
        today: the day on which deadlines and validities are looked at.
        indicators: rows of the indicator check. A row whose requirement does not stand in the
            need as quoted says nothing here.
    """
    wanted, achievement = need.need, offer.achievement
    found = [
        *out_of_reach(need.reading, offer.reading),
        *refused(need.reading, offer.reading),
        *wrong_processes(need.reading, offer.reading, need.processes, offer.processes),
        *_of_indicators(wanted, indicators),
        *too_early(need.reading, wanted, offer.stage, achievement, today),
        *too_small(need.reading, offer.reading, offer.stage),
        *money(need.reading, wanted, offer.reading, achievement),
        *protection(achievement),
        *cooperation(wanted, achievement),
        *expired(wanted, achievement, today),
    ]
    unique = dict.fromkeys(found)
    return tuple(
        sorted(unique, key=lambda o: (_SEVERITIES.index(o.severity), _CODES.index(o.code)))
    )


def visible(
    found: Sequence[Objection],
    hidden_of_need: frozenset[str],
    hidden_of_achievement: frozenset[str],
) -> tuple[Objection, ...]:
    """Those that tell nothing of a hidden field, by ``corpus.confidentiality.hidden_fields``."""
    return tuple(
        o
        for o in found
        if not (o.fields(Kind.NEED) & hidden_of_need)
        and not (o.fields(Kind.ACHIEVEMENT) & hidden_of_achievement)
    )


def _of_indicators(need: Need, rows: Iterable[IndicatorRow]) -> Iterator[Objection]:
    for row in rows:
        span = _written(need, row.requirement)
        if span is None:
            continue
        asked = quote(need, span)
        if row.verdict == "不满足":
            yield Objection(
                Code.INDICATOR_FAILED,
                Severity.BLOCKER,
                f"需求要求“{asked}”，按成果写明的数值达不到。",
                (span,),
            )
        elif row.verdict == "未说明":
            yield Objection(
                Code.INDICATOR_MISSING,
                Severity.OPEN,
                f"需求要求“{asked}”，成果没有写{row.property}能做到多少。",
                (span,),
            )


def _written(need: Need, requirement: str) -> Span | None:
    wanted = requirement.strip()
    if not wanted:
        return None
    for field, text in (("text", need.body[:MAX_READ]), ("title", need.title[:MAX_READ])):
        at = text.find(wanted)
        if at >= 0:
            return Span(field, at, at + len(wanted))
    return None
