"""``zhitong dictionary``: a word from draft to index and back, without a browser."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from tests.integration.faked import use_fakes


def test_a_word_is_added_published_and_taken_back(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path)

    def run(*arguments: str, code: int = 0) -> str:
        done = CliRunner().invoke(app, ["dictionary", *arguments])
        assert done.exit_code == code, done.output
        return done.output

    assert "随程序提供的词典" in run("list")
    added = run("add", "同义词", "炉墙热补料", "--same-as", "窑衬喷补料", "--who", "李工")
    assert "编号 1" in added
    assert "不必再加" in run("add", "新词", "石墨烯", "--who", "李工", code=2)
    listed = json.loads(run("list", "--json"))
    assert (listed["number"], listed["terms"][0]["state"]) == (0, "草稿")
    assert listed["terms"][0]["created_by"] == "李工"
    published = run("publish", "--who", "李工", "--note", "两种叫法")
    assert "已发布第 1 版，共 1 条" in published
    assert "索引已更新" in published
    assert "炉墙热补料 → 窑衬喷补料" in run("list")
    assert "成为第 2 版，共 0 条" in run("rollback", "--who", "李工")
    assert "没有可以退回的版本" in run("rollback", "--who", "李工", code=2)
    assert "没有草稿" not in run("list")
