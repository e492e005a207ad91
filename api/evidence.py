"""Freezing what a judgement rests on, and explaining or replaying it later."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from api.cards import CardOut, card_fields
from api.clock import TIME_ZONE
from api.services import Services
from corpus.confidentiality import Role, hidden_fields
from corpus.model import Achievement, Kind, Need, RecordFilter, Status
from indexer.errors import IndexerError
from indexer.shard import IndexShard
from matcher.card import CardMaker
from matcher.engine import MatchEngine
from matcher.errors import MatchError
from matcher.evidence import (
    Basis,
    Evidence,
    ExplainedAgain,
    Proposal,
    Replay,
    explain_again,
    replay,
)
from matcher.explain import Explanation, Span
from matcher.feedback import Pair
from matcher.kept import EvidenceRepository
from matcher.query import Query
from matcher.ranking_models import RankingError, RankingModel
from matcher.scoring import Part, scoring_model

# Evidence is whole; who may look at it is asked when it is read.
_SEES_ALL = Role.ADMINISTRATOR


class ClosedEvidenceError(MatchError):
    """The role may not read what the evidence holds."""


def proposal(services: Services, pair: Pair) -> Proposal | None:
    """The pair as the program proposes it now; None where no index can score it.

    Raises:
        UnknownRecordError: one of the two is not there.
    """
    try:
        with services.searching(Kind.ACHIEVEMENT) as (repository, shard, _):
            need = repository.require(Kind.NEED, pair.need).record
            stored = repository.require(Kind.ACHIEVEMENT, pair.achievement)
            # Its score alone: its place among others is not part of evidence.
            own = frozenset({pair.achievement})
            where = RecordFilter(keys=own, statuses=frozenset(Status))
            engine = services.engine_for(shard.manifest.maker)
            found = engine.explain_pair(repository, Query.of(need), stored, where, shard)
            achievement = stored.record
            if found is None or not isinstance(need, Need):
                return None
            if not isinstance(achievement, Achievement):
                raise AssertionError("achievements are found for needs")
            match = found.match
            basis = _basis(
                engine, shard, need, achievement, match.parts, match.explanation, services.today()
            )
            return Proposal(need=need, achievement=achievement, basis=basis)
    except (IndexerError, RankingError):
        # A judgement is worth keeping even where nothing can be said of the score.
        return None


def readable_evidence(services: Services, number: int, role: Role) -> Evidence:
    """An evidence, for a role that may read both records in full: its card quotes all of them.

    Raises:
        EvidenceError: there is none with this number.
        ClosedEvidenceError: the role may not; nothing of it is said.
    """
    with services.reading() as session:
        evidence = EvidenceRepository(session).evidence(number)
    proposal = evidence.proposal
    for record in (proposal.need, proposal.achievement):
        # Contacts are not part of evidence.
        if hidden_fields(record, role) - {"contacts"}:
            raise ClosedEvidenceError(
                f"匹配依据 {number} 里有没有向“{role.value}”公开的内容。请由看得到原文的人查看。"
            )
    return evidence


def explained(evidence: Evidence) -> ExplainedAgain:
    """The stored score from the stored model and the stored values."""
    return explain_again(evidence, _parts_of)


def replayed(services: Services, evidence: Evidence) -> Replay:
    """What the present makers say of the frozen texts, on the day of the judgement.

    Raises:
        ShardError: no index can answer.
    """
    day = evidence.created_at.astimezone(TIME_ZONE).date()
    with services.searching(Kind.ACHIEVEMENT) as (_, shard, _lag):
        return replay(evidence, _recompute(services.engine_for(shard.manifest.maker), shard, day))


def _recompute(
    engine: MatchEngine, shard: IndexShard, day: date
) -> Callable[[Need, Achievement], Basis]:
    def made(need: Need, achievement: Achievement) -> Basis:
        parts, reasons = engine.score_record(Query.of(need), achievement, shard)
        return _basis(engine, shard, need, achievement, parts, reasons, day)

    return made


def _basis(
    engine: MatchEngine,
    shard: IndexShard,
    need: Need,
    achievement: Achievement,
    parts: tuple[Part, ...],
    reasons: Explanation,
    day: date,
) -> Basis:
    [card] = CardMaker(day, _SEES_ALL).cards(need, [achievement])
    shown = CardOut(**card_fields(card, need, achievement)).model_dump(mode="json")
    return Basis(
        maker=engine.makers.maker,
        model=engine.config.model.ranking_model,
        generation=shard.name,
        score=math.fsum(part.part for part in parts),
        parts=parts,
        card={**shown, **_said(reasons, Query.of(need), Query.of(achievement))},
    )


def _said(reasons: Explanation, need: Query, achievement: Query) -> Mapping[str, Any]:
    def quote(span: Span, side: Query) -> Mapping[str, Any]:
        return {**asdict(span), "quote": span.of(side.title, side.text)}

    return {
        "terms": [
            {
                "term": term.term,
                "part": term.part,
                "need": [quote(span, need) for span in term.query_spans],
                "achievement": [quote(span, achievement) for span in term.document_spans],
            }
            for term in reasons.terms
        ],
        "need_sentence": quote(reasons.query_sentence, need),
        "achievement_sentence": quote(reasons.document_sentence, achievement),
    }


def _parts_of(model: RankingModel, values: Mapping[str, float]) -> Mapping[str, float]:
    return {part.feature: part.part for part in scoring_model(model).parts_of(values)}
