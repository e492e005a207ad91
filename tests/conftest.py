"""Fixtures shared by all tests: one seeded random source, databases, sample texts."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine
from sqlmodel import SQLModel
from typer.main import get_command

from corpus.database import create_schema, open_database

NOW_AT = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """Every ``fsync`` is called, and returns at once.

    Nobody pulls the plug here: what a killed process wrote is in the system's memory, flushed or
    not. That files are flushed before they count is seen by the calls (``test_store``).
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", os.fstat)
        yield


@pytest.fixture(scope="session", autouse=True)
def commands_built_once() -> Iterator[None]:
    """``CliRunner`` builds all commands anew for each call, which takes longer than most of them.

    They hold no state.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("typer.testing._get_command", functools.cache(get_command))
        yield


@pytest.fixture
def rng() -> np.random.Generator:
    """The one seeded source of randomness."""
    return np.random.default_rng(20261124)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The internal test data; tests that need it skip loudly where it is absent."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("ZHITONG_DATA", root.parent / "shared" / "data"))
    if not (folder / "graded-pairs").is_dir():
        pytest.skip(f"no test data at {folder}; set ZHITONG_DATA to the folder that holds it")
    return folder


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of the tests' own, on a Unix socket in a temporary folder."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL server programs not found: apt-get install postgresql")
    base = tmp_path_factory.mktemp("pg")
    # PostgreSQL refuses to run as root; Debian's package makes the user postgres.
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        for folder in (base, *base.parents):
            if folder == Path("/tmp") or folder == Path("/"):  # noqa: S108
                break
            folder.chmod(0o755)
        shutil.chown(base, "postgres")
    data, log = base / "data", base / "log"

    def run(*command: str) -> None:
        # Output to a file: the server inherits it and would keep a pipe open.
        with (base.parent / f"{base.name}.out").open("a") as out:
            subprocess.run([*as_user, *command], check=True, stdout=out, stderr=out, cwd="/")

    run(
        str(programs / "initdb"),
        "-D",
        str(data),
        "-A",
        "trust",
        "-U",
        "postgres",
        "-E",
        "UTF8",
        "--locale=C.UTF-8",
        "--no-sync",
    )
    options = f"-c listen_addresses='' -c unix_socket_directories='{base}' -c fsync=off"
    run(str(programs / "pg_ctl"), "-D", str(data), "-l", str(log), "-w", "-o", options, "start")
    try:
        yield f"postgresql://postgres@/postgres?host={base}"
    finally:
        run(str(programs / "pg_ctl"), "-D", str(data), "-m", "immediate", "-w", "stop")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each supported kind."""
    if request.param == "sqlite":
        opened = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    else:
        opened = open_database(request.getfixturevalue("postgres_url"))
    create_schema(opened)
    try:
        yield opened
    finally:
        SQLModel.metadata.drop_all(opened)
        opened.dispose()


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the tests decode the default model to, once a session."""
    given = os.environ.get("ZHITONG_TEST_CACHE")
    return Path(given) if given else tmp_path_factory.mktemp("model-cache")
