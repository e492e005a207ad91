"""The typed client asks every route of the API that the schema describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.client import ApiError, Client
from api.editing import AchievementPatch, AmountIn, NeedPatch
from api.feedback import FeedbackIn
from api.security.policy import Place, places
from corpus.confidentiality import Role
from corpus.model import Kind, Maturity
from matcher.feedback import Verdict
from tests.integration.accounts import create, services_of, token
from tests.integration.office import office
from tests.integration.serving import serving


class Recorder:
    """ASGI app around another: the routes that were asked."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.asked: set[tuple[str, str]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            self.asked.add((scope["method"], scope["state"]["place"]))


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    monkeypatch.setenv("ZHITONG_PLAIN_HTTP", "true")
    with office(monkeypatch, tmp_path) as made:
        yield made


def test_every_route_of_the_api_is_asked_through_the_client(browser: TestClient) -> None:
    services = services_of(browser)
    secret = token(services, create(services, Role.ADMINISTRATOR)).removeprefix("Bearer ")
    recorder = Recorder(browser.app)
    with serving(recorder) as address, Client(address, secret) as client:
        ask_everything(client)
    listed: list[Place] = list(places(browser.app.routes))  # type: ignore[attr-defined]
    wanted = {key for place in listed for key in place.keys if key[1].startswith("/api/")}
    assert recorder.asked & wanted == wanted


def ask_everything(client: Client) -> None:
    for kind, key in ((Kind.NEED, "N1"), (Kind.ACHIEVEMENT, "A1")):
        assert client.records(kind, limit=1).total == 2
        assert [one.id[1:] for one in client.all_records(kind)] == ["1", "2"]
        assert client.record(kind, key).id == key
        assert client.matches(kind, key, limit=5).target is kind.other
    found = client.search("钢渣微粉", region=["北京", "天津"], limit=3)
    assert {match.document.id for match in found.matches} == {"A1", "A2"}
    assert client.search("钢渣微粉", min_maturity=Maturity.PILOT_SCALE).matches == []
    assert client.explain("N1", "A2").achievement.id == "A2"

    need = client.record(Kind.NEED, "N1")
    changed = client.change(need, NeedPatch(budget=AmountIn(max_wan=30)))
    assert changed.budget
    assert changed.budget.label == "不高于 30 万元"
    with pytest.raises(ApiError, match="412") as late:
        client.change(need, NeedPatch(industry="冶金"))
    assert "别人改过" in late.value.problem.detail
    achievement = client.record(Kind.ACHIEVEMENT, "A1")
    assert client.change(achievement, AchievementPatch(maturity=Maturity.LAB_SCALE)).trl == (5, 5)

    judgement = FeedbackIn(need="N1", achievement="A1", verdict=Verdict.ACCEPT)
    given = client.judge(judgement, once="k1")
    assert client.judge(judgement, once="k1") == given
    assert client.feedback(need="N1").entries[0] == given
    assert client.take_back(given.id).undone_by == "user.administrator"
    with pytest.raises(ApiError, match="400"):
        client.note_consent(Kind.NEED, "N1", "电话")
    assert client.contacts(Kind.NEED, "N1").contacts == []
    assert not client.withdraw_consent(Kind.NEED, "N1").exist
    assert {state.state for state in client.indexes()} == {"current"}
    with pytest.raises(ApiError, match="没有编号为 none 的需求"):
        client.record(Kind.NEED, "none")
