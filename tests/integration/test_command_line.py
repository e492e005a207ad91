"""Commands in this process: what goes wrong is one sentence, before the work where it can be."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import Engine, event
from sqlalchemy.exc import OperationalError
from typer.testing import CliRunner, Result

from api.cli import app
from api.console import progress
from api.services import Services
from corpus.database import open_database
from corpus.model import CorpusError
from indexer.errors import IndexerError
from indexer.testing import FakeEncoder
from tests.integration.faked import use_fakes

Invoke = Callable[..., Result]


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    """A command over two imported and indexed records."""
    monkeypatch.setenv("COLUMNS", "300")
    use_fakes(monkeypatch, tmp_path / "home")

    def call(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    for kind, key in (("needs", "need"), ("achievements", "achievement")):
        path = tmp_path / f"{kind}.jsonl"
        row = {f"{key}_id": "X1", "title": "钢渣微粉活化", "text": "钢渣磨细后活性低。"}
        path.write_text(json.dumps(row) + "\n", "utf-8")
        assert call("import", str(path), "--kind", kind).exit_code == 0
    assert call("index", "build").exit_code == 0
    return call


def refused(result: Result, sentence: str) -> None:
    assert sentence in result.stderr.replace("\n", "")
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)


@pytest.mark.parametrize("name", ["x.xlsx", "x.jsonl"])
def test_a_result_that_cannot_be_written_is_said_before_the_matching(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("matched before looking")

    for method in ("match_all", "match"):
        monkeypatch.setattr(Services, method, never)
    missing = tmp_path / "nope" / name
    refused(invoke("match", "--all", "--out", str(missing)), f"{missing}：文件或文件夹不存在。")
    refused(invoke("match", "X1", "--out", str(missing)), "文件或文件夹不存在。")
    folder = tmp_path / name
    folder.mkdir()
    refused(invoke("match", "--all", "--out", str(folder)), "它是文件夹，不是文件。")
    assert list(folder.iterdir()) == []


def test_a_disk_that_fills_up_while_writing_is_a_sentence(
    invoke: Invoke, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    for name in ("x.xlsx", "x.jsonl"):
        refused(invoke("match", "--all", "--out", str(tmp_path / name)), "磁盘已满。")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(("x.", "."))]


def test_the_demo_says_that_its_workbook_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path)
    (tmp_path / "demo" / "对接清单.xlsx").mkdir(parents=True)
    refused(CliRunner().invoke(app, ["demo"]), "它是文件夹，不是文件。")
    monkeypatch.setenv("ZHITONG_HOME", str(tmp_path / "demo" / "file"))
    (tmp_path / "demo" / "file").touch()
    refused(CliRunner().invoke(app, ["demo"]), "不是文件夹")


@pytest.mark.parametrize("encoder", ["/no/such/model", "someone/no-such-model"])
def test_serve_without_its_model_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, encoder: str
) -> None:
    monkeypatch.setenv("ZHITONG_HOME", str(tmp_path))
    monkeypatch.setenv("ZHITONG_CACHE", str(tmp_path))
    monkeypatch.setenv("ZHITONG_ENCODER", encoder)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it serves"))
    result = CliRunner().invoke(app, ["serve", "--port", "0"])
    refused(result, f"本机没有模型 {encoder}（程序不会联网下载）。")
    assert "网页：" not in result.stdout


def test_the_demonstration_is_one_process(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fakes(monkeypatch, tmp_path)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it serves"))
    refused(CliRunner().invoke(app, ["serve", "--demo", "--workers", "2"]), "示例只用一个进程")


def test_half_a_provider_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fakes(monkeypatch, tmp_path)
    monkeypatch.setenv("ZHITONG_OIDC_ISSUER", "https://id.example")
    refused(CliRunner().invoke(app, ["serve"]), "ZHITONG_OIDC_CLIENT_ID 要一起设")


def test_several_processes_make_their_own_app(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And share the cores; the one that starts them reads no model."""
    use_fakes(monkeypatch, tmp_path)
    monkeypatch.setattr(Services, "makers", property(lambda _: pytest.fail("a model is read")))
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    for name in ("ZHITONG_THREADS", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(name, "")
    seen: dict[str, Any] = {}

    def serve(made: object, **options: object) -> None:
        seen.update(options, app=made, threads=os.environ["ZHITONG_THREADS"])

    monkeypatch.setattr("uvicorn.run", serve)
    assert CliRunner().invoke(app, ["serve", "--workers", "4"]).exit_code == 0
    assert (seen["app"], seen["factory"]) == ("api.serving:worker_app", True)
    assert (seen["workers"], seen["threads"], seen["access_log"]) == (4, "2", False)


def test_serve_without_its_database_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path)
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it serves"))
    monkeypatch.setenv("ZHITONG_DATABASE_URL", f"postgresql://nobody@/none?host={tmp_path}")
    refused(CliRunner().invoke(app, ["serve"]), "无法打开数据库")


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("database is locked", "数据库正被另一个程序占用。请等它完成，再试一次。"),
        ("server closed the connection unexpectedly", "与数据库的连接中断。"),
        ("database or disk is full", "数据库所在的磁盘已满"),
        ("database disk image is malformed", "数据库文件已损坏。"),
        ("no such column: secret", "数据库没有完成操作（OperationalError）。"),
    ],
)
@pytest.mark.parametrize(
    "arguments", [["match", "X1"], ["search", "钢渣"], ["index", "status"], ["record", "show", "X1",
     "--kind", "needs"], ["imports", "list"], ["need", "list"]],
)  # fmt: skip
def test_a_failing_database_is_a_sentence_without_records(
    invoke: Invoke,
    monkeypatch: pytest.MonkeyPatch,
    said: str,
    sentence: str,
    arguments: list[str],
) -> None:
    def failing(*_: object, **__: object) -> None:
        cause = sqlite3.OperationalError(said)
        raise OperationalError("SELECT secret", {"title": "机密标题"}, cause)

    monkeypatch.setattr("sqlmodel.Session.exec", failing)
    monkeypatch.setattr("sqlmodel.Session.get", failing)
    result = invoke(*arguments)
    refused(result, sentence)
    assert "机密" not in result.output
    assert "secret" not in result.output


