"""Organisations in the API: counts, paging, scope, and owners that are closed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from sqlmodel import Session

from api.clock import now_at
from corpus.confidentiality import Role, hidden_fields, row_scope
from corpus.model import Achievement, Confidentiality, Kind, Need, Organisation, Record, Status
from corpus.owners import OwnerRepository
from corpus.repository import CorpusRepository
from tests.conftest import NOW_AT
from tests.integration.accounts import log_in, services_of
from tests.integration.office import SCOPES, office

PLACE = "/api/v1/organisations"
FIRM = Organisation("丁公司（示例）", "河北")
CLOSED = Organisation("戊研究所（示例）", "天津")
LEVELS = list(Confidentiality)


def records() -> list[Record]:
    """Every level of a record × every level of its owner, each with an owner of its own."""
    made: list[Record] = []
    for level in LEVELS:
        for own in (None, *LEVELS):
            owner = Organisation(f"单位{level}{own or ''}")
            levels = {"organisation": own} if own else {}
            key = f"{level}{own or ''}"
            made += [
                kind(
                    key=key, title="名称", organisation=owner, confidentiality=level,
                    field_levels=levels,
                )
                for kind in (Need, Achievement)
            ]  # fmt: skip
    return made


@pytest.mark.parametrize("role", list(Role), ids=lambda role: role.name)
def test_an_owner_is_known_where_a_record_shows_it(engine: Engine, role: Role) -> None:
    scope = row_scope(role, "迁安市", "单位公开")
    with Session(engine) as session:
        CorpusRepository(session).upsert(records(), NOW_AT)
        expected: dict[str, list[int]] = {}
        for place, kind in enumerate((Kind.NEED, Kind.ACHIEVEMENT)):
            for stored in CorpusRepository(session, scope).iterate(kind):
                owner = stored.record.organisation
                if owner and "organisation" not in hidden_fields(stored.record, role):
                    expected.setdefault(owner.name, [0, 0])[place] += 1
        owners = OwnerRepository(session, scope, role.clearance.level)
        found = owners.page("", 0, 1000)
        assert {one.organisation.name: [*one.counts.values()] for one in found} == expected
        assert owners.count() == len(expected)
        assert [owners.page("", at, 1)[0] for at in range(len(found))] == found


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        more: list[Record] = [
            Need(key="N8", title="烧结烟气脱硝", organisation=FIRM, county="迁安市"),
            Achievement(key="A8", title="低温脱硝催化剂", organisation=FIRM),
            Achievement(key="A9", title="烟气脱汞吸附剂", organisation=FIRM),
            Achievement(
                key="A7", title="已公开的名称", organisation=CLOSED,
                field_levels={"organisation": Confidentiality.CONFIDENTIAL},
            ),
        ]  # fmt: skip
        with services_of(made).writing() as session:
            repository = CorpusRepository(session)
            repository.upsert(more, now_at())
            repository.set_status(Kind.ACHIEVEMENT, "A9", Status.WITHDRAWN, now_at())
        yield made


def test_organisations_are_counted_named_and_paged(client: TestClient) -> None:
    log_in(client, Role.OFFICER)
    page = client.get(PLACE).json()
    names = [one["name"] for one in page["organisations"]]
    assert (set(names[:2]), names[2:]) == ({"甲所（示例）", "乙所（示例）"}, ["丁公司（示例）"])
    assert page["total"] == 3
    firm = page["organisations"][2]
    assert (firm["needs"], firm["achievements"], firm["region"]) == (1, 1, "河北")
    assert client.get(PLACE, params={"name": "丁公"}).json()["total"] == 1
    assert client.get(PLACE, params={"name": "%"}).json()["total"] == 0
    assert client.get(PLACE, params={"offset": 1, "limit": 1}).json()["organisations"] == [
        page["organisations"][1]
    ]
    detail = client.get(f"{PLACE}/{firm['id']}").json()
    assert [one["id"] for one in detail["needs"] + detail["achievements"]] == ["N8", "A8"]
    assert client.get(f"{PLACE}/999").status_code == 404
    assert client.get(f"{PLACE}/0").status_code == 422


def test_a_closed_owner_is_there_for_the_administrator_only(client: TestClient) -> None:
    log_in(client, Role.ADMINISTRATOR)
    [closed] = client.get(PLACE, params={"name": CLOSED.name}).json()["organisations"]
    log_in(client, Role.OFFICER)
    assert client.get(PLACE, params={"name": CLOSED.name}).json()["total"] == 0
    hidden, none = client.get(f"{PLACE}/{closed['id']}"), client.get(f"{PLACE}/999")
    assert hidden.status_code == none.status_code == 404
    assert CLOSED.name not in hidden.text


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.COUNTY, {"甲所（示例）": 0, "乙所（示例）": 0, "丁公司（示例）": 1}),
        (Role.INSTITUTION, {"甲所（示例）": 0, "丁公司（示例）": 1}),
    ],
    ids=lambda value: value.name if isinstance(value, Role) else "",
)
def test_only_rows_of_the_scope_count(
    client: TestClient, role: Role, expected: dict[str, int]
) -> None:
    log_in(client, role, **SCOPES[role])
    found = client.get(PLACE).json()["organisations"]
    assert {one["name"]: one["needs"] for one in found} == expected
