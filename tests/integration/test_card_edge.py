"""The card at the edge: API, page, console, workbook; near copies, the cap, why not this one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from typer.testing import CliRunner, Result

from api.app import create_app
from api.cli import app as commands
from api.clock import now_at
from api.duplicates import find
from api.exports.workbook import write_workbook
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.curation import Curator
from corpus.history import History
from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    Status,
)
from corpus.repository import CorpusRepository
from indexer.testing import FakeEncoder
from matcher.engine import MatchConfig
from matcher.testing import plain_model
from tests.integration.accounts import log_in
from tests.integration.faked import use_fakes

HOSTILE = "<script>alert(1)</script><b onclick=x>'"
NEED = Need(
    key="N/1",
    title="冷轧带钢除鳞后的缺陷检测",
    text=f"希望用机械除鳞处理带钢。目标：抗拉强度不低于800 MPa，能耗降低15%以上。\n{HOSTILE}",
    budget=Amount(None, 80),
    county="迁安市",
)
OFFER = Achievement(
    key="A/1",
    title="冷轧带钢酸洗与缺陷检测",
    text=f"用于带钢盐酸洗。抗拉强度>850 MPa，能耗降低8%。\n{HOSTILE}",
    intellectual_property=f"专利已失效{HOSTILE}",
    maturity=Maturity.LAB_SCALE,
    price=Amount(200, 300),
    organisation=Organisation("甲所（示例）", "北京"),
    technology_field="新材料",
)
COPY_TEXT = (
    "采用低温等离子体处理冷轧带钢表面，可连续除去油污和氧化皮，线速度不低于120米每分钟，"
    "不产生废酸，占地小于现有酸洗线的三分之一，已在两条产线上连续运行一年，吨钢成本下降明显。"
)


def offers(count: int, owner: str, start: int = 0) -> list[Achievement]:
    return [
        Achievement(
            key=f"{owner}{n}",
            title=f"带钢缺陷检测{owner}第{n}种做法",
            text=f"方法{n}：用于带钢。" + "缺陷检测" * (30 - n),
            organisation=Organisation(f"{owner}所（示例）", "天津"),
        )
        for n in range(start, start + count)
    ]


def write(services: Services, records: Sequence[Record]) -> None:
    with services.writing() as session:
        CorpusRepository(session).upsert(records, now_at())
    for kind in Kind:
        services.refresh_index(kind)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    use_fakes(monkeypatch, tmp_path)
    app = create_app(Settings())
    write(app.state.services, [NEED, OFFER])
    with TestClient(app, raise_server_exceptions=False) as made:
        log_in(made, Role.OFFICER)
        yield made


@pytest.fixture
def services(client: TestClient) -> Services:
    found: Services = client.app.state.services  # type: ignore[attr-defined]
    return found


def spans(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        if {"side", "field", "start", "quote"} <= value.keys():
            yield value
        for inner in value.values():
            yield from spans(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from spans(inner)


def test_both_directions_give_the_same_card_with_exact_quotes(client: TestClient) -> None:
    forth = client.get("/api/v1/needs/N/1/matches").json()
    back = client.get("/api/v1/achievements/A/1/matches").json()
    names = ("indicators", "objections", "questions", "similarity")
    [there], [here] = forth["matches"], back["matches"]
    assert {n: there[n] for n in names} == {n: here[n] for n in names}
    assert [(i["property"], i["verdict"]) for i in there["indicators"]] == [
        ("抗拉强度", "满足"), ("能耗", "不满足"),
    ]  # fmt: skip
    assert there["similarity"]["kind"] == "同类可替代"
    assert len(there["questions"]) == 3
    severities = [o["severity"] for o in there["objections"]]
    assert severities == sorted(severities, key=["阻碍", "疑点", "待问"].index)
    sides = {"need": forth["source"], "achievement": there["document"]}
    found = list(spans({n: there[n] for n in names}))
    assert {span["field"] for span in found} >= {"title", "text", "budget", "price"}
    for span in found:
        value = sides[span["side"]][span["field"]]
        shown = value["label"] if isinstance(value, dict) else value
        assert shown[span["start"] : span["end"]] == span["quote"]
    for indicator in there["indicators"]:
        assert indicator["need"]
        assert indicator["achievement"]


def test_free_text_has_rows_that_quote_it(client: TestClient) -> None:
    text = "带钢除鳞。\n要求抗拉强度不低于820 MPa。"
    [match] = client.get("/api/v1/search", params={"q": text}).json()["matches"]
    assert [i["verdict"] for i in match["indicators"]] == ["满足"]
    assert (match["questions"], match["similarity"]) == ([], None)
    for span in spans(match):
        if span["side"] == "need":
            assert text[span["start"] : span["end"]] == span["quote"]
    assert all(o["empty"] is None for o in match["objections"])


@pytest.mark.parametrize("path", ["/needs/N/1", "/achievements/A/1"])
def test_the_page_shows_the_card_and_runs_nothing_of_it(client: TestClient, path: str) -> None:
    page = client.get(path).text
    assert "<script>" not in page
    assert "<b onclick" not in page
    shown = unescape(re.sub(r"<[^>]+>", "", page))
    for words in ("指标核对（满足 1、不满足 1）", "不利因素", "接下来问什么", "同类可替代",
                  "抗拉强度不低于800 MPa", "抗拉强度>850 MPa", "专利已失效<script>"):  # fmt: skip
        assert words in shown
    # One line for it and one against it stand outside of what has to be opened.
    outside = unescape(re.sub(r"<details.*?</details>", "", page, flags=re.S))
    assert re.search(r"有利</b> 需求要求抗拉强度不低于800 MPa，成果为高于850 MPa", outside)
    assert re.search(r"不利</b> 阻碍：", outside)


def test_results_of_a_search_show_the_card(client: TestClient) -> None:
    page = client.get("/", params={"q": f"带钢抗拉强度不低于900 MPa {HOSTILE}"}).text
    assert "指标核对" in page
    assert "<script>" not in page


# -- near copies and the cap -----------------------------------------------------------------


def test_near_copies_are_one_place_and_can_be_listed(
    client: TestClient, services: Services
) -> None:
    copies = [
        Achievement(key=f"C{n}", title=f"冷轧带钢低温等离子体除鳞技术{end}", text=COPY_TEXT + more)
        for n, (end, more) in enumerate((("", ""), ("", "。"), ("", "！")))
    ]
    write(services, [*copies, *offers(6, "乙")])
    find(services, Kind.ACHIEVEMENT)
    answer = client.get("/api/v1/needs/N/1/matches", params={"limit": 7}).json()
    shown = [m["document"]["id"] for m in answer["matches"]]
    assert len(shown) == len(set(shown)) == 7
    [stands] = [m for m in answer["matches"] if m["document"]["id"].startswith("C")] or [None]
    assert stands is not None
    others = {one["id"] for one in stands["near_copies"]}
    assert others | {stands["document"]["id"]} == {"C0", "C1", "C2"}
    assert "另有 2 条近似成果" in client.get("/needs/N/1").text
    explained = explain(client, next(iter(others)))
    assert explained["standing"] == "near_copy"
    assert stands["document"]["id"] in explained["reasons"][0]
    # What a filter keeps out is no near copy to be shown.
    with services.writing() as session:
        curator = Curator(CorpusRepository(session), History(session), now_at(), "李工")
        curator.withdraw(Kind.ACHIEVEMENT, next(iter(others)), "试验")
    again = client.get("/api/v1/needs/N/1/matches", params={"limit": 7}).json()
    assert [len(m["near_copies"]) for m in again["matches"] if m["near_copies"]] == [1]


def test_an_institution_takes_its_places_and_the_rest_is_named(
    client: TestClient, services: Services
) -> None:
    others = [
        Achievement(key=f"W{n}", title=f"板栗保鲜{n}", organisation=Organisation(f"{n}所（示例）"))
        for n in range(8)
    ]
    write(services, [*offers(9, "乙"), *others])
    answer = client.get("/api/v1/needs/N/1/matches", params={"limit": 5}).json()
    owners = [m["document"]["organisation"] for m in answer["matches"]]
    assert len(owners) == 5
    assert max(owners.count(owner) for owner in owners) <= 3
    assert answer["set_back"]
    named = answer["set_back"][0]
    assert named["organisation"] == "乙所（示例）"
    explained = explain(client, named["id"], limit=5)
    assert explained["standing"] == "set_back"
    [row] = services.match_all(services.record_filter(), 5, Role.OFFICER)
    assert [m.document.id for m in row.matches] == [m["document"]["id"] for m in answer["matches"]]


# -- nothing fits ----------------------------------------------------------------------------


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    """Nothing is ever good enough."""
    nothing = plain_model(FakeEncoder(), cuts=(1e6, 1e6, 1e6))
    use_fakes(monkeypatch, tmp_path, config=MatchConfig(model=nothing))
    app = create_app(Settings())
    rich = replace(NEED, budget=Amount(None, 900), text=f"{NEED.text}现用进口设备。=1+1")
    write(app.state.services, [rich, OFFER])
    with TestClient(app, raise_server_exceptions=False) as made:
        log_in(made, Role.OFFICER)
        yield made


def test_nothing_fits_is_an_answer_with_next_routes(silent: TestClient, tmp_path: Path) -> None:
    services: Services = silent.app.state.services  # type: ignore[attr-defined]
    answer = silent.get("/api/v1/needs/N/1/matches").json()
    assert answer["matches"] == []
    routes = {route["name"]: route for route in answer["next_routes"]}
    assert set(routes) == {"揭榜挂帅", "科技特派员走访", "从日本、韩国找", "等新的成果"}
    assert routes["揭榜挂帅"]["fits"]
    assert routes["揭榜挂帅"]["quote"]["quote"] == "不高于 900 万元"
    assert routes["从日本、韩国找"]["quote"]["quote"] == "进口"
    page = silent.get("/needs/N/1").text
    assert "没有合适的成果" in page
    assert "下一步可以" in page
    assert unescape(page).count("进口”") == 1
    console = run("match", "N/1")
    assert "揭榜挂帅：拟投入“不高于 900 万元”" in console.output
    free = silent.get("/api/v1/search", params={"q": "带钢"}).json()["next_routes"]
    assert [route["fits"] for route in free] == [False] * 4
    assert silent.get("/api/v1/achievements/A/1/matches").json()["next_routes"] == []
    write_workbook(
        tmp_path / "x.xlsx", services.match_all(services.record_filter(), 5, Role.OFFICER)
    )
    head, row = (
        CalamineWorkbook.from_path(tmp_path / "x.xlsx")
        .get_sheet_by_name("暂无合适成果")
        .to_python()
    )
    assert "揭榜挂帅：拟投入" in str(dict(zip(head, row, strict=True))["下一步"])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(commands, list(arguments), env={"COLUMNS": "300"})


def test_the_workbook_has_the_card(services: Services, tmp_path: Path) -> None:
    path = tmp_path / "x.xlsx"
    write_workbook(path, services.match_all(services.record_filter(), 5, Role.OFFICER))
    head, row = CalamineWorkbook.from_path(path).get_sheet_by_name("对接清单").to_python()
    cells = dict(zip(head, row, strict=True))
    assert str(cells["指标核对"]).splitlines()[0].startswith("满足：需求要求抗拉强度")
    assert str(cells["不利因素"]).startswith("阻碍：")
    assert len(str(cells["待问"]).splitlines()) == 3


def test_the_console_says_the_card_in_a_few_lines(client: TestClient) -> None:
    shown = run("match", "N/1").stdout
    assert "指标核对：满足 1、不满足 1、未说明 0" in shown
    assert "不利：阻碍：" in shown
    assert "先问" in shown


# -- why not this one ------------------------------------------------------------------------


def explain(client: TestClient, achievement: str, **chosen: Any) -> dict[str, Any]:
    answer = client.get(
        "/api/v1/explain", params={"need": "N/1", "achievement": achievement, **chosen}
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_pair_in_the_list_is_explained_as_in_the_list(client: TestClient) -> None:
    [match] = client.get("/api/v1/needs/N/1/matches").json()["matches"]
    found = explain(client, "A/1")
    assert (found["standing"], found["place"], found["eligible"]) == ("listed", 1, 1)
    assert found["match"] == match
    assert found["card"] is None


def test_every_place_of_the_ranking_can_be_asked_for(
    client: TestClient, services: Services
) -> None:
    write(services, offers(12, "乙"))
    everything = client.get("/api/v1/needs/N/1/matches", params={"limit": 100}).json()["matches"]
    by_score = sorted(everything, key=lambda m: -m["score"])
    for match in everything:
        found = explain(client, match["document"]["id"], limit=100)
        assert found["match"]["score"] == match["score"]
        assert by_score[found["place"] - 1]["score"] == match["score"]
    last = explain(client, everything[-1]["document"]["id"], limit=1)
    assert last["standing"] in ("beyond", "set_back")


def test_each_filter_that_keeps_it_out_is_named(client: TestClient, services: Services) -> None:
    write(services, [replace(OFFER, key="OLD", valid_until_on=date(2026, 1, 1))])
    found = explain(client, "OLD", region="日本", field="海洋技术", min_maturity="可以量产")
    assert found["standing"] == "filtered"
    said = "\n".join(found["reasons"])
    for words in ("新材料", "海洋技术", "北京", "日本", "通过小试", "可以量产", "2026-01-01"):
        assert words in said
    assert "会排第 1" in found["reasons"][-1]
    assert found["match"]["score"] > 0
    assert explain(client, "OLD", include_expired=True)["standing"] in ("listed", "near_copy")


def test_what_is_put_aside_withdrawn_or_not_indexed_says_so(
    client: TestClient, services: Services
) -> None:
    given = {"need": "N/1", "achievement": "A/1", "verdict": "dismiss",
             "reasons": ["工艺不符", "地域"], "note": "机密"}  # fmt: skip
    assert client.post("/api/v1/feedback", json=given).status_code == 201
    aside = explain(client, "A/1")
    assert aside["standing"] == "dismissed"
    assert "工艺不符、地域" in aside["reasons"][0]
    assert "王工" not in str(aside)
    assert "机密" not in str(aside)
    write(services, offers(2, "乙"))
    with services.writing() as session:
        curator = Curator(CorpusRepository(session), History(session), now_at(), "李工")
        curator.withdraw(Kind.ACHIEVEMENT, "乙0", "试验")
    for kind in Kind:
        services.refresh_index(kind)
    gone = explain(client, "乙0")
    assert gone["standing"] == "inactive"
    assert Status.WITHDRAWN.value in gone["reasons"][0]
    assert gone["match"] is None
    assert gone["card"]["questions"]
    assert (
        client.get("/api/v1/explain", params={"need": "N/1", "achievement": "X"}).status_code == 404
    )


def test_what_is_too_weak_says_so(silent: TestClient) -> None:
    found = explain(silent, "A/1")
    assert found["standing"] == "too_weak"
    assert "没有一项成果够得上推荐" in found["reasons"][0]


def test_a_closed_achievement_gives_no_score(client: TestClient, services: Services) -> None:
    level = Confidentiality.CONFIDENTIAL
    write(services, [replace(OFFER, key="S", field_levels={"text": level})])
    found = explain(client, "S")
    assert (found["standing"], found["match"], found["place"]) == ("closed", None, None)
    assert found["card"]["indicators"] == []


def test_the_form_of_the_need_page(client: TestClient, services: Services) -> None:
    write(services, offers(3, "乙"))

    def asked(why: str) -> str:
        page = client.get("/needs/N/1", params={"why": why})
        assert page.status_code == 200
        return page.text

    assert 'name="why"' in asked("")
    assert "它就在列表的第" in asked("A/1")
    assert "它就在列表的第" in asked("冷轧带钢酸洗")
    several = asked("缺陷检测")
    assert "有 4 项成果的名称里有" in several
    assert re.search(r'href="/needs/N/1\?why=A/1#why"', several)
    assert "没有编号是" in asked("不存在的成果")
    for wild in ("%", "_", "\\", "<script>alert(1)</script>"):
        page = asked(wild)
        assert "没有编号是" in page
        assert "<script>" not in page
    assert client.get("/needs/N/1", params={"why": "x" * 201}).status_code == 422
    assert 'name="why"' not in client.get("/achievements/A/1").text


def test_the_command_explains(client: TestClient) -> None:
    shown = run("explain", "N/1", "A/1")
    assert shown.exit_code == 0, shown.output
    for words in ("它就在列表的第 1 位", "满足 需求要求抗拉强度", "不利因素：", "接下来问什么："):
        assert words in shown.stdout
    assert '"standing": "listed"' in run("explain", "N/1", "A/1", "--json").stdout
    assert run("explain", "N/1", "none").exit_code == 2
