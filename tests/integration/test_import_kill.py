"""An import that is killed leaves the database as it was before it."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine, MetaData

from corpus.database import open_database
from eval.bench.made_files import write_csv
from tests.dump import dump

ROOT = Path(__file__).resolve().parents[2]
HEADER = ["需求编号", "需求名称", "需求内容", "企业名称"]
ROWS = 1300  # three batches


def rows(first: int, last: int, edition: str) -> list[list[str]]:
    return [
        [f"K{n}", f"需求{n}", f"第{n}条，{edition}。", f"公司{n % 40}（示例）"]
        for n in range(first, last)
    ]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return
    address = request.getfixturevalue("postgres_url")
    yield address
    _drop(open_database(address))


def _drop(engine: Engine) -> None:
    tables = MetaData()
    tables.reflect(engine)
    tables.drop_all(engine)
    engine.dispose()


class Driver:
    """A process that imports in children of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked, self.answers = process.stdin, process.stdout

    def start(self, file: Path, point: str = "-", number: int = 0) -> int:
        """Begin an import; the process that does it."""
        self._asked.write(f"{file}\t{point}\t{number}\n")
        self._asked.flush()
        return int(self.answers.readline())

    def load(self, file: Path, point: str = "-", number: int = 0) -> str:
        """Exit code of an import, and new, changed and withdrawn records if it survived."""
        self.start(file, point, number)
        return self.answers.readline().strip()


@pytest.fixture
def driver(url: str, tmp_path: Path) -> Iterator[Driver]:
    command = [sys.executable, "-m", "tests.integration.import_killed", str(tmp_path), url]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True) as process:
        yield Driver(process)
    assert process.returncode == 0


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """What is there before, and a file that adds, changes and (as a full list) withdraws."""
    old = write_csv(tmp_path / "old.csv", [HEADER, *rows(0, 400, "旧")])
    new = write_csv(tmp_path / "new.csv", [HEADER, *rows(100, 100 + ROWS, "新")])
    return old, new


def test_a_kill_at_any_point_changes_nothing(
    url: str, driver: Driver, files: tuple[Path, Path]
) -> None:
    old, new = files
    assert driver.load(old) == "0 400 0 0"
    before = dump(url)
    assert len(before["need"]) == len(before["record_version"]) == 400
    points = [
        ("started", 1), ("batch", 1), ("batch", 2), ("batch", 3), ("before upsert", 3),
        ("within upsert", 700), ("after upsert", 1), ("organisations", 2), ("before history", 1),
        ("after history", 2), ("delisting", 50), ("report", 1), ("flush", 4), ("before commit", 1),
    ]  # fmt: skip
    # Each point once; on PostgreSQL, where a transaction ends with its connection, every other.
    for point, number in points if url.startswith("sqlite") else points[1::2]:
        assert driver.load(new, point, number) == str(-signal.SIGKILL), point
        assert dump(url) == before, point
    assert driver.load(new) == f"0 {ROWS - 300} 300 100"
    statuses = [row["status"] for row in dump(url)["need"]]
    assert (len(statuses), statuses.count("来源已下架")) == (100 + ROWS, 100)
    assert driver.load(new) == "0 0 0 0"


def test_a_kill_at_any_moment_changes_nothing_or_everything(
    url: str, driver: Driver, files: tuple[Path, Path], rng: np.random.Generator
) -> None:
    """By the clock, from the outside; whole is possible too where the kill came too late."""
    old, new = files
    assert driver.load(old) == "0 400 0 0"
    before = dump(url)
    for _ in range(5):
        child = driver.start(new)
        if not select.select([driver.answers], [], [], float(rng.uniform(0.0, 0.7)))[0]:
            os.kill(child, signal.SIGKILL)  # not waited for yet, so the number is still its own
        ended = driver.answers.readline().strip()
        now = dump(url)
        if now != before:
            assert (len(now["need"]), len(now["record_version"])) == (100 + ROWS, 500 + ROWS), ended
            break
        assert ended == str(-signal.SIGKILL)
    else:
        assert driver.load(new) == f"0 {ROWS - 300} 300 100"
