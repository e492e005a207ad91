"""The repository on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from corpus.database import open_database, writer
from corpus.model import (
    Achievement,
    Amount,
    CorpusError,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    RecordFilter,
)
from corpus.repository import CorpusRepository, Outcome
from tests.conftest import NOW_AT

ACHIEVEMENT = Achievement(
    key="A1",
    title="转炉钢渣微粉活化",
    text="比表面积≥450 m²/kg 🏭",
    technology_field="新材料",
    organisation=Organisation("京北院（示例）", "北京"),
    cooperation=("技术许可", "合作开发"),
    published_on=date(2026, 1, 2),
    valid_until_on=date(2027, 1, 1),
    maturity=Maturity.PILOT_SCALE,
    extra={"备注": "原样"},
)
NEED = Need(key="N1", title="钢渣利用", county="迁安市", budget=Amount(120.5, 120.5))


def outcomes(repository: CorpusRepository, *records: Record) -> list[Outcome]:
    return [one.outcome for one in repository.upsert(records, NOW_AT)]


def test_a_record_comes_back_as_it_went_in(engine: Engine) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert([ACHIEVEMENT, NEED], NOW_AT)
        session.commit()
    with Session(engine) as session:
        repository = CorpusRepository(session)
        stored = repository.get(Kind.ACHIEVEMENT, "A1")
        assert stored is not None
        assert stored.record == ACHIEVEMENT
        need = repository.get(Kind.NEED, "N1")
        assert need is not None
        assert need.record == NEED
        assert repository.get(Kind.NEED, "A1") is None


def test_upsert_reports_and_keeps_ids(engine: Engine) -> None:
    with Session(engine) as session:
        repository = CorpusRepository(session)
        assert outcomes(repository, ACHIEVEMENT) == [Outcome.NEW]
        first = repository.get(Kind.ACHIEVEMENT, "A1")
        revision = repository.revision()
        assert outcomes(repository, ACHIEVEMENT) == [Outcome.UNCHANGED]
        assert repository.revision() == revision
        edited = replace(ACHIEVEMENT, title="钢渣微粉")
        assert outcomes(repository, edited) == [Outcome.CHANGED]
        assert repository.revision() == revision + 1
        second = repository.get(Kind.ACHIEVEMENT, "A1")
        assert first is not None
        assert second is not None
        assert (second.id, second.record) == (first.id, edited)


def test_snapshot_follows_what_an_index_is_made_from(engine: Engine) -> None:
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([ACHIEVEMENT], NOW_AT)
        before = repository.snapshot(Kind.ACHIEVEMENT)
        repository.upsert([replace(ACHIEVEMENT, industry="钢铁")], NOW_AT)
        assert repository.snapshot(Kind.ACHIEVEMENT) == before
        repository.upsert([replace(ACHIEVEMENT, text="新")], NOW_AT)
        assert repository.snapshot(Kind.ACHIEVEMENT) != before
        repository.delete(Kind.ACHIEVEMENT, ["A1"])
        assert repository.count(Kind.ACHIEVEMENT) == 0


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (RecordFilter(), {"A0", "A1", "A2", "A3"}),
        (RecordFilter(technology_fields=frozenset({"新材料"})), {"A0", "A1"}),
        (RecordFilter(regions=frozenset({"北京", "日本"})), {"A0", "A2"}),
        (RecordFilter(min_maturity=Maturity.LAB_SCALE), {"A1", "A2"}),
        (RecordFilter(valid_on=date(2026, 6, 1)), {"A1", "A2", "A3"}),
        (RecordFilter(keys=frozenset({"A3", "A0", "none"})), {"A0", "A3"}),
        (
            RecordFilter(keys=frozenset({f"A{i}" for i in range(2, 2000)})),
            {"A2", "A3"},
        ),
        (
            RecordFilter(technology_fields=frozenset({"新材料"}), valid_on=date(2026, 6, 1)),
            {"A1"},
        ),
    ],
)
def test_filters(engine: Engine, where: RecordFilter, expected: set[str]) -> None:
    beijing, japan = Organisation("甲（示例）", "北京"), Organisation("乙（示例）", "日本")
    records = [
        Achievement(
            key="A0",
            title="零",
            technology_field="新材料",
            organisation=beijing,
            valid_until_on=date(2026, 5, 31),
            maturity=Maturity.RESEARCH,
        ),
        Achievement(
            key="A1",
            title="一",
            technology_field="新材料",
            valid_until_on=date(2026, 6, 1),
            maturity=Maturity.LAB_SCALE,
        ),
        Achievement(key="A2", title="二", organisation=japan, maturity=Maturity.MASS_PRODUCTION),
        Achievement(key="A3", title="三"),
    ]
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert(records, NOW_AT)
        ids = repository.eligible_ids(Kind.ACHIEVEMENT, where)
        assert ids == sorted(ids)
        found = repository.get_many(Kind.ACHIEVEMENT, ids)
        assert {stored.record.key for stored in found.values()} == expected


def test_iterate_and_page_in_order(engine: Engine) -> None:
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([Need(key=f"N{i}", title=f"需求{i}") for i in range(1203)], NOW_AT)
        stored = list(repository.iterate(Kind.NEED, batch_size=100))
        assert [s.record.key for s in stored] == [f"N{i}" for i in range(1203)]
        page = repository.page(Kind.NEED, RecordFilter(), offset=100, limit=3)
        assert [s.record.key for s in page] == ["N100", "N101", "N102"]


def test_bad_addresses_say_what_to_do() -> None:
    with pytest.raises(CorpusError, match="示例"):
        open_database("not an address")
    with pytest.raises(CorpusError, match="不支持的数据库类型"):
        open_database("mysql://host/x")
    with pytest.raises(CorpusError, match="无法打开数据库") as caught:
        open_database("postgresql://u:secretword@127.0.0.1:1/x")
    assert "secretword" not in str(caught.value)


def test_an_id_is_never_given_twice(engine: Engine) -> None:
    """An index that does not know yet would show the new record for the old one's words."""
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([ACHIEVEMENT], NOW_AT)
        before = repository.require(Kind.ACHIEVEMENT, ACHIEVEMENT.key).id
        repository.delete(Kind.ACHIEVEMENT, [ACHIEVEMENT.key])
        session.commit()
        repository.upsert([ACHIEVEMENT], NOW_AT)
        assert repository.require(Kind.ACHIEVEMENT, ACHIEVEMENT.key).id > before


def test_an_owner_that_moves_is_a_change_of_the_corpus(engine: Engine) -> None:
    there = replace(ACHIEVEMENT, key="A9", organisation=Organisation("院（示例）", "北京"))
    with Session(engine) as session:
        repository = CorpusRepository(session)
        repository.upsert([there], NOW_AT)
        before = repository.revision()
        moved = replace(there, organisation=Organisation("院（示例）", "天津"))
        repository.upsert([replace(moved, key="A10"), there], NOW_AT)
        assert repository.revision() > before


def test_writers_take_turns(engine: Engine) -> None:
    """Two that read before they write would both find the key missing."""
    records = [Need(key=f"N{i}", title=f"需求{i}") for i in range(40)]
    found: list[list[Outcome]] = []
    failures: list[BaseException] = []

    def load() -> None:
        try:
            with writer(engine) as session:
                found.append(outcomes(CorpusRepository(session), *records))
                session.commit()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sorted(one[0] for one in found) == sorted([Outcome.NEW, *[Outcome.UNCHANGED] * 3])
