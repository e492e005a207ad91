"""Real servers: several processes as one, stopping, logs without personal data, figures."""

from __future__ import annotations

import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from api.clock import now_at
from api.security.audit import Action, Actor, AuditLog
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Kind
from corpus.repository import CorpusRepository
from tests.integration.accounts import create, token
from tests.integration.office import RECORDS
from tests.integration.served import BROKEN, GATE, HELD, use_gated

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 90


@dataclass(frozen=True, slots=True)
class Home:
    """State of a server, with tokens of two accounts."""

    path: Path
    chief: dict[str, str]
    officer: dict[str, str]
    officer_id: int


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    path = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        use_gated(patch)
        with closing(Services(Settings(home=path, database_url=""))) as services:
            with services.writing() as session:
                CorpusRepository(session).upsert(RECORDS, now_at())
                AuditLog(session).note(Action.LOGIN_FAILED, Actor(), "", now_at())
            services.refresh_index(Kind.ACHIEVEMENT)
            chief = create(services, Role.ADMINISTRATOR)
            officer = create(services, Role.OFFICER)
            tokens = [{"Authorization": token(services, one)} for one in (chief, officer)]
    return Home(path, tokens[0], tokens[1], officer.id)


@dataclass(frozen=True, slots=True)
class Server:
    """A running one: what it was asked goes to ``url``, what it logs to ``lines``."""

    process: subprocess.Popen[str]
    url: str
    lines: list[str] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def get(self, path: str, **options: Any) -> httpx.Response:
        """By a connection of its own, so that any process may answer."""
        return httpx.get(f"{self.url}{path}", timeout=DEADLINE_S, **options)

    def logged(self, text: str, times: int = 1) -> bool:
        """Whether it logs this so often, before the deadline or its end."""

        def count() -> int:
            return sum(text in line for line in self.lines)

        with self.changed:
            ended = self.changed.wait_for(lambda: count() >= times or "" in self.lines, DEADLINE_S)
            return ended and count() >= times

    def requests(self) -> list[dict[str, Any]]:
        found = [json.loads(line) for line in self.lines if line]
        return [line for line in found if line["event"] == "request"]


@contextmanager
def served(
    home: Home, workers: int = 1, gate: Path | None = None, **settings: str
) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ZHITONG_")}
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.integration.served", str(port), str(workers)],
        env={**kept, "ZHITONG_HOME": str(home.path), GATE: str(gate), **settings},
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    server = Server(process, f"http://127.0.0.1:{port}")

    def read() -> None:
        assert process.stderr is not None
        for line in itertools.chain(process.stderr, [""]):
            with server.changed:
                server.lines.append(line)
                server.changed.notify_all()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert server.logged("Application startup complete", workers), "".join(server.lines)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=DEADLINE_S)
        reader.join(timeout=DEADLINE_S)
        assert process.stderr is not None
        process.stderr.close()


def figure(exposition: str, name: str, **labels: str) -> float:
    """The one sample of this name and of these labels among its own."""
    found = []
    for line in exposition.splitlines():
        matched = re.fullmatch(r"(\w+)(?:{(.*)})? (\S+)", line)
        if matched and matched[1] == name:
            own = dict(re.findall(r'(\w+)="([^"]*)"', matched[2] or ""))
            if labels.items() <= own.items():
                found.append(float(matched[3]))
    assert len(found) == 1, (name, labels, found)
    return found[0]


