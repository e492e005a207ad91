"""What the commands of whoever runs the machine leave in the audit log."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from api.commands.options import current_user
from api.security.audit import AuditLog
from api.services import Services
from api.settings import Settings
from tests.integration.faked import use_fakes


def run(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def log() -> list[tuple[str, str]]:
    with closing(Services(Settings())) as services, services.reading() as session:
        entries = AuditLog(session).entries()
    assert {entry.actor.operator for entry in entries} <= {current_user()}
    return [(entry.action.value, entry.subject) for entry in entries]


def test_backup_and_restore_are_noted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    use_fakes(monkeypatch, tmp_path / "one")
    assert log() == []
    run("backup", tmp_path / "张三的备份.zip")
    [(action, subject)] = log()
    assert action == "备份"
    assert subject.startswith("backup:20")
    monkeypatch.setenv("ZHITONG_HOME", str(tmp_path / "two"))
    run("restore", "--check", tmp_path / "张三的备份.zip")
    run("restore", tmp_path / "张三的备份.zip")
    assert log() == [("恢复备份", subject)]  # the same one, by its time


def test_models_that_begin_and_cease_to_answer_are_noted(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path / "one")
    model, gate = tmp_path / "模型.json", tmp_path / "检验.json"
    model.write_text(json.dumps({"weights": {"meaning": 1.0}}), "utf-8")
    gate.write_text(json.dumps({"passed": True}), "utf-8")
    run("ranking", "promote", model, "--gate", gate, "--who", "李工")
    kept = json.loads(run("ranking", "list", "--json"))["models"][0]["hash"]
    run("ranking", "rollback", kept[:12], "--who", "李工")
    assert log() == [
        ("退回排序模型", f"ranking:{kept[:12]}"),
        ("启用排序模型", f"ranking:{kept[:12]}"),
    ]
