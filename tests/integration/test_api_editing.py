"""Changing records over the API: entity tags, keys that make a request once, what is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st

from api.api_route import entity_tag, is_named
from api.clock import now_at
from api.idempotency import KEPT, Answered, IdempotencyError, IdempotencyRepository
from corpus.confidentiality import Role
from corpus.editing import EditError, edited
from corpus.history import Action, History
from corpus.model import Confidentiality, ContactKind, Kind, Need
from corpus.repository import CorpusRepository
from tests.integration.accounts import log_in, services_of
from tests.integration.office import BODY, SCOPES, office


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        log_in(made, Role.OFFICER)
        yield made


def patched(client: TestClient, place: str, body: Any, tag: str | None = None) -> Any:
    tag = client.get(place).headers["etag"] if tag is None else tag
    return client.patch(place, json=body, headers={"If-Match": tag} if tag else {})


# -- entity tags ---------------------------------------------------------------------------


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_equal_values_have_equal_tags(one: Any, other: Any) -> None:
    assert is_named(entity_tag(one), f'"x", W/{entity_tag(one)}')
    if repr(one) != repr(other):
        assert (entity_tag(one) == entity_tag(other)) is (one == other) or one == other


def test_what_has_not_changed_is_not_sent_again(client: TestClient) -> None:
    for place in ("/api/v1/needs/N1", "/api/v1/needs", "/api/v1/needs/N1/matches"):
        first = client.get(place)
        again = client.get(place, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]
    patched(client, "/api/v1/needs/N1", {"industry": "冶金"})
    tag = first.headers["etag"]
    assert client.get("/api/v1/needs/N1", headers={"If-None-Match": tag}).status_code == 200


# -- changing ------------------------------------------------------------------------------


def test_some_fields_change_the_others_stay_and_the_history_says_who(client: TestClient) -> None:
    before = client.get("/api/v1/needs/N1").json()
    body = {
        "title": "钢渣粉活性不足",
        "budget": {"min_wan": 50, "max_wan": 80},
        "valid_until_on": "2030-01-31",
        "reason": "电话核实",
    }
    answer = patched(client, "/api/v1/needs/N1", body)
    assert answer.status_code == 200, answer.text
    after = answer.json()
    assert after == client.get("/api/v1/needs/N1").json()
    assert (after["title"], after["budget"]["label"]) == ("钢渣粉活性不足", "50–80 万元")
    same = set(before) - {"title", "budget", "valid_until_on", "suggested"}
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    with services_of(client).reading() as session:
        last = History(session).versions(Kind.NEED, "N1")[0]
    assert (last.change.action, last.who, last.note) == (Action.EDITED, "user.officer", "电话核实")
    found = client.get("/api/v1/search", params={"q": "钢渣粉活性不足", "kind": "need"}).json()
    assert found["matches"][0]["document"]["title"] == "钢渣粉活性不足"
    emptied = patched(client, "/api/v1/needs/N1", {"budget": None, "county": None}).json()
    assert (emptied["budget"], emptied["county"]) == (None, None)


def test_a_change_of_something_else_than_was_read_is_refused(client: TestClient) -> None:
    place = "/api/v1/achievements/A1"
    tag = client.get(place).headers["etag"]
    assert patched(client, place, {"maturity": "通过中试"}, tag).status_code == 200
    late = patched(client, place, {"maturity": "可以量产"}, tag)
    assert (late.status_code, "别人改过" in late.json()["detail"]) == (412, True)
    missing = patched(client, place, {"maturity": "可以量产"}, "")
    assert (missing.status_code, "If-Match" in missing.json()["detail"]) == (428, True)
    assert client.get(place).json()["maturity"] == "通过中试"
    assert patched(client, place, {"maturity": "可以量产"}, "*").json()["maturity"] == "可以量产"


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"title": "  "}, 400, "不能为空"),
        ({"title": "长" * 2000}, 400, "超过 1000 字"),
        ({"county": "大兴区"}, 400, "没有“大兴区”这个县区"),
        ({"technology_field": "炼金术"}, 400, "没有“炼金术”这个技术领域"),
        ({"budget": {"min_wan": 9, "max_wan": 1}}, 400, "下限 9 大于上限 1"),
        ({"budget": {}}, 400, "要清空请写 null"),
        ({"confidentiality": None}, 400, "密级不能为空"),
        ({"confidentiality": "保密"}, 403, "看不到的密级"),
        ({"key": "X"}, 422, "key"),
        ({"organisation": "别人"}, 422, "organisation"),
        ({"maturity": "通过中试"}, 422, "maturity"),
        ({"title": "a\0b"}, 422, "不能识别的字符"),
        ([], 422, ""),
    ],
)
def test_a_value_that_cannot_be_is_refused_and_nothing_changes(
    client: TestClient, body: Any, status: int, said: str
) -> None:
    before = client.get("/api/v1/needs/N1").json()
    answer = patched(client, "/api/v1/needs/N1", body)
    assert (answer.status_code, said in answer.json()["detail"]) == (status, True), answer.text
    assert client.get("/api/v1/needs/N1").json() == before


def test_what_the_role_may_not_read_it_does_not_overwrite(client: TestClient) -> None:
    secret = Need(
        key="N3", title="钢渣", text="正文", field_levels={"text": Confidentiality.CONFIDENTIAL}
    )
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([secret], now_at())
    answer = patched(client, "/api/v1/needs/N3", {"text": "另写"})
    assert (answer.status_code, "没有公开" in answer.json()["detail"]) == (403, True)
    log_in(client, Role.ADMINISTRATOR)
    assert patched(client, "/api/v1/needs/N3", {"text": "另写"}).json()["text"] == "另写"


def test_others_cannot_change_anything(client: TestClient) -> None:
    tag = client.get("/api/v1/needs/N2").headers["etag"]
    for role in (Role.COUNTY, Role.INSTITUTION, Role.COMMISSIONER, Role.ORGANISER):
        log_in(client, role, **SCOPES.get(role, {}))
        assert patched(client, "/api/v1/needs/N2", {"title": "改"}, tag).status_code == 403
    log_in(client, Role.OFFICER)
    assert patched(client, "/api/v1/needs/none", {"title": "改"}, tag).status_code == 404


def test_contacts_typed_into_a_text_become_contacts() -> None:
    need = Need(key="N", title="钢渣", text="旧")
    made = edited(need, {"text": "钢渣活化，电话：13512345678。"})
    assert "13512345678" not in made.text
    assert [c.value for c in made.contacts if c.kind is ContactKind.PHONE] == ["13512345678"]
    with pytest.raises(EditError, match="不能修改：key"):
        edited(need, {"key": "M"})


# -- done once -----------------------------------------------------------------------------


def test_a_request_with_a_key_is_done_once(client: TestClient) -> None:
    key = {"Idempotency-Key": "9f8e"}
    first = client.post("/api/v1/feedback", json=BODY, headers=key)
    taken_back = client.delete(f"/api/v1/feedback/{first.json()['id']}")
    assert (first.status_code, taken_back.status_code) == (201, 200)
    again = client.post("/api/v1/feedback", json=BODY, headers=key)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["idempotency-replayed"] == "true"
    total = client.get("/api/v1/feedback", params={"undone": True}).json()["total"]
    new = client.post("/api/v1/feedback", json=BODY, headers={"Idempotency-Key": "other"})
    assert new.json()["id"] != first.json()["id"]
    other_body = {**BODY, "verdict": "grade", "grade": 1}
    misused = client.post("/api/v1/feedback", json=other_body, headers=key)
    assert (misused.status_code, "请换一个" in misused.json()["detail"]) == (422, True)
    after = client.get("/api/v1/feedback", params={"undone": True}).json()["total"]
    assert after == total + 1


def test_a_key_is_one_s_own_and_a_failure_gives_it_back(client: TestClient) -> None:
    key = {"Idempotency-Key": "k"}
    wrong = client.post("/api/v1/feedback", json={**BODY, "need": "none"}, headers=key)
    assert wrong.status_code == 404
    mine = client.post("/api/v1/feedback", json=BODY, headers=key).json()
    log_in(client, Role.COMMISSIONER)
    theirs = client.post("/api/v1/feedback", json=BODY, headers=key).json()
    assert (mine["rater"], theirs["rater"]) == ("user.officer", "user.commissioner")
    for bad in ("", "x" * 201):
        answer = client.post("/api/v1/feedback", json=BODY, headers={"Idempotency-Key": bad})
        assert answer.status_code == 422


def test_of_two_at_once_one_is_done(client: TestClient) -> None:
    services = services_of(client)
    outcomes: list[object] = []
    barrier = threading.Barrier(2)

    def claim() -> None:
        barrier.wait()
        try:
            with services.writing() as session:
                outcomes.append(IdempotencyRepository(session).claim("user:1", "k", "f", now_at()))
        except IdempotencyError as error:
            outcomes.append(error.status)

    threads = [threading.Thread(target=claim) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, outcomes)) == ["409", "None"]


def test_answers_are_kept_for_a_day(client: TestClient) -> None:
    services = services_of(client)
    moment = now_at()
    answer = Answered(201, {"location": "/x"}, "{}")
    with services.writing() as session:
        keys = IdempotencyRepository(session)
        assert keys.claim("user:1", "k", "f", moment) is None
        keys.settle("user:1", "k", answer)
        assert keys.claim("user:1", "k", "f", moment + KEPT) == answer
        assert keys.claim("user:1", "k", "other", moment + 2 * KEPT) is None
