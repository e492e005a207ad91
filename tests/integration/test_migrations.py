"""The schema over time, on both databases."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, MetaData, inspect, text
from sqlmodel import Session, SQLModel

from api import migrations
from api.migrations import SchemaError
from api.services import Services
from api.settings import Settings
from corpus.database import open_database
from corpus.model import Amount, Kind, Need, RecordFilter, Status
from corpus.repository import CorpusRepository, Outcome
from tests.conftest import NOW_AT


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A database without a single table."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    else:
        opened = open_database(request.getfixturevalue("postgres_url"))
    try:
        yield opened
    finally:
        tables = MetaData()
        tables.reflect(opened)
        tables.drop_all(opened)
        opened.dispose()


def differences(engine: Engine) -> list[object]:
    """Between the database and the declared tables, types included."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection)
        return list(compare_metadata(context, SQLModel.metadata))


def test_an_empty_database_gets_the_declared_schema(empty: Engine) -> None:
    assert migrations.current(empty) is None
    migrations.prepare(empty)
    assert migrations.current(empty) == migrations.head()
    assert differences(empty) == []
    migrations.prepare(empty)
    with Session(empty) as session:
        assert CorpusRepository(session).revision() == 0


def test_a_database_of_the_first_release_is_upgraded_with_its_rows(empty: Engine) -> None:
    migrations.upgrade(empty, migrations.BASELINE)
    values = {
        "title": "钢渣", "text": "正文", "technology_field": "新材料", "industry": "",
        "language": "zh", "published_on": "2026-01-02", "content_hash": "c", "record_hash": "r",
        "updated_at": datetime(2026, 1, 2, tzinfo=UTC).isoformat(), "cooperation": '["转让"]',
        "extra": json.dumps({"a": "b"}), "county": "迁安市", "key": "N1", "budget_wan": 120.5,
    }  # fmt: skip
    with empty.begin() as connection:
        # The first release had no table of versions.
        connection.execute(text("DROP TABLE alembic_version"))
        connection.execute(
            text(f"INSERT INTO need ({', '.join(values)}) VALUES (:{', :'.join(values)})"),  # noqa: S608
            values,
        )
    assert migrations.current(empty) == migrations.BASELINE
    with pytest.raises(SchemaError, match="zhitong database upgrade"):
        migrations.prepare(empty)
    migrations.upgrade(empty)
    assert differences(empty) == []
    with Session(empty) as session:
        repository = CorpusRepository(session)
        [stored] = repository.page(Kind.NEED, RecordFilter(), 0, 10)
        need = Need(
            key="N1", title="钢渣", text="正文", technology_field="新材料", cooperation=("转让",),
            published_on=date(2026, 1, 2), extra={"a": "b"}, county="迁安市",
            budget=Amount(120.5, 120.5),
        )  # fmt: skip
        assert (stored.record, stored.status) == (need, Status.ACTIVE)
        assert [one.outcome for one in repository.upsert([need], NOW_AT)] == [Outcome.CHANGED]
        assert [one.outcome for one in repository.upsert([need], NOW_AT)] == [Outcome.UNCHANGED]


def test_a_database_of_a_later_release_is_refused(empty: Engine) -> None:
    migrations.prepare(empty)
    with empty.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(SchemaError, match="更新版本的程序"):
        migrations.prepare(empty)


def test_a_failed_upgrade_leaves_everything_as_it_was(empty: Engine) -> None:
    migrations.upgrade(empty, migrations.BASELINE)
    with empty.begin() as connection:
        connection.execute(text("CREATE TABLE record_version (id INTEGER)"))
    before = sorted(inspect(empty).get_table_names())
    with pytest.raises(Exception, match="record_version"):
        migrations.upgrade(empty)
    assert sorted(inspect(empty).get_table_names()) == before
    assert migrations.current(empty) == migrations.BASELINE


def test_two_that_start_at_once_make_one_schema(empty: Engine) -> None:
    failures: list[BaseException] = []

    def prepare() -> None:
        try:
            migrations.prepare(empty)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=prepare) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert differences(empty) == []


def test_foreign_keys_are_enforced(empty: Engine) -> None:
    migrations.prepare(empty)
    with pytest.raises(Exception, match=r"(?i)foreign key"), empty.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO record_version (kind, key, number, action, changed_at, who, note,"
                " import_id) VALUES ('need', 'N1', 1, '新增', '2026-01-01', '', '', 77)"
            )
        )


def test_the_program_refuses_to_work_on_an_old_schema(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, cache=tmp_path)
    engine = open_database(settings.resolved_database_url)
    migrations.upgrade(engine, migrations.BASELINE)
    engine.dispose()
    with pytest.raises(SchemaError, match="database upgrade"):
        _ = Services(settings).database
