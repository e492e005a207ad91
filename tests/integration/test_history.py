"""Versions of records, and taking back whole imports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session, select

from corpus.database import create_schema, open_database
from corpus.history import Action, History, HistoryError
from corpus.importing.loading import ImportReport, Origin, import_rows
from corpus.importing.profiles import plain_profile
from corpus.importing.readers import Row
from corpus.importing.rows import converter
from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Contact,
    ContactKind,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    Status,
    Supplement,
)
from corpus.repository import CorpusRepository
from corpus.snapshot import from_json, to_json
from corpus.tables import OrganisationTable
from tests.conftest import NOW_AT

LATER_AT = NOW_AT + timedelta(hours=1)


def load(session: Session, *cells: dict[str, Any], full: bool = False) -> ImportReport:
    rows = [Row(number, row) for number, row in enumerate(cells, start=2)]
    origin = Origin(kind=Kind.NEED, file_name="需求.xlsx", who="王", full=full)
    return import_rows(
        CorpusRepository(session),
        History(session),
        origin,
        rows,
        converter(plain_profile(Kind.NEED), NOW_AT.date()),
        NOW_AT,
    )


def need(key: str, title: str = "甲", **others: str) -> dict[str, Any]:
    return {"编号": key, "名称": title, **others}


def owners(session: Session) -> dict[str, str]:
    """Region of every owner that is known."""
    return {row.name: row.region for row in session.exec(select(OrganisationTable))}


def state(session: Session) -> dict[str, tuple[str, Status]]:
    stored = CorpusRepository(session).everything(Kind.NEED)
    return {one.record.key: (one.record.title, one.status) for one in stored}


FULL_NEED = Need(
    key="N1",
    title="钢渣利用",
    text="正文",
    organisation=Organisation("某厂（示例）", "唐山"),
    cooperation=("技术转让",),
    published_on=date(2026, 1, 2),
    valid_from_on=date(2026, 1, 3),
    valid_until_on=date(2027, 1, 3),
    source="调查",
    contacts=(Contact(ContactKind.PHONE, "0315-0000000"),),
    confidentiality=Confidentiality.INTERNAL,
    field_levels={"budget": Confidentiality.CONFIDENTIAL},
    suggested={"industry": "制造业"},
    supplements=(Supplement("指标", "≥10"),),
    extra={"备注": "x"},
    county="迁安市",
    budget=Amount(10.0, None),
)
FULL_ACHIEVEMENT = Achievement(
    key="A1", title="膜", maturity=Maturity.PILOT_SCALE, price=Amount(negotiable=True)
)


@pytest.mark.parametrize("record", [FULL_NEED, FULL_ACHIEVEMENT, Need(key="N", title="空")])
@pytest.mark.parametrize("status", Status)
def test_a_snapshot_loses_nothing(record: Record, status: Status) -> None:
    assert from_json(record.kind, to_json(record, status)) == (record, status)


@pytest.mark.parametrize("record", [FULL_NEED, FULL_ACHIEVEMENT])
def test_a_record_in_the_database_loses_nothing(engine: Engine, record: Record) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert([record], NOW_AT)
        session.commit()
    with Session(engine) as session:
        stored = CorpusRepository(session).require(record.kind, record.key)
    assert stored.record == record
    assert stored.record.record_hash == record.record_hash


def test_every_change_leaves_a_version_with_its_origin(engine: Engine) -> None:
    with Session(engine) as session:
        load(session, need("1", "甲"), need("2"))
        load(session, need("1", "甲"), need("2", "乙"))
        session.commit()
    with Session(engine) as session:
        history = History(session)
        assert [v.number for v in history.versions(Kind.NEED, "1")] == [1]
        second, first = history.versions(Kind.NEED, "2")
    assert (first.change.action, second.change.action) == (Action.CREATED, Action.CHANGED)
    assert (second.file_name, second.change.file_row, second.who) == ("需求.xlsx", 3, "王")
    assert second.change.row == {"编号": "2", "名称": "乙"}
    assert first.change.record is not None
    assert first.change.record.title == "甲"


def test_taking_back_an_import_restores_what_was_before(engine: Engine) -> None:
    with Session(engine) as session:
        load(session, need("1"), need("2"))
        before = state(session)
        report = load(session, need("1", "改"), need("3"))
        undone = History(session).undo_import(report.import_id, LATER_AT, "李")
        session.commit()
        assert (undone.deleted, undone.restored, undone.kept) == (1, 1, ())
        assert state(session) == before
        newest = History(session).versions(Kind.NEED, "3")[0]
        assert (newest.change.action, newest.change.record, newest.who) == (
            Action.UNDONE,
            None,
            "李",
        )
        with pytest.raises(HistoryError, match="已经撤销过"):
            History(session).undo_import(report.import_id, LATER_AT)
        with pytest.raises(HistoryError, match="没有编号为 99 的导入"):
            History(session).undo_import(99, LATER_AT)


def test_what_was_changed_again_since_is_kept_and_named(engine: Engine) -> None:
    with Session(engine) as session:
        first = load(session, need("1"), need("2"))
        second = load(session, need("1", "后来"))
        undone = History(session).undo_import(first.import_id, LATER_AT)
        assert (undone.deleted, undone.restored, undone.kept) == (1, 0, ("1",))
        assert state(session) == {"1": ("后来", Status.ACTIVE)}
        # The later one first, then the earlier: nothing is left.
        History(session).undo_import(second.import_id, LATER_AT)
        assert state(session) == {"1": ("甲", Status.ACTIVE)}


def test_an_import_whose_every_record_was_changed_since_is_not_taken_back(engine: Engine) -> None:
    with Session(engine) as session:
        first = load(session, need("1"))
        second = load(session, need("1", "后来"))
        with pytest.raises(HistoryError, match="请先撤销后来的导入"):
            History(session).undo_import(first.import_id, LATER_AT)
        History(session).undo_import(second.import_id, LATER_AT)
        assert History(session).undo_import(first.import_id, LATER_AT).deleted == 1


def test_a_row_that_was_left_out_for_its_key_is_named(engine: Engine) -> None:
    with Session(engine) as session:
        report = load(session, need("1"), need("1", "另一条"))
    assert (report.new, report.duplicate) == (1, 1)
    assert report.warnings[-1][0] == 3
    assert "编号 1 前面已经有了" in report.warnings[-1][1]


def test_a_full_list_delists_what_it_lacks_and_lists_it_again(engine: Engine) -> None:
    with Session(engine) as session:
        load(session, need("1"), need("2"))
        report = load(session, need("1"), full=True)
        assert (report.unchanged, report.withdrawn, report.rows) == (1, 1, 1)
        assert state(session)["2"] == ("甲", Status.DELISTED)
        again = load(session, need("1"), need("2"), full=True)
        assert (again.changed, again.unchanged, again.withdrawn) == (1, 1, 0)
        assert state(session)["2"] == ("甲", Status.ACTIVE)
        History(session).undo_import(again.import_id, LATER_AT)
        History(session).undo_import(report.import_id, LATER_AT)
        assert state(session) == {"1": ("甲", Status.ACTIVE), "2": ("甲", Status.ACTIVE)}


@pytest.mark.parametrize("rows", [[], [{"编号": "1", "名称": ""}]])
def test_a_full_list_that_is_empty_or_has_bad_rows_delists_nothing(
    engine: Engine, rows: list[dict[str, Any]]
) -> None:
    with Session(engine) as session:
        load(session, need("1"), need("2"))
        report = load(session, *rows, full=True)
        assert report.withdrawn == 0
        assert "没有下架" in report.warnings[-1][1]
        assert set(state(session).values()) == {("甲", Status.ACTIVE)}


def test_what_a_person_withdrew_stays_withdrawn_when_it_is_listed_again(engine: Engine) -> None:
    with Session(engine) as session:
        load(session, need("1"))
        CorpusRepository(session).set_status(Kind.NEED, "1", Status.WITHDRAWN, NOW_AT)
        report = load(session, need("1", "改"))
        assert report.changed == 1
        assert state(session) == {"1": ("改", Status.WITHDRAWN)}


def test_supplements_survive_an_import(engine: Engine) -> None:
    with Session(engine) as session:
        repository = CorpusRepository(session)
        load(session, need("1"))
        record = repository.require(Kind.NEED, "1").record
        answered = replace(record, supplements=(Supplement("指标", "≥10"),))
        repository.put([(answered, Status.ACTIVE)], NOW_AT)
        assert load(session, need("1")).unchanged == 1
        assert load(session, need("1", "改")).changed == 1
        stored = repository.require(Kind.NEED, "1").record
        assert stored.supplements == answered.supplements
        assert History(session).versions(Kind.NEED, "1")[0].change.record == stored


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.dictionaries(
                st.sampled_from("1234"),
                st.tuples(st.sampled_from("甲乙"), st.sampled_from(("", "北京", "天津"))),
                max_size=4,
            ),
            st.booleans(),
        ),
        min_size=1,
        max_size=5,
    )
)
def test_imports_taken_back_in_reverse_leave_every_former_state(
    imports: Iterable[tuple[dict[str, tuple[str, str]], bool]],
) -> None:
    database = open_database("sqlite://")
    create_schema(database)
    with Session(database) as session:
        states = [(state(session), owners(session))]
        numbers = []
        for rows, full in imports:
            cells = [need(k, t, 企业名称="某公司", 地区=r) for k, (t, r) in rows.items()]
            report = load(session, *cells, full=full)
            assert report.rows == report.new + report.changed + report.unchanged
            numbers.append(report.import_id)
            states.append((state(session), owners(session)))
            assert load(session, *cells).unchanged == len(cells)
            assert owners(session) == states[-1][1]
        for number in reversed(numbers):
            assert (state(session), owners(session)) == states.pop()
            assert History(session).undo_import(number, LATER_AT).kept == ()
        assert (state(session), owners(session)) == states.pop() == ({}, {})
    database.dispose()


def test_an_undone_import_takes_its_owners_with_it_but_no_others(engine: Engine) -> None:
    with Session(engine) as session:
        load(session, need("1", 企业名称="甲公司"))
        report = load(
            session, need("1", 企业名称="乙公司"), need("2", 企业名称="丙公司"),
            need("3", 企业名称="甲公司", 地区="天津"), need("4", 企业名称="丁公司"),
        )  # fmt: skip
        load(session, need("5", 企业名称="丁公司"))
        History(session).undo_import(report.import_id, LATER_AT)
        assert owners(session) == {"甲公司": "", "丁公司": ""}


def test_the_same_file_again_moves_no_owner(engine: Engine) -> None:
    rows = [need(str(i), 企业名称="某公司", 地区="北京" if i < 500 else "天津") for i in range(501)]
    with Session(engine) as session:
        load(session, *rows)
        before = CorpusRepository(session).revision(), owners(session)
        assert load(session, *rows).unchanged == len(rows)
        assert (CorpusRepository(session).revision(), owners(session)) == before


def test_a_record_that_stands_for_others_does_not_take_them_with_it(engine: Engine) -> None:
    with Session(engine) as session:
        first = load(session, need("1"), need("2"))
        load(session, need("3"))
        CorpusRepository(session).set_status(Kind.NEED, "3", Status.MERGED, NOW_AT, "1")
        before = state(session)
        with pytest.raises(HistoryError, match="已并入这次导入的 1，"):
            History(session).undo_import(first.import_id, LATER_AT)
        report = load(session, need("9"), full=True)
        assert report.withdrawn == 1  # the second
        assert any("1 清单里已没有" in warning for _, warning in report.warnings)
        assert state(session)["1"] == before["1"]
        CorpusRepository(session).set_status(Kind.NEED, "3", Status.ACTIVE, NOW_AT)
        History(session).undo_import(report.import_id, LATER_AT)
        History(session).undo_import(first.import_id, LATER_AT)
        assert state(session) == {"3": ("甲", Status.ACTIVE)}
