"""Importing in the browser and over the API, from the upload to the undo."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from fastapi.testclient import TestClient
from filelock import FileLock

from api.clock import now_at
from api.importing import ImportOptions, import_file
from api.security.audit import Action, AuditLog
from api.uploads.model import State, Upload
from api.uploads.repository import UploadRepository
from api.uploads.running import Progress, Runner
from corpus.confidentiality import Role
from corpus.importing.profiles import ColumnRule, Profile
from corpus.importing.readers import open_table
from corpus.model import Kind
from tests.integration import messy_workbook
from tests.integration.accounts import create, log_in, services_of, token
from tests.integration.import_pages import (
    TITLE,
    fields,
    form_of,
    keys,
    loaded,
    sent,
    settle,
    text,
    wait,
)
from tests.integration.office import office


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path / "home") as made:
        log_in(made, Role.OFFICER)
        yield made


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
    assert "共 4 行： 可以导入 2 行 ， 有问题 2 行" in said, said
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
    assert "可以导入 3 行 ， 有问题 1 行" in text(good)

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
    assert "有问题 1 行" in text(second), text(second)
    fixed = client.post(
        f"{again}/rows/2", data={**form_of(second.text, 2), "c4": "废钢分拣"}, follow_redirects=True
    )
    assert "可以导入 1 行" in text(fixed), text(fixed)
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


# -- who ------------------------------------------------------------------------------------


def test_an_upload_is_there_for_its_sender_and_the_administrator(
    client: TestClient, tmp_path: Path
) -> None:
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    settle(client, place, **TITLE)
    pages = [("GET", place), ("GET", f"{place}/columns"), ("GET", f"{place}/preview"),
             ("GET", f"{place}/run"), ("GET", f"{place}/failed-rows"), ("POST", f"{place}/run"),
             ("POST", f"{place}/columns"), ("POST", f"{place}/rows/6"),
             ("POST", f"{place}/again"), ("POST", f"{place}/discard"),
             ("GET", "/api/v1/imports/1"), ("GET", "/api/v1/imports/1/failed-rows"),
             ("POST", "/api/v1/imports/1/undo"), ("GET", "/imports/runs/1"),
             ("POST", "/imports/runs/1/undo")]  # fmt: skip
    with TestClient(client.app, base_url="https://testserver", follow_redirects=False) as other:
        log_in(other, Role.OFFICER, name="another.officer")
        for method, path in pages:
            theirs = other.request(method, path)
            none = other.request(method, path.replace("/1", "/99"))
            assert theirs.status_code == none.status_code == 404, path
        assert "a.xlsx" not in other.get("/imports").text
        assert other.get("/api/v1/imports").json()["imports"] == []
        log_in(other, Role.ADMINISTRATOR)
        assert "a.xlsx" in other.get("/imports").text
        assert other.get(f"{place}/preview").status_code == 200
        for role in (Role.ORGANISER, Role.COMMISSIONER):
            log_in(other, role)
            assert other.get("/imports").status_code == 403
            assert 'href="/imports"' not in other.get("/needs").text
    loaded(client, place)
    with TestClient(client.app, base_url="https://testserver", follow_redirects=False) as other:
        log_in(other, Role.OFFICER, name="another.officer")
        assert other.post("/imports/runs/1/undo").status_code == 404


def test_imports_by_command_are_listed_for_the_administrator(
    client: TestClient, tmp_path: Path
) -> None:
    path = messy_workbook.write(tmp_path / "<b>命令.xlsx")
    profile = Profile("命令", Kind.NEED, {"需求名称*必填": ColumnRule("title")})
    import_file(services_of(client), path, profile, ImportOptions(who="root"))
    assert "命令.xlsx" not in client.get("/imports").text
    assert client.get("/imports/runs/1").status_code == 404
    log_in(client, Role.ADMINISTRATOR)
    listed = client.get("/imports").text
    assert "&lt;b&gt;命令.xlsx" in listed
    assert "<b>" not in listed
    assert "撤销导入 1" in client.get("/imports/runs/1").text
    undone = client.post("/imports/runs/1/undo", follow_redirects=True)
    assert "已撤销" in undone.text
    again = client.post("/imports/runs/1/undo")
    assert (again.status_code, "已经撤销过" in again.text) == (409, True)


# -- one at a time, and what is left after a crash --------------------------------------------


def test_one_file_is_loaded_at_a_time(client: TestClient, tmp_path: Path) -> None:
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    settle(client, place, **TITLE)
    with FileLock(tmp_path / "home" / "uploads" / ".loading.lock"):  # another process at work
        busy = client.post(f"{place}/run")
        assert (busy.status_code, "一次只能导入一个" in busy.text) == (409, True)
    assert "新增 2 条" in text(loaded(client, place))
    twice = client.post(f"{place}/run")
    assert (twice.status_code, "已经导入" in twice.text) == (400, True)


@pytest.mark.parametrize(
    ("state", "said"),
    [(State.RUNNING, "没有写入任何内容"), (State.INDEXING, "记录已全部写入")],
)
def test_what_a_dead_worker_left_is_told(
    client: TestClient, tmp_path: Path, state: State, said: str
) -> None:
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    settle(client, place, **TITLE)
    if state is State.INDEXING:
        loaded(client, place)
    with services_of(client).writing() as session:
        UploadRepository(session).change(1, state=state.value, error="")
    with FileLock(tmp_path / "home" / "uploads" / ".loading.lock"):
        watched = client.get(f"{place}/run")
        assert 'http-equiv="refresh"' in watched.text
        assert '<progress id="progress"></progress>' in watched.text
    page = client.get(place)
    assert said in page.text
    assert client.get("/api/v1/imports/1").json()["state"] in ("interrupted", "done")
    if state is State.RUNNING:
        assert "中断" in client.get("/imports").text
        assert "新增 2 条" in text(loaded(client, place))


def test_a_stopped_server_writes_nothing_and_says_so(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(client)
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    settle(client, place, **TITLE)
    client.app.state.imports._stopping.set()  # type: ignore[attr-defined]
    page = loaded(client, place)
    assert "服务器停了。没有写入任何内容。" in page.text
    assert keys(client) == before
    client.app.state.imports._stopping.clear()  # type: ignore[attr-defined]

    def broken(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    monkeypatch.setattr("api.uploads.running._finish", broken)
    page = loaded(client, place)
    assert "这是程序的问题，已记入日志。请告诉管理员。没有写入任何内容。" in page.text
    assert keys(client) == before
    monkeypatch.undo()


def test_progress_is_told_while_it_goes_on(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every step is seen from outside, by another connection, while the worker is in it."""
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    settle(client, place, **TITLE)
    seen: list[tuple[Any, ...]] = []
    say = Runner._say

    def watched(self: Runner, upload: Upload, progress: Progress) -> None:
        say(self, upload, progress)
        now = client.get("/api/v1/imports/1").json()
        seen.append((now["state"], now["step"], now["done"], now["total"]))

    monkeypatch.setattr(Runner, "_say", watched)
    loaded(client, place)
    assert seen[0] == ("running", "读取", 0, None)
    assert ("running", "写入", 4, 7) in seen
    assert seen[-1][:2] == ("indexing", "更新索引")


