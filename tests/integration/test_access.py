"""Who gets where: every route × role, rows, logging in."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.clock import now_at
from api.security.accounts import ROLES
from api.security.audit import Action, AuditLog
from api.security.policy import POLICY, places, rule_for
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.dictionary.model import TermKind, checked_entry
from corpus.dictionary.repository import DictionaryRepository
from corpus.duplicates.detect import DuplicatePair
from corpus.duplicates.groups import DuplicateGroup
from corpus.duplicates.repository import DuplicateRepository
from corpus.model import Kind
from corpus.repository import CorpusRepository
from matcher.engine import MatchEngine
from matcher.feedback import Pair
from matcher.ranking_models import RankingError
from matcher.shortlist_repository import ShortlistRepository
from tests.integration.accounts import create, log_in, services_of
from tests.integration.office import (
    BODY,
    PASSWORD,
    RECORDS,
    SCOPES,
    csrf,
    office,
    submit,
    with_password,
)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        yield made


# -- every route × role --------------------------------------------------------------------


def all_keys(client: TestClient) -> list[tuple[str, str]]:
    return [key for place in places(client.app.routes) for key in place.keys]  # type: ignore[attr-defined]


def test_every_route_has_a_rule_and_every_rule_a_route(client: TestClient) -> None:
    keys = all_keys(client)
    assert set(keys) == set(POLICY), "say in api/security/policy.py who may use the route"
    assert len(keys) == len(set(keys))


FILLED = {
    "token_id": "1", "key": "N1", "need_id": "N1", "achievement_id": "A1", "feedback_id": "1",
    "search_id": "1", "form": "docx", "upload_id": "1", "import_id": "1", "row_number": "2",
    "user_id": "1", "group_id": "1", "term_id": "1", "organisation_id": "2",
}  # fmt: skip
QUERIES = {
    "/api/v1/search": "?q=x",
    "/api/v1/facets": "?kind=need",
    "/contacts": "?kind=need&id=N1",
    "/api/v1/contacts": "?kind=need&id=N1",
    "/api/v1/contacts/consent": "?kind=need&id=N1",
}
BODIES: dict[str, Any] = {
    "/api/v1/feedback": BODY,
    "/api/v1/dictionary/terms": {"kind": "新词", "term": "氢基竖窑炉"},
}
NOBODY_HAS = re.compile(r"/revoke$|/imports/|{search_id}")
"""Paths of what is not there in these tests: a token, an import, a saved search."""


def draft_a_word(services: Services) -> None:
    with services.writing() as session:
        entry = checked_entry(TermKind.STOP, "采用")
        DictionaryRepository(session).add(entry, "", "李工", now_at())


def propose_a_group(services: Services) -> None:
    """So that there is something to decide on."""
    with services.writing() as session:
        repository = CorpusRepository(session)
        one, other = (repository.require(Kind.ACHIEVEMENT, key).id for key in ("A1", "A2"))
        pair = DuplicatePair(one, other, 0.9, "名称相近")
        group = DuplicateGroup((one, other), (pair,), pair.reason, one)
        DuplicateRepository(session).record_groups(Kind.ACHIEVEMENT, [group], now_at())


def own_list(client: TestClient, account: str) -> dict[str, str]:
    """A shortlist of somebody's own with one pair in it, as ``FILLED`` names them."""
    with services_of(client).writing() as session:
        lists = ShortlistRepository(session)
        made = lists.create(account, f"清单 {uuid.uuid4().hex}", "", now_at())
        pair = Pair("N1", "A1")
        entry = lists.add(made, pair, "", account, None, now_at()).entry
        return {"shortlist_id": str(made.id), "entry_id": str(entry.id)}


def address(path: str, own: dict[str, str]) -> str:
    if path.startswith("/achievements/"):
        return "/achievements/A1"
    if path == "/static":
        return "/static/zhitong.css"
    query = QUERIES.get(path, "")
    return re.sub(r"{(\w+)(?::path)?}", lambda m: {**FILLED, **own}[m[1]], path) + query


