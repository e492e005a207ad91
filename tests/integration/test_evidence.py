"""Frozen evidence: kept once, recovered exactly, explained again, replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, text
from sqlmodel import Session

from corpus.history import Action, Change, History
from corpus.model import Achievement, Amount, Contact, ContactKind, Kind, Maturity, Need
from corpus.repository import CorpusRepository
from indexer.generation import Maker
from matcher.errors import MatchError
from matcher.evidence import (
    EXACT,
    NOISE,
    Basis,
    Evidence,
    EvidenceError,
    Proposal,
    explain_again,
    replay,
)
from matcher.feedback import Pair
from matcher.kept import EvidenceRepository, RankingRepository
from matcher.ranking_models import RankingModel
from matcher.scoring import Part
from tests.conftest import NOW_AT

WEIGHTS = {"偏置": -4.25, "语义": 53.1, "词语": 9.87, "标题": 0.1}
MODEL = RankingModel("第一版", {"weights": WEIGHTS, "link": "logistic"})
MAKER = Maker("fake", "e" * 64, "t" * 64)
NEED = Need(
    key="N/1", title="钢渣微粉\u2028活性低 😀", text="抗压强度≥42.5 MPa，\r\n全角ＡＢＣ。",
    contacts=(Contact(ContactKind.PHONE, "13900000000"),), budget=Amount(0.1, 0.3),
)  # fmt: skip
ACHIEVEMENT = Achievement(key="A1", title="钢渣活化", text="强度达到 45 MPa。",
                          maturity=Maturity.PILOT_SCALE)  # fmt: skip
CARD: Mapping[str, Any] = {
    "行": [{"指标": "抗压强度", "结论": "满足", "需求": (0, 4), "引文": "\"≥42.5\"\t\u0001"}],
    "等级": "较强", "a/b~c": None, "机会": 0.1 + 0.2,
}  # fmt: skip


def parts_of(model: RankingModel, values: Mapping[str, float]) -> dict[str, float]:
    return {name: model.content["weights"][name] * value for name, value in values.items()}


def basis(values: Mapping[str, float], model: RankingModel = MODEL, **other: Any) -> Basis:
    parts = parts_of(model, values)
    score = sum(parts.values())
    made = Basis(
        maker=MAKER, model=model, generation="gen-1", score=score, card=CARD,
        parts=tuple(Part(name, value, parts[name]) for name, value in values.items()),
    )  # fmt: skip
    return replace(made, **other)


BASIS = basis({"偏置": 1.0, "语义": 0.0345, "词语": 1 / 3, "标题": 0.1})
PROPOSAL = Proposal(need=NEED, achievement=ACHIEVEMENT, basis=BASIS)


def kept(session: Session, proposal: Proposal = PROPOSAL) -> Evidence:
    evidence = EvidenceRepository(session).keep(proposal, "李工", NOW_AT)
    session.flush()
    session.expire_all()
    return EvidenceRepository(session).evidence(evidence.id)


def test_it_comes_back_to_the_last_bit_without_contacts(engine: Engine) -> None:
    with Session(engine) as session:
        evidence = kept(session)
        back = evidence.proposal
        assert back.need == replace(NEED, contacts=())
        assert back.achievement == ACHIEVEMENT
        assert (back.basis.score, back.basis.parts) == (BASIS.score, BASIS.parts)
        assert (back.basis.maker, back.basis.generation) == (MAKER, "gen-1")
        assert back.basis.model == MODEL
        assert back.basis.card == {**CARD, "行": [{**CARD["行"][0], "需求": [0, 4]}]}
        assert (evidence.who, evidence.created_at) == ("李工", NOW_AT)
        assert evidence.texts == (NEED.content_hash, ACHIEVEMENT.content_hash)
        rows = session.connection().execute(text("SELECT * FROM evidence")).all()
        assert "13900000000" not in str(rows)


def test_the_same_proposal_is_kept_once(engine: Engine) -> None:
    with Session(engine) as session:
        first = kept(session)
        assert kept(session) == first
        assert kept(session, replace(PROPOSAL, need=replace(NEED, contacts=()))) == first
        others = [
            replace(PROPOSAL, need=replace(NEED, text="别的")),
            replace(PROPOSAL, achievement=replace(ACHIEVEMENT, maturity=None)),
            replace(PROPOSAL, basis=replace(BASIS, generation="gen-2")),
            replace(PROPOSAL, basis=replace(BASIS, maker=replace(MAKER, encoder_name="x"))),
            replace(PROPOSAL, basis=replace(BASIS, card={"等级": "强"})),
            replace(PROPOSAL, basis=replace(BASIS, model=RankingModel("第一版", {"weights": {}}))),
        ]
        ids = {kept(session, other).id for other in others}
        assert len(ids | {first.id}) == 7
        assert [e.id for e in EvidenceRepository(session).of_pair(Pair("N/1", "A1"))] == sorted(
            ids | {first.id}, reverse=True
        )
        assert len(RankingRepository(session).models()) == 2


def test_texts_are_those_of_the_history_and_survive_changes(engine: Engine) -> None:
    with Session(engine) as session:
        records, history = CorpusRepository(session), History(session)
        for record in (NEED, ACHIEVEMENT, replace(NEED, text="第二稿")):
            records.upsert([record], NOW_AT)
            history.add([Change(record.kind, record.key, Action.CHANGED, record)], NOW_AT)
        old = kept(session)
        new = kept(session, replace(PROPOSAL, need=replace(NEED, text="第二稿")))
        assert (old.need_version, old.achievement_version, new.need_version) == (1, 1, 2)
        records.delete(Kind.NEED, ["N/1"])
        history.add([Change(Kind.NEED, "N/1", Action.UNDONE, None)], NOW_AT)
        again = EvidenceRepository(session).evidence(old.id)
        assert again.proposal.need.text == NEED.text
        stored = session.connection().execute(text("SELECT need_record FROM evidence")).all()
        assert {value for (value,) in stored} == {None}


def test_a_record_without_a_version_is_kept_beside_it(engine: Engine) -> None:
    with Session(engine) as session:
        evidence = kept(session)
        assert (evidence.need_version, evidence.achievement_version) == (None, None)
        assert evidence.proposal.need.text == NEED.text


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE evidence SET score = score + 0.001",
        "UPDATE evidence SET card = '{}'",
        "UPDATE evidence SET generation = 'gen-9'",
        "UPDATE ranking_model SET content = '{}'",
        "UPDATE evidence SET need_record = NULL",
    ],
)
def test_what_was_altered_afterwards_is_noticed(engine: Engine, change: str) -> None:
    with Session(engine) as session:
        evidence = kept(session)
        session.connection().execute(text(change))
        session.expire_all()
        with pytest.raises(MatchError, match="已损坏"):
            EvidenceRepository(session).evidence(evidence.id)
        with pytest.raises(EvidenceError, match="没有编号为 99 的匹配依据"):
            EvidenceRepository(session).evidence(99)


@pytest.mark.parametrize(
    "wrong",
    [
        replace(BASIS, score=BASIS.score + 1e-9),
        replace(BASIS, score=float("nan")),
        replace(BASIS, parts=BASIS.parts[:-1]),
        replace(BASIS, parts=(*BASIS.parts, Part("语义", 0.0, 0.0))),
        replace(BASIS, card={"x": float("inf")}),
        replace(BASIS, card={"x": object()}),
        replace(BASIS, card={"x": {1: "y"}}),
        replace(BASIS, card={"x": "\ud800"}),
        replace(BASIS, model=RankingModel("", {})),
    ],
)
def test_what_does_not_add_up_or_is_no_json_is_refused(engine: Engine, wrong: Basis) -> None:
    with Session(engine) as session:
        with pytest.raises(MatchError):
            kept(session, replace(PROPOSAL, basis=wrong))
        session.rollback()
        assert EvidenceRepository(session).of_pair(PROPOSAL.pair) == []


def test_it_is_explained_again_exactly_from_random_values(
    engine: Engine, rng: np.random.Generator
) -> None:
    with Session(engine) as session:
        for _ in range(20):
            values = dict(zip(WEIGHTS, map(float, rng.normal(size=4)), strict=True))
            evidence = kept(session, replace(PROPOSAL, basis=basis(values)))
            again = explain_again(evidence, parts_of)
            assert again.exact
            assert abs(again.score - evidence.proposal.basis.score) <= EXACT
            assert list(again.parts) == list(values)


def test_a_model_that_gives_something_else_is_told(engine: Engine) -> None:
    def other(model: RankingModel, values: Mapping[str, float]) -> dict[str, float]:
        parts = parts_of(model, values)
        return {**parts, "语义": parts["语义"] + 1e-9, "新": 0.0}

    with Session(engine) as session:
        again = explain_again(kept(session), other)
    assert not again.exact
    assert [d.what for d in again.differences] == ["语义", "新", "总分"]
    assert again.differences[0].moved == pytest.approx(1e-9, rel=1e-3)
    assert again.differences[1].before is None


def test_a_replay_with_the_same_makers_is_equal(engine: Engine) -> None:
    seen: list[tuple[Need, Achievement]] = []

    def same(need: Need, achievement: Achievement) -> Basis:
        seen.append((need, achievement))
        return BASIS

    with Session(engine) as session:
        done = replay(kept(session), same)
    assert done.equal
    assert done.causes == ()
    assert seen == [(replace(NEED, contacts=()), ACHIEVEMENT)]


def test_noise_and_another_generation_alone_are_no_difference(engine: Engine) -> None:
    trembling = basis(
        {part.feature: part.value + NOISE / 1000 for part in BASIS.parts}, generation="gen-2"
    )
    with Session(engine) as session:
        done = replay(kept(session), lambda *_: trembling)
    assert done.equal
    assert [(c.what, c.before, c.now) for c in done.causes] == [("索引版本", "gen-1", "gen-2")]


def test_a_replay_lists_what_changed_and_what_moved(engine: Engine) -> None:
    heavier = RankingModel("第二版", {"weights": {**WEIGHTS, "词语": 12.87}})
    card = {
        "行": [{**CARD["行"][0], "结论": "不满足"}, {"指标": "细度"}],
        "等级": "弱", "a/b~c": 1, "机会": CARD["机会"] + NOISE / 2,
    }  # fmt: skip
    now = basis(
        {part.feature: part.value for part in BASIS.parts}, heavier, card=card,
        maker=replace(MAKER, tokenizer_fingerprint="u" * 64),
    )  # fmt: skip
    with Session(engine) as session:
        done = replay(kept(session), lambda *_: now)
    assert not done.equal
    assert [c.what for c in done.causes] == ["分词与词典", "排序模型", "排序模型指纹"]
    moved = {d.what: d.moved for d in done.differences if d.moved is not None}
    assert moved == {"词语": pytest.approx(1.0), "总分": pytest.approx(1.0)}
    places = {d.what for d in done.differences} - set(moved)
    assert places == {"/a~1b~0c", "/等级", "/行/0/结论", "/行/1"}
