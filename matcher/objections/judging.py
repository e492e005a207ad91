"""All objections to a pair, heaviest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from corpus.model import Achievement, Kind, Need
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
from matcher.objections.reading import Reading, quote
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
        indicators: rows of the indicator check on title and body of both. A row counts where the
            need says that it wants something (``Reading.asks_at``), not for how things are today.
    """
    wanted, achievement = need.need, offer.achievement
    found = [
        *out_of_reach(need.reading, offer.reading),
        *refused(need.reading, offer.reading),
        *wrong_processes(need.reading, offer.reading, need.processes, offer.processes),
        *_of_indicators(need.reading, achievement, indicators),
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


def _of_indicators(
    need: Reading, achievement: Achievement, rows: Iterable[IndicatorRow]
) -> Iterator[Objection]:
    for row in rows:
        if not any(need.asks_at(span) for span in row.need_spans):
            continue
        asked, span = quote(need.record, row.need_spans[0]), row.achievement_span
        stated = quote(achievement, span) if span is not None else ""
        places = (span,) if span is not None else ()
        if row.verdict == "不满足" and places:
            code, severity = Code.INDICATOR_FAILED, Severity.BLOCKER
            rest = f"成果写的是“{stated}”，达不到"
        elif row.verdict == "未说明":
            code, severity = Code.INDICATOR_MISSING, Severity.OPEN
            # What is told in other words is not found: that nothing is said would be a guess.
            found = f"写的是“{stated}”，看不出能不能达到"
            rest = f"成果{found}" if places else "在成果里没有找到对应的数值"
        else:
            continue
        sentence = f"需求要求“{asked}”，{rest}。"
        yield Objection(code, severity, sentence, row.need_spans, places)
