"""A shortlist as a file: what is in it, that hostile texts do no harm, that it is audited."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from docx import Document
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook

from api.clock import now_at
from api.exports.plain import CELL_LENGTH, CUT
from api.exports.workbook import COLUMNS
from api.security.audit import Action, AuditLog
from corpus.confidentiality import Role
from corpus.model import Amount, Need
from corpus.repository import CorpusRepository
from tests.integration.accounts import create, services_of
from tests.integration.listing import as_it_was, one_office, somebody
from tests.integration.office import RECORDS, SCOPES

LISTS = "/api/v1/shortlists"
HOSTILE = [
    "=1+1", "+1", "@SUM(A1)", "\t=1", "-1+cmd|' /C calc'!A0", "http://x.example/",
    "a\x00b"[:1] + "b\x01c\x0bd\x1f", "\ufffe\uffff", "\u202egnp.exe\u2066", "<w:p>&amp;]]>",
    "_x0041_", "{{ 7*7 }}",
]  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with one_office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def client(house: TestClient) -> TestClient:
    return as_it_was(house)


def put(client: TestClient, record: Any) -> None:
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([record], now_at())


def listed(client: TestClient, name: str = "走访", note: str = "", entry_note: str = "") -> int:
    made = client.post(LISTS, json={"name": name, "note": note}).json()["id"]
    for achievement in ("A1", "A2"):
        body = {"need": "N1", "achievement": achievement, "note": entry_note}
        assert client.post(f"{LISTS}/{made}/entries", json=body).status_code == 201
    return int(made)


def file_of(client: TestClient, number: int, form: str) -> bytes:
    answer = client.get(f"/shortlists/{number}/export/{form}")
    assert answer.status_code == 200, answer.text
    assert form[0] in answer.headers["content-type"]
    return bytes(answer.content)


def rows(content: bytes) -> list[list[Any]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(content))
    return book.get_sheet_by_name("对接清单").to_python()


def words(content: bytes) -> str:
    made = Document(io.BytesIO(content))
    cells = [cell.text for table in made.tables for row in table.rows for cell in row.cells]
    return "\n".join([*(p.text for p in made.paragraphs), *cells])


def parts(content: bytes) -> list[tuple[str, Any]]:
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return [
            (name, ElementTree.fromstring(file.read(name)))  # noqa: S314 - made here
            for name in file.namelist()
            if name.endswith((".xml", ".rels"))
        ]


def test_a_workbook_has_the_columns_of_the_matching_list_and_the_notes(client: TestClient) -> None:
    number = listed(client, note="第一周", entry_note="先谈这家")
    head, *found = rows(file_of(client, number, "xlsx"))
    assert head[: len(COLUMNS)] == [name for name, _ in COLUMNS]
    assert head[len(COLUMNS) :] == ["备注", "依据的时间", "收藏后有无变化"]
    named = [dict(zip(head, row, strict=True)) for row in found]
    assert [(row["需求编号"], row["名次"], row["成果编号"]) for row in named] == [
        ("N1", 1, "A1"), ("N1", 2, "A2"),
    ]  # fmt: skip
    assert named[0]["备注"] == "先谈这家"
    assert named[0]["收藏后有无变化"] == "无"
    assert "钢渣微粉" in named[0]["成果原句"]
    book = CalamineWorkbook.from_filelike(io.BytesIO(file_of(client, number, "xlsx")))
    notes = str(book.get_sheet_by_name("说明").to_python())
    assert "走访" in notes
    assert "第一周" in notes


def test_a_document_says_everything_of_each_pair(client: TestClient) -> None:
    need = RECORDS[0]
    assert isinstance(need, Need)
    put(client, replace(need, text="目标：抗拉强度不低于800 MPa，用钢渣微粉。",
                        budget=Amount(None, 80)))  # fmt: skip
    put(client, replace(RECORDS[2], text="钢渣微粉制品，抗拉强度为850 MPa。"))
    text = words(file_of(client, listed(client, note="第一周", entry_note="先谈这家"), "docx"))
    for said in ("走访", "共 2 对", "第一周", "1. 钢渣微粉活性低 → 转炉钢渣微粉活化", "迁安市",
                 "可能性", "收藏时的", "需求原文：“目标：抗拉强度不低于800 MPa",
                 "成果原文：“钢渣微粉制品", "指标核对", "满足", "抗拉强度", "不利因素", "待问",
                 "接下来问什么", "1. 问", "备注", "先谈这家", "拟投入"):  # fmt: skip
        assert said in text, said


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
def test_hostile_texts_do_no_harm(client: TestClient, text: str) -> None:
    for record in RECORDS[:3]:
        put(client, replace(record, title=text, text=f"钢渣微粉{text}"))
    number = listed(client, name=text.strip() or "x", note=text, entry_note=text)
    for form in ("xlsx", "docx"):
        check_harmless(file_of(client, number, form))
    row = dict(zip(*rows(file_of(client, number, "xlsx"))[:2], strict=True))
    if text.isprintable() and text.isascii():
        assert str(row["需求名称"]) == text


def check_harmless(content: bytes) -> None:
    bidi = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    for name, root in parts(content):  # each is well-formed
        assert not set("".join(root.itertext())) & bidi, name
        assert not {one.tag.rpartition("}")[2] for one in root.iter()} & {"f", "hyperlink"}, name


def test_a_title_longer_than_a_cell_is_cut_and_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Embedding it twice over is not what is tested here.
    monkeypatch.setattr("api.shortlists.proposal", lambda *_: None)
    monkeypatch.setattr("api.handouts.current", lambda *_: None)
    put(client, replace(RECORDS[0], title="长" * 100_000))
    number = listed(client)
    title = str(rows(file_of(client, number, "xlsx"))[1][1])
    assert len(title) == CELL_LENGTH
    assert title.endswith(CUT)
    document = file_of(client, number, "docx")
    check_harmless(document)
    assert CUT in words(document)


def test_names_of_files_are_safe(client: TestClient) -> None:
    number = listed(client, name='../"走访"; filename=x\u202e.exe')
    answer = client.get(f"/shortlists/{number}/export/docx")
    header = answer.headers["content-disposition"]
    plain, _, encoded = header.partition("; filename*=UTF-8''")
    assert plain.startswith(f'attachment; filename="shortlist-{number}-')
    named = unquote(encoded)
    assert named.startswith("走访")
    assert not set(named) & set('/\\";:\u202e')
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_each_file_is_audited_by_number_alone(client: TestClient) -> None:
    number = listed(client)
    for form in ("xlsx", "docx"):
        file_of(client, number, form)
    assert client.get(f"/shortlists/{number}/export/pdf").status_code == 422
    with services_of(client).reading() as session:
        noted = AuditLog(session).entries(action=Action.EXPORTED)
    assert [(one.user, one.subject) for one in noted] == [
        ("user.officer", f"shortlist:{number}")
    ] * 2


def test_a_file_holds_what_its_reader_may_see(client: TestClient) -> None:
    create(services_of(client), Role.INSTITUTION, **SCOPES[Role.INSTITUTION])
    number = listed(client, entry_note="联系张三，13800138000")
    found = client.get(f"{LISTS}/{number}").json()
    body = {"version": found["version"], "sharing": {"people": {"user.institution": "read"}}}
    assert client.patch(f"{LISTS}/{number}", json=body).status_code == 200
    with somebody(client, Role.INSTITUTION) as other:
        for form in ("xlsx", "docx"):
            content = file_of(other, number, form)
            text = "".join("".join(root.itertext()) for _, root in parts(content))
            assert "转炉钢渣" in text
            assert "13800138000" not in text
            assert "电炉钢渣" not in text
            assert "另有 1 条，导出的人无权查看" in text
    assert "13800138000" in words(file_of(client, number, "docx"))


def test_without_an_index_the_pairs_are_still_listed(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.shortlists.proposal", lambda *_: None)
    monkeypatch.setattr("api.handouts.current", lambda *_: None)
    number = listed(client)
    head, first, _ = rows(file_of(client, number, "xlsx"))
    row = dict(zip(head, first, strict=True))
    assert (row["需求编号"], row["成果编号"], row["总分"], row["依据的时间"]) == (
        "N1", "A1", "", "现在",
    )  # fmt: skip
    assert "没有得分" in words(file_of(client, number, "docx"))