SEARCHED = {"method": "GET", "route": "/api/v1/search", "status": "2xx"}


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Holds a query with ``HELD`` until it is opened for writing and closed."""
    path = tmp_path_factory.mktemp("gate") / "gate"
    os.mkfifo(path)
    return path


@pytest.fixture(scope="module")
def two(home: Home, gate: Path) -> Iterator[Server]:
    with served(home, workers=2, gate=gate) as server:
        yield server


def test_two_processes_answer_on_one_port_and_their_figures_add_up(two: Server, home: Home) -> None:
    query = {"q": "钢渣", "limit": "5"}

    def ask(_: int) -> httpx.Response:
        return two.get("/api/v1/search", params=query, headers=home.officer)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(40)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({json.dumps(answer.json()) for answer in answers}) == 1
    shown = [two.get("/metrics").text for _ in range(8)]
    for exposition in shown:  # whichever process tells it
        assert figure(exposition, "zhitong_http_requests_total", **SEARCHED) == 40
        assert figure(exposition, "zhitong_http_request_seconds_count", **SEARCHED) == 40
        assert figure(exposition, "zhitong_ranking_seconds_count", target="achievement") == 40
        assert figure(exposition, "zhitong_http_requests_in_flight") == 1  # this one
    asked = [line for line in two.requests() if line["route"] == "/api/v1/search"]
    assert {line["request_id"] for line in asked} >= {a.headers["x-request-id"] for a in answers}


def test_figures_of_database_and_indexes(two: Server) -> None:
    shown = two.get("/metrics").text
    assert figure(shown, "zhitong_database_up") == 1
    assert figure(shown, "zhitong_login_failures_total") == 1
    assert figure(shown, "zhitong_sessions") == 0
    assert figure(shown, "zhitong_index_lag_records", kind="achievement") == 0
    assert figure(shown, "zhitong_index_lag_records", kind="need") == 2  # there is none
    assert figure(shown, "zhitong_index_documents", kind="achievement") == 2
    revision = figure(shown, "zhitong_corpus_revision")
    assert figure(shown, "zhitong_index_revision", kind="achievement") == revision
    assert 'generation="gen-' in shown


def test_figures_are_for_this_machine_and_the_administrator(two: Server, home: Home) -> None:
    outside = {"X-Forwarded-For": "192.0.2.7"}
    assert two.get("/metrics", headers=outside).status_code == 401
    assert two.get("/metrics", headers={"X-Real-IP": "127.0.0.1"}).status_code == 401
    assert two.get("/metrics", headers={**outside, **home.officer}).status_code == 403
    assert two.get("/metrics", headers={**outside, **home.chief}).status_code == 200
    assert two.get("/api/v1/needs").status_code == 401  # this machine is nobody elsewhere


def test_a_worker_that_is_killed_takes_no_figures_along(
    two: Server, home: Home, gate: Path
) -> None:
    before = figure(two.get("/metrics").text, "zhitong_http_requests_total", **SEARCHED)
    parent = two.process.pid
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(two.get, "/api/v1/search", params={"q": HELD}, headers=home.officer)
        with gate.open("wb"):  # returns when a worker has come to it
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
            [holding] = [pid for pid in children if gate in opened_files(pid)]
            os.kill(int(holding), signal.SIGKILL)
            assert isinstance(answer.exception(DEADLINE_S), httpx.HTTPError)
    assert two.logged(f"Child process [{holding}] died")
    shown = two.get("/metrics").text
    assert figure(shown, "zhitong_http_requests_total", **SEARCHED) == before
    assert figure(shown, "zhitong_http_requests_in_flight") == 1


def opened_files(pid: str) -> set[Path]:
    return {file.readlink() for file in Path(f"/proc/{pid}/fd").iterdir()}


def test_the_log_says_the_route_and_nobody_s_words(home: Home) -> None:
    with served(home) as server:
        made_up = {"X-Request-ID": "张三的编号", **home.officer}
        for path, status in (
            ("/api/v1/search?q=机密的钢渣", 200), ("/api/v1/needs/N1", 200),
            ("/api/v1/needs/张三", 404), ("/李四?王五", 404), (f"/api/v1/search?q={BROKEN}", 500),
            ("/login", 200),
        ):  # fmt: skip
            answer = server.get(path, headers={k: v.encode() for k, v in made_up.items()})
            assert answer.status_code == status, answer.text
            assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["x-request-id"])
            if status == 500:
                broken = answer
    lines = server.requests()
    assert [(line["method"], line["route"], line["status"]) for line in lines] == [
        ("GET", "/api/v1/search", 200), ("GET", "/api/v1/needs/{need_id:path}", 200),
        ("GET", "/api/v1/needs/{need_id:path}", 404), ("GET", "other", 404),
        ("GET", "/api/v1/search", 500), ("GET", "/login", 200),
    ]  # fmt: skip
    assert {line["user"] for line in lines} == {home.officer_id, None}
    assert {line["role"] for line in lines} == {"招商干部", "访客"}
    assert all(line["ms"] > 0 and line["bytes"] > 0 for line in lines)
    assert set(lines[0]) == {
        "time", "level", "event", "request_id", "method", "route", "status", "ms", "bytes", "user",
        "role",
    }  # fmt: skip
    log = "".join(server.lines)
    assert not re.search(rf"张三|李四|王五|机密|{BROKEN}|钢渣|N1|officer|127\.0\.0\.1:\d+ -", log)
    [error] = [e for e in map(json.loads, filter(None, server.lines)) if "traceback" in e]
    assert error["request_id"] == broken.headers["x-request-id"]
    assert error["request_id"] in broken.text
    assert "builtins.RuntimeError" in error["traceback"]
    assert "encode_queries" in error["traceback"]


def test_what_was_begun_is_finished_before_the_server_ends(home: Home, gate: Path) -> None:
    with (
        served(home, gate=gate, ZHITONG_LOG_FORMAT="plain") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(
            server.get, "/api/v1/search", params={"q": HELD}, headers=home.officer
        )  # fmt: skip
        with gate.open("wb"):  # returns when the server has come to it
            server.process.send_signal(signal.SIGTERM)
            assert server.logged("Shutting down")
            with pytest.raises(httpx.ConnectError):
                server.get("/healthz")
            assert not answer.done()
        assert answer.result(DEADLINE_S).status_code == 200
        assert server.process.wait(DEADLINE_S) in {0, -signal.SIGTERM}
    assert any("request method=GET route=/api/v1/search status=200" in x for x in server.lines)


def test_a_server_waits_no_longer_than_it_is_told(home: Home, gate: Path) -> None:
    with (
        served(home, gate=gate, ZHITONG_SHUTDOWN_SECONDS="1") as server,
        ThreadPoolExecutor(1) as pool,
    ):
        answer = pool.submit(
            server.get, "/api/v1/search", params={"q": HELD}, headers=home.officer
        )  # fmt: skip
        with gate.open("wb"):
            server.process.send_signal(signal.SIGTERM)
            # While it is still held.
            assert answer.result(DEADLINE_S).status_code == 500


def test_whose_forwarded_address_is_believed_is_a_setting(home: Home) -> None:
    spoofed = {"X-Forwarded-Proto": "https"}
    with served(home, ZHITONG_TRUSTED_PROXIES="none") as server:
        assert "strict-transport-security" not in server.get("/login", headers=spoofed).headers
    with served(home) as server:
        assert "strict-transport-security" in server.get("/login", headers=spoofed).headers


@pytest.mark.parametrize("typed", ["*", "proxy.example", "0.0.0.0/0", "::/0", "10.0.0.1/8"])
def test_not_everybody_may_be_believed(typed: str) -> None:
    with pytest.raises(ValidationError):
        Settings(trusted_proxies=typed)
