"""Withdraw, close, bring back, supplement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from corpus.curation import CurationError, Curator
from corpus.database import create_schema, open_database
from corpus.history import Action, History
from corpus.model import (
    Amount,
    Kind,
    Need,
    RecordFilter,
    Status,
    Supplement,
    UnknownRecordError,
)
from corpus.quality import Aspect, apply_answers
from corpus.repository import CorpusRepository, Outcome
from tests.conftest import NOW_AT

NEED = Need(key="N1", title="钢渣", text="正文")


def curator(session: Session) -> Curator:
    return Curator(CorpusRepository(session), History(session), NOW_AT, "王")


def test_a_withdrawn_record_is_not_matched_and_comes_back(engine: Engine) -> None:
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([NEED], NOW_AT)
        before = repository.snapshot(Kind.NEED), repository.revision()
        curator(session).withdraw(Kind.NEED, "N1", "企业已停产")
        assert repository.eligible_ids(Kind.NEED, RecordFilter()) == []
        assert repository.snapshot(Kind.NEED) != before[0]
        assert repository.revision() > before[1]
        curator(session).restore(Kind.NEED, "N1")
        assert len(repository.eligible_ids(Kind.NEED, RecordFilter())) == 1
        assert repository.snapshot(Kind.NEED) == before[0]
        restored, withdrawn = History(session).versions(Kind.NEED, "N1")
    assert (withdrawn.change.action, withdrawn.note) == (Action.WITHDRAWN, "企业已停产")
    assert (withdrawn.change.status, restored.change.status) == (Status.WITHDRAWN, Status.ACTIVE)
    assert restored.who == "王"


def test_what_makes_no_sense_is_refused_in_words(engine: Engine) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert([NEED], NOW_AT)
        with pytest.raises(CurationError, match="现在是“有效”，不能恢复"):
            curator(session).restore(Kind.NEED, "N1")
        with pytest.raises(UnknownRecordError, match="没有编号为 N2 的需求"):
            curator(session).withdraw(Kind.NEED, "N2")
        CorpusRepository(session).set_status(Kind.NEED, "N1", Status.MERGED, NOW_AT, "N0")
        with pytest.raises(CurationError, match="请先取消合并"):
            curator(session).withdraw(Kind.NEED, "N1")


def test_a_record_that_stands_for_others_is_not_withdrawn_alone(engine: Engine) -> None:
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([NEED, replace(NEED, key="N2")], NOW_AT)
        repository.set_status(Kind.NEED, "N2", Status.MERGED, NOW_AT, merged_into="N1")
        with pytest.raises(CurationError, match="代表已合并的 1 条（N2）"):
            curator(session).withdraw(Kind.NEED, "N1")
        repository.put([(replace(NEED, key="N2"), Status.ACTIVE)], NOW_AT)
        assert repository.represented_by(Kind.NEED, "N1") == []
        assert curator(session).withdraw(Kind.NEED, "N1").status is Status.WITHDRAWN


def test_a_supplement_is_part_of_what_is_matched(engine: Engine) -> None:
    answered = replace(NEED, supplements=(Supplement("指标", "活性指数≥95%"),))
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([NEED], NOW_AT)
        before = repository.snapshot(Kind.NEED)
        curator(session).supplement(answered)
        stored = repository.require(Kind.NEED, "N1").record
        assert repository.snapshot(Kind.NEED) != before
    assert stored == answered
    assert stored.body == "正文\n指标：活性指数≥95%"


def test_what_answers_filled_is_no_change_at_the_next_import(engine: Engine) -> None:
    answered = apply_answers(NEED, {Aspect.BUDGET: "200万元", Aspect.INDICATOR: "活性指数≥95%"})
    assert answered.budget == Amount(200.0, 200.0)
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([NEED], NOW_AT)
        curator(session).supplement(answered)
        assert [one.outcome for one in repository.upsert([NEED], NOW_AT)] == [Outcome.UNCHANGED]
        edited = replace(NEED, text="新正文")
        assert [one.outcome for one in repository.upsert([edited], NOW_AT)] == [Outcome.CHANGED]
        stored = repository.require(Kind.NEED, "N1").record
    assert stored == replace(answered, text="新正文")


def test_contacts_in_an_answer_are_kept_apart_and_are_no_change_later(engine: Engine) -> None:
    told = {Aspect.BASE: "已有中试装置，联系电话：13700000000"}
    answered = apply_answers(NEED, told)
    assert "13700000000" not in answered.body
    assert "已有中试装置" in answered.body
    assert [contact.value for contact in answered.contacts] == ["13700000000"]
    assert apply_answers(answered, told) == answered
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([NEED], NOW_AT)
        curator(session).supplement(answered)
        assert [one.outcome for one in repository.upsert([NEED], NOW_AT)] == [Outcome.UNCHANGED]
        assert repository.require(Kind.NEED, "N1").record == answered


acts = st.lists(st.sampled_from(["withdraw", "expire", "restore"]), max_size=8)


@settings(deadline=None, max_examples=40)
@given(acts)
def test_any_sequence_leaves_a_version_for_each_act_that_was_done(acts: Sequence[str]) -> None:
    database = open_database("sqlite://")
    create_schema(database)
    with Session(database) as session:
        CorpusRepository(session).upsert([NEED], NOW_AT)
        done = 0
        for act in acts:
            status = CorpusRepository(session).require(Kind.NEED, "N1").status
            try:
                moved = getattr(curator(session), act)(Kind.NEED, "N1")
            except CurationError:
                continue
            assert moved.status is not status
            done += 1
        versions = History(session).versions(Kind.NEED, "N1")
        assert len(versions) == done
        if versions:
            stored = CorpusRepository(session).require(Kind.NEED, "N1")
            assert versions[0].change.status is stored.status
    database.dispose()
