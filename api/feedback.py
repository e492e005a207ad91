"""Feedback at the edge: what commands and routes share, and its wire schemas."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import Field
from sqlmodel import Session

from api.clock import now_at
from api.deps import Name
from api.evidence import proposal
from api.schemas import Wire
from api.services import Services
from corpus.cleaning.contacts import extract_contacts
from corpus.confidentiality import EVERY_ROW, Role, RowScope, hidden_fields, masked
from corpus.model import Confidentiality, Kind, Record
from corpus.repository import CorpusRepository
from matcher.agreement import Agreement, agreement
from matcher.feedback import (
    DismissReason,
    Feedback,
    FeedbackError,
    Judgement,
    Pair,
    UnknownFeedbackError,
    Verdict,
    judgement,
)
from matcher.kept import EvidenceRepository
from matcher.repository import FeedbackFilter, FeedbackRepository, Given


class ClosedToRaterError(FeedbackError):
    """The role may not read what it wants to judge."""


class FeedbackIn(Wire):
    """A judgement of a pair."""

    need: Name = Field(description="Id of the need.", examples=["SN1001"])
    achievement: Name = Field(description="Id of the achievement.", examples=["SA1001"])
    verdict: Verdict = Field(examples=["accept"])
    grade: int | None = Field(default=None, description="0 无, 1 弱, 2 较强, 3 强; for `grade`.")
    reasons: list[DismissReason] = Field(
        default_factory=list, description="At least one for `dismiss`, none otherwise."
    )
    note: str = Field(default="", description="At most 500 characters.")

    def judgement(self) -> Judgement:
        """Checked; FeedbackError if it makes no sense."""
        return judgement(self.verdict, self.grade, self.reasons, self.note)


class FeedbackOut(Wire):
    """One entry of the log."""

    id: int
    need: str
    need_title: str | None = Field(description="Null: the record is gone.")
    achievement: str
    achievement_title: str | None
    verdict: Verdict
    grade: int | None
    reasons: list[DismissReason]
    note: str | None = Field(description="Null: not shown to the role that asks.")
    rater: str | None = Field(description="Null: not shown to the role that asks.")
    given_at: datetime
    outdated: bool = Field(description="One of the texts has changed since, or is gone.")
    evidence: int | None
    undone_at: datetime | None
    undone_by: str | None


class FeedbackPage(Wire):
    """Entries, the newest first."""

    total: int
    offset: int
    limit: int
    entries: list[FeedbackOut]


class _Views:
    """The two records of entries as a role may see them, each read once."""

    def __init__(self, session: Session, role: Role, scope: RowScope) -> None:
        self._repository = CorpusRepository(session, scope)
        self._role = role
        self._known: dict[tuple[Kind, str], Record | None] = {}

    def record(self, kind: Kind, key: str) -> Record | None:
        """In full: for comparing, not for showing."""
        if (kind, key) not in self._known:
            stored = self._repository.get(kind, key)
            self._known[kind, key] = stored.record if stored else None
        return self._known[kind, key]

    def require(self, kind: Kind, key: str) -> Record:
        """In full; UnknownRecordError if it is not there, at all or for who asks."""
        return self._repository.require(kind, key).record

    def has(self, pair: Pair) -> bool:
        """Whether both records are there for who asks."""
        return (
            self.record(Kind.NEED, pair.need) is not None
            and self.record(Kind.ACHIEVEMENT, pair.achievement) is not None
        )

    def title(self, kind: Kind, key: str) -> str | None:
        record = self.record(kind, key)
        return masked(record, self._role).title if record else None

    def note(self, entry: Feedback) -> str | None:
        """A note may say what the texts say, and whom to call."""
        records = (
            self.record(Kind.NEED, entry.pair.need),
            self.record(Kind.ACHIEVEMENT, entry.pair.achievement),
        )
        if not self.is_inside or any(r is None or self._closed(r) for r in records):
            return None
        clearance = self._role.clearance
        return entry.judgement.note if clearance.contacts else extract_contacts(
            entry.judgement.note
        )[0]  # fmt: skip

    def _closed(self, record: Record) -> bool:
        return bool(hidden_fields(record, self._role) & {"title", "text"})

    @property
    def is_inside(self) -> bool:
        """Whether the role works here; others do not learn who said what."""
        return self._role.clearance.level is not Confidentiality.PUBLIC

    def entry(self, entry: Feedback) -> FeedbackOut:
        need = self.record(Kind.NEED, entry.pair.need)
        achievement = self.record(Kind.ACHIEVEMENT, entry.pair.achievement)
        texts = tuple(record.content_hash if record else None for record in (need, achievement))
        return FeedbackOut(
            id=entry.id,
            need=entry.pair.need,
            need_title=self.title(Kind.NEED, entry.pair.need),
            achievement=entry.pair.achievement,
            achievement_title=self.title(Kind.ACHIEVEMENT, entry.pair.achievement),
            verdict=entry.verdict,
            grade=entry.judgement.grade,
            reasons=list(entry.judgement.reasons),
            note=self.note(entry),
            rater=entry.rater if self.is_inside else None,
            given_at=entry.given_at,
            outdated=entry.texts != texts,
            evidence=entry.evidence_id,
            undone_at=entry.undone_at,
            undone_by=(entry.undone_by or None) if self.is_inside else None,
        )


def give(
    services: Services, pair: Pair, rater: str, said: Judgement, role: Role
) -> tuple[FeedbackOut, bool]:
    """Note a judgement; the entry as ``role`` may see it, and whether it is new.

    What the program says of the pair at this moment is frozen with it, where an index can tell.

    Raises:
        UnknownRecordError, FeedbackError: see ``FeedbackRepository.give``.
        ClosedToRaterError: ``role`` may not read one of the texts.
    """
    with services.reading() as session:
        _check_open(_Views(session, role, services.scope), pair, role)
    frozen = proposal(services, pair)
    with services.writing() as session:
        views = _Views(session, role, services.scope)
        _check_open(views, pair, role)
        repository = FeedbackRepository(session)
        given: Given = repository.give(pair, rater, said, now_at())
        entry = given.feedback
        # What was scored a moment ago may have changed since: then it is not what was judged.
        if frozen is not None and given.new and frozen.texts == entry.texts:
            evidence = EvidenceRepository(session).keep(frozen, entry.rater, now_at())
            entry = repository.rest_on(entry.id, evidence.id)
        return views.entry(entry), given.new


def _check_open(views: _Views, pair: Pair, role: Role) -> None:
    for kind, key in ((Kind.NEED, pair.need), (Kind.ACHIEVEMENT, pair.achievement)):
        if hidden_fields(views.require(kind, key), role) & {"title", "text"}:
            raise ClosedToRaterError(
                f"{kind.label} {key} 的内容没有向“{role.value}”公开，不能评价。"
                "请由看得到原文的人评价。"
            )


def undo(
    services: Services, feedback_id: int, who: str, role: Role, *, only_own: bool = False
) -> FeedbackOut:
    """Take an entry back; ``only_own``: not what another said.

    Raises:
        UnknownFeedbackError, FeedbackError: see ``FeedbackRepository.undo``.
        ClosedToRaterError: it is another's.
    """
    with services.writing() as session:
        repository, views = FeedbackRepository(session), _Views(session, role, services.scope)
        entry = repository.entry(feedback_id)
        if services.scope != EVERY_ROW and not views.has(entry.pair):
            raise UnknownFeedbackError.of(feedback_id)
        if only_own and entry.rater != who:
            raise ClosedToRaterError("这条评价是别人的，不能撤回。请找评价的人或招商干部。")
        return views.entry(repository.undo(feedback_id, who, now_at()))


def said(services: Services, feedback_id: int, role: Role) -> FeedbackOut:
    """One entry as ``role`` may see it.

    Raises:
        UnknownFeedbackError: there is none with this number, or not for who asks.
    """
    with services.reading() as session:
        views = _Views(session, role, services.scope)
        entry = FeedbackRepository(session).entry(feedback_id)
        if not views.has(entry.pair):
            raise UnknownFeedbackError.of(feedback_id)
        return views.entry(entry)


def page(
    services: Services, where: FeedbackFilter, offset: int, limit: int, role: Role
) -> FeedbackPage:
    """Entries that pass a filter. Roles from outside cannot ask for what somebody said."""
    with services.reading() as session:
        views, repository = _Views(session, role, services.scope), FeedbackRepository(session)
        where = replace(where, scope=services.scope)
        entries = repository.entries(where, offset, limit)
        return FeedbackPage(
            total=repository.count(where),
            offset=offset,
            limit=limit,
            entries=[views.entry(entry) for entry in entries],
        )


def shelved(
    services: Services, where: FeedbackFilter, offset: int, limit: int, role: Role
) -> FeedbackPage:
    """The dismissals that keep pairs away now (已搁置), the newest first."""
    kind = Kind.ACHIEVEMENT if where.need is None and where.achievement else Kind.NEED
    asked = where.need if kind is Kind.NEED else where.achievement
    with services.reading() as session:
        views = _Views(session, role, services.scope)
        pairs = FeedbackRepository(session).dismissed_pairs(
            kind, None if asked is None else [asked]
        )
        found = [
            d.feedback
            for some in pairs.values()
            for d in some
            if where.achievement in (None, d.pair.achievement)
            and where.rater in (None, d.feedback.rater)
            and (services.scope == EVERY_ROW or views.has(d.pair))
        ]
        found.sort(key=lambda entry: -entry.id)
        return FeedbackPage(
            total=len(found),
            offset=offset,
            limit=limit,
            entries=[views.entry(entry) for entry in found[offset : offset + limit]],
        )


def agreed(services: Services, role: Role) -> tuple[Agreement, dict[Pair, tuple[str, str]]]:
    """Agreement over the whole log, and the titles of the pairs it names as ``role`` sees them.

    Roles from outside see numbers for the names of the raters.
    """
    with services.reading() as session:
        views, log = _Views(session, role, services.scope), FeedbackRepository(session).log()
        if not views.is_inside:
            raters = sorted({entry.rater for entry in log})
            names = {rater: f"评价人 {n}" for n, rater in enumerate(raters, start=1)}
            log = [replace(entry, rater=names[entry.rater]) for entry in log]
        found = agreement(log)
        titles = {
            d.pair: (
                views.title(Kind.NEED, d.pair.need) or "",
                views.title(Kind.ACHIEVEMENT, d.pair.achievement) or "",
            )
            for d in found.disagreements
        }
    return found, titles


def trec_lines(
    qrels: Mapping[str, Mapping[str, int]],
) -> tuple[list[str], list[Pair]]:
    """Lines ``need 0 achievement grade``, and the pairs that such a file cannot name: its columns
    are separated by blanks."""
    lines: list[str] = []
    left_out: list[Pair] = []
    for need, graded in qrels.items():
        for achievement, grade in graded.items():
            if _is_word(need) and _is_word(achievement):
                lines.append(f"{need} 0 {achievement} {grade}\n")
            else:
                left_out.append(Pair(need, achievement))
    return lines, left_out


def _is_word(key: str) -> bool:
    return key.split() == [key]


def agreement_json(found: Agreement, titles: Mapping[Pair, tuple[str, str]]) -> dict[str, Any]:
    """For programs."""
    return {
        "raters": found.raters,
        "units": found.units,
        "krippendorff_alpha": found.alpha,
        "cohen_kappa": [
            {"raters": [k.first, k.second], "common": k.common, "kappa": k.kappa}
            for k in found.kappas
        ],
        "disagreements": [
            {
                "need": d.pair.need,
                "need_title": titles[d.pair][0],
                "achievement": d.pair.achievement,
                "achievement_title": titles[d.pair][1],
                "grades": dict(d.grades),
                "decisions": {rater: f.verdict.value for rater, f in d.decisions.items()},
            }
            for d in found.disagreements
        ],
    }


def said_label(verdict: Verdict, grade: int | None, reasons: Iterable[DismissReason]) -> str:
    """A judgement in a few words."""
    if verdict is Verdict.GRADE:
        return f"{verdict.label} {grade}"
    named = "、".join(reasons)
    return f"{verdict.label}：{named}" if named else verdict.label
