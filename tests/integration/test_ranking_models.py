"""Ranking models: promoted through the gate, rolled back, nothing forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from corpus.database import create_schema, open_database, writer
from matcher.errors import MatchError
from matcher.kept import RankingRepository
from matcher.ranking_models import (
    SIZE_LIMIT_BYTES,
    GateResult,
    RankingAction,
    RankingError,
    RankingModel,
    read_object,
)
from tests.conftest import NOW_AT

FIRST, SECOND, THIRD = (RankingModel(name, {"weights": [n]}) for n, name in enumerate("甲乙丙"))
PASSED = GateResult(True, {"ndcg": 0.81, "baseline": 0.76})
FAILED = GateResult(False, {"ndcg": 0.70})


@pytest.fixture
def repository(engine: Engine) -> Iterator[RankingRepository]:
    with writer(engine) as session:
        yield RankingRepository(session)


def active(repository: RankingRepository) -> str | None:
    found = repository.active()
    assert sum(kept.active for kept in repository.models()) == (found is not None)
    return found.model.name if found else None


def test_nothing_answers_by_itself(repository: RankingRepository) -> None:
    kept = repository.keep(FIRST, NOW_AT, "随程序提供")
    assert repository.keep(replace(FIRST, name="别名"), NOW_AT) == kept
    assert (kept.promoted_at, kept.active, kept.note) == (None, False, "随程序提供")
    assert active(repository) is None
    assert repository.events() == []


def test_promotion_wants_the_gate(repository: RankingRepository) -> None:
    with pytest.raises(RankingError, match="没有通过检验"):
        repository.promote(FIRST, FAILED, "李工", NOW_AT)
    with pytest.raises(RankingError, match="必须用 --note 写明理由"):
        repository.promote(FIRST, FAILED, "李工", NOW_AT, " ", force=True)
    other = GateResult(True, {"model_hash": SECOND.hash})
    with pytest.raises(RankingError, match="另一个模型"):
        repository.promote(FIRST, other, "李工", NOW_AT, "理由", force=True)
    with pytest.raises(MatchError, match="检验报告"):
        repository.promote(FIRST, GateResult(True, {"x": float("nan")}), "李工", NOW_AT)
    assert repository.models() == []
    repository.promote(FIRST, FAILED, "李工", NOW_AT, "演示用", force=True)
    assert active(repository) == "甲"
    [event] = repository.events()
    assert (event.gate, event.note, event.who) == (FAILED, "演示用", "李工")
    assert repository.promote(
        SECOND, GateResult(True, {"model_hash": SECOND.hash}), "李工", NOW_AT
    ).active


def test_promotions_and_rollbacks_leave_a_history(repository: RankingRepository) -> None:
    later = NOW_AT + timedelta(days=1)
    first = repository.promote(FIRST, PASSED, "李工", NOW_AT)
    assert (first.active, first.promoted_at, first.retired_at) == (True, NOW_AT, None)
    assert repository.promote(FIRST, PASSED, "李工", later) == first  # a retry
    repository.promote(SECOND, PASSED, "李工", later, "新数据")
    retired = repository.find(FIRST.hash[:8])
    assert (retired.promoted_at, retired.retired_at) == (NOW_AT, later)
    back = repository.rollback(SECOND.hash, "王工", later, "差了")
    assert back is not None
    assert (back.model, back.promoted_at, back.retired_at) == (FIRST, later, None)
    assert repository.rollback(SECOND.hash, "王工", later) == back  # a retry
    with pytest.raises(RankingError, match=f"现在启用的是 {FIRST.hash[:12]}，不是"):
        repository.rollback(THIRD.hash, "王工", later)
    assert repository.rollback(FIRST.hash, "王工", later) is None
    assert active(repository) is None
    with pytest.raises(RankingError, match="随程序提供"):
        repository.rollback(SECOND.hash, "王工", later)
    assert [(e.action, e.model_hash, e.note) for e in repository.events()] == [
        (RankingAction.PROMOTED, FIRST.hash, ""),
        (RankingAction.PROMOTED, SECOND.hash, "新数据"),
        (RankingAction.ROLLED_BACK, SECOND.hash, "差了"),
        (RankingAction.ROLLED_BACK, FIRST.hash, ""),
    ]


@pytest.mark.parametrize("prefix", ["", "abc", "%%%%", "____", "zzzz"])
def test_a_model_is_found_by_the_beginning_of_its_hash(
    repository: RankingRepository, prefix: str
) -> None:
    repository.keep(FIRST, NOW_AT)
    repository.keep(SECOND, NOW_AT)
    assert repository.find(FIRST.hash[:6].upper()).model == FIRST
    with pytest.raises(RankingError, match="没有指纹以"):
        repository.find(prefix)


@pytest.mark.parametrize("name", ["", "  ", "名" * 101, "a\0b", "\udc80"])
def test_a_model_has_a_name(repository: RankingRepository, name: str) -> None:
    with pytest.raises(RankingError, match="名称"):
        repository.keep(RankingModel(name, {}), NOW_AT)


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[1]", "应是一个 JSON 对象"),
        (b"{", "不是合法的 JSON"),
        (b'{"a": NaN}', "不是合法的 JSON"),
        (b"[" * 100_000, "不是合法的 JSON"),
        (b'{"a": "\xff"}', "不是合法的 JSON"),
        (b" " * (SIZE_LIMIT_BYTES + 1), "超过 4 MB"),
        (b'{"a": ' + b"9" * 5000 + b"}", "不是合法的 JSON"),
    ],
)
def test_a_file_that_is_no_model_is_refused_in_words(content: bytes, sentence: str) -> None:
    with pytest.raises(RankingError, match=sentence):
        read_object(content, "模型.json")


def test_equal_content_has_one_hash_however_it_is_written() -> None:
    both = (RankingModel("a", {"x": 1.5, "y": (1, 2)}), RankingModel("b", {"y": [1, 2], "x": 1.5}))
    assert both[0].hash == both[1].hash != RankingModel("a", {"x": 1.5}).hash


acts = st.lists(st.sampled_from(["甲", "乙", "丙", "退回"]), max_size=10)


@settings(deadline=None, max_examples=40)
@given(acts)
def test_any_sequence_answers_as_a_stack_does(sequence: list[str]) -> None:
    database = open_database("sqlite://")
    create_schema(database)
    stack: list[RankingModel] = []
    with Session(database) as session:
        repository = RankingRepository(session)
        for act in sequence:
            if act != "退回":
                model = {"甲": FIRST, "乙": SECOND, "丙": THIRD}[act]
                repository.promote(model, PASSED, "李工", NOW_AT)
                if not stack or stack[-1] != model:
                    stack.append(model)
            elif stack:
                repository.rollback(stack.pop().hash, "李工", NOW_AT)
            assert active(repository) == (stack[-1].name if stack else None)
    database.dispose()