# -- what is remembered, deleted, expired -----------------------------------------------------


def test_a_kept_profile_is_offered_for_the_same_columns(client: TestClient, tmp_path: Path) -> None:
    first = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    chosen = {"keep_as": "<i>县里的表", "source": "县里", "l3": "保密", **TITLE}
    settle(client, first, **chosen)
    second = sent(client, messy_workbook.write(tmp_path / "b.xlsx"))
    page = client.get(f"{second}/columns").text
    assert "存过的：&lt;i&gt;县里的表" in page
    assert fields(page)["c2"] == "title"
    assert fields(page)["l3"] == "保密"
    settle(client, second, source="县里")
    assert "列对照 &lt;i&gt;县里的表；来源 县里" in text(loaded(client, second))
    log_in(client, Role.ADMINISTRATOR)
    place = sent(client, messy_workbook.write(tmp_path / "c.xlsx"))
    page = client.get(f"{place}/columns").text
    taken = client.post(f"{place}/columns", data={**fields(page), "keep_as": "<i>县里的表"})
    assert (taken.status_code, "请换一个名称" in taken.text) == (400, True)


def test_a_form_of_columns_that_makes_no_sense_is_refused(
    client: TestClient, tmp_path: Path
) -> None:
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    good = {**fields(client.get(f"{place}/columns").text), **TITLE}
    for wrong, why in (
        ({"c3": "title"}, "只能有一列"), ({"c3": "maturity"}, "选择无效"),
        ({"c3": "<script>"}, "选择无效"), ({"l3": "绝密"}, "密级无效"),
        ({"keep_as": "长" * 51}, "最多 50 字"),
    ):  # fmt: skip
        answer = client.post(f"{place}/columns", data={**good, **wrong})
        assert (answer.status_code, why in answer.text) == (400, True), why
        assert "<script>" not in answer.text.replace('<script src="/static', "")
    early = client.post(f"{place}/run")
    assert (early.status_code, "还没有确认" in early.text) == (400, True)
    assert client.get(f"{place}/preview").headers["location"] == f"{place}/columns"


