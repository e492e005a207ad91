"""An office with accounts, for tests over HTTP."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from fastapi.testclient import TestClient

from api.app import create_app
from api.clock import now_at
from api.security import passwords
from api.security.accounts import AccountRepository
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind, Need, Organisation
from corpus.repository import CorpusRepository
from matcher.feedback import Pair, Verdict, judgement
from matcher.repository import FeedbackRepository
from tests.integration.accounts import create, services_of
from tests.integration.faked import use_fakes

PASSWORD = "kilo-trumpet-stone"  # noqa: S105
SCOPES = {
    Role.COUNTY: {"county": "迁安市"},
    Role.INSTITUTION: {"organisation": "甲所（示例）"},
}
MINE, OTHERS = Organisation("甲所（示例）", "北京"), Organisation("乙所（示例）", "天津")
TEXT = "采用复合激发剂，使钢渣微粉用作水泥掺合料。"
RECORDS: list[Need | Achievement] = [
    Need(key="N1", title="钢渣微粉活性低", text=TEXT, county="迁安市"),
    Need(key="N2", title="钢渣微粉早强不足", text=TEXT, county="遵化市"),
    Achievement(key="A1", title="转炉钢渣微粉活化", text=TEXT, organisation=MINE),
    Achievement(key="A2", title="电炉钢渣微粉活化", text=TEXT, organisation=OTHERS),
]


BODY = {"need": "N1", "achievement": "A1", "verdict": "accept"}


def hash_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords cost next to nothing."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", quick)
    monkeypatch.setattr(passwords, "_nobody", functools.cache(lambda: quick.hash("nobody's")))


@contextmanager
def office(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    """A few records of two counties and two owners, judged in pairs, and a browser that nobody
    has logged in with; the server has https."""
    use_fakes(monkeypatch, tmp_path)
    hash_quickly(monkeypatch)
    app = create_app(Settings())
    services = app.state.services
    with services.writing() as session:
        CorpusRepository(session).upsert(RECORDS, now_at())
        for need, achievement in (("N1", "A1"), ("N2", "A2"), ("N1", "A2")):
            said = judgement(Verdict.GRADE, 3, [], "")
            FeedbackRepository(session).give(Pair(need, achievement), "李工", said, now_at())
    for kind in Kind:
        services.refresh_index(kind)
    with TestClient(
        app, base_url="https://testserver", raise_server_exceptions=False, follow_redirects=False
    ) as made:
        yield made
    services.close()


def with_password(client: TestClient, name: str = "ligong", role: Role = Role.OFFICER) -> None:
    services = services_of(client)
    create(services, Role.ADMINISTRATOR)
    with services.writing() as session:
        AccountRepository(session).create(name, role, PASSWORD, now_at())


def csrf(page: str) -> str:
    found = re.search(r'name="csrf" value="(\w+)"', page)
    assert found
    return found[1]


def submit(client: TestClient, name: str, password: str, **fields: str) -> Any:
    form = {"csrf": csrf(client.get("/login").text), "name": name, "password": password}
    return client.post("/login", data={**form, **fields})
