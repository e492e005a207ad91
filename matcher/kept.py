"""What is kept so that a proposal can be explained later: evidence and ranking models.

Takes a session and never commits; whoever writes holds ``corpus.database.writer``.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, select

from corpus.history import History
from corpus.model import Achievement, Kind, Need, Record, Status
from corpus.snapshot import from_json, to_json
from corpus.tables import aware, stored_id
from indexer.generation import Maker
from matcher.canonical import canonical, content_hash
from matcher.evidence import (
    Basis,
    Evidence,
    EvidenceError,
    Proposal,
    card_text,
    check_parts,
    evidence_hash,
)
from matcher.feedback import Pair
from matcher.ranking_models import (
    GateResult,
    KeptModel,
    RankingAction,
    RankingError,
    RankingEvent,
    RankingModel,
    check_gate,
    checked_name,
    promoted,
)
from matcher.scoring import Part
from matcher.tables import EvidenceTable, RankingEventTable, RankingModelTable

_PREFIX_LENGTH = 4


class EvidenceRepository:
    """Frozen evidence of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._history = History(session)
        self._models = RankingRepository(session)

    def keep(self, proposal: Proposal, who: str, now_at: datetime) -> Evidence:
        """Freeze a proposal; the same one is kept once. Contacts are not part of it.

        Raises:
            EvidenceError: the parts do not add up.
            MatchError: the card or the model is no JSON.
        """
        check_parts(proposal.basis)
        need, achievement = proposal.need, proposal.achievement
        proposal = replace(
            proposal,
            need=replace(need, contacts=()),
            achievement=replace(achievement, contacts=()),
        )
        named = evidence_hash(proposal)
        statement = select(EvidenceTable).where(EvidenceTable.hash == named)
        row = self._session.exec(statement).one_or_none()
        if row is None:
            row = EvidenceTable(**self._columns(proposal, now_at), hash=named, who=who,
                                created_at=now_at)  # fmt: skip
            self._session.add(row)
            self._session.flush()
        return self._evidence(row)

    def evidence(self, evidence_id: int) -> Evidence:
        """One evidence, whole.

        Raises:
            EvidenceError: there is none with this number, or what is stored is not what was kept.
        """
        row = self._session.get(EvidenceTable, evidence_id)
        if row is None:
            raise EvidenceError(f"没有编号为 {evidence_id} 的匹配依据。")
        return self._evidence(row)

    def of_pair(self, pair: Pair) -> list[Evidence]:
        """Every evidence of a pair, the newest first."""
        statement = (
            select(EvidenceTable)
            .where(
                EvidenceTable.need_key == pair.need,
                EvidenceTable.achievement_key == pair.achievement,
            )
            .order_by(col(EvidenceTable.id).desc())
        )
        return [self._evidence(row) for row in self._session.exec(statement)]

    def _columns(self, proposal: Proposal, now_at: datetime) -> dict[str, Any]:
        basis, card = proposal.basis, card_text(proposal.basis.card)
        columns: dict[str, Any] = {
            "encoder_name": basis.maker.encoder_name,
            "encoder_fingerprint": basis.maker.encoder_fingerprint,
            "tokenizer_fingerprint": basis.maker.tokenizer_fingerprint,
            "model_id": self._models.keep(basis.model, now_at).id,
            "generation": basis.generation,
            "score": basis.score,
            "parts": [[part.feature, part.value, part.part] for part in basis.parts],
            "card": card,
            "card_hash": content_hash(card),
        }
        for record in (proposal.need, proposal.achievement):
            side, number = record.kind.value, self._version_of(record)
            columns[f"{side}_key"] = record.key
            columns[f"{side}_hash"] = record.content_hash
            columns[f"{side}_version"] = number
            columns[f"{side}_record"] = None if number else to_json(record, Status.ACTIVE)
        return columns

    def _version_of(self, record: Record) -> int | None:
        """Number of the newest version that is this record but for its contacts."""
        for version in self._history.versions(record.kind, record.key):
            kept = version.change.record
            if kept is not None and replace(kept, contacts=()) == record:
                return version.number
        return None

    def _evidence(self, row: EvidenceTable) -> Evidence:
        damaged = f"匹配依据 {row.id} 已损坏：存下的内容与校验值不符。请从备份恢复数据库。"
        need = self._record(Kind.NEED, row.need_key, row.need_version, row.need_record)
        achievement = self._record(
            Kind.ACHIEVEMENT, row.achievement_key, row.achievement_version, row.achievement_record
        )
        if not isinstance(need, Need) or not isinstance(achievement, Achievement):
            raise EvidenceError(damaged)
        basis = Basis(
            maker=Maker(row.encoder_name, row.encoder_fingerprint, row.tokenizer_fingerprint),
            model=self._models.by_id(row.model_id).model,
            generation=row.generation,
            score=row.score,
            parts=tuple(Part(*part) for part in row.parts),
            card=json.loads(row.card),
        )
        evidence = Evidence(
            id=stored_id(row),
            hash=row.hash,
            proposal=Proposal(need=need, achievement=achievement, basis=basis),
            need_version=row.need_version,
            achievement_version=row.achievement_version,
            who=row.who,
            created_at=aware(row.created_at),
        )
        if evidence_hash(evidence.proposal) != row.hash:
            raise EvidenceError(damaged)
        return evidence

    def _record(
        self, kind: Kind, key: str, number: int | None, raw: dict[str, Any] | None
    ) -> Record | None:
        if raw is not None:
            return from_json(kind, raw)[0]
        for version in self._history.versions(kind, key):
            if version.number == number and version.change.record is not None:
                return replace(version.change.record, contacts=())
        return None


