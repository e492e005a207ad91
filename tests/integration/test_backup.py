"""The drill: back up, lose everything, restore — into either kind of database."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, MetaData, select, text
from sqlmodel import Session

from api import migrations
from api.backup import BackupError, backup, check, restore
from corpus.database import open_database
from corpus.history import History
from corpus.importing.loading import Origin, import_rows
from corpus.importing.profiles import plain_profile
from corpus.importing.readers import Row
from corpus.importing.rows import converter
from corpus.model import Kind, RecordFilter, Status
from corpus.repository import CorpusRepository
from matcher.evidence import Proposal
from matcher.feedback import DismissReason, Pair, Verdict, judgement
from matcher.kept import EvidenceRepository, RankingRepository
from matcher.ranking_models import GateResult, RankingModel
from matcher.repository import FeedbackFilter, FeedbackRepository
from tests.conftest import NOW_AT
from tests.integration.test_evidence import BASIS, MODEL
from tests.integration.test_history import FULL_ACHIEVEMENT, FULL_NEED


@pytest.fixture
def databases(tmp_path: Path, postgres_url: str) -> Iterator[dict[str, Engine]]:
    """Two SQLite databases and the PostgreSQL one, all without tables."""
    opened = {
        "sqlite": open_database(f"sqlite:///{tmp_path / 'one.db'}"),
        "other": open_database(f"sqlite:///{tmp_path / 'two.db'}"),
        "postgresql": open_database(postgres_url),
    }
    try:
        yield opened
    finally:
        for engine in opened.values():
            _drop_all(engine)
            engine.dispose()


def _drop_all(engine: Engine) -> None:
    tables = MetaData()
    tables.reflect(engine)
    tables.drop_all(engine)


def fill(engine: Engine) -> None:
    """Records of both kinds with history, one of them withdrawn, and an import taken back."""
    migrations.prepare(engine)
    with Session(engine) as session:
        repository, history = CorpusRepository(session), History(session)
        rows = [Row(n, {"编号": f"R{n}", "名称": f"需求{n} 😀\u2028"}) for n in range(2, 1203)]
        origin = Origin(kind=Kind.NEED, file_name="需求.xlsx", who="王")
        convert = converter(plain_profile(Kind.NEED), NOW_AT.date())
        import_rows(repository, history, origin, rows, convert, NOW_AT)
        extra = [Row(2, {"编号": "X", "名称": "多"})]
        undone = import_rows(repository, history, origin, extra, convert, NOW_AT)
        history.undo_import(undone.import_id, NOW_AT)
        repository.put([(FULL_NEED, Status.ACTIVE), (FULL_ACHIEVEMENT, Status.WITHDRAWN)], NOW_AT)
        session.commit()


def judge(engine: Engine) -> None:
    """Feedback with evidence, one entry taken back, and ranking models promoted and rolled back."""
    need, achievement = FULL_NEED, FULL_ACHIEVEMENT
    pair = Pair(need.key, achievement.key)
    with Session(engine) as session:
        proposal = Proposal(need=need, achievement=achievement, basis=BASIS)
        evidence = EvidenceRepository(session).keep(proposal, "李工", NOW_AT)
        feedback, ranking = FeedbackRepository(session), RankingRepository(session)
        far = judgement(Verdict.DISMISS, reasons=[DismissReason.TOO_FAR], note="太远 😀")
        feedback.give(pair, "李工", far, NOW_AT, evidence.id)
        graded = feedback.give(pair, "王工", judgement(Verdict.GRADE, 3), NOW_AT)
        feedback.undo(graded.feedback.id, "王工", NOW_AT)
        other = RankingModel("另一个", {"weights": {"词语": 0.1 + 0.2}})
        ranking.promote(MODEL, GateResult(True, {"ndcg": 0.8}), "李工", NOW_AT)
        ranking.promote(other, GateResult(False, {}), "李工", NOW_AT, "演示", force=True)
        ranking.rollback(other.hash, "李工", NOW_AT)
        session.commit()


def judged(engine: Engine) -> list[Any]:
    """All that a user can see of it."""
    with Session(engine) as session:
        feedback, ranking = FeedbackRepository(session), RankingRepository(session)
        return [
            feedback.entries(FeedbackFilter(undone=True), 0, 99),
            feedback.dismissed_pairs(Kind.NEED),
            EvidenceRepository(session).evidence(1),
            ranking.models(),
            ranking.events(),
        ]


def content(engine: Engine) -> dict[str, list[Any]]:
    """All that a user can see of a database."""
    with Session(engine) as session:
        repository, history = CorpusRepository(session), History(session)
        return {
            "records": [one for kind in Kind for one in repository.everything(kind)],
            "imports": [run.model_dump() for run in history.imports()],
            "versions": [history.versions(Kind.NEED, key) for key in ("R2", "X")],
            "snapshots": [repository.snapshot(kind) for kind in Kind],
        }


@pytest.mark.postgres
@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("sqlite", "other"),
        ("sqlite", "postgresql"),
        ("postgresql", "sqlite"),
        ("postgresql", "postgresql"),
    ],
)
def test_what_was_backed_up_comes_back(
    databases: dict[str, Engine], tmp_path: Path, source: str, target: str
) -> None:
    fill(databases[source])
    judge(databases[source])
    before, said = content(databases[source]), judged(databases[source])
    assert all(said)
    made = backup(databases[source], tmp_path / "备份.zip", NOW_AT)
    assert made.tables["need"][0] == 1202
    assert check(tmp_path / "备份.zip") == made
    _drop_all(databases[source])
    restore(databases[target], tmp_path / "备份.zip", NOW_AT)
    assert content(databases[target]) == before
    assert judged(databases[target]) == said
    with Session(databases[target]) as session:
        assert CorpusRepository(session).revision() >= int(NOW_AT.timestamp())
    with Session(databases[target]) as session:
        # New rows get ids of their own.
        repository = CorpusRepository(session)
        history = History(session)
        report = import_rows(
            repository, history, Origin(kind=Kind.NEED), [Row(2, {"名称": "新"})],
            converter(plain_profile(Kind.NEED), NOW_AT.date()), NOW_AT,
        )  # fmt: skip
        session.commit()
        assert report.new == 1
        assert len(repository.page(Kind.NEED, RecordFilter(), 1202, 9)) == 1


def test_a_backup_of_the_first_release_is_restored_into_todays_schema(tmp_path: Path) -> None:
    old = open_database(f"sqlite:///{tmp_path / 'old.db'}")
    migrations.upgrade(old, migrations.BASELINE)
    with old.begin() as connection:
        connection.execute(text("INSERT INTO organisation (name, region) VALUES ('院', '北京')"))
    backup(old, tmp_path / "b.zip", NOW_AT)
    old.dispose()
    new = open_database(f"sqlite:///{tmp_path / 'new.db'}")
    restore(new, tmp_path / "b.zip", NOW_AT)
    assert migrations.current(new) == migrations.head()
    with new.connect() as connection:
        assert connection.scalar(select(text("name")).select_from(text("organisation"))) == "院"
    new.dispose()


def test_a_restore_never_overwrites(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    fill(engine)
    backup(engine, tmp_path / "b.zip", NOW_AT)
    with pytest.raises(BackupError, match="已有数据"):
        restore(engine, tmp_path / "b.zip", NOW_AT)
    with pytest.raises(BackupError, match="文件已存在"):
        backup(engine, tmp_path / "b.zip", NOW_AT)
    assert len(content(engine)["records"]) == 1203
    engine.dispose()


def test_a_database_with_a_ranking_model_alone_is_not_empty(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    migrations.prepare(engine)
    backup(engine, tmp_path / "b.zip", NOW_AT)
    with Session(engine) as session:
        RankingRepository(session).promote(MODEL, GateResult(True, {}), "李工", NOW_AT)
        session.commit()
    with pytest.raises(BackupError, match="已有数据"):
        restore(engine, tmp_path / "b.zip", NOW_AT)
    engine.dispose()


@pytest.mark.parametrize("place", range(10))
def test_a_damaged_backup_is_noticed_and_nothing_is_written(tmp_path: Path, place: int) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    migrations.prepare(engine)
    with Session(engine) as session:
        CorpusRepository(session).upsert([FULL_NEED, FULL_ACHIEVEMENT], NOW_AT)
        session.commit()
    backup(engine, tmp_path / "b.zip", NOW_AT)
    engine.dispose()
    raw = (tmp_path / "b.zip").read_bytes()
    (tmp_path / "b.zip").write_bytes(raw[: len(raw) * place // 10])
    target = open_database(f"sqlite:///{tmp_path / 'y.db'}")
    with pytest.raises(BackupError, match="已损坏"):
        restore(target, tmp_path / "b.zip", NOW_AT)
    assert migrations.current(target) is None
    target.dispose()


def test_an_edited_backup_is_noticed(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    migrations.prepare(engine)
    with Session(engine) as session:
        CorpusRepository(session).upsert([FULL_NEED], NOW_AT)
        session.commit()
    backup(engine, tmp_path / "b.zip", NOW_AT)
    engine.dispose()
    with (
        zipfile.ZipFile(tmp_path / "b.zip") as old,
        zipfile.ZipFile(tmp_path / "edited.zip", "w") as new,
    ):
        for name in old.namelist():
            new.writestr(name, old.read(name).replace("钢渣利用".encode(), "钢渣盗用".encode()))
    with pytest.raises(BackupError, match="表 need 与清单不符"):
        check(tmp_path / "edited.zip")


def test_a_failed_restore_leaves_an_empty_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_database(f"sqlite:///{tmp_path / 'x.db'}")
    fill(engine)
    backup(engine, tmp_path / "b.zip", NOW_AT)
    engine.dispose()
    target = open_database(f"sqlite:///{tmp_path / 'y.db'}")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("api.backup._load", fail)
    with pytest.raises(BackupError, match="disk full"):
        restore(target, tmp_path / "b.zip", NOW_AT)
    assert migrations.current(target) is None
    target.dispose()
