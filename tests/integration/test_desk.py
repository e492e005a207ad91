"""What somebody follows, what is new for him, and figures that open exactly their rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.clock import now_at
from api.desk import PAGE
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind, Need
from corpus.repository import CorpusRepository
from tests.integration.accounts import log_in, services_of
from tests.integration.office import (
    OTHERS,
    PASSWORD,
    SCOPES,
    TEXT,
    csrf,
    office,
    submit,
    with_password,
)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        yield made


def follow(client: TestClient, key: str, kind: str = "need", wanted: str = "yes") -> Any:
    return client.post("/desk/follow", data={"kind": kind, "key": key, "wanted": wanted})


def figures(client: TestClient, page: str = "/desk") -> dict[str, tuple[int, str]]:
    """Label → (number, address), of the overview."""
    answer = client.get(page)
    assert answer.status_code == 200, answer.text
    found = re.findall(r'class="stat" href="([^"]+)"><b>(\d+)</b> ([^<]+)<', answer.text)
    return {label.strip(): (int(n), href.replace("&amp;", "&")) for href, n, label in found}


def rows(client: TestClient, href: str) -> int:
    answer = client.get(href)
    assert answer.status_code == 200
    if href.startswith("/desk/rows"):
        return answer.text.count("data-row")
    return int(re.search(r"共 (\d+) 条", answer.text)[1])  # type: ignore[index]


def add(client: TestClient, *records: Need | Achievement) -> None:
    services = services_of(client)
    with services.writing() as session:
        CorpusRepository(session).upsert(records, now_at())
    for kind in Kind:
        services.refresh_index(kind)


def test_a_login_leads_to_the_desk_unless_another_page_was_asked_for(client: TestClient) -> None:
    with_password(client)
    sent = client.get("/").headers["location"]
    assert 'value="/desk"' in client.get(sent).text
    assert submit(client, "ligong", PASSWORD).headers["location"] == "/desk"
    client.cookies.clear()
    asked = client.get("/achievements").headers["location"]
    assert 'value="/achievements"' in client.get(asked).text


def test_every_figure_opens_as_many_rows(client: TestClient) -> None:
    for role in (Role.OFFICER, Role.COUNTY, Role.INSTITUTION, Role.COMMISSIONER):
        log_in(client, role, **SCOPES.get(role, {}))
        for key in ("N1", "N2"):
            follow(client, key)
        follow(client, "A1", "achievement")
        before = figures(client)
        assert before["关注的需求"][0] == (1 if role is Role.COUNTY else 2)
        assert before["还没看过的"][0] == before["为关注的需求找到的成果"][0] > 0
        client.get("/needs/N1")
        after = figures(client)
        assert after["还没看过的"][0] < before["还没看过的"][0]
        for number, href in after.values():
            assert rows(client, href) == number, href
        desk = client.get("/desk").text
        for number, href in re.findall(r'<td[^>]*><a href="(/desk/rows[^"]+)">(\d+)</a>', desk):
            assert rows(client, number.replace("&amp;", "&")) == int(href)


def test_the_chart_has_a_link_and_a_row_for_each_bar(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    page = client.get("/desk").text
    found = re.findall(r'<td><a href="(/needs\?[^"]+)">(\d+)</a></td>', page)
    assert len(found) == page.count("<rect ") == 2
    for href, number in found:
        assert rows(client, href.replace("&amp;", "&")) == int(number)
    assert "style=" not in page


def test_a_proposal_is_new_once_until_it_was_opened(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    assert follow(client, "N1").headers["location"] == "/needs/N1"
    first = client.get("/needs/N1").text
    assert "新提出" in first
    assert "已关注" in first
    assert figures(client)["还没看过的"][0] == 0
    assert "新提出" not in client.get("/needs/N1").text
    add(client, Achievement(key="A9", title="钢渣微粉激发", text=TEXT, organisation=OTHERS))
    for _ in range(2):  # looking at the desk is not opening
        assert figures(client)["还没看过的"] == (1, "/desk/rows?of=new")
        assert "钢渣微粉激发" in client.get("/desk/rows?of=new").text
        client.head("/needs/N1")
        client.get("/needs/N1", headers={"Sec-Purpose": "prefetch;prerender"})
    log_in(client, Role.ADMINISTRATOR)
    client.get("/needs/N1")  # another's looking is not mine
    log_in(client, Role.OFFICER)
    assert figures(client)["还没看过的"][0] == 1
    assert "第 " in client.get("/needs/N1").text
    assert figures(client)["还没看过的"][0] == 0
    # What goes and comes back is no longer new.
    services = services_of(client)
    with services.writing() as session:
        CorpusRepository(session).delete(Kind.ACHIEVEMENT, ["A9"])
    add(client, Achievement(key="A9", title="钢渣微粉激发", text=TEXT, organisation=OTHERS))
    assert figures(client)["还没看过的"][0] == 0


def test_what_was_listed_as_new_can_be_put_aside_at_once(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    follow(client, "N1")
    page = client.get("/desk/rows?of=new").text
    pairs = re.findall(r'name="need" value="(\w+)"><input type="hidden" name="achievement" '
                       r'value="(\w+)"', page)  # fmt: skip
    assert {need for need, _ in pairs} == {"N1"}
    form = {"need": [n for n, _ in pairs[:1]], "achievement": [a for _, a in pairs[:1]]}
    assert client.post("/desk/seen", data=form).headers["location"] == "/desk"
    assert figures(client)["还没看过的"][0] == len(pairs) - 1
    # What is not followed is not noted.
    client.post("/desk/seen", data={"need": ["N2"], "achievement": ["A1"]})
    follow(client, "N2")
    assert figures(client)["还没看过的"][0] == len(pairs) - 1 + 2


def test_following_twice_is_once_and_can_be_ended(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    follow(client, "N1")
    follow(client, "N1")
    follow(client, "A1", "achievement")
    assert figures(client)["关注的需求"][0] == 1
    assert rows(client, "/desk/rows?of=achievements") == 1
    follow(client, "N1", wanted="no")
    assert figures(client)["关注的需求"][0] == 0
    assert "☆ 关注" in client.get("/needs/N1").text


def test_a_record_of_others_cannot_be_followed_nor_is_it_named(client: TestClient) -> None:
    log_in(client, Role.COUNTY, **SCOPES[Role.COUNTY])
    theirs, none = follow(client, "N2"), follow(client, "X9")
    assert theirs.status_code == none.status_code == 404
    assert theirs.text.replace("N2", "X9") == none.text
    assert "本县区的需求" in client.get("/desk").text
    assert "早强不足" not in client.get("/desk").text


def test_what_changed_after_a_judgement_waits_on_the_desk(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    for achievement, verdict in (("A1", "dismiss"), ("A2", "accept")):
        body = {"need": "N2", "achievement": achievement, "verdict": verdict}
        reasons = ["工艺不符"] if verdict == "dismiss" else []
        assert client.post("/api/v1/feedback", json={**body, "reasons": reasons}).is_success
    follow(client, "N2")
    changed = ("判为不合适之后，内容有变化的", "采纳之后，内容有变化的")
    assert [figures(client)[label][0] for label in changed] == [0, 0]
    add(client, Need(key="N2", title="钢渣微粉早强不足", text=f"{TEXT}更急。", county="遵化市"))
    found = figures(client)
    assert [found[label][0] for label in changed] == [1, 1]
    assert all(rows(client, found[label][1]) == 1 for label in changed)
    assert "内容有变化" in client.get("/desk").text


def test_what_somebody_judged_no_longer_waits(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    follow(client, "N2")
    add(client, Achievement(key="A9", title="钢渣微粉早强", text=TEXT, organisation=OTHERS))
    label = "推荐了、还没人评价的"
    waiting = client.get("/desk/rows?of=waiting").text
    before = figures(client)[label][0]
    assert "/achievements/A2" not in waiting  # graded by another
    keys = re.findall(r'data-row><a href="/achievements/(\w+)"', waiting)
    assert len(keys) == before > 0
    body = {"need": "N2", "achievement": keys[0], "verdict": "accept"}
    assert client.post("/api/v1/feedback", json=body).is_success
    assert figures(client)[label][0] == before - 1


def test_many_followed_needs_are_ranked_a_page_at_a_time(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    many = [Need(key=f"M{n}", title=f"钢渣微粉问题 {n}", text=TEXT) for n in range(PAGE + 3)]
    add(client, *many)
    for need in many:
        follow(client, need.key)
    first, second = figures(client), figures(client, "/desk?page=2")
    assert first["关注的需求"][0] == PAGE + 3 == rows(client, "/desk/rows?of=followed")
    assert second["为关注的需求找到的成果"][0] == rows(client, "/desk/rows?of=proposed&page=2")
    assert first["为关注的需求找到的成果"][0] > second["为关注的需求找到的成果"][0] > 0


def test_the_desk_proposes_what_the_need_s_own_page_lists(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    follow(client, "N1")
    listed = client.get("/api/v1/needs/N1/matches").json()["matches"]
    page = client.get("/desk/rows?of=proposed").text
    keys = re.findall(r'data-row><a href="/achievements/(\w+)"', page)
    assert keys == [match["document"]["id"] for match in listed]


def test_the_demonstration_says_that_an_account_is_needed(
    monkeypatch: pytest.MonkeyPatch, client: TestClient
) -> None:
    app = create_app(Settings(), open_as=Role.OFFICER)
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as shown:
        assert "示例没有账号" in shown.get("/desk").text
        assert "示例没有账号" in shown.get("/desk/rows?of=new").text
        assert "示例没有账号" in shown.get("/saved-searches").text
        assert "示例没有账号" in shown.get("/?q=钢渣").text
        for path, data in (
            ("/desk/follow", {"kind": "need", "key": "N1", "wanted": "yes"}),
            ("/saved-searches", {"name": "x", "q": "x", "kind": "need"}),
        ):
            answer = shown.post(path, data=data)
            assert answer.status_code == 403
            assert "账号" in answer.text
        assert shown.get("/api/v1/saved-searches").status_code == 403


def test_the_record_page_says_where_it_comes_from(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    page = client.get("/needs/N1").text
    assert "来源与历史" in page
    assert "没有版本记录" in page
    assert csrf(page)