@pytest.mark.parametrize("role", [None, *ROLES], ids=lambda role: role.name if role else "NOBODY")
def test_every_route_and_role_gets_what_the_table_says(
    client: TestClient, role: Role | None
) -> None:
    create(services_of(client), Role.ADMINISTRATOR)
    propose_a_group(services_of(client))
    draft_a_word(services_of(client))
    for method, path in all_keys(client):
        if role is not None:
            log_in(client, role, **SCOPES.get(role, {}))
        rule = rule_for(method, path)
        assert rule is not None
        body = BODIES.get(path, {}) if method == "POST" else None
        own = own_list(client, f"user.{role.name.lower()}" if role else "nobody")
        answer = client.request(method, address(path, own), json=body)
        at = f"{method} {path}: {answer.status_code} {answer.text[:200]}"
        if role is None and path == "/login" and method == "POST":
            assert answer.status_code == 403, at  # no form of this browser
        elif rule.public:
            assert answer.status_code in {200, 303, 503, 401}, at
        elif role is None:
            is_page = method == "GET" and not path.startswith(("/api/", "/openapi", "/metrics"))
            assert answer.status_code == (303 if is_page else 401), at
            assert answer.headers.get("location", "/login").startswith("/login"), at
        elif role in rule.roles:
            assert answer.status_code not in {401, 500}, at
            assert answer.status_code != 404 or NOBODY_HAS.search(path), at
            assert "不能做这件事" not in answer.text, at
            assert "页面已过期" not in answer.text, at
            to_login = answer.headers.get("location", "").startswith("/login")
            assert to_login == (path == "/logout"), at
        else:
            assert answer.status_code == 403, at
            assert "不能做这件事" in answer.text, at