def test_another_sheet_and_another_kind_can_be_chosen(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "两张表.xlsx"
    with xlsxwriter.Workbook(path) as book:
        for name, title in (("说明", "填表说明"), ("成果", "成果名称")):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, [title, "某列"])
            sheet.write_row(1, 0, ["电炉渣选铁方法", "x"])
    place = sent(client, path)
    page = client.get(f"{place}/columns").text
    assert "看不出是成果还是需求" in page
    page = client.get(f"{place}/columns?sheet=成果").text
    assert fields(page)["kind"] == "achievement"
    answer = client.post(f"{place}/columns", data=fields(page), follow_redirects=True)
    assert "电炉渣选铁方法" in answer.text
    assert "新增 1 条" in text(loaded(client, place))
    assert "工作表“成果”" in client.get(place).text


def test_what_is_not_loaded_is_deleted_by_hand_or_after_a_week(
    client: TestClient, tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "uploads"
    path = messy_workbook.write(tmp_path / "a.xlsx")
    first, second = sent(client, path), sent(client, path)
    assert len(list(folder.glob("*.xlsx"))) == 2
    assert client.post(f"{first}/discard").headers["location"] == "/imports"
    assert client.get(first).status_code == 404
    with services_of(client).writing() as session:
        UploadRepository(session).change(2, created_at=now_at() - timedelta(days=8))
    sent(client, path)
    assert client.get(second).status_code == 404
    assert len(list(folder.glob("*.xlsx"))) == 1


# -- correcting rows ----------------------------------------------------------------------


def test_a_row_is_only_changed_where_somebody_changed_it(
    client: TestClient, tmp_path: Path
) -> None:
    body = messy_workbook.rows()[:1]
    body[0][3] = "第一行\n第二行\n" + "很长。" * 1000
    body[0][6] = "多少都行"
    place = sent(client, messy_workbook.write(tmp_path / "a.xlsx", body))
    page = settle(client, place, **TITLE)
    form = form_of(page.text, 4)
    assert form["c3"] == ""  # too long to be shown
    assert "太长不显示" in page.text
    client.post(f"{place}/rows/4", data={**form, "c6": "面议"})
    with services_of(client).reading() as session:
        upload = UploadRepository(session).get(1)
    assert upload is not None
    assert upload.fixes == {4: {"拟投入资金（万元）": "面议"}}
    client.post(f"{place}/rows/4", data={**form, "c6": "多少都行"})  # as it was
    with services_of(client).reading() as session:
        upload = UploadRepository(session).get(1)
    assert upload is not None
    assert upload.fixes == {}
    for bad in ({"c77": "x"}, {"c3": "x" * 200_001}):
        assert client.post(f"{place}/rows/4", data={**form, **bad}).status_code == 400
    assert client.post(f"{place}/rows/99", data=form).status_code == 400
    client.post(f"{place}/rows/4", data={**form, "c6": "面议"})
    loaded(client, place)
    assert client.get("/api/v1/needs/R1").json()["text"].count("很长") == 1000


def test_a_line_that_could_not_be_cut_is_filled_in(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("需求编号,需求名称,需求内容\nC1,甲,文\nC2,乙,文,多,多\n", "utf-8")
    place = sent(client, path)
    page = settle(client, place)
    assert "这一行比表头多 2 个单元格" in page.text
    form = form_of(page.text, 3)
    client.post(f"{place}/rows/3", data=form)  # taken as it is
    assert "新增 2 条" in text(loaded(client, place))


def test_a_broken_line_is_written_anew(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"需求编号": "J1", "需求名称": "甲"}\n{"需求编号": "J2", \n', "utf-8")
    place = sent(client, path)
    page = settle(client, place)
    assert "读到的原文：{&#34;需求编号&#34;" in page.text
    form = form_of(page.text, 2)
    assert form == {"c0": "", "c1": ""}
    client.post(f"{place}/rows/2", data={"c0": "J2", "c1": "乙"})
    assert "新增 2 条" in text(loaded(client, place))
    assert client.get("/api/v1/needs/J2").json()["title"] == "乙"


def test_an_undo_keeps_and_names_what_was_changed_since(client: TestClient, tmp_path: Path) -> None:
    places = []
    for name, rows, title in (("a", 2, "甲"), ("b", 1, "乙"), ("c", 2, "丙")):
        body = [[number, f"U{number}", title, "文"] for number in range(1, rows + 1)]
        places.append(sent(client, messy_workbook.write(tmp_path / f"{name}.xlsx", body)))
        settle(client, places[-1], **TITLE)
        if name != "c":
            loaded(client, places[-1])
    undone = client.post("/imports/runs/1/undo", follow_redirects=True)
    said = text(undone)
    assert "删去 1 条，恢复 0 条" in said
    assert "1 条在这次导入之后又有改动，保留现状 U1" in said
    wait(client)
    loaded(client, places[2])
    refused = client.post("/imports/runs/2/undo")
    assert refused.status_code == 409
    assert "请先撤销后来的导入（见“导入”页）" in refused.text


# -- the API --------------------------------------------------------------------------------------


def test_the_api_looks_loads_and_takes_back(client: TestClient, tmp_path: Path) -> None:
    before = keys(client)
    path = messy_workbook.write(tmp_path / "a.xlsx")
    header = {
        "authorization": token(services_of(client), create(services_of(client), Role.OFFICER))
    }
    client.cookies.clear()
    del client.headers["X-CSRF-Token"]
    profile = json.dumps({"columns": {"需求名称*必填": "title", "需求编号": "key"}})

    def post(**data: str) -> Any:
        files = {"file": (path.name, path.read_bytes())}
        return client.post("/api/v1/imports", files=files, data=data, headers=header)

    unsure = post(kind="need")
    assert unsure.status_code == 400
    assert "拿不准" in unsure.json()["detail"]
    for bad in ("{", "[]", '{"columns": {}}', '{"columns": {"a": 1}}', '{"x": null}',
                '{"kind": "achievement", "columns": {"需求名称*必填": "title"}}'):  # fmt: skip
        assert post(kind="need", profile=bad).status_code == 400, bad
    assert post(kind="stuff").status_code == 422
    looked = post(kind="need", profile=profile, dry_run="true")
    assert looked.status_code == 200
    found = looked.json()
    assert (found["rows"], found["good"], found["failed"]) == (4, 2, 2)
    assert [failure["row"] for failure in found["failures"]] == [6, 7]
    assert {"column": "需求编号", "to": "key", "label": "编号", "unsure": False} in found["columns"]
    assert keys(client) == before
    assert list((tmp_path / "home" / "uploads").glob("*.xlsx")) == []

    made = post(kind="need", profile=profile)
    assert made.status_code == 202, made.text
    place = f"/api/v1/imports/{made.json()['id']}"
    wait(client)
    done = client.get(place, headers=header).json()
    assert (done["state"], done["report"]["new"], done["report"]["failed"]) == ("done", 2, 2)
    assert done["report"]["failures"][1] == {"row": 7, "reason": "缺少需求名称"}
    assert client.get("/api/v1/imports", headers=header).json()["imports"] == [done]
    file = client.get(f"{place}/failed-rows", headers=header)
    (tmp_path / "refused.xlsx").write_bytes(file.content)
    assert len(list(open_table(tmp_path / "refused.xlsx").rows)) == 2
    undone = client.post(f"{place}/undo", headers=header)
    assert undone.json()["undone_at"]
    assert keys(client) == before
    assert client.post(f"{place}/undo", headers=header).status_code == 409
    wait(client)


def test_the_api_takes_the_sheet_that_is_asked_for(client: TestClient, tmp_path: Path) -> None:
    path = messy_workbook.write(tmp_path / "a.xlsx")
    answer = client.post(
        "/api/v1/imports",
        files={"file": (path.name, path.read_bytes())},
        data={"kind": "need", "sheet": "没有这张"},
    )
    assert answer.status_code == 400
    assert "“需求汇总”" in answer.json()["detail"]
    assert client.get("/api/v1/imports").json()["imports"] == []
