"""Files that mean harm, or are none, sent for import over the web."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import xlsxwriter
from fastapi.testclient import TestClient

from corpus.confidentiality import Role
from tests.integration import messy_workbook
from tests.integration.accounts import log_in
from tests.integration.import_pages import (
    loaded,
    send,
    sent,
    settle,
    text,
)
from tests.integration.office import office


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path / "home") as made:
        log_in(made, Role.OFFICER)
        yield made


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>"
MARKS = "\u202e\u2066翻转\u200f\r\n\x07"


def test_hostile_cells_are_harmless_on_every_page(client: TestClient, tmp_path: Path) -> None:
    columns = ["需求编号", "需求名称", "需求内容", "县区", "拟投入资金", f"备注{HOSTILE}"]
    body = [
        {"需求编号": "H1", "需求名称": f"{HOSTILE}钢渣微粉", "需求内容": f"{MARKS}{HOSTILE}",
         "县区": HOSTILE, columns[5]: "=cmd|' /C calc'!A0"},
        {"需求编号": "H2", "需求名称": "长" * 100_000, "需求内容": "x", columns[5]: ["\ud800", 1]},
        {"需求编号": "H3", "需求名称": f"好{MARKS}", "拟投入资金": f"{HOSTILE}\n第二行"},
        {"需求编号": "H4", "需求名称": "深", columns[5]: json.loads("[" * 50 + "]" * 50)},
        {"需求编号": "H5", "需求名称": "列名坏", "\ud800\x00": "值"},
    ]  # fmt: skip
    path = tmp_path / "h.jsonl"
    lines = [json.dumps(row) for row in body] + ['{"需求编号": "H6", ', "not json <u>"]
    path.write_text("\n".join(lines), "utf-8")
    place = sent(client, path, "need", f"..\\..\\{HOSTILE}/{MARKS}表 <u>.jsonl")
    pages = [client.get(f"{place}/columns"), settle(client, place)]
    assert "有问题" in text(pages[1]), text(pages[1])
    pages += [loaded(client, place), client.get("/imports"), client.get("/needs/H1"),
              client.get("/needs/H4"), client.get("/needs"), client.get("/?q=钢渣微粉&kind=need"),
              client.post(f"{place}/again", follow_redirects=True)]  # fmt: skip
    for page in pages:
        assert page.status_code == 200, (page.url, text(pages[2]))
        bare = page.text.replace('<script src="/static/zhitong.js" defer></script>', "")
        assert "<script" not in bare, page.url
        assert "<img" not in bare
        assert "<u>" not in bare
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        assert len(page.content) < 400_000
    assert "表 &lt;u&gt;.jsonl" in pages[0].text
    assert "\u202e" not in pages[0].text.partition("<table")[0]
    report = client.get("/api/v1/imports/1").json()["report"]
    assert report["rows"] == 7
    assert {failure["row"] for failure in report["failures"]} >= {2, 6, 7}, report
    assert "失败" in pages[2].text


def zip_bomb(path: Path) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            for _ in range(120):
                sheet.write(bytes(1024**2))
    return path


def locked(path: Path) -> Path:
    names = "EncryptedPackage".encode("utf-16-le")
    path.write_bytes(bytes.fromhex("d0cf11e0a1b11ae1") + bytes(1016) + names + bytes(1024))
    return path


def test_files_that_are_no_tables_are_refused_in_words(client: TestClient, tmp_path: Path) -> None:
    page = tmp_path / "page.xls"
    page.write_text("<html><table><tr><td>1</td></tr></table></html>")
    empty = tmp_path / "empty.xlsx"
    empty.touch()
    bare = tmp_path / "bare.csv"
    bare.write_text("\r\n\r\n")
    broken = tmp_path / "broken.xlsx"
    broken.write_bytes(messy_workbook.write(tmp_path / "a.xlsx").read_bytes()[:3000])
    cases = [
        (zip_bomb(tmp_path / "bomb.xlsx"), "", "倍"),
        (locked(tmp_path / "secret.xlsx"), "", "密码"),
        (page, "", "网页"), (empty, "", "空文件"), (bare, "", ""), (broken, "", "损坏"),
        (page, "a.exe", "不支持的文件类型"), (page, "没有后缀", "不支持的文件类型"),
        (page, "../../etc/passwd", "不支持的文件类型"),
    ]  # fmt: skip
    for path, name, said in cases:
        answer = send(client, path, "need", name)
        assert answer.status_code == 400, (path, text(answer))
        notice = re.search(r'role="alert">([^<]*)<', answer.text)
        assert notice
        assert said in notice[1], (path, notice[1])
        assert not re.search(r"[0-9a-f]{32}", notice[1]), notice[1]
        assert str(tmp_path) not in answer.text
    assert list((tmp_path / "home" / "uploads").glob("*.*s*")) == []
    assert client.post("/imports", data={"kind": "need"}).status_code == 400
    assert client.post("/imports", files={"file": ("", b"")}).status_code == 400


def test_a_file_beyond_the_limit_is_not_read(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    large = tmp_path / "large.csv"
    large.write_bytes(b"a" * (52 * 1024**2))
    answer = send(client, large)
    assert answer.status_code == 413
    assert list((tmp_path / "home").glob("uploads/*.csv")) == []
    # A file within the limit of the request, but beyond that of a file.
    large.write_bytes(b"a" * (50 * 1024**2 + 10))
    answer = send(client, large)
    assert (answer.status_code, "文件超过 50 MB" in answer.text) == (400, True)
    small = {"file": ("a.csv", b"a" * 2 * 1024**2)}
    assert client.post("/imports/1/columns", files=small).status_code == 413


def test_formulas_and_line_ends_come_in_as_text(client: TestClient, tmp_path: Path) -> None:
    path = tmp_path / "公式.xlsx"
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["需求编号", "需求名称", "需求内容"])
        sheet.write_row(1, 0, ["F1", "算出来的", "第一行\r\n第二行"])
        sheet.write_formula(1, 2, '=HYPERLINK("http://x.example","点我")', None, "算出的值")
        sheet.write_string(2, 0, "F2")
        sheet.write_string(2, 1, "=1+1 是名称")
    place = sent(client, path)
    settle(client, place)
    assert "新增 2 条" in text(loaded(client, place))
    assert client.get("/api/v1/needs/F1").json()["text"] == "算出的值"
    assert client.get("/api/v1/needs/F2").json()["title"] == "=1+1 是名称"
