"""The log of feedback in a database: putting aside, coming back, taking back, two at once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from corpus.database import writer
from corpus.model import (
    Achievement,
    Amount,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    UnknownRecordError,
)
from corpus.repository import CorpusRepository
from matcher.evidence import Proposal
from matcher.feedback import (
    DismissReason,
    FeedbackError,
    Judgement,
    Pair,
    UnknownFeedbackError,
    Verdict,
    judgement,
)
from matcher.kept import EvidenceRepository
from matcher.repository import FeedbackFilter, FeedbackRepository
from tests.conftest import NOW_AT
from tests.integration.test_evidence import BASIS

NEED = Need(key="N1", title="钢渣微粉活性低", text="希望提高早期活性。", county="迁安市")
ACHIEVEMENT = Achievement(
    key="A1", title="钢渣活化", text="采用复合激发剂。", maturity=Maturity.LAB_SCALE,
    organisation=Organisation("甲所（示例）", "北京"),
)  # fmt: skip
PAIR = Pair("N1", "A1")
ACCEPT = judgement(Verdict.ACCEPT)
ROOT = Path(__file__).resolve().parents[2]


def dismissal(*reasons: DismissReason) -> Judgement:
    return judgement(Verdict.DISMISS, reasons=reasons or [DismissReason.WRONG_PROCESS])


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with writer(engine) as opened:
        store(opened, NEED, ACHIEVEMENT)
        yield opened


def store(session: Session, *records: Record) -> None:
    CorpusRepository(session).upsert(records, NOW_AT)


def shelved(session: Session, kind: Kind = Kind.NEED, keys: Sequence[str] | None = None) -> object:
    found = FeedbackRepository(session).dismissed_pairs(kind, keys)
    return {key: [d.pair for d in some] for key, some in found.items()}


def test_what_is_said_comes_back_as_it_was_said(session: Session) -> None:
    repository = FeedbackRepository(session)
    said = judgement(Verdict.DISMISS, reasons=[DismissReason.IMMATURE], note="再等等 😀")
    given = repository.give(PAIR, " 李工 ", said, NOW_AT)
    session.expire_all()
    assert given.new
    assert repository.entry(given.feedback.id) == given.feedback
    entry = given.feedback
    assert (entry.rater, entry.judgement, entry.given_at) == ("李工", said, NOW_AT)
    assert entry.texts == (NEED.content_hash, ACHIEVEMENT.content_hash)
    assert entry.facts == {"成熟度": "通过小试"}


def test_a_retry_changes_nothing(session: Session) -> None:
    repository = FeedbackRepository(session)
    first = repository.give(PAIR, "李工", dismissal(), NOW_AT)
    again = repository.give(PAIR, "李工", dismissal(), NOW_AT)
    assert (again.new, again.feedback) == (False, first.feedback)
    assert repository.count(FeedbackFilter(undone=True)) == 1
    undone = repository.undo(first.feedback.id, "王工", NOW_AT)
    assert repository.undo(first.feedback.id, "张工", NOW_AT) == undone
    assert (undone.undone_by, undone.undone_at) == ("王工", NOW_AT)
    assert repository.give(PAIR, "李工", dismissal(), NOW_AT).new
    assert repository.count(FeedbackFilter()) == 1
    assert repository.count(FeedbackFilter(undone=True)) == 2


def test_what_cannot_be_judged_is_refused(session: Session) -> None:
    repository = FeedbackRepository(session)
    with pytest.raises(UnknownRecordError, match="没有编号为 N9 的需求"):
        repository.give(Pair("N9", "A1"), "李工", ACCEPT, NOW_AT)
    with pytest.raises(UnknownRecordError, match="没有编号为 A9 的成果"):
        repository.give(Pair("N1", "A9"), "李工", ACCEPT, NOW_AT)
    with pytest.raises(FeedbackError, match="谁的评价"):
        repository.give(PAIR, " ", ACCEPT, NOW_AT)
    with pytest.raises(UnknownFeedbackError, match="没有编号为 77 的评价"):
        repository.undo(77, "李工", NOW_AT)
    with pytest.raises(FeedbackError, match="谁的评价"):
        repository.undo(repository.give(PAIR, "李工", ACCEPT, NOW_AT).feedback.id, "", NOW_AT)


def test_a_dismissed_pair_stays_away_for_both_sides(session: Session) -> None:
    store(session, replace(NEED, key="N2"), replace(ACHIEVEMENT, key="A2"))
    repository = FeedbackRepository(session)
    for pair in (Pair("N1", "A2"), PAIR, Pair("N2", "A2")):
        repository.give(pair, "李工", dismissal(), NOW_AT)
    repository.give(Pair("N2", "A1"), "李工", ACCEPT, NOW_AT)
    repository.give(Pair("N2", "A1"), "李工", judgement(Verdict.GRADE, 0), NOW_AT)
    every = {"N1": [PAIR, Pair("N1", "A2")], "N2": [Pair("N2", "A2")]}
    assert shelved(session) == every
    assert shelved(session, Kind.NEED, ["N1", "none"]) == {"N1": every["N1"]}
    assert shelved(session, Kind.NEED, []) == {}
    assert shelved(session, Kind.NEED, [f"K{i}" for i in range(1200)] + ["N2"]) == {
        "N2": every["N2"]
    }
    assert shelved(session, Kind.ACHIEVEMENT, ["A2"]) == {
        "A2": [Pair("N1", "A2"), Pair("N2", "A2")]
    }
    records = CorpusRepository(session)
    [first, second] = repository.dismissed_pairs(Kind.NEED, ["N1"])["N1"]
    assert first.achievement_id == records.require(Kind.ACHIEVEMENT, "A1").id
    assert second.need_id == records.require(Kind.NEED, "N1").id
    assert first.achievement_id < second.achievement_id
    assert first.feedback.judgement.reasons == (DismissReason.WRONG_PROCESS,)


def test_it_comes_back_when_a_text_changes_and_is_away_again_when_it_is_what_it_was(
    session: Session,
) -> None:
    FeedbackRepository(session).give(PAIR, "李工", dismissal(), NOW_AT)
    for changed in (replace(NEED, text="改写了。"), replace(ACHIEVEMENT, title="改名")):
        store(session, changed)
        assert shelved(session) == {}
        store(session, NEED, ACHIEVEMENT)
        assert shelved(session) == {"N1": [PAIR]}
    # Nothing of what was judged: not a reason to bring it up again.
    store(session, replace(ACHIEVEMENT, published_on=NOW_AT.date(), maturity=None))
    assert shelved(session) == {"N1": [PAIR]}
    CorpusRepository(session).delete(Kind.NEED, ["N1"])
    assert shelved(session) == {}


@pytest.mark.parametrize(
    ("reason", "change"),
    [
        (DismissReason.IMMATURE, replace(ACHIEVEMENT, maturity=Maturity.MASS_PRODUCTION)),
        (DismissReason.COST_UNKNOWN, replace(ACHIEVEMENT, price=Amount(10.0, 20.0))),
        (DismissReason.COST_UNKNOWN, replace(NEED, budget=Amount(None, 90.0))),
        (DismissReason.TOO_FAR, replace(NEED, county="玉田县")),
        (DismissReason.TOO_FAR,
         replace(ACHIEVEMENT, organisation=Organisation("甲所（示例）", "天津"))),
    ],
)  # fmt: skip
def test_it_comes_back_when_the_fact_it_was_dismissed_for_changes(
    session: Session, reason: DismissReason, change: Record
) -> None:
    repository = FeedbackRepository(session)
    repository.give(PAIR, "李工", dismissal(reason, DismissReason.OTHER), NOW_AT)
    assert shelved(session) == {"N1": [PAIR]}
    store(session, change)
    assert shelved(session) == {}
    assert repository.give(PAIR, "李工", dismissal(reason, DismissReason.OTHER), NOW_AT).new
    assert shelved(session) == {"N1": [PAIR]}


def test_the_last_decision_counts_for_the_office(session: Session) -> None:
    repository = FeedbackRepository(session)
    repository.give(PAIR, "李工", dismissal(), NOW_AT)
    accepted = repository.give(PAIR, "王工", ACCEPT, NOW_AT)
    assert shelved(session) == {}
    repository.undo(accepted.feedback.id, "王工", NOW_AT)
    assert shelved(session) == {"N1": [PAIR]}
    repository.give(PAIR, "王工", ACCEPT, NOW_AT)
    assert repository.give(PAIR, "李工", dismissal(), NOW_AT).new
    assert shelved(session) == {"N1": [PAIR]}


def test_the_log_is_listed_newest_first_in_pages(session: Session) -> None:
    store(session, *(replace(NEED, key=f"M{i}") for i in range(5)))
    repository = FeedbackRepository(session)
    ids = [
        repository.give(
            Pair(f"M{i}", "A1"), "李工" if i % 2 else "王工", ACCEPT, NOW_AT
        ).feedback.id
        for i in range(5)
    ]
    repository.undo(ids[4], "王工", NOW_AT)

    def listed(offset: int = 0, limit: int = 9, **where: object) -> list[int]:
        chosen = FeedbackFilter(**where)  # type: ignore[arg-type]
        found = [one.id for one in repository.entries(chosen, offset, limit)]
        assert repository.count(chosen) >= len(found)
        return found

    assert listed() == ids[3::-1]
    assert listed(undone=True) == ids[::-1]
    assert listed(1, 2) == [ids[2], ids[1]]
    assert listed(rater="王工") == [ids[2], ids[0]]
    assert listed(need="M1") == [ids[1]]
    assert listed(achievement="A2") == []


def test_feedback_becomes_qrels_of_todays_texts(session: Session) -> None:
    store(session, replace(ACHIEVEMENT, key="A2"), replace(ACHIEVEMENT, key="A3"))
    repository = FeedbackRepository(session)
    repository.give(PAIR, "李工", ACCEPT, NOW_AT)
    repository.give(PAIR, "王工", judgement(Verdict.GRADE, 3), NOW_AT)
    repository.give(Pair("N1", "A2"), "李工", dismissal(DismissReason.NO_ADVANTAGE), NOW_AT)
    repository.give(Pair("N1", "A3"), "李工", dismissal(DismissReason.IN_CONTACT), NOW_AT)
    assert repository.qrels().qrels == {"N1": {"A1": 2, "A2": 1}}
    store(session, replace(ACHIEVEMENT, key="A2", text="全新的内容。"))
    CorpusRepository(session).delete(Kind.ACHIEVEMENT, ["A1"])
    found = repository.qrels()
    assert (found.qrels, found.outdated) == ({}, 2)


def test_feedback_on_a_proposal_is_about_the_texts_that_were_proposed(session: Session) -> None:
    proposal = Proposal(need=NEED, achievement=ACHIEVEMENT, basis=BASIS)
    kept = EvidenceRepository(session).keep(proposal, "李工", NOW_AT)
    store(session, replace(NEED, text="其间改写了。"))
    repository = FeedbackRepository(session)
    given = repository.give(PAIR, "李工", dismissal(), NOW_AT, kept.id)
    assert given.feedback.texts == kept.texts == (NEED.content_hash, ACHIEVEMENT.content_hash)
    assert given.feedback.evidence_id == kept.id
    assert shelved(session) == {}  # what was dismissed is no longer what there is
    assert not repository.give(PAIR, "李工", dismissal(), NOW_AT, kept.id).new
    store(session, replace(ACHIEVEMENT, key="A2"))
    with pytest.raises(FeedbackError, match="不是这一对的"):
        repository.give(Pair("N1", "A2"), "李工", ACCEPT, NOW_AT, kept.id)


def test_two_processes_that_dismiss_one_pair_leave_one_entry_for_each_rater(
    engine: Engine,
) -> None:
    with writer(engine) as session:
        store(session, NEED, ACHIEVEMENT)
        session.commit()
    url = engine.url.set(drivername=engine.url.get_backend_name())
    command = [sys.executable, "-m", "tests.integration.feedback_process",
               url.render_as_string(hide_password=False), "40"]  # fmt: skip
    started = [
        subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in started:
        process.communicate(timeout=120)
    assert [process.returncode for process in started] == [0, 0]
    with Session(engine) as session:
        entries = FeedbackRepository(session).entries(FeedbackFilter(undone=True), 0, 99)
        assert sorted(entry.rater for entry in entries) == sorted(f"R{n}" for n in range(40))
        assert shelved(session) == {"N1": [PAIR]}
