"""Importing in the browser and over the API, from the upload to the undo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from corpus.confidentiality import Role
from corpus.model import Kind
from tests.integration import messy_workbook
from tests.integration.accounts import log_in, services_of
from tests.integration.office import office


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path / "home") as made:
        log_in(made, Role.OFFICER)
        yield made


def send(client: TestClient, path: Path, kind: str = "", name: str = "") -> Any:
    with path.open("rb") as file:
        return client.post(
            "/imports", files={"file": (name or path.name, file)}, data={"kind": kind}
        )


def sent(client: TestClient, path: Path, kind: str = "", name: str = "") -> str:
    """The address of an upload."""
    answer = send(client, path, kind, name)
    assert answer.status_code == 303, text(answer)
    place = answer.headers["location"]
    assert place.endswith("/columns")
    return str(place.removesuffix("/columns"))


def text(answer: Any) -> str:
    """A page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def fields(page: str) -> dict[str, str]:
    """The last form of a page that posts columns, as a browser would send it."""
    form = page[page.index('method="post"') :]
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        found[name] = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return found


def settle(client: TestClient, place: str, **changed: str) -> Any:
    """Take the columns as they are recognised."""
    page = client.get(f"{place}/columns")
    assert page.status_code == 200, text(page)
    answer = client.post(f"{place}/columns", data={**fields(page.text), **changed})
    assert answer.status_code == 303, text(answer)
    return client.get(answer.headers["location"])


def loaded(client: TestClient, place: str) -> Any:
    """Start, wait for the worker, and look at the report."""
    answer = client.post(f"{place}/run")
    assert answer.status_code == 303, text(answer)
    wait(client)
    report = client.get(place)
    assert report.status_code == 200
    return report


def wait(client: TestClient) -> None:
    """Until the worker has nothing to do: it works through what it is given in order."""
    client.app.state.imports._pool.submit(lambda: None).result()  # type: ignore[attr-defined]


def test_a_messy_workbook_from_upload_to_undo(client: TestClient, tmp_path: Path) -> None:
    path = messy_workbook.write(tmp_path / "需求汇总.xlsx")
    place = sent(client, path)
    columns = client.get(f"{place}/columns")
    assert "需求名称*必填" in columns.text
    assert "高炉煤气余热回收装置" in columns.text
    preview = settle(client, place)
    said = text(preview)
    assert "共 4 行： 可以导入 2 ， 有问题 2" in said, said
    assert "看着给" in preview.text
    assert "缺少需求名称" in said
    with services_of(client).repository() as repository:
        assert repository.get(Kind.NEED, "R1") is None
    report = loaded(client, place)
    assert "新增 2 条，更新 0 条，未变 0 条，失败 2 行" in text(report), text(report)
    assert client.get("/needs/R1").status_code == 200
