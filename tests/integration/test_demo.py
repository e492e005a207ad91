"""The demonstration: the same in every year."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime
from importlib.resources import files
from pathlib import Path

import pytest
from typer.testing import CliRunner

import api.services
from api.cli import app
from tests.integration.faked import use_fakes


def test_the_sample_stays_valid_for_years() -> None:
    sample = files("corpus.resources") / "sample"
    for name in ("needs.jsonl", "achievements.jsonl"):
        lines = sample.joinpath(name).read_text("utf-8").splitlines()
        ends = [json.loads(line).get("valid_until") for line in lines]
        assert min(date.fromisoformat(end) for end in ends if end) >= date(2037, 1, 1)


def test_the_demo_does_not_depend_on_the_day(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path)
    monkeypatch.setattr(api.services, "now_at", lambda: datetime(2100, 1, 1, tzinfo=UTC))
    shown = CliRunner().invoke(app, ["demo"])
    assert shown.exit_code == 0, shown.stderr
    found = re.search(r"(\d+) 条需求中 (\d+) 条找到了成果", shown.stdout)
    assert found
    assert (int(found[1]), int(found[2])) == (72, 72)
