"""All queries on feedback; those on evidence and ranking models are in ``kept``.

Takes a session and never commits. Whoever writes holds ``corpus.database.writer``, so that two who
judge one pair at once do so one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import func
from sqlmodel import Session, col, select

from corpus.confidentiality import EVERY_ROW, RowScope
from corpus.filters import conditions_of_scope, joined
from corpus.mapping import TABLES
from corpus.model import Achievement, Kind, Need, Record
from corpus.repository import CorpusRepository
from corpus.tables import AchievementTable, NeedTable, aware, stored_id
from matcher.feedback import (
    DismissReason,
    Exported,
    Feedback,
    FeedbackError,
    Judgement,
    Pair,
    UnknownFeedbackError,
    Verdict,
    office_decision,
    qrels_of,
    rater_name,
    repeats,
    stated_facts,
)
from matcher.kept import EvidenceRepository
from matcher.tables import FeedbackTable

# SQLite's oldest limit on bound parameters is 999.
_CHUNK = 500


@dataclass(frozen=True, slots=True)
class Given:
    """A judgement in the log; ``new`` is False where it stood there already."""

    feedback: Feedback
    new: bool


@dataclass(frozen=True, slots=True)
class Dismissed:
    """A pair put aside: the ids of its two records, and the feedback that did it."""

    pair: Pair
    need_id: int
    achievement_id: int
    feedback: Feedback


@dataclass(frozen=True, slots=True)
class FeedbackFilter:
    """Which entries of the log; None: any. ``undone``: also those that were taken back."""

    need: str | None = None
    achievement: str | None = None
    rater: str | None = None
    undone: bool = False
    scope: RowScope = EVERY_ROW
    """Only pairs of which both records are there."""


class FeedbackRepository:
    """The log of feedback of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._records = CorpusRepository(session)

    # -- writing ---------------------------------------------------------------------------

    def give(
        self,
        pair: Pair,
        rater: str,
        said: Judgement,
        now_at: datetime,
        evidence_id: int | None = None,
    ) -> Given:
        """Note what a rater says of a pair; what he said already is not noted again.

        With evidence, that is what was judged, else today's records.

        Raises:
            UnknownRecordError: one of the two is not there.
            FeedbackError: the rater has no name, or the evidence is of another pair.
        """
        rater = rater_name(rater)
        need, achievement = self._judged(pair, evidence_id)
        new = Feedback(
            id=0,
            pair=pair,
            rater=rater,
            judgement=said,
            given_at=now_at,
            need_hash=need.content_hash,
            achievement_hash=achievement.content_hash,
            facts=stated_facts(said.reasons, need, achievement),
            evidence_id=evidence_id,
        )
        known = repeats(self._of_pair(pair), new)
        if known is not None:
            return Given(known, new=False)
        row = FeedbackTable(
            need_key=pair.need,
            achievement_key=pair.achievement,
            rater=rater,
            verdict=said.verdict.value,
            grade=said.grade,
            reasons=[reason.value for reason in said.reasons],
            note=said.note,
            given_at=now_at,
            need_hash=new.need_hash,
            achievement_hash=new.achievement_hash,
            facts=dict(new.facts),
            evidence_id=evidence_id,
        )
        self._session.add(row)
        self._session.flush()
        return Given(_feedback(row), new=True)

    def rest_on(self, feedback_id: int, evidence_id: int) -> Feedback:
        """Name the evidence that an entry rests on.

        Raises:
            UnknownFeedbackError, EvidenceError: there is no such entry, or no such evidence.
            FeedbackError: the evidence is of another pair or of other texts.
        """
        row = self._row(feedback_id)
        proposal = EvidenceRepository(self._session).evidence(evidence_id).proposal
        entry = _feedback(row)
        if (proposal.pair, proposal.texts) != (entry.pair, entry.texts):
            raise FeedbackError(f"匹配依据 {evidence_id} 不是评价 {feedback_id} 的这一对内容的。")
        row.evidence_id = evidence_id
        self._session.add(row)
        self._session.flush()
        return _feedback(row)

    def _judged(self, pair: Pair, evidence_id: int | None) -> tuple[Need, Achievement]:
        if evidence_id is not None:
            proposal = EvidenceRepository(self._session).evidence(evidence_id).proposal
            if proposal.pair != pair:
                raise FeedbackError(
                    f"匹配依据 {evidence_id} 是 {proposal.pair.need} 与 "
                    f"{proposal.pair.achievement} 的，不是这一对的。请重新打开这一对再评价。"
                )
            return proposal.need, proposal.achievement
        return (
            _need(self._records.require(Kind.NEED, pair.need).record),
            _achievement(self._records.require(Kind.ACHIEVEMENT, pair.achievement).record),
        )

    def undo(self, feedback_id: int, who: str, now_at: datetime) -> Feedback:
        """Take an entry back; one that was taken back before stays as it is.

        Raises:
            UnknownFeedbackError: there is none with this number.
            FeedbackError: nobody is named.
        """
        who = rater_name(who)
        row = self._row(feedback_id)
        if row.undone_at is None:
            row.undone_at, row.undone_by = now_at, who
            self._session.add(row)
            self._session.flush()
        return _feedback(row)

    # -- reading ---------------------------------------------------------------------------

    def entry(self, feedback_id: int) -> Feedback:
        """One entry.

        Raises:
            UnknownFeedbackError: there is none with this number.
        """
        return _feedback(self._row(feedback_id))

    def entries(self, where: FeedbackFilter, offset: int, limit: int) -> list[Feedback]:
        """Entries, the newest first, from ``offset``, at most ``limit``."""
        statement = (
            select(FeedbackTable)
            .where(*_conditions(where))
            .order_by(col(FeedbackTable.id).desc())
            .offset(offset)
            .limit(limit)
        )
        return [_feedback(row) for row in self._session.exec(statement)]

    def count(self, where: FeedbackFilter) -> int:
        """How many entries there are."""
        statement = select(func.count()).select_from(FeedbackTable).where(*_conditions(where))
        return self._session.exec(statement).one()

    def log(self) -> list[Feedback]:
        """Every entry that was not taken back, the oldest first."""
        statement = (
            select(FeedbackTable)
            .where(*_conditions(FeedbackFilter()))
            .order_by(col(FeedbackTable.id))
        )
        return [_feedback(row) for row in self._session.exec(statement)]

    def qrels(self) -> Exported:
        """What the log says of today's texts, as judgements; see ``feedback``."""
        statement = (
            select(FeedbackTable.need_key, FeedbackTable.achievement_key,
                   NeedTable.content_hash, AchievementTable.content_hash)
            .join(NeedTable, col(NeedTable.key) == col(FeedbackTable.need_key))
            .join(AchievementTable,
                  col(AchievementTable.key) == col(FeedbackTable.achievement_key))
            .distinct()
        )  # fmt: skip
        present = {Pair(n, a): (asked, held) for n, a, asked, held in self._session.exec(statement)}
        return qrels_of(self.log(), present)

    def dismissed_pairs(
        self, kind: Kind, keys: Sequence[str] | None = None
    ) -> dict[str, tuple[Dismissed, ...]]:
        """By key of a record of ``kind``, what is put aside for it, by ascending id of the other
        side; None: for every record. A record for which nothing is put aside is missing.

        A pair is there when the office's last decision on it is a dismissal and neither side has
        changed since. A search leaves out the ids of the other side while it scans.
        """
        found: dict[str, list[Dismissed]] = {}
        for dismissed in self._unchanged(self._dismissed(kind, keys)):
            pair = dismissed.pair
            own = pair.need if kind is Kind.NEED else pair.achievement
            found.setdefault(own, []).append(dismissed)
        return {
            own: tuple(sorted(some, key=lambda d: (d.need_id, d.achievement_id)))
            for own, some in found.items()
        }

    def _dismissed(self, kind: Kind, keys: Sequence[str] | None) -> Iterator[Dismissed]:
        """Pairs last dismissed on today's texts."""
        side = FeedbackTable.need_key if kind is Kind.NEED else FeedbackTable.achievement_key
        chunks = [None] if keys is None else [
            keys[start : start + _CHUNK] for start in range(0, len(keys), _CHUNK)
        ]  # fmt: skip
        for chunk in chunks:
            statement: Any = (
                select(FeedbackTable, NeedTable.id, NeedTable.content_hash,  # type: ignore[call-overload]
                       AchievementTable.id, AchievementTable.content_hash)
                .join(NeedTable, col(NeedTable.key) == col(FeedbackTable.need_key))
                .join(AchievementTable,
                      col(AchievementTable.key) == col(FeedbackTable.achievement_key))
                .where(*_conditions(FeedbackFilter()))
                .order_by(FeedbackTable.need_key, FeedbackTable.achievement_key)
            )  # fmt: skip
            if chunk is not None:
                statement = statement.where(col(side).in_(chunk))
            rows = self._session.exec(statement)
            for _, group in groupby(rows, key=lambda r: (r[0].need_key, r[0].achievement_key)):
                of_pair = list(group)
                decided = office_decision(_feedback(row) for row, *_ in of_pair)
                _, need_id, asked, achievement_id, held = of_pair[0]
                if (
                    decided is not None
                    and decided.verdict is Verdict.DISMISS
                    and decided.texts == (asked, held)
                ):
                    yield Dismissed(decided.pair, int(need_id), int(achievement_id), decided)

    def _unchanged(self, some: Iterable[Dismissed]) -> Iterator[Dismissed]:
        """Those of which also the facts that the reasons are about are what they were."""
        kept = list(some)
        doubtful = [d for d in kept if d.feedback.facts]
        needs = self._records.get_many(Kind.NEED, sorted({d.need_id for d in doubtful}))
        achievements = self._records.get_many(
            Kind.ACHIEVEMENT, sorted({d.achievement_id for d in doubtful})
        )
        for one in kept:
            if one.feedback.facts:
                now = stated_facts(
                    one.feedback.judgement.reasons,
                    _need(needs[one.need_id].record),
                    _achievement(achievements[one.achievement_id].record),
                )
                if now != one.feedback.facts:
                    continue
            yield one

    def _row(self, feedback_id: int) -> FeedbackTable:
        row = self._session.get(FeedbackTable, feedback_id)
        if row is None:
            raise UnknownFeedbackError.of(feedback_id)
        return row

    def _of_pair(self, pair: Pair) -> list[Feedback]:
        where = FeedbackFilter(need=pair.need, achievement=pair.achievement)
        rows = self._session.exec(select(FeedbackTable).where(*_conditions(where)))
        return [_feedback(row) for row in rows]


