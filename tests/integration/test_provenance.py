"""来源与历史: what has changed and what a text is made of, as each role may see it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.clock import now_at
from api.provenance import MOST_VERSIONS, provenance
from corpus.confidentiality import Role
from corpus.history import Action, Change, History
from corpus.model import Amount, Confidentiality, Kind, Need
from corpus.repository import CorpusRepository
from tests.integration.accounts import log_in, services_of
from tests.integration.office import office

FIRST = Need(
    key="H1", title="带钢除鳞", text="需求内容：在线除鳞。\n技术指标：抗拉强度不低于820 MPa。",
    source="迁安问卷", county="迁安市",
)  # fmt: skip
SECOND = replace(FIRST, title="带钢表面除鳞", budget=Amount(100, 200))


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        yield made


def write(client: TestClient, *states: Need) -> None:
    with services_of(client).writing() as session:
        for number, state in enumerate(states):
            CorpusRepository(session).upsert([state], now_at())
            action = Action.CHANGED if number else Action.CREATED
            change = Change(Kind.NEED, state.key, action, state)
            History(session).add([change], now_at() + timedelta(seconds=number), who="王工")


def test_the_page_lists_changes_sections_and_indicators(client: TestClient) -> None:
    write(client, FIRST, SECOND)
    log_in(client, Role.OFFICER)
    page = client.get("/needs/H1").text
    for words in (
        "来源：迁安问卷",
        "名称、预算",
        "王工",
        "正文的段落（2）",
        "读到的指标（1）",
        "抗拉强度",
    ):
        assert words in page
    found = provenance(services_of(client), Kind.NEED, "H1", Role.OFFICER)
    assert [(step.number, step.action, step.changed) for step in found.steps] == [
        (2, "更新", ("名称", "预算")), (1, "新增", ()),
    ]  # fmt: skip


def test_what_is_closed_is_neither_quoted_nor_counted(client: TestClient) -> None:
    closed = {"text": Confidentiality.CONFIDENTIAL, "budget": Confidentiality.CONFIDENTIAL}
    write(client, FIRST, replace(SECOND, field_levels=closed))
    services = services_of(client)
    for role in (Role.OFFICER, Role.INSTITUTION):
        found = provenance(services, Kind.NEED, "H1", role)
        assert (found.pieces, found.indicators, found.text_hidden) == ((), (), True)
        assert "预算" not in found.steps[0].changed
        assert "名称" in found.steps[0].changed
        assert {step.who for step in found.steps} == ({"王工"} if role is Role.OFFICER else {""})
    assert provenance(services, Kind.NEED, "H1", Role.ADMINISTRATOR).pieces


def test_a_long_history_is_cut_and_says_so(client: TestClient) -> None:
    states = [replace(FIRST, title=f"带钢除鳞 {n}") for n in range(MOST_VERSIONS + 3)]
    write(client, *states)
    found = provenance(services_of(client), Kind.NEED, "H1", Role.OFFICER)
    assert (len(found.steps), found.earlier) == (MOST_VERSIONS, 3)
    assert all(step.changed == ("名称",) for step in found.steps)
