"""Importing in the browser and over the API, from the upload to the undo."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.security.audit import Action, AuditLog
from corpus.confidentiality import Role
from corpus.importing.readers import open_table
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


TITLE = {"c2": "title"}
"""The column of names in the messy workbook, which nothing recognises."""


def keys(client: TestClient) -> set[str]:
    with services_of(client).repository() as repository:
        found = repository.iterate(Kind.NEED)
        return {one.record.key for one in found}


def form_of(page: str, number: int) -> dict[str, str]:
    """The fields of a refused row, as a browser would send them."""
    form = page[page.index(f'id="row-{number}"') :]
    form = form[: form.index("</form>")]
    found = dict(re.findall(r'<input id="\w+" name="(c\d+)" value="([^"]*)"', form))
    found |= dict(
        re.findall(r'<textarea id="\w+" name="(c\d+)"[^>]*>\n(.*?)</textarea>', form, re.S)
    )
    return {name: html.unescape(value) for name, value in found.items()}


def test_a_messy_workbook_from_upload_to_undo(client: TestClient, tmp_path: Path) -> None:
    before = keys(client)
    path = messy_workbook.write(tmp_path / "需求汇总.xlsx")
    place = sent(client, path)
    columns = client.get(f"{place}/columns")
    assert "高炉煤气余热回收装置" in columns.text
    assert "没有认出哪一列是需求名称" in columns.text
    refused = client.post(f"{place}/columns", data=fields(columns.text))
    assert (refused.status_code, "还没有指定" in refused.text) == (400, True)
    preview = settle(client, place, **TITLE)
    said = text(preview)
    assert "共 4 行： 可以导入 2 ， 有问题 2" in said, said
    assert "“拟投入资金（万元）”：" in said
    assert "看着给" in said
    assert "缺少需求名称" in said
    assert keys(client) == before

    rows = {number: form_of(preview.text, number) for number in (6, 7)}
    assert rows[6]["c6"] == "看着给"
    assert 'name="c6" value="看着给" aria-invalid="true"' in preview.text
    assert 'name="c2" value="" aria-invalid="true"' in preview.text
    wrong = client.post(f"{place}/rows/6", data={**rows[6], "c6": "再说吧"}, follow_redirects=True)
    assert "第 6 行已保存，还有问题" in wrong.text
    assert "再说吧" in wrong.text
    good = client.post(f"{place}/rows/6", data={**rows[6], "c6": "100-200"}, follow_redirects=True)
    assert "第 6 行已改好" in good.text
    assert "可以导入 3 ， 有问题 1" in text(good)

    report = loaded(client, place)
    said = text(report)
    assert "新增 3 条，更新 0 条，未变 0 条，失败 1 行" in said, said
    assert "缺少需求名称" in said
    assert "网页上改的 1 行" in said
    assert keys(client) == before | {"R1", "R2", "R3"}
    record = client.get("/api/v1/needs/R3").json()
    assert record["budget"]["label"] == "100–200 万元"
    left = {path.suffix for path in (tmp_path / "home" / "uploads").iterdir()}
    assert left == {".lock", ".xlsx"}
    assert len(list((tmp_path / "home" / "uploads").glob("*.failed.xlsx"))) == 1

    # The refused row is downloaded, and corrected as an upload of its own.
    file = client.get(f"{place}/failed-rows")
    assert file.headers["content-type"].startswith("application/vnd.openxml")
    assert "filename*=UTF-8''%E9%9C%80" in file.headers["content-disposition"]
    (tmp_path / "refused.xlsx").write_bytes(file.content)
    assert [row.cells["需求编号"] for row in open_table(tmp_path / "refused.xlsx").rows] == ["R4"]
    second = client.post(f"{place}/again", follow_redirects=True)
    again = str(second.url.path).removesuffix("/preview")
    assert "有问题 1" in text(second), text(second)
    fixed = client.post(
        f"{again}/rows/2", data={**form_of(second.text, 2), "c4": "废钢分拣"}, follow_redirects=True
    )
    assert "可以导入 1" in text(fixed), text(fixed)
    assert "新增 1 条" in text(loaded(client, again))
    assert "R4" in keys(client)

    # Both are listed, and taken back.
    listed = text(client.get("/imports"))
    assert listed.count("已导入") == 2
    for one, number in ((again, 2), (place, 1)):
        undone = client.post(f"/imports/runs/{number}/undo", follow_redirects=True)
        assert undone.url.path == one
        assert "已撤销" in undone.text
    assert keys(client) == before
    wait(client)
    twice = client.post("/imports/runs/1/undo")
    assert (twice.status_code, "已经撤销过" in twice.text) == (409, True)
    with services_of(client).reading() as session:
        entries = AuditLog(session).entries()
    assert [(entry.action, entry.subject) for entry in entries][:4] == [
        (Action.IMPORT_UNDONE, "import:1"),
        (Action.IMPORT_UNDONE, "import:2"),
        (Action.IMPORTED, "import:2"),
        (Action.IMPORTED, "import:1"),
    ]
