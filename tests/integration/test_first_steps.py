"""What somebody meets who has nothing yet, or does things in the wrong order."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from api.app import create_app
from api.cli import app
from api.clock import now_at
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Kind
from corpus.repository import CorpusRepository
from tests.integration.accounts import log_in, services_of
from tests.integration.faked import use_fakes
from tests.integration.office import RECORDS, SCOPES, hash_quickly
from tests.integration.test_command_line import refused


@pytest.fixture
def nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A home in which nothing was done yet."""
    monkeypatch.setenv("COLUMNS", "300")
    use_fakes(monkeypatch, tmp_path)
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


@pytest.mark.parametrize("indexed", [False, True])
def test_before_the_first_import_every_question_is_answered_by_the_import(
    nothing: Path, indexed: bool
) -> None:
    if indexed:
        built = call("index", "build")
        assert built.exit_code == 0
        assert "先导入：zhitong import 成果.xlsx" in built.stdout
    refused(call("search", "钢渣"), "还没有成果。请先导入：zhitong import 成果.xlsx")
    refused(call("search", "钢渣", "--kind", "needs"), "还没有需求。请先导入")
    workbook = nothing / "对接清单.xlsx"
    refused(call("match", "--all", "--out", str(workbook)), "还没有需求。请先导入")
    refused(call("match", "N001"), "还没有需求。请先导入")
    assert not workbook.exists()


def test_a_port_in_use_is_a_sentence_before_the_model_is_loaded(nothing: Path) -> None:
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused(
            call("serve", "--port", str(port)),
            f"端口 {port} 已被占用，可能直通已经在运行。请先停掉占用它的程序，或用 --port",
        )
        refused(call("serve", "--port", str(port), "--workers", "2"), "已被占用")


def test_an_address_that_is_not_here_is_a_sentence(nothing: Path) -> None:
    # 192.0.2.0/24 is for documentation (RFC 5737).
    refused(call("serve", "--host", "192.0.2.7"), "不能在 192.0.2.7 上监听")


@pytest.fixture
def empty_office(monkeypatch: pytest.MonkeyPatch, nothing: Path) -> Iterator[TestClient]:
    """A server without records, and nobody logged in."""
    hash_quickly(monkeypatch)
    made = create_app(Settings())
    with TestClient(made, base_url="https://testserver", follow_redirects=False) as client:
        yield client
    made.state.services.close()


@pytest.mark.parametrize(
    ("role", "imports"), [(Role.OFFICER, True), (Role.ADMINISTRATOR, True), (Role.COUNTY, False)]
)
def test_empty_pages_lead_to_the_import_of_who_may_and_name_them_to_others(
    empty_office: TestClient, role: Role, imports: bool
) -> None:
    log_in(empty_office, role, **SCOPES.get(role, {}))
    assert not services_of(empty_office).count(Kind.NEED)
    for path in ("/", "/?q=钢渣", "/needs", "/achievements"):
        page = empty_office.get(path).text
        assert "还没有" in page, path
        assert ('<a href="/imports/new">导入</a>' in page) is imports, path
        assert ("请招商干部或管理员" in page) is not imports, path
        assert "揭榜挂帅" not in page, path


def test_needs_alone_can_be_opened_before_there_are_achievements(empty_office: TestClient) -> None:
    log_in(empty_office, Role.OFFICER)
    services = services_of(empty_office)
    with services.writing() as session:
        CorpusRepository(session).upsert(RECORDS[:1], now_at())
    services.refresh_index(Kind.NEED)
    page = empty_office.get("/needs/N1")
    assert page.status_code == 200
    assert "没有合适的成果" in page.text
    assert "还没有成果" in empty_office.get("/?q=钢渣").text


def test_a_server_without_records_is_ready_and_one_without_its_index_is_not(
    empty_office: TestClient,
) -> None:
    assert empty_office.get("/readyz").status_code == 200
    with services_of(empty_office).writing() as session:
        CorpusRepository(session).upsert(RECORDS, now_at())
    unready = empty_office.get("/readyz")
    assert unready.status_code == 503
    assert "zhitong index build" in unready.text
