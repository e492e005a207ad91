"""The installed program, run as people run it: by subprocess, with a home of its own; and its
commands in this process, where a test is not about the process and would only wait for it."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from api import console
from api.cli import app
from api.services import Services
from indexer.build import Makers
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.tokenizer import JiebaTokenizer

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
def makers(model_cache: Path) -> Makers:
    """The real encoder and dictionary, loaded once for all tests in this process."""
    encoder = SentenceTransformerEncoder(EncoderConfig(cache_dir=model_cache))
    return Makers(encoder, JiebaTokenizer())


@dataclass(frozen=True, slots=True)
class Done:
    """What a command came to."""

    returncode: int
    stdout: str
    stderr: str


def here(
    monkeypatch: pytest.MonkeyPatch, home: Path, cache: Path, makers: Makers | None = None
) -> Callable[..., Done]:
    """Runs commands in this process, which is quick; an error that nobody caught fails.

    With ``makers`` no command loads a model of its own.
    """
    for name, value in environment(home, cache).items():
        monkeypatch.setenv(name, value)
    for stream in (console.out, console.err):
        monkeypatch.setattr(stream, "_width", 160)
    if makers is not None:
        monkeypatch.setattr(Services, "makers", property(lambda _self: makers))

    def call(*arguments: object) -> Done:
        done = CliRunner().invoke(app, [str(argument) for argument in arguments])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    return call


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
