"""Duplicate groups on SQLite and PostgreSQL: proposals, merging with history, and its limits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from corpus.duplicates.detect import DuplicatePair
from corpus.duplicates.groups import DuplicateGroup
from corpus.duplicates.repository import DuplicateRepository
from corpus.duplicates.stored import (
    DuplicateError,
    EventAction,
    GroupState,
    RecordedCounts,
)
from corpus.history import Action, History
from corpus.model import Achievement, Kind, Status
from corpus.repository import CorpusRepository
from corpus.tables import AchievementTable
from tests.conftest import NOW_AT

LATER_AT = datetime(2026, 11, 25, 1, 0, tzinfo=UTC)
KIND = Kind.ACHIEVEMENT
KEYS = [f"A{i}" for i in range(6)]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as opened:
        records = [Achievement(key=key, title=f"高炉冲渣水余热回收（{key}）") for key in KEYS]
        CorpusRepository(opened).upsert(records, NOW_AT)
        yield opened


def _group(session: Session, *keys: str) -> DuplicateGroup:
    """A found group of some records, every pair linked, the first canonical."""
    records = CorpusRepository(session)
    ids = [records.require(KIND, key).id for key in keys]
    ordered = sorted(ids)
    pairs = tuple(
        DuplicatePair(left, right, 0.9, "名称相同；正文 92% 的语句相同")
        for left in ordered
        for right in ordered
        if left < right
    )
    return DuplicateGroup(tuple(ordered), pairs, pairs[0].reason, ids[0])


def _proposed(session: Session, *keys: str) -> int:
    """Number of the open group that a found group became."""
    DuplicateRepository(session).record_groups(KIND, [_group(session, *keys)], NOW_AT)
    groups = DuplicateRepository(session).groups(KIND, GroupState.OPEN)
    return next(group.id for group in groups if set(group.keys) == set(keys))


def _statuses(session: Session) -> dict[str, tuple[str, str | None]]:
    table = AchievementTable
    rows = session.exec(select(table.key, table.status, table.merged_into).order_by(col(table.key)))
    return {key: (status, into) for key, status, into in rows}


def _set(session: Session, key: str, status: Status) -> None:
    CorpusRepository(session).set_status(KIND, key, status, NOW_AT)


def test_the_same_groups_again_change_nothing(session: Session) -> None:
    repository = DuplicateRepository(session)
    found = [_group(session, "A1", "A0"), _group(session, "A2", "A3", "A4")]
    assert repository.record_groups(KIND, found, NOW_AT) == RecordedCounts(new=2)
    before = repository.groups(KIND, GroupState.OPEN)
    assert repository.record_groups(KIND, found, LATER_AT) == RecordedCounts(known=2)
    assert repository.groups(KIND, GroupState.OPEN) == before
    assert before[0].keys == ("A1", "A0")
    assert before[0].canonical_key == "A1"
    assert before[0].pairs[0].reason == "名称相同；正文 92% 的语句相同"
    assert repository.groups(KIND, GroupState.OPEN, offset=1, limit=5) == before[1:]
    assert repository.groups(Kind.NEED, GroupState.OPEN) == []


def test_the_open_group_of_a_record(session: Session) -> None:
    repository = DuplicateRepository(session)
    first, second = _proposed(session, "A0", "A1"), _proposed(session, "A2", "A3")
    found = repository.open_groups(KIND, ["A1", "A3", "A5"])
    assert {key: group.id for key, group in found.items()} == {"A1": first, "A3": second}
    assert set(found["A1"].keys) == {"A0", "A1"}
    assert repository.open_groups(Kind.NEED, ["A1"]) == {}
    assert repository.open_groups(KIND, []) == {}
    repository.dismiss(first, "李工", LATER_AT)
    assert set(repository.open_groups(KIND, ["A0", "A1", "A2"])) == {"A2"}


def test_a_found_group_joins_the_open_ones_it_overlaps(session: Session) -> None:
    repository = DuplicateRepository(session)
    first, second = _proposed(session, "A0", "A1"), _proposed(session, "A2", "A3")
    counts = repository.record_groups(KIND, [_group(session, "A1", "A2", "A4")], LATER_AT)
    assert counts == RecordedCounts(extended=1)
    assert set(repository.group(first).keys) == {"A0", "A1", "A2", "A3", "A4"}
    assert repository.group(second).state is GroupState.JOINED
    assert [e.action for e in repository.history(second)] == [
        EventAction.FOUND,
        EventAction.JOINED,
    ]
    with pytest.raises(DuplicateError, match="已并入其他组"):
        repository.merge(second, "A2", "李工", LATER_AT)


def test_dismissed_pairs_stay_apart(session: Session) -> None:
    repository = DuplicateRepository(session)
    repository.dismiss(_proposed(session, "A0", "A1"), "李工", NOW_AT)
    same = repository.record_groups(KIND, [_group(session, "A0", "A1")], LATER_AT)
    assert same == RecordedCounts()
    # With a third one, it goes to the canonical record and the dismissed one is left out.
    repository.record_groups(KIND, [_group(session, "A0", "A1", "A2")], LATER_AT)
    (group,) = repository.groups(KIND, GroupState.OPEN)
    assert group.keys == ("A0", "A2")
    # Nor does it come in by way of an open group.
    repository.record_groups(KIND, [_group(session, "A2", "A1")], LATER_AT)
    assert repository.groups(KIND, GroupState.OPEN) == [group]


def test_merge_and_unmerge_with_their_history(session: Session) -> None:
    repository, records = DuplicateRepository(session), CorpusRepository(session)
    number = _proposed(session, "A0", "A1", "A2")
    _set(session, "A2", Status.EXPIRED)
    before, revision = _statuses(session), records.revision()
    merged = repository.merge(number, "A1", "李工", NOW_AT)
    assert (merged.state, merged.canonical_key) == (GroupState.MERGED, "A1")
    assert _statuses(session) == before | {
        "A0": ("已合并", "A1"),
        "A2": ("已合并", "A1"),
    }
    assert records.revision() > revision
    revision = records.revision()
    assert repository.unmerge(number, "王工", LATER_AT).state is GroupState.OPEN
    assert _statuses(session) == before
    assert records.revision() > revision
    events = repository.history(number)
    assert [(e.action, e.who) for e in events] == [
        (EventAction.FOUND, ""),
        (EventAction.MERGED, "李工"),
        (EventAction.UNMERGED, "王工"),
    ]
    assert events[1].before == {"A0": "有效", "A1": "有效", "A2": "已到期"}
    assert events[2].before == {"A0": "已合并", "A1": "有效", "A2": "已合并"}
    versions = History(session).versions(KIND, "A2")
    assert [(v.change.action, v.who) for v in versions[:2]] == [
        (Action.UNMERGED, "王工"),
        (Action.MERGED, "李工"),
    ]


def test_what_cannot_be_merged_says_why(session: Session) -> None:
    repository = DuplicateRepository(session)
    with pytest.raises(DuplicateError, match="没有第 99 组"):
        repository.merge(99, "A0", "李工", NOW_AT)
    number = _proposed(session, "A0", "A1")
    with pytest.raises(DuplicateError, match=r"A5 不在第 .* 组中，请从组内选一条：A0、A1"):
        repository.merge(number, "A5", "李工", NOW_AT)
    with pytest.raises(DuplicateError, match=r"待处理.*不能取消合并"):
        repository.unmerge(number, "李工", NOW_AT)
    _set(session, "A1", Status.WITHDRAWN)
    with pytest.raises(DuplicateError, match="A1 已撤回"):
        repository.merge(number, "A0", "李工", NOW_AT)
    _set(session, "A1", Status.EXPIRED)
    with pytest.raises(DuplicateError, match=r"已到期.*不能代表"):
        repository.merge(number, "A1", "李工", NOW_AT)
    repository.merge(number, "A0", "李工", NOW_AT)
    with pytest.raises(DuplicateError, match=r"已合并.*不能合并.*请先取消合并"):
        repository.merge(number, "A0", "李工", NOW_AT)
    with pytest.raises(DuplicateError, match=r"已合并.*不能判定.*请先取消合并"):
        repository.dismiss(number, "李工", NOW_AT)


def test_a_record_that_stands_for_others_is_not_merged_away(session: Session) -> None:
    repository = DuplicateRepository(session)
    first, second = _proposed(session, "A0", "A1"), _proposed(session, "A2", "A3")
    repository.merge(first, "A0", "李工", NOW_AT)
    third = _proposed(session, "A0", "A4")
    with pytest.raises(DuplicateError, match="请以 A0 为准"):
        repository.merge(third, "A4", "李工", NOW_AT)
    repository.merge(third, "A0", "李工", NOW_AT)
    assert _statuses(session)["A4"] == ("已合并", "A0")
    assert repository.group(second).state is GroupState.OPEN


def test_a_merged_record_is_refused_wherever_it_is(session: Session) -> None:
    repository = DuplicateRepository(session)
    number = _proposed(session, "A0", "A1")
    CorpusRepository(session).set_status(KIND, "A1", Status.MERGED, NOW_AT, merged_into="A5")
    with pytest.raises(DuplicateError, match="A1 已并入 A5"):
        repository.merge(number, "A0", "李工", NOW_AT)
    CorpusRepository(session).delete(KIND, ["A1"])
    with pytest.raises(DuplicateError, match="A1 已不存在"):
        repository.merge(number, "A0", "李工", NOW_AT)


def test_unmerging_leaves_what_was_moved_on_since(session: Session) -> None:
    repository = DuplicateRepository(session)
    number = _proposed(session, "A0", "A1", "A2", "A3")
    repository.merge(number, "A0", "李工", NOW_AT)
    _set(session, "A1", Status.WITHDRAWN)
    CorpusRepository(session).delete(KIND, ["A2"])
    repository.unmerge(number, "李工", LATER_AT)
    statuses = _statuses(session)
    assert (statuses["A1"][0], statuses["A3"]) == ("已撤回", ("有效", None))


_Act = tuple[str, int, Sequence[str]]
_ACTS: st.SearchStrategy[_Act] = st.tuples(
    st.sampled_from(["find", "merge", "merge", "unmerge", "dismiss", "withdraw", "expire"]),
    st.integers(1, 6),
    st.lists(st.sampled_from(KEYS), min_size=2, max_size=4, unique=True),
)


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(acts=st.lists(_ACTS, min_size=3, max_size=14))
def test_no_sequence_of_acts_breaks_the_invariants(engine: Engine, acts: list[_Act]) -> None:
    with Session(engine) as session:
        records = [Achievement(key=key, title=f"余热回收（{key}）") for key in KEYS]
        CorpusRepository(session).upsert(records, NOW_AT)
        dismissed: list[set[str]] = []
        for act, position, keys in acts:
            _perform(session, act, position, keys, dismissed)
            _check(session, dismissed)
        session.rollback()


def _perform(
    session: Session, act: str, position: int, keys: Sequence[str], dismissed: list[set[str]]
) -> None:
    repository = DuplicateRepository(session)
    state = GroupState.MERGED if act == "unmerge" else GroupState.OPEN
    groups = repository.groups(KIND, state)
    before = _statuses(session)
    if act == "find":
        repository.record_groups(KIND, [_group(session, *keys)], NOW_AT)
    elif act in ("withdraw", "expire"):
        if before[keys[0]][0] != Status.MERGED.value:
            _set(session, keys[0], Status.WITHDRAWN if act == "withdraw" else Status.EXPIRED)
    elif groups:
        group = groups[position % len(groups)]
        if act == "dismiss":
            repository.dismiss(group.id, "甲", NOW_AT)
            dismissed.append(set(group.keys))
        elif act == "unmerge":
            repository.unmerge(group.id, "甲", NOW_AT)
        else:
            _merge_and_back(session, group.id, group.keys[position % len(group.keys)], before)


def _merge_and_back(
    session: Session, number: int, canonical: str, before: dict[str, tuple[str, str | None]]
) -> None:
    repository = DuplicateRepository(session)
    try:
        repository.merge(number, canonical, "甲", NOW_AT)
    except DuplicateError:
        assert _statuses(session) == before
        return
    repository.unmerge(number, "甲", NOW_AT)
    assert _statuses(session) == before
    repository.merge(number, canonical, "甲", NOW_AT)


def _check(session: Session, dismissed: list[set[str]]) -> None:
    statuses = _statuses(session)
    for status, into in statuses.values():
        assert (status == Status.MERGED.value) == (into is not None)
        assert into is None or statuses[into][0] != Status.MERGED.value
    for group in DuplicateRepository(session).groups(KIND, GroupState.OPEN):
        assert all(len(apart & set(group.keys)) < 2 for apart in dismissed)
