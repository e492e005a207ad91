"""Shortlists for programs: what they hold, who gets where, nothing overwritten unseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.clock import now_at
from api.security.audit import Action, AuditLog
from corpus.confidentiality import Role
from corpus.model import Achievement, Confidentiality, Contact, ContactKind, Need, Status
from corpus.repository import CorpusRepository
from tests.integration.accounts import create, services_of
from tests.integration.listing import as_it_was, one_office, somebody
from tests.integration.office import RECORDS, SCOPES

LISTS = "/api/v1/shortlists"
PAIRS = [("N1", "A1"), ("N1", "A2"), ("N2", "A1"), ("N2", "A2")]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with one_office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def client(house: TestClient) -> TestClient:
    return as_it_was(house)


def made(client: TestClient, name: str = "走访", pairs: list[tuple[str, str]] = PAIRS) -> Any:
    answer = client.post(LISTS, json={"name": name, "note": "十二月"})
    assert answer.status_code == 201, answer.text
    for need, achievement in pairs:
        body = {"need": need, "achievement": achievement}
        added = client.post(f"{LISTS}/{answer.json()['id']}/entries", json=body)
        assert added.status_code == 201, added.text
    return client.get(f"{LISTS}/{answer.json()['id']}").json()


def share(client: TestClient, found: Any, everyone: str, **people: str) -> Any:
    names = {f"user.{role}": right for role, right in people.items()}
    body = {"version": found["version"], "sharing": {"everyone": everyone, "people": names}}
    answer = client.patch(f"{LISTS}/{found['id']}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def pairs(found: Any) -> list[tuple[str, str]]:
    return [(entry["need"]["id"], entry["achievement"]["id"]) for entry in found["entries"]]


def test_a_list_keeps_what_was_said_of_a_pair_when_it_was_put_there(client: TestClient) -> None:
    found = made(client, pairs=PAIRS[:1])
    [entry] = found["entries"]
    assert (entry["place"], entry["added_by"], entry["changed"]) == (1, "user.officer", False)
    assert entry["evidence"] is not None
    assert "钢渣微粉" in entry["reason"]["achievement"]
    changed = replace(RECORDS[2], text="改用高炉矿渣，另有配方。")
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([changed], now_at())
    [later] = client.get(f"{LISTS}/{found['id']}").json()["entries"]
    assert later["changed"] is True
    assert later["reason"] == entry["reason"]


def test_a_pair_is_there_once_and_comes_back_with_today_s_reason(client: TestClient) -> None:
    found = made(client)
    place, body = f"{LISTS}/{found['id']}", {"need": "N1", "achievement": "A1"}
    again = client.post(f"{place}/entries", json=body)
    assert (again.status_code, again.json()) == (200, found["entries"][0])
    assert client.get(place).json()["version"] == found["version"]
    first = found["entries"][0]["id"]
    gone = client.delete(f"{place}/entries/{first}").json()
    assert pairs(gone) == PAIRS[1:]
    assert client.delete(f"{place}/entries/{first}").json() == gone
    back = client.post(f"{place}/entries/{first}/restore").json()
    assert pairs(back) == PAIRS
    client.delete(f"{place}/entries/{first}")
    assert client.post(f"{place}/entries", json=body).status_code == 201
    assert pairs(client.get(place).json()) == [*PAIRS[1:], PAIRS[0]]


def test_entries_move_and_a_stale_version_changes_nothing(client: TestClient) -> None:
    found = made(client)
    last = found["entries"][-1]["id"]
    at = f"{LISTS}/{found['id']}/entries/{last}"
    after = client.patch(at, json={"version": found["version"], "place": 1, "note": "先谈这家"})
    assert pairs(after.json()) == [PAIRS[3], *PAIRS[:3]]
    assert after.json()["entries"][0]["note"] == "先谈这家"
    for stale in (
        client.patch(at, json={"version": found["version"], "place": 2}),
        client.patch(f"{LISTS}/{found['id']}", json={"version": found["version"], "name": "x"}),
    ):
        assert stale.status_code == 409
        assert stale.headers["content-type"] == "application/problem+json"
        assert "没有保存" in stale.json()["detail"]
    assert client.get(f"{LISTS}/{found['id']}").json() == after.json()


def test_archived_lists_are_only_the_owner_s_and_come_back(client: TestClient) -> None:
    found = share(client, made(client), "edit")
    place = f"{LISTS}/{found['id']}"
    assert client.delete(place).json()["archived_at"]
    assert client.delete(place).status_code == 200
    assert client.get(LISTS).json()["total"] == 0
    assert client.get(LISTS, params={"archived": True}).json()["total"] == 1
    version = client.get(place).json()["version"]
    refused = client.patch(place, json={"version": version, "name": "x"})
    assert (refused.status_code, "先恢复" in refused.json()["detail"]) == (403, True)
    body = {"need": "N1", "achievement": "A1"}
    assert client.post(f"{place}/entries", json=body).status_code == 403
    with somebody(client, Role.ADMINISTRATOR) as other:
        assert other.get(place).status_code == 404
        assert other.get(LISTS, params={"archived": True}).json()["total"] == 0
    made(client, pairs=[])  # of the same name
    taken = client.patch(place, json={"version": version, "archived": False})
    assert (taken.status_code, "已有清单" in taken.json()["detail"]) == (400, True)
    back = client.patch(place, json={"version": version, "archived": False, "name": "别的"})
    assert back.status_code == 400  # it has the taken name until it is back
    [other_list] = client.get(LISTS).json()["shortlists"]
    client.delete(f"{LISTS}/{other_list['id']}")
    assert client.patch(place, json={"version": version, "archived": False}).status_code == 200
    assert client.get(LISTS).json()["total"] == 1


def acts(found: Any) -> list[tuple[str, str, Any]]:
    place, version = f"{LISTS}/{found['id']}", found["version"]
    entry = f"{place}/entries/{found['entries'][0]['id']}"
    return [
        ("PATCH", place, {"version": version, "name": "别的"}),
        ("POST", f"{place}/entries", {"need": "N1", "achievement": "A1"}),
        ("PATCH", entry, {"version": version, "note": "x"}),
        ("DELETE", entry, None),
        ("POST", f"{entry}/restore", None),
    ]


def owners_acts(found: Any) -> list[tuple[str, str, Any]]:
    place, version = f"{LISTS}/{found['id']}", found["version"]
    return [
        ("PATCH", place, {"version": version, "sharing": {"everyone": "edit"}}),
        ("PATCH", place, {"version": version, "archived": False}),
        ("DELETE", place, None),
    ]


def test_another_s_list_is_as_if_it_were_not(client: TestClient) -> None:
    found = made(client)
    with somebody(client, Role.ADMINISTRATOR) as other:
        place = f"{LISTS}/{found['id']}"
        everything = [*acts(found), *owners_acts(found), ("GET", place, None),
                      ("POST", f"{place}/duplicate", None)]  # fmt: skip
        for method, path, body in everything:
            theirs = other.request(method, path, json=body)
            none = other.request(method, path.replace(place, f"{LISTS}/999"), json=body)
            assert (theirs.status_code, none.status_code) == (404, 404), path
            assert theirs.json()["title"] == none.json()["title"] == "没有这份清单"
            assert "走访" not in theirs.text
        for path in ("", "?print=1", "/export/docx", "/export/xlsx"):
            assert other.get(f"/shortlists/{found['id']}{path}").status_code == 404
        assert other.get(LISTS).json()["total"] == 0
    assert client.get(f"{LISTS}/{found['id']}").json() == found
    with services_of(client).reading() as session:
        assert AuditLog(session).entries(action=Action.EXPORTED) == []


def test_who_may_read_changes_nothing_and_who_may_edit_does_not_give_away(
    client: TestClient,
) -> None:
    found = share(client, made(client), "read")
    with somebody(client, Role.ADMINISTRATOR) as other:
        seen = other.get(f"{LISTS}/{found['id']}").json()
        assert (seen["access"], seen["sharing"], pairs(seen)) == ("read", None, PAIRS)
        for method, path, body in [*acts(found), *owners_acts(found)]:
            answer = other.request(method, path, json=body)
            assert (answer.status_code, answer.json()["title"]) == (403, "不能修改这份清单"), path
        assert other.get(f"{LISTS}/{found['id']}").json() == seen
    found = share(client, found, "none", administrator="edit")
    with somebody(client, Role.ADMINISTRATOR) as other:
        for method, path, body in acts(found):
            assert other.request(method, path, json=body).status_code in {200, 201, 409}, path
        for method, path, body in owners_acts(found):
            assert other.request(method, path, json=body).status_code == 403, path
        copy = other.post(f"{LISTS}/{found['id']}/duplicate").json()
        assert (copy["owner"], copy["access"], len(copy["entries"])) == (
            "user.administrator", "own", 4,
        )  # fmt: skip
        assert {e["evidence"] for e in copy["entries"]} == {e["evidence"] for e in found["entries"]}
    with somebody(client, Role.COMMISSIONER) as third:
        assert third.get(f"{LISTS}/{copy['id']}").status_code == 404


@pytest.mark.parametrize(
    ("role", "visible"),
    [(Role.COUNTY, [("N1", "A1"), ("N1", "A2")]), (Role.INSTITUTION, [("N1", "A1"), ("N2", "A1")])],
    ids=["county", "institution"],
)
def test_rows_of_others_are_only_counted(
    client: TestClient, role: Role, visible: list[tuple[str, str]]
) -> None:
    create(services_of(client), role, **SCOPES[role])
    found = share(client, made(client), "none", **{role.name.lower(): "edit"})
    hidden = next(e["id"] for e in found["entries"]
                  if (e["need"]["id"], e["achievement"]["id"]) not in visible)  # fmt: skip
    with somebody(client, role) as other:
        place = f"{LISTS}/{found['id']}"
        answer = other.get(place)
        seen = answer.json()
        assert (pairs(seen), seen["hidden"], seen["count"]) == (visible, 2, 4)
        pages = answer.text + other.get(f"/shortlists/{found['id']}").text
        pages += other.get(f"/shortlists/{found['id']}?print").text
        assert "有 2 条您无权查看" in pages
        for record in RECORDS:
            if not any(record.key in pair for pair in visible):
                assert record.title not in pages
                assert f'"{record.key}"' not in answer.text
        for method, path, body in (
            ("PATCH", f"{place}/entries/{hidden}", {"version": seen["version"], "note": "x"}),
            ("DELETE", f"{place}/entries/{hidden}", None),
            ("POST", f"{place}/entries/{hidden}/restore", None),
            ("POST", f"{place}/entries", {"need": "N2", "achievement": "A2"}),
        ):
            assert other.request(method, path, json=body).status_code == 404, path
        body = {"version": seen["version"], "place": 1}
        moved = other.patch(f"{place}/entries/{seen['entries'][1]['id']}", json=body)
        assert pairs(moved.json()) == visible[::-1]
        copy = other.post(f"{place}/duplicate").json()
        assert (pairs(copy), copy["hidden"]) == (visible[::-1], 0)
    whole = client.get(f"{LISTS}/{found['id']}").json()
    assert sorted(pairs(whole)) == sorted(PAIRS)
    assert [p for p in pairs(whole) if p not in visible] == [p for p in PAIRS if p not in visible]


def test_everyone_means_who_sees_everything(client: TestClient) -> None:
    found = share(client, made(client), "edit")
    for role in (Role.COUNTY, Role.INSTITUTION):
        with somebody(client, role) as other:
            assert other.get(f"{LISTS}/{found['id']}").status_code == 404
    with services_of(client).reading() as session:
        [noted] = AuditLog(session).entries(action=Action.SHORTLIST_SHARED)
    assert noted.subject == f"shortlist:{found['id']}"


def test_a_closed_record_is_only_counted(client: TestClient) -> None:
    create(services_of(client), Role.COMMISSIONER)
    found = share(client, made(client), "none", commissioner="read")
    closed = replace(RECORDS[3], confidentiality=Confidentiality.CONFIDENTIAL)
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([closed], now_at())
    with somebody(client, Role.COMMISSIONER) as other:
        seen = other.get(f"{LISTS}/{found['id']}").json()
        assert (pairs(seen), seen["hidden"]) == ([("N1", "A1"), ("N2", "A1")], 2)
        assert "电炉" not in other.get(f"/shortlists/{found['id']}").text
    with services_of(client).writing() as session:
        CorpusRepository(session).delete(closed.kind, ["A2"])
    assert client.get(f"{LISTS}/{found['id']}").json()["hidden"] == 2


def test_what_is_partly_closed_says_nothing_of_what_was_said(client: TestClient) -> None:
    create(services_of(client), Role.INSTITUTION, **SCOPES[Role.INSTITUTION])
    need = RECORDS[0]
    assert isinstance(need, Need)
    shut = replace(need, field_levels={"budget": Confidentiality.INTERNAL})
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([shut], now_at())
    found = share(client, made(client, pairs=PAIRS[:1]), "none", institution="read")
    assert found["entries"][0]["reason"] is not None
    with somebody(client, Role.INSTITUTION) as other:
        [entry] = other.get(f"{LISTS}/{found['id']}").json()["entries"]
        assert (entry["reason"], entry["added_by"]) == (None, None)


def test_whom_to_call_stays_in_the_house(client: TestClient) -> None:
    create(services_of(client), Role.COMMISSIONER)
    found = made(client, pairs=PAIRS[:1])
    entry, place = found["entries"][0]["id"], f"{LISTS}/{found['id']}"
    note = {"version": found["version"], "note": "联系张三，13800138000"}
    found = client.patch(f"{place}/entries/{entry}", json=note).json()
    assert "13800138000" in found["entries"][0]["note"]
    found = share(client, found, "none", commissioner="edit")
    with somebody(client, Role.COMMISSIONER) as other:
        answer = other.get(place)
        assert "13800138000" not in answer.text + other.get(f"/shortlists/{found['id']}").text
        shown = answer.json()["entries"][0]["note"]
        version = answer.json()["version"]
        # Sent back as it was shown nothing is lost, and nothing is overwritten unseen.
        same = other.patch(f"{place}/entries/{entry}", json={"version": version, "note": shown})
        assert same.status_code == 200
        other_note = {"version": same.json()["version"], "note": "别的"}
        assert other.patch(f"{place}/entries/{entry}", json=other_note).status_code == 403
        copy = other.post(f"{place}/duplicate")
        assert "13800138000" not in copy.text
    assert "13800138000" in client.get(place).text
    with somebody(client, Role.COMMISSIONER) as other:
        own = copy.json()
        body = {"version": own["version"],
                "sharing": {"everyone": "none", "people": {"user.officer": "read"}}}  # fmt: skip
        assert other.patch(f"{LISTS}/{own['id']}", json=body).status_code == 200
    assert "13800138000" not in client.get(f"{LISTS}/{own['id']}").text


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"name": ""}, 400, "请写清单名称"),
        ({"name": "长" * 81}, 400, "最多 80 个字"),
        ({"name": "a\0b"}, 422, ""),
        ({"name": "走访"}, 400, "已有清单"),
        ({"name": "x", "note": "长" * 2001}, 400, "最多 2000 个字"),
        ({"name": "x", "owner": "user.administrator"}, 422, ""),
        ({}, 422, ""),
    ],
)
def test_what_cannot_be_is_said(client: TestClient, body: Any, status: int, said: str) -> None:
    made(client, pairs=[])
    answer = client.post(LISTS, json=body)
    assert (answer.status_code, said in answer.text) == (status, True)
    assert client.get(LISTS).json()["total"] == 1


def test_sharing_names_accounts_that_are_there(client: TestClient) -> None:
    found = made(client, pairs=[])
    for people, status in (({"nobody": "read"}, 400), ({"user.officer": "edit"}, 200),
                           ({f"u{n}": "read" for n in range(60)}, 400),
                           ({"x": "own"}, 422)):  # fmt: skip
        version = client.get(f"{LISTS}/{found['id']}").json()["version"]
        body = {"version": version, "sharing": {"people": people}}
        answer = client.patch(f"{LISTS}/{found['id']}", json=body)
        assert answer.status_code == status, answer.text
    assert answer.status_code == 422
    assert client.get(f"{LISTS}/{found['id']}").json()["sharing"]["people"] == {}


def test_pages_of_lists_have_one_order_and_miss_none(client: TestClient) -> None:
    names = [made(client, f"清单 {n}", [])["id"] for n in range(7)]
    found = [
        one["id"]
        for offset in range(0, 9, 2)
        for one in client.get(LISTS, params={"offset": offset, "limit": 2}).json()["shortlists"]
    ]
    assert found == names[::-1]
    assert client.get(LISTS, params={"limit": 0}).status_code == 422


def test_an_entry_of_another_list_is_none_of_this_one(client: TestClient) -> None:
    mine, other = made(client), made(client, "另一份")
    entry = other["entries"][0]["id"]
    answer = client.delete(f"{LISTS}/{mine['id']}/entries/{entry}")
    assert answer.status_code == 404
    assert client.get(f"{LISTS}/{other['id']}").json() == other


def test_an_unknown_pair_is_not_put_anywhere(client: TestClient) -> None:
    found = made(client, pairs=[])
    for pair in (("N9", "A1"), ("N1", "A9"), ("A1", "N1")):
        body = {"need": pair[0], "achievement": pair[1]}
        assert client.post(f"{LISTS}/{found['id']}/entries", json=body).status_code == 404
    assert client.get(f"{LISTS}/{found['id']}").json() == found


def test_a_withdrawn_achievement_stays_and_says_so(client: TestClient) -> None:
    found = made(client, pairs=PAIRS[:1])
    with services_of(client).writing() as session:
        CorpusRepository(session).set_status(RECORDS[2].kind, "A1", Status.WITHDRAWN, now_at())
    [entry] = client.get(f"{LISTS}/{found['id']}").json()["entries"]
    assert entry["status"] == Status.WITHDRAWN.value


def test_contacts_of_records_are_no_part_of_a_list(client: TestClient) -> None:
    contact = Contact(ContactKind.PHONE, "13900139000")
    offer = RECORDS[2]
    assert isinstance(offer, Achievement)
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([replace(offer, contacts=(contact,))], now_at())
    found = made(client, pairs=PAIRS[:1])
    answers = client.get(f"{LISTS}/{found['id']}").text
    answers += client.get(f"/shortlists/{found['id']}?print").text
    assert "13900139000" not in answers
