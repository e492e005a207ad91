"""A pair and what the program says of it: as it was when somebody kept it, or as it is now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import ValidationError
from sqlmodel import Session

from api.cards import CardOut
from api.clock import TIME_ZONE
from api.schemas import MatchOut
from api.services import Services
from corpus.confidentiality import Role, hidden_fields
from corpus.model import Kind, Record, RecordFilter, Status, StoredRecord
from corpus.repository import CorpusRepository
from indexer.errors import IndexerError
from matcher.answer import Shown
from matcher.card import CardMaker
from matcher.engine import Match
from matcher.evidence import Evidence
from matcher.explain import Explanation, Span, TermReason, key_terms
from matcher.feedback import Pair
from matcher.kept import EvidenceRepository
from matcher.query import Query
from matcher.ranking_models import RankingError
from matcher.scoring import scoring_model


@dataclass(frozen=True, slots=True)
class StoredPair:
    """The two records of a pair, in full: what is shown of them is masked where it is shown."""

    need: StoredRecord
    achievement: StoredRecord

    @property
    def records(self) -> tuple[Record, Record]:
        return self.need.record, self.achievement.record

    @property
    def texts(self) -> tuple[str, str]:
        """Content hashes of the need and the achievement."""
        return self.need.record.content_hash, self.achievement.record.content_hash


@dataclass(frozen=True, slots=True)
class Frozen:
    """What was said of a pair when it was kept, and whether its texts have changed since."""

    match: MatchOut
    seen_at: datetime
    changed: bool


def readable_pair(repository: CorpusRepository, pair: Pair, role: Role) -> StoredPair | None:
    """The records, where both are there for who asks and none of their texts is closed to him."""
    need = repository.get(Kind.NEED, pair.need)
    achievement = repository.get(Kind.ACHIEVEMENT, pair.achievement)
    if need is None or achievement is None:
        return None
    found = StoredPair(need, achievement)
    closed = any(hidden_fields(record, role) & {"title", "text"} for record in found.records)
    return None if closed else found


def frozen(session: Session, evidence_id: int, today: StoredPair, role: Role) -> Frozen | None:
    """What an evidence says of a pair. It quotes the whole records, so None for a role that may
    not read all of them, as they were and as they are; also where this release cannot read it.

    Raises:
        EvidenceError: what is stored is not what was kept.
    """
    evidence = EvidenceRepository(session).evidence(evidence_id)
    proposal = evidence.proposal
    # Contacts are not part of evidence, nor are columns that nobody mapped shown anywhere.
    shut = {
        name
        for record in (*today.records, proposal.need, proposal.achievement)
        for name in hidden_fields(record, role)
    }
    if shut - {"contacts", "extra"}:
        return None
    try:
        match = _match(evidence, today.achievement, role)
    except (RankingError, ValidationError):
        return None
    return Frozen(match, evidence.created_at, evidence.texts != today.texts)


def _match(evidence: Evidence, today: StoredRecord, role: Role) -> MatchOut:
    need, achievement = evidence.proposal.need, evidence.proposal.achievement
    basis = evidence.proposal.basis
    model, day = scoring_model(basis.model), evidence.created_at.astimezone(TIME_ZONE).date()
    said = basis.card
    keys = key_terms(term["term"] for term in said["terms"])
    reasons = Explanation(
        terms=tuple(
            TermReason(
                term["term"],
                term["part"],
                term["term"] in keys,
                tuple(_span(span) for span in term["need"]),
                tuple(_span(span) for span in term["achievement"]),
            )
            for term in said["terms"]
        ),
        query_sentence=_span(said["need_sentence"]),
        document_sentence=_span(said["achievement_sentence"]),
    )
    match = Match(
        document=StoredRecord(today.id, achievement, today.status),
        score=basis.score,
        parts=basis.parts,
        chance=model.chance(basis.score),
        level=model.level(basis.score),
        explanation=reasons,
    )
    [card] = CardMaker(day, role).cards(need, [achievement])
    made = MatchOut.of(Shown(match, card), Query.of(need), need, role, model)
    # The card as it was seen, not as this release would make it.
    kept = CardOut.model_validate({name: said[name] for name in CardOut.model_fields})
    return made.model_copy(update={name: getattr(kept, name) for name in CardOut.model_fields})


def _span(raw: dict[str, object]) -> Span:
    return Span(str(raw["field"]), int(str(raw["start"])), int(str(raw["end"])))


def current(services: Services, pair: Pair, role: Role) -> MatchOut | None:
    """What is said of a pair now; None where no index can score it.

    Raises:
        UnknownRecordError: one of the two is not there.
    """
    own = frozenset({pair.achievement})
    where = RecordFilter(keys=own, statuses=frozenset(Status))
    try:
        with services.searching(Kind.ACHIEVEMENT) as (repository, shard, _):
            need = repository.require(Kind.NEED, pair.need).record
            achievement = repository.require(Kind.ACHIEVEMENT, pair.achievement)
            query = Query.of(need)
            found = services.engine.explain_pair(repository, query, achievement, where, shard)
            if found is None:
                return None
            [card] = CardMaker(services.today(), role).cards(need, [achievement.record])
            return MatchOut.of(Shown(found.match, card), query, need, role, found.model)
    except (IndexerError, RankingError):
        return None
