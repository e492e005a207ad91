"""Users, tokens, the audit log and the table of routes by command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session
from typer.testing import CliRunner, Result

from api.cli import app
from api.clock import now_at
from api.security.audit import Actor
from api.security.credentials import TokenRepository
from api.security.errors import LoginRefusedError
from api.security.policy import POLICY
from api.services import Services
from api.settings import Settings
from corpus.model import Contact, ContactKind, Need
from corpus.repository import CorpusRepository
from tests.integration.faked import use_fakes
from tests.integration.office import hash_quickly

Invoke = Callable[..., Result]
PASSWORD, OTHER = "kilo-trumpet-stone", "八只青蛙跳进旧水缸里面去了"


@pytest.fixture
def invoke(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Invoke:
    monkeypatch.setenv("COLUMNS", "300")
    use_fakes(monkeypatch, tmp_path / "home")
    hash_quickly(monkeypatch)
    return lambda *arguments, given="": CliRunner().invoke(app, list(arguments), input=given)


@pytest.fixture
def services(invoke: Invoke) -> Iterator[Services]:
    made = Services(Settings())
    yield made
    made.close()


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(result: Result, sentence: str) -> None:
    assert sentence in result.stderr.replace("\n", ""), result.output
    assert result.exit_code == 2


def log_in(services: Services, name: str, password: str) -> bool:
    try:
        services.door.log_in(name, password, Actor(address="192.0.2.1"))
    except LoginRefusedError:
        return False
    return True


def audit(invoke: Invoke, *arguments: str) -> Any:
    return json.loads(said(invoke("audit", "list", "--json", *arguments)))


def test_the_first_administrator_and_the_others(invoke: Invoke, services: Services) -> None:
    assert "zhitong user create-admin" in said(invoke("user", "list"))
    assert "已新建管理员 chief" in said(invoke("user", "create-admin", "Chief", given=PASSWORD))
    assert log_in(services, "chief", PASSWORD)
    create = ("user", "create", "ligong", "--role", "县区查看")
    refused(invoke(*create), "写明县区")
    made = invoke(*create, "--county", "迁安市", given=f"{PASSWORD}\r\nmore")
    assert "已新建用户 ligong（县区查看）" in said(made)
    refused(invoke("user", "create-admin", "chief", given=OTHER), "已有用户 chief")
    refused(invoke("user", "create-admin", "a b", given=OTHER), "用户名应是")
    refused(invoke("user", "create-admin", "wang", given="123456789012"), "只由常见的词")
    refused(invoke("user", "create-admin", "wang"), "密码太短")
    table = said(invoke("user", "list"))
    assert all(word in table for word in ("chief", "管理员", "ligong", "县区查看", "迁安市"))
    users = json.loads(said(invoke("user", "list", "--json")))
    assert [(user["name"], user["county"]) for user in users] == [
        ("chief", ""),
        ("ligong", "迁安市"),
    ]
    assert "argon2" not in json.dumps(users)


def test_no_password_is_taken_from_an_argument(invoke: Invoke) -> None:
    for command in ("create", "create-admin", "reset-password"):
        assert "--password" not in said(invoke("user", command, "--help"))


def test_an_account_is_changed_and_the_log_tells(invoke: Invoke, services: Services) -> None:
    said(invoke("user", "create-admin", "chief", given=PASSWORD))
    said(invoke("user", "create", "ligong", "--role", "招商干部", given=PASSWORD))
    refused(invoke("user", "disable", "chief"), "最后一个管理员")
    assert "已停用 ligong" in said(invoke("user", "disable", "ligong"))
    assert not log_in(services, "ligong", PASSWORD)
    assert "停用" in said(invoke("user", "list"))
    said(invoke("user", "enable", "ligong"))
    assert log_in(services, "ligong", PASSWORD)
    shown = said(invoke("user", "set-role", "ligong", "机构", "--organisation", "甲所（示例）"))
    assert "ligong 现在是机构" in shown
    said(invoke("user", "reset-password", "ligong", given=OTHER))
    assert not log_in(services, "ligong", PASSWORD)
    assert log_in(services, "ligong", OTHER)
    refused(invoke("user", "disable", "nobody"), "没有用户 nobody")
    log = audit(invoke)
    assert [entry["action"] for entry in reversed(log)] == [
        "新建用户", "新建用户", "停用用户", "登录失败", "启用用户", "登录", "修改角色", "重设密码",
        "登录失败", "登录",
    ]  # fmt: skip
    assert log[0]["user"] == "ligong"
    assert log[0]["address"] == "192.0.2.1"
    assert log[2]["operator"]
    assert {entry["subject"] for entry in log} == {"user:1", "user:2"}
    assert not any(word in json.dumps(log) for word in (PASSWORD, OTHER))
    assert [e["action"] for e in audit(invoke, "--action", "修改角色")] == ["修改角色"]
    assert audit(invoke, "--since", "2999-01-01") == []
    assert len(audit(invoke, "--since", "2026-01-01T08:30", "-n", "2")) == 2
    refused(invoke("audit", "list", "--since", "昨天"), "无法识别")
    assert "命令行" in said(invoke("audit", "list"))


def test_a_token_is_shown_once_and_revoked(invoke: Invoke, services: Services) -> None:
    said(invoke("user", "create-admin", "chief", given=PASSWORD))
    assert "没有令牌" in said(invoke("token", "list"))
    made = invoke("token", "create", "chief", "--name", "[每晚]", "--days", "30")
    secret = said(made).strip()
    assert "只显示这一次" in made.stderr
    as_json = json.loads(said(invoke("token", "create", "chief", "--name", "b", "--json")))
    assert as_json["token"].startswith("zt_")

    def works(token: str) -> bool:
        with Session(services.database) as session:
            return TokenRepository(session).find(token, now_at()) is not None

    assert works(secret)
    listed = said(invoke("token", "list", "chief"))
    assert "[每晚]" in listed
    assert secret not in listed + said(invoke("token", "list", "--json"))
    assert "已吊销 chief 的令牌 1" in said(invoke("token", "revoke", "1"))
    assert not works(secret)
    assert "已吊销" in said(invoke("token", "list"))
    refused(invoke("token", "revoke", "9"), "没有编号为 9 的令牌")
    refused(invoke("token", "create", "nobody", "--name", "x"), "没有用户 nobody")
    refused(invoke("token", "create", "chief", "--name", "x", "--days", "999"), "1 到 366 天")
    said(invoke("user", "reset-password", "chief", given=OTHER))
    assert not works(as_json["token"])
    assert secret not in json.dumps(audit(invoke))
    assert {entry["subject"] for entry in audit(invoke, "--action", "新建令牌")} == {
        "token:1", "token:2",
    }  # fmt: skip


def test_contacts_seen_and_exports_are_noted(
    invoke: Invoke, services: Services, tmp_path: Path
) -> None:
    with services.writing() as session:
        phone = (Contact(ContactKind.PHONE, "13900000000"),)
        needs = [Need(key="N1", title="钢渣", contacts=phone), Need(key="N2", title="废水")]
        CorpusRepository(session).upsert(needs, now_at())
    assert "13900000000" in said(invoke("record", "show", "N1", "--kind", "needs"))
    said(invoke("record", "show", "N2", "--kind", "needs"))
    said(invoke("record", "show", "N1", "--kind", "needs", "--role", "科技特派员"))
    said(invoke("feedback", "export", "--qrels", str(tmp_path / "判定.txt")))
    log = [(entry["action"], entry["subject"]) for entry in audit(invoke)]
    assert log == [("导出", "feedback:qrels"), ("查看联系方式", "need:N1")]
    assert "13900000000" not in json.dumps(audit(invoke))


def test_the_table_of_routes_is_the_one_that_is_used(invoke: Invoke) -> None:
    rows = json.loads(said(invoke("routes", "--json")))
    assert {(row["method"], row["path"]) for row in rows} == set(POLICY)
    needs = next(row for row in rows if row["path"] == "/api/v1/needs")
    assert needs["roles"]["县区查看"] == "本县需求"
    assert needs["roles"]["招商干部"] == "全部"
    judging = next(row for row in rows if row["path"] == "/api/v1/feedback/{feedback_id}")
    assert judging["roles"]["机构"] is None
    table = said(invoke("routes"))
    assert "/api/v1/needs/{need_id:path}/matches" in table
    assert "本单位成果" in table


@pytest.mark.parametrize(
    ("options", "plain", "sentence"),
    [
        (["--demo", "--host", "192.0.2.9"], "", "只能在本机打开"),
        (["--host", "192.0.2.9"], "true", "ZHITONG_PLAIN_HTTP 只用于本机"),
        (["--host", "example.org"], "true", "ZHITONG_PLAIN_HTTP 只用于本机"),
    ],
)  # fmt: skip
def test_what_is_for_this_machine_is_not_served_to_others(
    invoke: Invoke, monkeypatch: pytest.MonkeyPatch, options: list[str], plain: str, sentence: str
) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: pytest.fail("it serves"))
    monkeypatch.setenv("ZHITONG_PLAIN_HTTP", plain)
    refused(invoke("serve", *options), sentence)


def test_serving_says_who_can_log_in(invoke: Invoke, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: None)
    assert "zhitong user create-admin" in invoke("serve").stderr
    said(invoke("user", "create-admin", "chief", given=PASSWORD))
    assert "create-admin" not in invoke("serve").stderr
    assert "不用登录就是“招商干部”" in invoke("serve", "--demo").stderr
