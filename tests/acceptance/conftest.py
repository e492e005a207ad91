"""The installed program, run as people run it: by subprocess, with a home of its own."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[2]


def program() -> str:
    """The ``zhitong`` beside this interpreter."""
    return str(Path(sys.executable).with_name("zhitong"))


def environment(home: Path, cache: Path) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ZHITONG_")}
    return {
        **kept,
        "ZHITONG_HOME": str(home),
        "ZHITONG_CACHE": str(cache),
        "COLUMNS": "160",
        "PYTHONWARNINGS": "default",
    }


@pytest.fixture(scope="session")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-home")


@pytest.fixture(scope="session")
def run(demo_home: Path, model_cache: Path) -> Run:
    """Run a command; ``home`` names another state folder."""

    def call(
        *arguments: str, home: Path | None = None, given: str = ""
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [program(), *arguments],
            env=environment(home or demo_home, model_cache),
            capture_output=True,
            text=True,
            input=given,
            timeout=300,
            check=False,
        )

    return call


def token_header(run: Run, home: Path) -> dict[str, str]:
    """What a program sends on behalf of an administrator made for it."""
    made = run("user", "create-admin", "chief", home=home, given="kilo-trumpet-stone\n")
    assert made.returncode == 0, made.stderr
    token = run("token", "create", "chief", "--name", "测试", home=home)
    assert token.returncode == 0, token.stderr
    return {"Authorization": f"Bearer {token.stdout.strip()}"}


@pytest.fixture(scope="session")
def demo(run: Run) -> str:
    """What the first ``zhitong demo`` printed."""
    result = run("demo")
    assert result.returncode == 0, result.stderr
    return result.stdout


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


@contextmanager
def serving(home: Path, cache: Path, *options: str) -> Iterator[httpx.Client]:
    """``zhitong serve`` on a free port, as a process; waits for it by asking, not by the clock."""
    port = free_port()
    process = subprocess.Popen(
        [program(), "serve", "--port", str(port), *options],
        env=environment(home, cache),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if re.search(r"Uvicorn running on", line):
                break
        else:
            pytest.fail("the server ended before it was ready:\n" + "".join(lines))
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            yield client
    finally:
        process.terminate()
        process.communicate(timeout=60)


@pytest.fixture(scope="session")
def web(demo: str, demo_home: Path, model_cache: Path) -> Iterator[httpx.Client]:
    """A client of the demo's server."""
    with serving(demo_home, model_cache, "--demo") as client:
        yield client