def _conditions(where: FeedbackFilter) -> list[Any]:
    wanted = (
        (FeedbackTable.need_key, where.need),
        (FeedbackTable.achievement_key, where.achievement),
        (FeedbackTable.rater, where.rater),
    )
    conditions: list[Any] = [col(column) == value for column, value in wanted if value is not None]
    if not where.undone:
        conditions.append(col(FeedbackTable.undone_at).is_(None))
    columns = {Kind.NEED: FeedbackTable.need_key, Kind.ACHIEVEMENT: FeedbackTable.achievement_key}
    for kind, column in columns.items():
        if inside := conditions_of_scope(kind, where.scope):
            conditions.append(col(column).in_(joined(kind, select(TABLES[kind].key), inside)))
    return conditions


def _feedback(row: FeedbackTable) -> Feedback:
    return Feedback(
        id=stored_id(row),
        pair=Pair(row.need_key, row.achievement_key),
        rater=row.rater,
        judgement=Judgement(
            Verdict(row.verdict), row.grade, tuple(map(DismissReason, row.reasons)), row.note
        ),
        given_at=aware(row.given_at),
        need_hash=row.need_hash,
        achievement_hash=row.achievement_hash,
        facts=dict(row.facts),
        evidence_id=row.evidence_id,
        undone_at=aware(row.undone_at) if row.undone_at else None,
        undone_by=row.undone_by,
    )


def _need(record: Record) -> Need:
    if not isinstance(record, Need):
        raise AssertionError("a record of kind need is a Need")
    return record


def _achievement(record: Record) -> Achievement:
    if not isinstance(record, Achievement):
        raise AssertionError("a record of kind achievement is an Achievement")
    return record
