"""Near duplicates over HTTP: searching, deciding, taking back, stale forms, closed records."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from api.clock import now_at
from api.duplicate_search import run_search, searches, start_search
from api.duplicates import Found, find
from api.schemas import RecordOut
from api.services import Services
from api.side_by_side import side_by_side, words
from corpus.confidentiality import Role
from corpus.model import Achievement, Confidentiality, Kind, Organisation
from corpus.repository import CorpusRepository
from indexer.build import Progress
from tests.integration.accounts import log_in, services_of
from tests.integration.faked import shipped_tokenizer
from tests.integration.office import csrf, office

PLACE = "/api/v1/duplicates"
TEXT = (
    "以高炉冲渣水为热源，用宽流道换热器向厂区供暖，系统运行三个采暖季没有堵塞。"
    "换热器可以在线冲洗，检修时不停炉。已在两座高炉上应用。"
)
PAIR = [
    Achievement(key="D1", title="高炉冲渣水余热供暖系统", text=TEXT),
    Achievement(
        key="D2",
        title="高炉冲渣水余热供暖系统",
        text=TEXT,
        organisation=Organisation("丙所（示例）"),
    ),
    Achievement(key="D3", title="铸造旧砂热法再生", text="旧砂经焙烧后灼减量低于千分之三。"),
    Achievement(key="D4", title="铸造旧砂热法再生", text="旧砂经焙烧后灼减量低于千分之三！"),
]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        put(made, PAIR)
        log_in(made, Role.OFFICER)
        yield made


def put(client: TestClient, records: list[Achievement]) -> None:
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert(records, now_at())


def searched(client: TestClient) -> list[dict[str, Any]]:
    answer = client.post(f"{PLACE}/searches", json={"kind": "achievement"})
    assert answer.status_code == 202, answer.text
    groups: list[dict[str, Any]] = client.get(PLACE).json()["groups"]
    return groups


def found(client: TestClient) -> list[str]:
    matches = client.get("/api/v1/search?q=高炉冲渣水余热供暖&limit=20").json()["matches"]
    return [match["document"]["id"] for match in matches]


def test_a_search_proposes_groups_and_says_what_it_did(client: TestClient) -> None:
    empty = client.get("/duplicates").text
    assert "没有“待处理”的成果组" in empty
    form = {"csrf": csrf(empty), "kind": "achievement"}
    answer = client.post("/duplicates/search", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/duplicates?kind=achievement")
    page = client.get("/duplicates").text
    assert "比较了 6 条成果，找到 2 组：新提出 2 组" in page
    assert "user.officer 开始" in page
    assert page.count("高炉冲渣水余热供暖系统") == 2
    [search] = client.get(f"{PLACE}/searches").json()
    assert (search["running"], search["groups"], search["problem"]) == (False, 2, "")
    again = searched(client)
    assert [group["id"] for group in again] == [1, 2]
    assert client.get("/duplicates?kind=need").text.count("第 1 组") == 0


def test_one_search_runs_at_a_time_and_a_broken_off_one_says_so(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.duplicate_search._WAIT_S", 0.0)
    services = services_of(client)
    started = start_search(services, Kind.ACHIEVEMENT, "李工")
    assert [one.running for one in searches(services)] == [True]
    assert "刷新进度" in client.get("/duplicates").text
    busy = client.post(f"{PLACE}/searches", json={"kind": "need"})
    assert (busy.status_code, "请等它完成" in busy.json()["detail"]) == (409, True)
    started.lock.release()  # as when the process ends
    [one] = searches(services)
    assert (one.running, "中断" in one.sentence) == (False, True)
    assert "中断" in client.get("/duplicates").text


def test_a_search_goes_on_while_somebody_loads_a_file(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_of(client)

    def beside_an_import(services: Services, kind: Kind, progress: Progress) -> Found:
        with services.writing():
            progress("compare", 0, 0)
            progress("embed", 0, 3)
        return find(services, kind, progress)

    monkeypatch.setattr("api.duplicate_search.find", beside_an_import)
    begun_s = time.monotonic()
    run_search(services, start_search(services, Kind.ACHIEVEMENT, "李工"))
    assert time.monotonic() - begun_s < 25  # it waits for nobody; SQLite would for 30 seconds
    [last] = searches(services)
    assert (last.problem, last.groups) == ("", 2)


def test_a_search_that_cannot_be_noted_says_why(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = services_of(client)

    def locked(*_: object) -> Found:
        raise OperationalError("", {}, Exception("database is locked"))

    monkeypatch.setattr("api.duplicate_search.find", locked)
    run_search(services, start_search(services, Kind.ACHIEVEMENT, "李工"))
    [last] = searches(services)
    assert (last.running, "正被另一个程序占用" in last.problem) == (False, True)


def test_two_clicks_merge_and_one_takes_it_back(client: TestClient) -> None:
    searched(client)
    page = client.get("/duplicates/1").text
    assert "名称和正文完全相同" in page
    assert re.search(r'name="keep" value="D1" checked', page)
    version = re.search(r'name="version" value="(\w+)"', page)
    assert version
    form = {"csrf": csrf(page), "version": version[1], "keep": "D2"}
    answer = client.post("/duplicates/1/merge", data=form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/duplicates/2?done=1")
    onward = client.get(answer.headers["location"]).text
    assert "第 1 组已合并，保留 D2" in onward
    assert "D1" not in found(client)
    undo = re.search(r'action="/duplicates/1/unmerge".*?name="version" value="(\w+)"', onward)
    assert undo
    back = client.post("/duplicates/1/unmerge", data={"csrf": csrf(onward), "version": undo[1]})
    assert back.headers["location"] == "/duplicates/1?done=1"
    shown = client.get(back.headers["location"]).text
    assert "第 1 组已恢复为“待处理”" in shown
    assert re.search(r"user.officer 合并，保留 D2", shown)
    assert {"D1", "D2"} & set(found(client))
    assert client.get("/api/v1/achievements").json()["total"] == 6


def test_what_is_not_a_duplicate_is_not_proposed_again_until_taken_back(client: TestClient) -> None:
    searched(client)
    gone = client.post(f"{PLACE}/2/dismiss", json={})
    assert gone.json()["state"] == "不是重复"
    assert [group["id"] for group in searched(client)] == [1]
    again = client.post(f"{PLACE}/2/dismiss", json={})
    assert (again.status_code, "现在是“不是重复”" in again.json()["detail"]) == (409, True)
    back = client.post(f"{PLACE}/2/reopen", json={"version": gone.json()["version"]})
    assert back.json()["state"] == "待处理"
    assert [event["action"] for event in back.json()["history"]] == [
        "发现",
        "判定不是重复",
        "撤销判定",
    ]
    assert [event["who"] for event in back.json()["history"]] == [
        "",
        "user.officer",
        "user.officer",
    ]


def test_a_stale_form_changes_nothing_and_says_who_was_faster(client: TestClient) -> None:
    searched(client)
    old = client.get(f"{PLACE}/1").json()["version"]
    log_in(client, Role.ADMINISTRATOR)
    assert client.post(f"{PLACE}/1/dismiss", json={"version": old}).status_code == 200
    log_in(client, Role.OFFICER)
    late = client.post(f"{PLACE}/1/merge", json={"version": old})
    assert late.status_code == 409
    assert "user.administrator" in late.json()["detail"]
    page = client.post("/duplicates/1/merge", data={"version": old})
    assert (page.status_code, "没有执行你的操作" in page.text) == (409, True)
    assert client.get(f"{PLACE}/1").json()["state"] == "不是重复"


def test_a_record_changed_meanwhile_makes_a_form_stale(client: TestClient) -> None:
    searched(client)
    old = client.get(f"{PLACE}/2").json()["version"]
    put(client, [replace(PAIR[3], text="改为湿法再生。")])
    assert client.post(f"{PLACE}/2/merge", json={"version": old}).status_code == 409
    now = client.get(f"{PLACE}/2").json()["version"]
    assert client.post(f"{PLACE}/2/merge", json={"version": now}).status_code == 200


@pytest.mark.parametrize("keep", ["X9", "A1"])
def test_only_a_record_of_the_group_stays(client: TestClient, keep: str) -> None:
    searched(client)
    answer = client.post(f"{PLACE}/1/merge", json={"keep": keep})
    assert (answer.status_code, "不在第 1 组中" in answer.json()["detail"]) == (409, True)
    assert client.get(f"{PLACE}/9").status_code == 404
    assert client.get("/duplicates/9").status_code == 404
    assert client.post("/duplicates/9/merge", data={}).status_code == 404


def test_who_may_not_read_a_record_sees_neither_its_words_nor_decides(client: TestClient) -> None:
    put(client, [replace(PAIR[2], confidentiality=Confidentiality.CONFIDENTIAL)])
    log_in(client, Role.ADMINISTRATOR)
    searched(client)
    assert client.get(f"{PLACE}/2").json()["readable"] is True
    log_in(client, Role.OFFICER)
    group = client.get(f"{PLACE}/2").json()
    assert (group["readable"], group["reason"]) == (False, "（未公开）")
    page = client.get("/duplicates/2").text
    assert "请交给管理员处理" in page
    assert 'name="keep"' not in page
    refused = client.post(f"{PLACE}/2/merge", json={})
    assert (refused.status_code, "管理员" in refused.json()["detail"]) == (409, True)


# -- side by side --------------------------------------------------------------------------


def compared(*records: Achievement) -> dict[str, Any]:
    shown = [RecordOut.of(one, Role.ADMINISTRATOR) for one in records]
    return {row.name: row for row in side_by_side(shown, shipped_tokenizer())}


def test_differing_words_are_marked_and_punctuation_is_not() -> None:
    rows = compared(
        Achievement(key="1", title="转炉钢渣微粉的活化", text="粒度小于十微米。掺量三成。"),
        Achievement(key="2", title="电炉钢渣微粉（活化）", text="粒度小于十微米！掺量五成。"),
    )
    marked = [[piece for piece, mark in cell if mark] for cell in rows["title"].cells]
    assert any("转炉" in piece for piece in marked[0])
    assert any("电炉" in piece for piece in marked[1])
    assert not any("微粉" in piece for some in marked for piece in some)
    texts = [[piece for piece, mark in cell if mark] for cell in rows["text"].cells]
    assert [len(some) for some in texts] == [1, 1]
    assert "三成" in texts[0][0]
    assert "粒度" not in texts[0][0]
    assert rows["confidentiality"].same


LINES = st.text(alphabet="转炉钢渣微粉 abc，。\n１２", max_size=60)


@given(LINES, LINES)
def test_a_cell_is_the_value_whole_and_equal_values_have_no_mark(one: str, other: str) -> None:
    rows = compared(
        Achievement(key="1", title="甲" + one, text=other),
        Achievement(key="2", title="甲" + other, text=one),
    )
    assert ["".join(p for p, _ in c) for c in rows["title"].cells] == ["甲" + one, "甲" + other]
    assert ["".join(p for p, _ in c) for c in rows["text"].cells] == [other, one]
    for row in rows.values():
        if row.same:
            assert not any(mark for cell in row.cells for _, mark in cell)
    assert "".join(words(shipped_tokenizer(), one)) == one


def test_long_hostile_texts_are_compared_in_time() -> None:
    left = Achievement(key="1", title="甲乙" * 4000, text="甲。乙。" * 20_000)
    right = Achievement(key="2", title="乙甲" * 4000, text="乙。丙。" * 20_000)
    assert not compared(left, right)["text"].same
