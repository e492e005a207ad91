"""Contacts appear after the owner agreed, to who has the right, and each look is noted."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.clock import now_at
from api.security.audit import Action, AuditLog
from corpus.confidentiality import Role
from corpus.model import Confidentiality, Contact, ContactKind, Need
from corpus.repository import CorpusRepository
from tests.integration.accounts import log_in, services_of
from tests.integration.office import SCOPES, csrf, office

PHONE = "0315-5550101"
OPEN_PHONE = "0315-5550202"
HOW = "11月25日电话征得同意"


def need(key: str, phone: str, **facts: Any) -> Need:
    contact = Contact(ContactKind.PHONE, phone)
    return Need(key=key, title=f"钢渣 {key}", county="遵化市", contacts=(contact,), **facts)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        with services_of(made).writing() as session:
            CorpusRepository(session).upsert(
                [
                    need("N5", PHONE),
                    need("N6", OPEN_PHONE, field_levels={"contacts": Confidentiality.PUBLIC}),
                    need("N7", PHONE, field_levels={"contacts": Confidentiality.CONFIDENTIAL}),
                ],
                now_at(),
            )
        log_in(made, Role.OFFICER)
        yield made


def asked(client: TestClient, key: str) -> Any:
    return client.get("/api/v1/contacts", params={"kind": "need", "id": key})


def noted(client: TestClient) -> list[tuple[Action, str]]:
    with services_of(client).reading() as session:
        entries = AuditLog(session).entries()
    return [(entry.action, entry.subject) for entry in reversed(entries)]


def test_the_owner_agrees_first(client: TestClient) -> None:
    before = asked(client, "N5")
    assert (before.status_code, PHONE in before.text) == (403, False)
    assert "先征得同意" in before.json()["detail"]
    body = {"kind": "need", "id": "N5", "how": f"  {HOW} "}
    given = client.post("/api/v1/contacts/consent", json=body)
    assert (given.status_code, given.json()["consent"]["how"]) == (200, HOW)
    assert PHONE not in given.text
    after = asked(client, "N5").json()
    assert after["contacts"] == [{"kind": "电话", "value": PHONE}]
    assert after["consent"]["noted_by"] == "user.officer"
    log_in(client, Role.ORGANISER)
    assert asked(client, "N5").status_code == 200
    client.delete("/api/v1/contacts/consent", params={"kind": "need", "id": "N5"})
    assert asked(client, "N5").status_code == 403
    assert noted(client) == [
        (Action.CONSENT_NOTED, "need:N5"),
        (Action.CONTACTS_VIEWED, "need:N5"),
        (Action.CONTACTS_VIEWED, "need:N5"),
        (Action.CONSENT_WITHDRAWN, "need:N5"),
    ]


def test_consent_holds_for_the_contacts_it_was_given_for(client: TestClient) -> None:
    client.post("/api/v1/contacts/consent", json={"kind": "need", "id": "N5", "how": HOW})
    assert asked(client, "N5").status_code == 200
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([need("N5", "0315-5550303")], now_at())
    other = asked(client, "N5")
    assert (other.status_code, "5550303" in other.text) == (403, False)


def test_who_may_see_what(client: TestClient) -> None:
    assert asked(client, "N6").json()["contacts"][0]["value"] == OPEN_PHONE  # open by its level
    assert asked(client, "N7").json()["contacts"] == []  # closed to officers
    refused = client.post("/api/v1/contacts/consent", json={"kind": "need", "id": "N7", "how": HOW})
    assert (refused.status_code, "没有联系方式" in refused.json()["detail"]) == (400, True)
    assert asked(client, "none").status_code == 404
    assert asked(client, "N1").json()["contacts"] == []
    for role in (Role.COUNTY, Role.INSTITUTION, Role.COMMISSIONER):
        log_in(client, role, **SCOPES.get(role, {}))
        assert asked(client, "N6").status_code == 403
        assert client.get("/contacts?kind=need&id=N6").status_code == 403
        assert "/contacts?" not in client.get("/needs/N6").text


def test_on_the_page(client: TestClient) -> None:
    place = "/contacts?kind=need&id=N5"
    assert place.replace("&", "&amp;") in client.get("/needs/N5").text
    page = client.get(place).text
    assert ("先征得同意" in page, PHONE in page) == (True, False)
    form = {"csrf": csrf(page), "kind": "need", "id": "N5"}
    empty = client.post("/contacts/consent", data={**form, "how": " "})
    assert (empty.status_code, "请写明" in empty.text) == (400, True)
    hostile = "<script>alert(1)</script>"
    sent = client.post("/contacts/consent", data={**form, "how": hostile})
    assert (sent.status_code, sent.headers["location"]) == (303, place)
    page = client.get(place).text
    assert PHONE in page
    assert hostile not in page
    assert "user.officer 记下" in re.sub(r"\s+", " ", page)
    client.post("/contacts/withdraw", data=form)
    assert PHONE not in client.get(place).text
    assert "没有联系方式" in client.get("/contacts?kind=need&id=N1").text
    # Neither record nor search shows them otherwise.
    others = client.get("/needs/N5").text + client.get("/api/v1/needs/N5").text
    assert PHONE not in others