class RankingRepository:
    """Ranking models of one session and what was done with them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def keep(self, model: RankingModel, now_at: datetime, note: str = "") -> KeptModel:
        """Store a model; the same content is stored once, under its first name.

        Raises:
            RankingError: it has no usable name.
            MatchError: it is no JSON.
        """
        return _kept(self._keep(model, now_at, note))

    def models(self) -> list[KeptModel]:
        """Every model, the newest first."""
        statement = select(RankingModelTable).order_by(col(RankingModelTable.id).desc())
        return [_kept(row) for row in self._session.exec(statement)]

    def active(self) -> KeptModel | None:
        """The promoted model that answers; None: that which ships with the program."""
        row = self._active()
        return _kept(row) if row else None

    def by_id(self, model_id: int) -> KeptModel:
        """The model of an evidence.

        Raises:
            RankingError: what is stored is not what was kept.
        """
        row = self._session.get(RankingModelTable, model_id)
        if row is None:
            raise AssertionError("a foreign key points at a row")
        return _kept(row)

    def find(self, prefix: str) -> KeptModel:
        """The model whose hash begins with ``prefix``, of at least four characters.

        Raises:
            RankingError: none or several do.
        """
        statement = select(RankingModelTable).where(
            col(RankingModelTable.hash).startswith(prefix.lower(), autoescape=True)
        )
        rows = list(self._session.exec(statement.limit(2))) if len(prefix) >= _PREFIX_LENGTH else []
        if len(rows) != 1:
            few = "不止一个" if rows else "没有"
            raise RankingError(
                f"{few}指纹以 {prefix} 开头的排序模型（至少写 {_PREFIX_LENGTH} 位）。"
                "运行 zhitong ranking list 查看。"
            )
        return _kept(rows[0])

    def events(self) -> list[RankingEvent]:
        """Everything that was done, the oldest first."""
        statement = (
            select(RankingEventTable, RankingModelTable.hash)
            .join(RankingModelTable, col(RankingModelTable.id) == col(RankingEventTable.model_id))
            .order_by(col(RankingEventTable.id))
        )
        return [_event(row, model_hash) for row, model_hash in self._session.exec(statement)]

    def promote(
        self,
        model: RankingModel,
        gate: GateResult,
        who: str,
        now_at: datetime,
        note: str = "",
        *,
        force: bool = False,
    ) -> KeptModel:
        """Let a model answer from now on; one that does already stays as it is.

        Raises:
            RankingError: see ``check_gate``; or it has no usable name.
            MatchError: the model or the report is no JSON.
        """
        check_gate(model, gate, force, note)
        gate = GateResult(gate.passed, json.loads(canonical(gate.report, "检验报告")))
        row, before = self._keep(model, now_at, note), self._active()
        if before is not None and before.hash == row.hash:
            return _kept(row)
        if before is not None:
            before.retired_at = now_at
            self._session.add(before)
        row.promoted_at, row.retired_at = now_at, None
        self._note(RankingAction.PROMOTED, row, who, note, now_at, gate)
        return _kept(row)

    def rollback(
        self, model_hash: str, who: str, now_at: datetime, note: str = ""
    ) -> KeptModel | None:
        """Take the answering model, which is named, out of service; what was promoted before it
        answers again, and comes back. None: that which ships with the program.

        A model that the last act took out of service already stays out: a retry changes nothing.

        Raises:
            RankingError: another model answers.
        """
        events = self.events()
        stack = promoted((event.action, event.model_hash) for event in events)
        if not stack or stack[-1] != model_hash:
            last = events[-1] if events else None
            again = last is not None and last.action is RankingAction.ROLLED_BACK
            if last is not None and again and last.model_hash == model_hash:
                return self.active()
            now = stack[-1][:12] if stack else "随程序提供的排序模型"
            raise RankingError(
                f"现在启用的是 {now}，不是 {model_hash[:12]}，没有改变任何设置。"
                "运行 zhitong ranking list 查看。"
            )
        row = self._by_hash(model_hash)
        row.retired_at = now_at
        if len(stack) > 1:
            former = self._by_hash(stack[-2])
            former.promoted_at, former.retired_at = now_at, None
            self._session.add(former)
        self._note(RankingAction.ROLLED_BACK, row, who, note, now_at, None)
        return self.active()

    def _keep(self, model: RankingModel, now_at: datetime, note: str) -> RankingModelTable:
        statement = select(RankingModelTable).where(RankingModelTable.hash == model.hash)
        row = self._session.exec(statement).one_or_none()
        if row is None:
            row = RankingModelTable(
                name=checked_name(model.name),
                hash=model.hash,
                content=model.text,
                created_at=now_at,
                note=note.strip(),
            )
            self._session.add(row)
            self._session.flush()
        return row

    def _active(self) -> RankingModelTable | None:
        statement = select(RankingModelTable).where(
            col(RankingModelTable.promoted_at).is_not(None),
            col(RankingModelTable.retired_at).is_(None),
        )
        return self._session.exec(statement).one_or_none()

    def _by_hash(self, model_hash: str) -> RankingModelTable:
        statement = select(RankingModelTable).where(RankingModelTable.hash == model_hash)
        return self._session.exec(statement).one()

    def _note(
        self,
        action: RankingAction,
        row: RankingModelTable,
        who: str,
        note: str,
        now_at: datetime,
        gate: GateResult | None,
    ) -> None:
        self._session.add(row)
        self._session.add(
            RankingEventTable(
                action=action.value,
                model_id=stored_id(row),
                who=who,
                note=note.strip(),
                happened_at=now_at,
                gate_passed=gate.passed if gate else None,
                gate_report=dict(gate.report) if gate else None,
            )
        )
        self._session.flush()


def _kept(row: RankingModelTable) -> KeptModel:
    model = RankingModel(row.name, json.loads(row.content))
    if model.hash != row.hash:
        raise RankingError(
            f"排序模型 {row.name}（{row.hash[:12]}）已损坏：存下的内容与校验值不符。"
            "请从备份恢复数据库。"
        )
    return KeptModel(
        id=stored_id(row),
        model=model,
        note=row.note,
        created_at=aware(row.created_at),
        promoted_at=aware(row.promoted_at) if row.promoted_at else None,
        retired_at=aware(row.retired_at) if row.retired_at else None,
    )


def _event(row: RankingEventTable, model_hash: str) -> RankingEvent:
    gate = None if row.gate_passed is None else GateResult(row.gate_passed, row.gate_report or {})
    return RankingEvent(
        RankingAction(row.action), model_hash, row.who, row.note, aware(row.happened_at), gate
    )