def impatient_database(url: str) -> Engine:
    engine = open_database(url)
    event.listen(engine, "connect", lambda raw, _: raw.execute("PRAGMA busy_timeout=0"))
    engine.dispose()
    return engine


def test_a_database_held_by_another_is_a_sentence(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "more.jsonl"
    path.write_text('{"need_id": "X2", "title": "机密标题"}\n', "utf-8")
    other = sqlite3.connect(tmp_path / "home" / "zhitong.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr("api.parts.open_database", impatient_database)
    try:
        result = invoke("import", str(path), "--kind", "needs")
    finally:
        other.close()
    refused(result, "数据库正被另一个程序占用。")
    assert "机密" not in result.output


BRACKETS = ["x[/b].jsonl", "x[red].jsonl", "x[", "a:smile:b"]


@pytest.mark.parametrize("name", BRACKETS)
def test_brackets_in_a_path_are_shown_as_they_are(
    invoke: Invoke, tmp_path: Path, name: str
) -> None:
    path = tmp_path / f"{name}.jsonl"
    path.parent.mkdir(exist_ok=True)
    result = invoke("match", "X1", "--out", str(path))
    assert result.exit_code == 0, result.stderr
    assert f"已写入：{path}\n" in result.stdout
    assert path.exists()
    missing = tmp_path / "none" / name / "x.jsonl"
    refused(invoke("match", "X1", "--out", str(missing)), str(missing))
    source = tmp_path / f"需求{name}.jsonl"
    source.parent.mkdir(exist_ok=True)
    source.write_text('{"need_id": "Y1", "title": "膜"}\n{"need_id": "Y2"}\n', "utf-8")
    imported = invoke("import", str(source), "--kind", "needs")
    assert imported.exit_code == 1
    assert f"{source.stem}-需求-失败的行.xlsx（改好后" in imported.stderr
    saved = tmp_path / f"{name}.toml"
    guessed = invoke("profile", "guess", str(source), "--kind", "needs", "--save", str(saved))
    assert guessed.exit_code == 0, guessed.stderr
    assert f"zhitong import {source} --profile {saved}" in guessed.stdout


@pytest.mark.parametrize("name", BRACKETS)
def test_brackets_in_the_name_of_a_stage(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as update:
        update(f"import:{name}", 1, 2)
    assert f"导入 {name}" in capsys.readouterr().err


def test_a_workbook_made_while_a_path_was_off_says_so(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path / "home", FakeEncoder(name="another-model"))
    path = tmp_path / "对接清单.xlsx"
    result = invoke("match", "--all", "--out", str(path))
    assert result.exit_code == 0, result.stderr
    sentence = "向量索引由另一模型生成（fake），当前模型是 another-model：语义检索已停用"
    assert result.stderr.count(f"注意：{sentence}") == 1
    notes = CalamineWorkbook.from_path(path).get_sheet_by_name("说明").to_python()
    assert sentence in str(notes[0][0])
    assert len([note for note in notes if sentence in str(note[0])]) == 1
    lines = invoke("match", "--all", "--out", str(tmp_path / "x.jsonl"))
    assert f"注意：{sentence}" in lines.stderr


@pytest.mark.parametrize("error", [CorpusError, IndexerError])
def test_our_own_errors_are_said_whole(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def failing(*_: object) -> None:
        raise error("路径 x[/b] 不对。")

    monkeypatch.setattr(Services, "match", failing)
    refused(invoke("match", "X1"), "路径 x[/b] 不对。")


def test_a_reversed_match_names_the_sides(invoke: Invoke, tmp_path: Path) -> None:
    for kind, key, text in (
        ("needs", "need", "甲句钢渣。"),
        ("achievements", "achievement", "乙句钢渣。"),
    ):
        path = tmp_path / "more.jsonl"
        row = {f"{key}_id": "Z1", "title": "钢渣", "text": text}
        path.write_text(json.dumps(row) + "\n", "utf-8")
        assert invoke("import", str(path), "--kind", kind).exit_code == 0
    assert invoke("index", "build").exit_code == 0
    for arguments in (["match", "Z1"], ["match", "Z1", "--reverse"]):
        assert "需求“甲句钢渣。” ↔ 成果“乙句钢渣。”" in invoke(*arguments).stdout
