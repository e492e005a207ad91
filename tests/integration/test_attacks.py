"""Attempts to get around the accounts, and what must stay open."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.clock import now_at
from api.security.accounts import AccountRepository
from api.security.audit import Action, AuditLog
from api.security.secrets import form_token
from api.settings import Settings
from api.web.accounts import safe_next
from corpus.confidentiality import Role
from matcher.repository import FeedbackRepository
from tests.integration.accounts import create, log_in, services_of, token
from tests.integration.office import (
    BODY,
    PASSWORD,
    csrf,
    office,
    submit,
    with_password,
)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        yield made


def test_a_forged_or_foreign_cookie_is_nobody(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    secret = client.cookies["__Host-zhitong"]
    forged = [secret[:-1] + ("A" if secret[-1] != "A" else "B"), secret + "A", secret.upper(),
              "", "x" * 5000, "1", "' OR 1=1 --", form_token(secret)]  # fmt: skip
    for value in forged:
        client.cookies.clear()
        answer = client.get("/api/v1/needs", headers={"cookie": f"__Host-zhitong={value}"})
        assert answer.status_code == 401, value
    # The cookie of plain http is none here.
    assert client.get("/api/v1/needs", headers={"cookie": f"zhitong={secret}"}).status_code == 401
    client.cookies.set("__Host-zhitong", secret)
    assert client.get("/api/v1/needs").status_code == 200


def test_a_token_opens_the_api_and_nothing_else(client: TestClient) -> None:
    services = services_of(client)
    account = create(services, Role.OFFICER)
    good = token(services, account)
    assert client.get("/api/v1/needs", headers={"authorization": good}).status_code == 200
    assert client.get("/openapi.json", headers={"authorization": good}).status_code == 200
    assert client.get("/needs", headers={"authorization": good}).status_code == 303
    posted = client.post("/api/v1/feedback", json=BODY, headers={"authorization": good})
    assert posted.status_code == 201
    for bad in (good[:-1], good + "x", good.replace("Bearer", "Basic"), "Bearer", "Bearer ",
                "Bearer zt_", f"Bearer {'x' * 5000}"):  # fmt: skip
        answer = client.get("/api/v1/needs", headers={"authorization": bad})
        assert answer.status_code == 401, bad
        assert answer.headers["www-authenticate"].startswith("Bearer")
    with services.writing() as session:
        AccountRepository(session).disable(account.name, now_at())
    assert client.get("/api/v1/needs", headers={"authorization": good}).status_code == 401


def test_one_makes_and_revokes_one_s_own_tokens_only(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    page = client.post("/account/tokens", data={"name": "<b>脚本</b>", "days": "30"})
    found = re.search(r"<code>(zt_[\w-]+)</code>", page.text)
    assert found
    assert "<b>" not in page.text
    again = client.get("/account/tokens").text
    assert found[1] not in again
    header = {"authorization": f"Bearer {found[1]}"}
    assert client.post("/account/tokens", data={"name": "", "days": "30"}).status_code == 400
    assert client.post("/account/tokens", data={"name": "x", "days": "999"}).status_code == 400
    with TestClient(client.app, base_url="https://testserver") as other:
        log_in(other, Role.ADMINISTRATOR)
        theirs, none = (other.post(f"/account/tokens/{n}/revoke") for n in (1, 99))
        assert (theirs.status_code, none.status_code) == (404, 404)
        assert "脚本" not in other.get("/account/tokens").text
    client.cookies.clear()
    assert client.get("/api/v1/needs", headers=header).status_code == 200
    assert client.post("/account/tokens/1/revoke", headers=header).status_code == 401
    log_in(client, Role.OFFICER)
    assert client.post("/account/tokens/1/revoke").headers["location"] == "/account/tokens"
    client.cookies.clear()
    assert client.get("/api/v1/needs", headers=header).status_code == 401
    with services_of(client).reading() as session:
        actions = [entry.action for entry in AuditLog(session).entries()]
    assert actions == [Action.TOKEN_REVOKED, Action.TOKEN_CREATED]


def test_another_role_ends_the_session(client: TestClient) -> None:
    account = log_in(client, Role.OFFICER)
    assert client.get("/api/v1/needs").status_code == 200
    services = services_of(client)
    with services.writing() as session:
        AccountRepository(session).set_role(account.name, Role.COUNTY, now_at(), "迁安市")
    assert client.get("/api/v1/needs").status_code == 401


def test_a_form_without_its_token_or_with_another_s_changes_nothing(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    mine = client.headers.pop("X-CSRF-Token")
    with TestClient(client.app, base_url="https://testserver") as other:
        log_in(other, Role.ADMINISTRATOR)
        theirs = other.headers["X-CSRF-Token"]
    for wrong in ({}, {"csrf": ""}, {"csrf": theirs}, {"csrf": mine[:-1]}, {"csrf": mine + "0"},
                  {"csrf": "ﾀ"}):  # fmt: skip
        for path in ("/logout", "/account/password"):
            assert client.post(path, data=wrong).status_code == 403
    for headers in ({}, {"X-CSRF-Token": theirs}):
        answer = client.post("/api/v1/feedback", json=BODY, headers=headers)
        assert answer.status_code == 403
        assert "页面已过期" in answer.json()["title"]
        assert client.delete("/api/v1/feedback/1", headers=headers).status_code == 403
    with services_of(client).reading() as session:
        assert FeedbackRepository(session).entry(1).undone_at is None
    several = client.post("/logout", files={"csrf": (None, mine), "file": ("a", b"b")})
    assert several.status_code == 303


def test_logging_in_needs_a_form_of_this_browser(client: TestClient) -> None:
    with_password(client)
    form = {"name": "ligong", "password": PASSWORD}
    assert client.post("/login", data=form).status_code == 403
    with TestClient(client.app, base_url="https://testserver") as other:
        theirs = csrf(other.get("/login").text)
    answer = client.post("/login", data={**form, "csrf": theirs})
    assert answer.status_code == 403
    assert "ZHITONG_PLAIN_HTTP" in answer.text
    client.get("/login")
    assert client.post("/login", data={**form, "csrf": theirs}).status_code == 403


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "https://testserver.evil.example"}, 403),
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": "https://testserver"}, 303),
    ],
)
def test_another_site_s_page_sends_in_vain(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    log_in(client, Role.OFFICER)
    assert client.post("/logout", headers=headers).status_code == status


@pytest.mark.parametrize(
    "wanted",
    ["//evil", "///evil", "\\\\evil", "/\\evil", "https:evil", "https://evil", "/\t/evil",
     "\t//evil", "/\n/evil", "javascript:alert(1)", "evil", "", " //evil", "/\u202eevil", "http:///evil",
     "//user@evil/", "/\r\nSet-Cookie: x=1", "/%0d%0a\r"],
)  # fmt: skip
def test_nobody_is_sent_to_another_site(client: TestClient, wanted: str) -> None:
    assert safe_next(wanted) == "/"
    with_password(client)
    answer = submit(client, "ligong", PASSWORD, next=wanted)
    home = "/" if wanted else "/desk"  # nothing was asked for
    assert (answer.status_code, answer.headers["location"]) == (303, home)
    again = client.get("/login", params={"next": wanted})
    assert again.headers["location"] == "/"


@pytest.mark.parametrize("wanted", ["/", "/needs", "/needs/N%2F1?a=//b", "/?q=钢渣 微粉&kind=need"])
def test_a_place_on_this_site_is_gone_to(wanted: str) -> None:
    assert safe_next(wanted) == wanted


@pytest.mark.parametrize(
    "path",
    ["../app.py", "..%2fapp.py", "%2e%2e/app.py", "..%5capp.py", "%2e%2e%2f%2e%2e%2fetc/passwd",
     "/etc/passwd", "....//app.py", "zhitong.css/../../pages.py", "%00", "..%c0%afapp.py",
     "../templates/base.html"],
)  # fmt: skip
def test_no_path_leads_out_of_the_static_files(client: TestClient, path: str) -> None:
    create(services_of(client), Role.ADMINISTRATOR)
    answer = client.get(f"/static/{path}")
    assert answer.status_code in {303, 404, 405}
    assert "import" not in answer.text


def test_too_much_is_refused_before_it_is_read(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    for body in (b"x" * (1024**2 + 1), iter([b"x" * 1024**2, b"x"])):
        answer = client.post(
            "/api/v1/feedback", content=body, headers={"content-type": "application/json"}
        )
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
    answer = client.post("/account/password", data={"csrf": "x" * 1024**2})
    assert answer.status_code in {403, 413}


def test_who_asks_too_often_has_to_wait(
    monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    monkeypatch.setenv("ZHITONG_REQUESTS_PER_MINUTE", "3")
    with TestClient(create_app(Settings()), base_url="https://testserver") as limited:
        log_in(limited, Role.OFFICER)
        answers = [limited.get("/api/v1/feedback") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert answers[-1].headers["content-type"] == "application/problem+json"
        assert 1 <= int(answers[-1].headers["retry-after"]) <= 21
        assert limited.get("/static/zhitong.css").status_code == 200
        assert limited.get("/healthz").status_code == 200
        limited.cookies.clear()
        guesses = [
            limited.get("/api/v1/needs", headers={"authorization": f"Bearer zt_{number}"})
            for number in range(4)
        ]
        assert [guess.status_code for guess in guesses] == [401, 401, 401, 429]
        log_in(limited, Role.ORGANISER)  # has an allowance of its own
        assert limited.get("/api/v1/feedback").status_code == 200


def test_the_demonstration_is_open_as_one_role_and_says_so(
    monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    with TestClient(create_app(Settings(), open_as=Role.OFFICER)) as shown:
        page = shown.get("/")
        assert "无需登录，身份是“招商干部”" in page.text
        assert shown.get("/api/v1/needs").status_code == 200
        assert shown.post("/api/v1/feedback", json=BODY).status_code == 201
        evil = {"origin": "https://evil.example"}
        assert shown.post("/api/v1/feedback", json=BODY, headers=evil).status_code == 403
    for role in (Role.COUNTY, Role.INSTITUTION, Role.GUEST):
        with pytest.raises(ValueError, match="without an account"):
            create_app(Settings(), open_as=role)


def test_a_session_is_noted_as_used_without_waiting_for_a_writer(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    services = services_of(client)
    with services.database.begin() as connection:
        connection.exec_driver_sql("UPDATE user_session SET seen_at = '2026-01-01'")
    # As good as idle for long: not a session any more.
    assert client.get("/api/v1/needs").status_code == 401
    log_in(client, Role.OFFICER)

    def seen() -> list[Any]:
        with services.database.connect() as connection:
            return list(connection.exec_driver_sql("SELECT seen_at FROM user_session").scalars())

    with services.database.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE user_session SET seen_at = datetime('now', '-10 minutes') || '.000000'"
        )
    before = seen()
    with services.writing() as session:
        session.connection()  # the writer is at work
        assert client.get("/api/v1/needs").status_code == 200
        assert seen() == before
    assert client.get("/api/v1/needs").status_code == 200
    assert seen() > before
