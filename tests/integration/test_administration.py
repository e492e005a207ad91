"""What administrators do: accounts, the audit log, the state of the system; and who may not."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn

import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy import Engine
from sqlmodel import Session

from api import administration, system
from api.clock import TIME_ZONE, now_at
from api.observability.metrics import exposed
from api.security.accounts import AccountRepository
from api.security.audit import Action, Actor, AuditFilter, AuditLog
from api.security.credentials import Lifetimes, SessionRepository
from api.security.errors import AccountError
from api.security.passwords import checked_password
from api.security.visitor import nobody
from api.services import Services
from api.settings import Settings
from api.tables import AuditTable
from corpus.confidentiality import Role
from corpus.model import CorpusError, Kind, Need
from corpus.repository import CorpusRepository
from matcher.ranking_models import RankingError
from tests.conftest import NOW_AT
from tests.integration.accounts import create, log_in, services_of, token
from tests.integration.office import SCOPES, TEXT, csrf, office, submit

ONE_TIME = r"<code>([a-z]{4}(?:-[a-z]{4}){3})</code>"
OWN = "quartz-lantern-meadow"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        yield made


def log(client: TestClient) -> list[tuple[Action, str, int | None]]:
    with services_of(client).reading() as session:
        return [(e.action, e.subject, e.actor.user_id) for e in AuditLog(session).entries()]


def post(client: TestClient, path: str, **fields: str) -> Any:
    """A form of the page, as a browser sends it."""
    client.headers.pop("X-CSRF-Token", None)
    page = client.get(path if path == "/admin/users" else "/admin/users").text
    return client.post(path, data={"csrf": csrf(page), **fields})


# -- accounts ------------------------------------------------------------------------------


def test_a_new_user_gets_a_password_for_one_login(client: TestClient) -> None:
    chief = log_in(client, Role.ADMINISTRATOR)
    made = post(client, "/admin/users", name="Zhao", role="县区查看", county="迁安市",
                organisation="忘了清空")  # fmt: skip
    assert made.status_code == 200
    found = re.search(ONE_TIME, made.text)
    assert found
    password = found[1]
    assert password not in client.get("/admin/users").text
    assert log(client)[0][::2] == (Action.USER_CREATED, chief.id)
    with services_of(client).reading() as session:
        rows = session.exec(AuditTable.__table__.select()).all()  # type: ignore[attr-defined]
    assert password not in str(rows)
    client.cookies.clear()
    assert submit(client, "zhao", password).status_code == 303
    for path in ("/", "/needs", "/account/tokens", "/admin/users"):
        answer = client.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/account/password"), path
    answer = client.get("/api/v1/needs")
    assert (answer.status_code, "改成自己的" in answer.text) == (403, True)
    page = client.get("/account/password")
    assert "只用来第一次登录" in page.text
    form = {"csrf": csrf(page.text), "old": password, "new": OWN, "again": OWN}
    again = {**form, "new": password, "again": password}
    assert client.post("/account/password", data=again).status_code == 400
    done = client.post("/account/password", data=form)
    assert "密码已修改" in done.text
    assert client.get("/needs").status_code == 200
    assert client.get("/api/v1/needs").json()["total"] == 1  # of his county


def test_whoever_must_change_his_password_may_log_out(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    made = client.post("/api/v1/users", json={"name": "zhao", "role": "招商干部"}).json()
    client.headers.pop("X-CSRF-Token")
    client.cookies.clear()
    submit(client, "zhao", made["password"])
    page = client.get("/account/password").text
    assert client.post("/logout", data={"csrf": csrf(page)}).headers["location"] == "/login"


SENSELESS = [
    ({"name": "user.administrator", "role": "招商干部"}, "已有用户"),
    ({"name": "x y", "role": "招商干部"}, "用户名应是"),
    ({"name": "zhao", "role": "县区查看"}, "要写明县区"),
    ({"name": "zhao", "role": "机构"}, "要写明单位"),
    ({"name": "zhao", "role": "访客"}, "不用登录"),
    ({"name": "<b>", "role": "皇帝"}, "没有这个角色"),
    ({}, "没有这个角色"),
]


def test_an_account_that_makes_no_sense_is_refused(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    for fields, why in SENSELESS:
        answer = post(client, "/admin/users", **fields)
        assert (answer.status_code, why in answer.text) == (400, True)
        assert "<b>" not in answer.text
        assert not re.search(ONE_TIME, answer.text)
    assert client.get("/api/v1/users").json()["total"] == 2


def test_a_reset_password_ends_what_was_begun_with_the_old_one(client: TestClient) -> None:
    zhao = create(services_of(client), Role.OFFICER, "zhao")
    header = {"authorization": token(services_of(client), zhao)}
    with TestClient(client.app, base_url="https://testserver") as other:
        other.follow_redirects = False
        log_in(other, Role.OFFICER, name="zhao")
        log_in(client, Role.ADMINISTRATOR)
        answer = post(client, f"/admin/users/{zhao.id}/password")
        found = re.search(ONE_TIME, answer.text)
        assert found
        assert other.get("/needs").status_code == 303
        assert client.get("/api/v1/needs", headers=header).status_code == 401
        other.cookies.clear()
        other.headers.pop("X-CSRF-Token")
        assert submit(other, "zhao", found[1]).status_code == 303
    assert (Action.PASSWORD_RESET, f"user:{zhao.id}") in [entry[:2] for entry in log(client)]


def test_logins_are_ended_and_tokens_stay(client: TestClient) -> None:
    zhao = create(services_of(client), Role.OFFICER, "zhao")
    header = {"authorization": token(services_of(client), zhao)}
    with TestClient(client.app, base_url="https://testserver") as other:
        other.follow_redirects = False
        log_in(other, Role.OFFICER, name="zhao")
        assert other.get("/needs").status_code == 200
        log_in(client, Role.ADMINISTRATOR)
        assert "已登录" in client.get(f"/admin/users/{zhao.id}").text
        answer = post(client, f"/admin/users/{zhao.id}/sessions")
        assert answer.headers["location"] == f"/admin/users/{zhao.id}?done=sessions"
        assert "登录都已结束" in client.get(answer.headers["location"]).text
        assert other.get("/needs").status_code == 303
    assert client.get("/api/v1/needs", headers=header).status_code == 200
    assert log(client)[0][:2] == (Action.SESSIONS_ENDED, f"user:{zhao.id}")


def test_roles_are_changed_accounts_disabled_and_enabled(client: TestClient) -> None:
    zhao = create(services_of(client), Role.OFFICER, "zhao")
    log_in(client, Role.ADMINISTRATOR)
    place = f"/admin/users/{zhao.id}"
    done = post(client, f"{place}/role", role="机构", county="迁安市", organisation="甲所（示例）")
    assert done.status_code == 303
    assert "甲所（示例）" in client.get(place).text
    assert post(client, f"{place}/disable").status_code == 303
    assert "停用" in client.get("/admin/users").text
    assert post(client, f"{place}/enable").status_code == 303
    assert [action for action, *_ in log(client)][:3] == [
        Action.USER_ENABLED, Action.USER_DISABLED, Action.ROLE_CHANGED,
    ]  # fmt: skip


def test_nobody_does_this_to_himself(client: TestClient) -> None:
    chief = log_in(client, Role.ADMINISTRATOR)
    for what in ("role", "disable", "password", "sessions", "enable"):
        answer = post(client, f"/admin/users/{chief.id}/{what}", role="招商干部")
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
        assert client.get("/admin/users").status_code == 200
    assert log(client) == []


def test_the_last_administrator_stays(client: TestClient) -> None:
    """Also where two administrators each turn against the other."""
    chief = log_in(client, Role.ADMINISTRATOR)
    services = services_of(client)
    [first] = [u for u in administration.users(services) if u.name == "first.admin"]
    assert post(client, f"/admin/users/{first.id}/disable").status_code == 303
    log_in(client, Role.ADMINISTRATOR, name="second")  # made beside chief
    second = create(services, Role.ADMINISTRATOR, "second")
    assert post(client, f"/admin/users/{chief.id}/role", role="招商干部").status_code == 303
    with pytest.raises(AccountError, match="最后一个管理员"):
        administration.disable(services, nobody(Actor(user_id=chief.id)), second.id)


def test_unknown_users_are_not_found(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    for number in ("999", str(2**63 - 1)):
        assert client.get(f"/admin/users/{number}").status_code == 404
        for what in ("role", "disable", "password", "sessions", "enable"):
            answer = post(client, f"/admin/users/{number}/{what}", role="招商干部")
            assert answer.status_code == 404, what
    assert client.get("/admin/users/0").status_code == 422
    assert client.get(f"/admin/users/{2**63}").status_code == 422


def test_the_api_does_the_same(client: TestClient) -> None:
    chief = log_in(client, Role.ADMINISTRATOR)
    made = client.post(
        "/api/v1/users", json={"name": "Zhao", "role": "县区查看", "county": "迁安市"}
    )
    assert made.status_code == 201
    user = made.json()["user"]
    assert (user["name"], user["must_change_password"], user["seen_at"]) == ("zhao", True, None)
    place = f"/api/v1/users/{user['id']}"

    def patch(at: str = place, **wanted: Any) -> Any:
        read = client.get(at).json()
        return client.patch(at, json={"version": read.get("version", ""), **wanted})

    changed = patch(county="遵化市")
    assert (changed.status_code, changed.json()["county"]) == (200, "遵化市")
    stale = client.patch(place, json={"version": user["version"], "disabled": True})
    assert (stale.status_code, stale.json()["title"]) == (409, "账号已有改动")
    changed = patch(role="科技特派员")
    assert (changed.json()["role"], changed.json()["county"]) == ("科技特派员", "")
    assert patch().json() == changed.json()
    assert client.patch(place, json={"disabled": True}).status_code == 422
    refused = patch(disabled=True, role="机构")  # all of it, or nothing
    assert (refused.status_code, client.get(place).json()) == (400, changed.json())
    assert patch(disabled=True).json()["disabled_at"]
    assert patch(disabled=False).json()["disabled_at"] is None
    assert client.delete(f"{place}/sessions").status_code == 204
    again = client.post(f"{place}/password").json()
    assert again["password"] != made.json()["password"]
    own = f"/api/v1/users/{chief.id}"
    for path, body in (
        (place, {"role": "机构"}),
        (own, {"disabled": True}),
        (own, {"role": "机构"}),
    ):
        refused = patch(path, **body)
        assert (refused.status_code, refused.json()["title"]) == (400, "没有完成")
    assert patch(name="other").status_code == 422
    assert patch("/api/v1/users/999", disabled=True).status_code == 404
    for name in ("", "-", "a"):  # every password holds it
        answer = client.post("/api/v1/users", json={"name": name, "role": "机构"})
        assert (answer.status_code, "用户名应是" in answer.text) == (400, True)
    assert client.post("/api/v1/users", json={"name": "a\0b", "role": "机构"}).status_code == 422
    assert [user["name"] for user in client.get("/api/v1/users").json()["users"]] == [
        "user.administrator", "first.admin", "zhao",
    ]  # fmt: skip
    actions = [action.value for action, *_ in log(client)]
    assert actions == ["重设密码", "结束登录", "启用用户", "停用用户", "修改角色", "修改角色",
                       "新建用户"]  # fmt: skip


def test_one_time_passwords_keep_the_rules() -> None:
    made = {administration.one_time_password("zhao") for _ in range(200)}
    assert len(made) == 200
    assert all(checked_password(password, "zhao") for password in made)


def test_others_are_not_led_there(client: TestClient) -> None:
    for role in (Role.OFFICER, Role.ORGANISER, Role.COUNTY):
        log_in(client, role, **SCOPES.get(role, {}))
        assert "/admin/" not in client.get("/needs").text
    log_in(client, Role.ADMINISTRATOR)
    home = client.get("/needs").text
    assert all(path in home for path in ("/admin/users", "/admin/audit", "/admin/system"))


# -- the log -------------------------------------------------------------------------------


def noted(client: TestClient, *actions: tuple[Action, Actor, str, int]) -> None:
    """Lines of so many days ago."""
    with services_of(client).writing() as session:
        for action, actor, subject, days in actions:
            AuditLog(session).note(action, actor, subject, now_at() - timedelta(days=days))


def test_the_log_is_filtered_and_paged(client: TestClient) -> None:
    chief = log_in(client, Role.ADMINISTRATOR)
    mine = Actor(user_id=chief.id)
    noted(client, *[(Action.LOGGED_IN, Actor(), f"user:{n}", 3) for n in range(100, 170)],
          (Action.EXPORTED, mine, "matches:all", 1))  # fmt: skip
    today = now_at().astimezone(TIME_ZONE).date()

    def total(**asked: Any) -> int:
        answer = client.get("/api/v1/audit", params=asked)
        assert answer.status_code == 200, answer.text
        found: int = answer.json()["total"]
        return found

    assert total() == 71
    assert total(action="登录") == 70
    assert total(user="user.administrator") == 1
    assert total(since=today - timedelta(days=2)) == 1
    assert total(until=today - timedelta(days=3)) == 70
    assert total(since=today, until="9999-12-31") == 0
    assert total(since="0001-01-01") == 71
    first = client.get("/admin/audit?action=登录").text
    assert first.count("<tr>") == 51
    follow = re.search(r'href="(/admin/audit\?[^"]+)" rel="next"', first)
    assert follow
    second = client.get(follow[1].replace("&amp;", "&")).text
    assert second.count("<tr>") == 21
    assert 'rel="prev"' in second
    assert "user:169" in first
    assert "user:100" in second
    assert "没有这样的记录" in client.get("/admin/audit?since=2099-01-01").text
    for wrong in ("action=x", "since=x", "user=nobody", "until=2026-02-31"):
        assert 'role="alert"' in client.get(f"/admin/audit?{wrong}").text
    assert client.get("/api/v1/audit?user=nobody").status_code == 404
    assert client.get("/api/v1/audit?action=x").status_code == 422


def test_the_file_of_the_log_holds_no_formula_and_is_noted(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    hostile = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\r=1", "\n=1", 'a"b,c\nd', "=cmd|' /C'!A0"]
    noted(client, *[(Action.LOGIN_FAILED, Actor(operator=text, address=text), text, 1)
                    for text in hostile])  # fmt: skip
    noted(client, *[(Action.LOGGED_IN, Actor(), f"user:{n}", 2) for n in range(1500)])
    answer = client.get("/admin/audit.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert len(rows) == 1 + len(hostile) + 1500 + 1
    assert all(len(row) == 8 for row in rows)
    assert not any(
        cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for r in rows for cell in r
    )
    assert rows[1][2] == "导出"
    only = client.get("/admin/audit.csv?action=登录失败").content.decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(only, newline="")))) == 1 + len(hostile)
    assert log(client)[0][:2] == (Action.EXPORTED, "audit")
    assert client.get("/admin/audit.csv?action=x").status_code == 404


def test_a_page_of_the_log_is_harmless(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    noted(client, (Action.EXPORTED, Actor(operator="<script>alert(1)</script>"), "<img src=x>", 0))
    page = client.get("/admin/audit").text
    assert "<img" not in page
    assert "<script>alert" not in page


# -- the system ----------------------------------------------------------------------------


def test_the_page_of_the_system_tells_how_things_stand(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    noted(client, (Action.BACKED_UP, Actor(operator="root"), "backup:20261101T000000Z", 1))
    state = client.get("/api/v1/system").json()
    assert state["database"]["kind"] == "SQLite"
    assert state["database"]["size_bytes"] > 0
    assert state["database"]["revision"] == state["database"]["program_revision"]
    assert state["home"]["size_bytes"] > state["database"]["size_bytes"] // 2
    assert state["encoder"] == "fake"
    assert state["ranking"]["hash"] == ""
    assert len(state["backups"]) == 1
    assert [index["state"] for index in state["indexes"]] == ["current", "current"]
    page = client.get("/admin/system").text
    assert "随程序提供" in page
    assert "ZHITONG_HOME" in page


def test_the_index_is_brought_up_to_date(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_in(client, Role.ADMINISTRATOR)
    services = services_of(client)
    with services.writing() as session:
        CorpusRepository(session).upsert([Need(key="N3", title="钢渣", text=TEXT)], now_at())
    assert services.indexing.lag(Kind.NEED) == 1
    monkeypatch.setattr(system, "MOST_REFRESHED", 0)
    refused = post(client, "/admin/system/refresh-index")
    assert (refused.status_code, "zhitong index build" in refused.text) == (409, True)
    monkeypatch.undo()
    assert log(client) == []


def test_a_little_is_brought_into_the_index(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    services = services_of(client)
    with services.writing() as session:
        CorpusRepository(session).upsert([Need(key="N3", title="钢渣", text=TEXT)], now_at())
    done = post(client, "/admin/system/refresh-index")
    assert done.headers["location"] == "/admin/system?done=index"
    assert services.indexing.lag(Kind.NEED) == 0
    assert {entry[:2] for entry in log(client)} == {
        (Action.INDEX_REFRESHED, "index:need"), (Action.INDEX_REFRESHED, "index:achievement"),
    }  # fmt: skip


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://zhitong:hunter22@db.example/zhitong?password=hunter22&sslmode=require",
        "postgresql://zhitong:hunter22@db.example",
        "hunter22 is no address",
    ],
)
def test_secrets_among_the_settings_are_not_shown(tmp_path: Path, url: str) -> None:
    settings = Settings(home=tmp_path, database_url=url, session_hours=8)
    shown = {one.name: one.value for one in system.settings_made(settings)}
    assert "hunter22" not in str(shown)
    assert shown["ZHITONG_SESSION_HOURS"] == "8"
    assert system._shown("x", SecretStr("hunter22")) == "（已设置，不显示）"


def test_both_databases_tell_their_size_and_who_is_logged_in(engine: Engine) -> None:
    found = system._database(engine)
    assert found.size_bytes > 0
    assert found.kind in {"SQLite", "PostgreSQL"}
    lifetimes = Lifetimes(timedelta(hours=1), timedelta(hours=9))
    with Session(engine) as session:
        accounts, sessions = AccountRepository(session), SessionRepository(session, lifetimes)
        one, two = (accounts.create(name, Role.OFFICER, OWN, NOW_AT) for name in ("one", "two"))
        sessions.open(one.id, NOW_AT - timedelta(minutes=5))
        sessions.open(one.id, NOW_AT - timedelta(minutes=2))
        sessions.open(two.id, NOW_AT - timedelta(hours=2))
        assert accounts.open_sessions(lifetimes, NOW_AT) == {one.id: NOW_AT - timedelta(minutes=2)}
        log = AuditLog(session)
        for days in (3, 2, 1):
            log.note(Action.LOGGED_IN, Actor(one.id), "", NOW_AT - timedelta(days=days))
        where = AuditFilter(user_id=one.id, before_at=NOW_AT - timedelta(days=1))
        assert log.count(where) == 2
        assert [entry.happened_at for entry in log.page(where, 1, 5)] == [
            NOW_AT - timedelta(days=3)
        ]


# -- watching ------------------------------------------------------------------------------


def test_figures_are_for_the_administrator(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    client.get("/needs")
    shown = client.get("/metrics").text
    counted = 'zhitong_http_requests_total{method="GET",route="/needs",status="2xx"}'
    assert counted in shown
    assert "zhitong_sessions 1.0" in shown
    log_in(client, Role.OFFICER)
    assert client.get("/metrics").status_code == 403


def test_a_database_that_is_down_is_a_figure(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def down(_: Services) -> NoReturn:
        raise CorpusError("down")

    services = services_of(client)
    monkeypatch.setattr(Services, "reading", down)
    shown = exposed(services).decode()
    assert "zhitong_database_up 0.0" in shown
    assert "zhitong_sessions" not in shown


def test_made_up_methods_and_paths_make_no_figures(client: TestClient) -> None:
    for n in range(3):
        client.request(f"MADEUP{n}", "/needs")
        client.get(f"/made-up-{n}")
    assert not re.search("(?i)made-?up", exposed(services_of(client)).decode())


def test_readiness_names_a_ranking_model_that_does_not_fit(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert client.get("/readyz").status_code == 200

    def unfit(_: Services) -> NoReturn:
        raise RankingError("排序模型不适用于本版程序。")

    monkeypatch.setattr(Services, "ranking_model", unfit)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["problems"] == ["排序模型：排序模型不适用于本版程序。"]
    services_of(client).prepare()  # and the server starts
    log_in(client, Role.ADMINISTRATOR)
    assert "不适用于本版程序" in client.get("/admin/system").text