def test_a_route_without_a_rule_is_closed_even_to_the_administrator(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    app: Any = client.app
    app.get("/forgotten")(lambda: {"leak": True})
    app.middleware_stack = None  # as if started with it
    answer = client.get("/forgotten")
    assert (answer.status_code, "leak" in answer.text) == (403, False)


def test_what_no_route_answers_ends_before_the_app(client: TestClient) -> None:
    create(services_of(client), Role.ADMINISTRATOR)
    assert client.get("/none").status_code == 404
    assert client.get("/api/v1/none").json()["detail"] == "没有 /api/v1/none 这个地址。"
    answer = client.put("/api/v1/feedback")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET, POST")
    assert client.head("/api/v1/needs").status_code == 405
    assert client.head("/needs").status_code == 303


# -- rows ----------------------------------------------------------------------------------


def ids(answer: Any) -> list[str]:
    assert answer.status_code == 200, answer.text
    body = answer.json()
    if "records" in body:
        assert body["total"] == len(body["records"])
        return [record["id"] for record in body["records"]]
    return sorted(match["document"]["id"] for match in body["matches"])


def pairs(answer: Any) -> list[tuple[str, str]]:
    body = answer.json()
    assert body["total"] == len(body["entries"])
    return sorted((entry["need"], entry["achievement"]) for entry in body["entries"])


VIEWS = {
    Role.OFFICER: (["N1", "N2"], ["A1", "A2"]),
    Role.COUNTY: (["N1"], ["A1", "A2"]),
    Role.INSTITUTION: (["N1", "N2"], ["A1"]),
}


@pytest.mark.parametrize("role", VIEWS, ids=lambda role: role.name)
def test_a_scope_holds_in_every_list_search_match_and_feedback(
    client: TestClient, role: Role
) -> None:
    log_in(client, role, **SCOPES.get(role, {}))
    needs, achievements = VIEWS[role]
    search = "/api/v1/search?q=钢渣微粉&limit=50&kind="
    for _ in range(2):  # the second time from the cache of filters
        assert ids(client.get("/api/v1/needs")) == needs
        assert ids(client.get("/api/v1/achievements")) == achievements
        assert ids(client.get(f"{search}need")) == needs
        assert ids(client.get(f"{search}achievement")) == achievements
        for need in needs:
            assert ids(client.get(f"/api/v1/needs/{need}/matches")) == achievements
        for achievement in achievements:
            assert ids(client.get(f"/api/v1/achievements/{achievement}/matches")) == needs
        # Another account asks the same in between.
        with TestClient(client.app, base_url="https://testserver") as other:
            log_in(other, Role.ADMINISTRATOR)
            assert ids(other.get(f"{search}need")) == ["N1", "N2"]
            assert ids(other.get(f"{search}achievement")) == ["A1", "A2"]
    everything = [("N1", "A1"), ("N1", "A2"), ("N2", "A2")]
    inside = [p for p in everything if p[0] in needs and p[1] in achievements]
    assert pairs(client.get("/api/v1/feedback")) == inside
    pages = client.get("/needs").text + client.get("/achievements").text
    pages += client.get("/?q=钢渣微粉").text + client.get("/?q=钢渣微粉&kind=need").text
    pages += client.get("/achievements/A1").text + client.get("/needs/N1").text
    for key in {"N1", "N2", "A1", "A2"} - {*needs, *achievements}:
        title = next(record.title for record in RECORDS if record.key == key)
        assert title not in re.sub(r"<[^>]+>", "", pages)
        assert f"/{key}" not in pages
    totals = client.get("/").text
    assert f"成果（{len(achievements)}）" in totals
    assert f"需求（{len(needs)}）" in totals


@pytest.mark.parametrize(
    ("role", "kind", "key"),
    [(Role.COUNTY, "needs", "N2"), (Role.INSTITUTION, "achievements", "A2")],
)
def test_the_id_of_another_is_as_if_it_were_not(
    client: TestClient, role: Role, kind: str, key: str
) -> None:
    log_in(client, role, **SCOPES[role])
    for place in (f"/api/v1/{kind}/{key}", f"/api/v1/{kind}/{key}/matches", f"/{kind}/{key}"):
        theirs, none = client.get(place), client.get(place.replace(key, "X9"))
        assert theirs.status_code == none.status_code == 404
        assert theirs.text.replace(key, "X9").replace("X9", "") == none.text.replace("X9", "")
    asked = {"need": "N2"} if kind == "needs" else {"achievement": "A2"}
    assert client.get("/api/v1/feedback", params=asked).json()["total"] == 0


def test_a_judgement_is_one_s_own_and_others_take_it_back_only_with_the_right(
    client: TestClient,
) -> None:
    log_in(client, Role.COMMISSIONER)
    given = client.post("/api/v1/feedback", json=BODY)
    assert (given.status_code, given.json()["rater"]) == (201, "user.commissioner")
    forged = client.post("/api/v1/feedback", json={**BODY, "rater": "李工"})
    assert forged.status_code == 422
    place = f"/api/v1/feedback/{given.json()['id']}"
    log_in(client, Role.ORGANISER)
    assert client.delete(place).status_code == 403
    assert client.delete("/api/v1/feedback/1").status_code == 403
    log_in(client, Role.OFFICER)
    assert client.delete(place).json()["undone_by"] == "user.officer"


# -- logging in ----------------------------------------------------------------------------


def test_until_there_is_an_administrator_a_page_says_what_to_do(client: TestClient) -> None:
    for path in ("/", "/login", "/needs/N1", "/api/v1/needs", "/openapi.json"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert "zhitong user create-admin" in answer.text
    assert client.get("/healthz").status_code == 200
    assert client.get("/readyz").status_code == 200
    assert client.get("/static/zhitong.css").status_code == 200
    create(services_of(client), Role.ADMINISTRATOR)
    assert client.get("/login").status_code == 200


def test_somebody_logs_in_goes_on_and_logs_out(client: TestClient) -> None:
    with_password(client)
    sent = client.get("/needs?offset=0")
    assert sent.headers["location"] == "/login?next=%2Fneeds%3Foffset%3D0"
    page = client.get(sent.headers["location"])
    assert 'value="/needs?offset=0"' in page.text
    answer = submit(client, "LiGong", PASSWORD, next="/needs?offset=0")
    assert (answer.status_code, answer.headers["location"]) == (303, "/needs?offset=0")
    session = next(c for c in answer.headers.get_list("set-cookie") if "zhitong=" in c)
    assert session.startswith("__Host-zhitong=")
    assert {"HttpOnly", "Secure", "SameSite=lax", "Path=/"} <= set(session.split("; "))
    assert "Domain" not in session
    home = client.get("/needs")
    assert "ligong（招商干部）" in home.text
    assert home.headers["cache-control"] == "no-store"
    secret = client.cookies["__Host-zhitong"]
    out = client.post("/logout", data={"csrf": csrf(home.text)})
    assert out.headers["location"] == "/login"
    assert client.get("/needs").status_code == 303
    client.cookies.set("__Host-zhitong", secret)  # kept by a thief
    assert client.get("/needs").status_code == 303
    with services_of(client).reading() as reading:
        entries = AuditLog(reading).entries()
    assert [entry.action for entry in entries] == [Action.LOGGED_OUT, Action.LOGGED_IN]
    assert {entry.user for entry in entries} == {"ligong"}
    assert all(entry.actor.address == "testclient" for entry in entries)
    assert entries[0].actor.request_id == out.headers["x-request-id"]


def test_on_plain_http_the_cookie_is_another(
    monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    with_password(client)
    monkeypatch.setenv("ZHITONG_PLAIN_HTTP", "true")
    with TestClient(create_app(Settings()), follow_redirects=False) as plain:
        answer = submit(plain, "ligong", PASSWORD)
        session = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("zhitong="))
        assert "Secure" not in session
        assert "HttpOnly" in session
        assert plain.get("/needs").status_code == 200
        assert "strict-transport-security" not in plain.get("/").headers
    assert client.get("/login").headers["strict-transport-security"]


def test_a_login_is_never_the_session_that_was_there(client: TestClient) -> None:
    with_password(client)
    client.cookies.set("__Host-zhitong", "planted", domain="testserver.local")
    assert submit(client, "ligong", PASSWORD).status_code == 303
    first = client.cookies["__Host-zhitong"]
    assert first != "planted"
    client.cookies.clear()
    submit(client, "ligong", PASSWORD)
    assert client.cookies["__Host-zhitong"] != first


def test_a_failed_login_tells_nothing(client: TestClient) -> None:
    with_password(client)
    answers = [
        submit(client, name, password)
        for name, password in (("ligong", "wrong"), ("nobody", "wrong"), ("ligong", ""),
                               ("<b>", "x"), ("\0", "\0"))
    ]  # fmt: skip
    assert {answer.status_code for answer in answers} == {401}
    said = {re.sub(r'value="[^"]*"', "", answer.text) for answer in answers}
    assert len(said) == 1
    assert "<b>" not in answers[3].text
    assert all("__Host-zhitong=" not in str(a.headers.get_list("set-cookie")) for a in answers)


@pytest.mark.parametrize("name", ["ligong", "nobody"])
def test_guessing_is_slowed_down(client: TestClient, name: str) -> None:
    with_password(client)
    statuses = [submit(client, name, "wrong").status_code for _ in range(7)]
    assert statuses == [401] * 5 + [429] * 2
    assert "分钟后再试" in submit(client, name, PASSWORD).text


def test_a_password_is_changed_and_other_browsers_are_out(client: TestClient) -> None:
    with_password(client)
    submit(client, "ligong", PASSWORD)
    with TestClient(client.app, base_url="https://testserver") as other:
        other.follow_redirects = False
        submit(other, "ligong", PASSWORD)
        assert other.get("/").status_code == 200
        page = client.get("/account/password").text
        form = {
            "csrf": csrf(page),
            "old": PASSWORD,
            "new": "八只青蛙跳进旧水缸里面去了",
            "again": "",
        }
        for wrong, why in (
            ({}, "不一样"), ({"again": form["new"], "old": "x"}, "现在的密码不对"),
            ({"new": "123456789012", "again": "123456789012"}, "只由常见的词"),
        ):  # fmt: skip
            answer = client.post("/account/password", data={**form, **wrong})
            assert (answer.status_code, why in answer.text) == (400, True)
        done = client.post("/account/password", data={**form, "again": form["new"]})
        assert "密码已修改" in done.text
        assert client.get("/").status_code == 200
        assert client.post("/logout", data={"csrf": csrf(done.text)}).status_code == 303
        assert other.get("/").status_code == 303


def test_a_ranking_model_that_does_not_fit_keeps_nobody_out(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records are read and judged as ever; what would be ranked says what to do."""

    def unfit(_services: Services) -> MatchEngine:
        raise RankingError("排序模型不适用于本版程序。请用 zhitong train 重新训练。")

    monkeypatch.setattr(Services, "engine", property(unfit))
    with_password(client)
    assert submit(client, "ligong", PASSWORD).status_code == 303
    log_in(client, Role.COUNTY, **SCOPES[Role.COUNTY])
    assert client.get("/needs").status_code == 200
    page = client.get("/needs/N1")
    assert page.status_code == 200
    assert "zhitong train" in page.text
    search = client.get("/api/v1/search", params={"q": "钢渣"})
    assert search.status_code == 503
    assert "zhitong train" in search.json()["detail"]
    log_in(client, Role.OFFICER)
    judged = client.post("/api/v1/feedback", json=BODY)
    assert judged.status_code == 201
    assert judged.json()["evidence"] is None
