"""The search page and the lists: filters, chips, counts, sorting; saved searches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import saved_searches
from api.clock import now_at
from api.facets import Choice
from api.saved_searches import SavedSearchRepository, UnknownSavedSearchError
from corpus.confidentiality import Role
from corpus.filters import Facet
from corpus.model import Achievement, Confidentiality, Kind, Maturity, Need, Organisation
from corpus.repository import CorpusRepository
from tests.integration.accounts import log_in, services_of
from tests.integration.office import SCOPES, TEXT, office

FIELDS = ("新材料", "节能环保", "")
OWNERS = (Organisation("甲所（示例）", "北京"), Organisation("乙所（示例）", "天津"), None)
RIGHTS = ("发明专利已授权", "发明专利申请中", "")


def corpus() -> list[Need | Achievement]:
    records: list[Need | Achievement] = [
        Achievement(
            key=f"B{n:02}", title=f"钢渣微粉做法 {n}", text=TEXT, technology_field=FIELDS[n % 3],
            organisation=OWNERS[n % 2], maturity=list(Maturity)[n % 5], industry="金属制品业",
            intellectual_property=RIGHTS[n % 3], published_on=date(2026, 1, 1 + n % 28),
        )
        for n in range(30)
    ]  # fmt: skip
    closed = Achievement(
        key="C1", title="钢渣微粉内部做法", text=TEXT, technology_field="海洋技术",
        confidentiality=Confidentiality.CONFIDENTIAL,
    )  # fmt: skip
    needs = [
        Need(key=f"D{n}", title=f"钢渣问题 {n}", text=TEXT, county="迁安市" if n % 2 else "遵化市",
             valid_until_on=date(2020, 1, 1) if n == 4 else None)
        for n in range(5)
    ]  # fmt: skip
    return [*records, closed, *needs]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        services = services_of(made)
        with services.writing() as session:
            CorpusRepository(session).upsert(corpus(), now_at())
        for kind in Kind:
            services.refresh_index(kind)
        log_in(made, Role.OFFICER)
        yield made


def boxes(page: str) -> dict[tuple[str, str], tuple[int, bool]]:
    """(parameter, value) → (count, chosen), of the filters that a page offers."""
    found = re.findall(r'name="(\w+)" value="([^"]*)"( checked)?> [^<]*<small>(\d+)</small>', page)
    return {(n, unescape(v)): (int(count), bool(on)) for n, v, on, count in found}


def chips(page: str) -> list[tuple[str, str]]:
    """What each chip names, and where it leads."""
    found = re.findall(r'class="chip" href="([^"]+)".*?</span>(.*?) <span', page)
    return [(label, unescape(href)) for href, label in found]


# -- the API -------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", list(Kind))
def test_counts_of_the_api_are_what_its_lists_hold(client: TestClient, kind: Kind) -> None:
    chosen: list[dict[str, Any]] = [
        {"title": "做法 1", "include_expired": True},
        {"field": ["新材料"], "region": ["北京", "迁安市"], "industry": ["制造业"]},
        {"maturity": ["通过小试", "通过中试"], "protection": ["已写明"]},
    ]
    for role in (Role.OFFICER, Role.COUNTY, Role.INSTITUTION):
        log_in(client, role, **SCOPES.get(role, {}))
        for where in chosen:
            answer = client.get("/api/v1/facets", params={"kind": kind.value, **where})
            body = answer.json()
            listed = client.get(f"/api/v1/{kind.value}s", params={**where, "limit": 1}).json()
            assert body["total"] == listed["total"]
            for facet in body["facets"]:
                for one in facet["values"]:
                    alone = {**where, facet["name"]: one["value"], "limit": 1}
                    total = client.get(f"/api/v1/{kind.value}s", params=alone).json()["total"]
                    assert total == one["count"], (role, where, facet["name"], one)
                    assert one["chosen"] == (one["value"] in where.get(facet["name"], []))
            again = client.get("/api/v1/facets", params={"kind": kind.value, **where})
            assert again.json() == body


def test_a_search_takes_the_same_filters(client: TestClient) -> None:
    where = {"field": ["新材料"], "protection": ["已写明"], "industry": ["制造业"]}
    found = client.get("/api/v1/search", params={"q": "钢渣", "limit": 50, **where}).json()
    counted = client.get(
        "/api/v1/facets", params={"kind": "achievement", "searched": True, **where}
    ).json()
    assert found["eligible"] == counted["total"] == 10
    assert all(one["document"]["technology_field"] == "新材料" for one in found["matches"])
    assert all("有利：" in one["summary"] for one in found["matches"])
    for wrong in ({"maturity": "很高"}, {"protection": "x"}, {"kind": "x"}):
        params = {"kind": "achievement", **wrong}
        assert client.get("/api/v1/facets", params=params).status_code == 422


def test_lists_are_sorted_and_stable_over_pages(client: TestClient) -> None:
    where = {"sort": "newest", "title": "做法"}
    listed = client.get("/api/v1/achievements", params={**where, "limit": 200}).json()
    days = [one["published_on"] for one in listed["records"]]
    assert days == sorted(days, reverse=True)
    paged = [
        one["id"]
        for offset in range(0, 32, 7)
        for one in client.get(
            "/api/v1/achievements", params={**where, "limit": 7, "offset": offset}
        ).json()["records"]
    ]
    assert paged == [one["id"] for one in listed["records"]]


def test_why_not_this_one_names_each_new_filter(client: TestClient) -> None:
    where = {"industry": "采矿业", "maturity": "可以量产", "protection": "没有"}
    pair = {"need": "N1", "achievement": "B00"}
    reasons = client.get("/api/v1/explain", params={**pair, **where}).json()["reasons"]
    assert reasons[:3] == [
        "行业是“金属制品业”，不在所选的“采矿业”之中。",
        "成熟度是“正在研发”，不在所选的“可以量产”之中。",
        "知识产权是“发明专利已授权”，不在所选的“没有”之中。",
    ]


# -- the pages -----------------------------------------------------------------------------


def test_every_count_on_a_page_is_what_choosing_it_leaves(client: TestClient) -> None:
    for path, total in (("/achievements", r"共 (\d+) 条"), ("/needs", r"共 (\d+) 条"),
                        ("/?q=钢渣", r"从 (\d+) 项中选出")):  # fmt: skip
        found = boxes(client.get(path).text)
        assert found
        for (name, value), (count, _) in found.items():
            joint = "&" if "?" in path else "?"
            page = client.get(f"{path}{joint}{name}={value}").text
            counted = re.search(total, page)
            # A count of a search is seen with its results.
            assert (int(counted[1]) if counted else 0) == count, (path, name, value)
            assert boxes(page)[name, value] == (count, True)


def test_each_chip_takes_one_filter_away(client: TestClient) -> None:
    for start in ("/?q=钢渣&sort=newest", "/achievements?title=做法&sort=newest"):
        page = client.get(f"{start}&field=新材料&field=节能环保&maturity=通过小试").text
        found = chips(page)
        assert [label for label, _ in found] == [
            "技术领域：新材料", "技术领域：节能环保", "成熟度：通过小试",
        ]  # fmt: skip
        for label, href in found:
            left = chips(client.get(href).text)
            assert [other for other, _ in left] == [one for one, _ in found if one != label]
            assert "sort=newest" in href
        clear = re.search(r'<a href="([^"]+)">去掉全部筛选', page)
        assert clear
        assert chips(client.get(unescape(clear[1])).text) == []


def test_more_results_come_in_steps_and_the_first_stay(client: TestClient) -> None:
    first = client.get("/?q=钢渣微粉")
    titles = re.findall(r'id="m\d+"><span class="rank">\d+</span> <a href="([^"]+)"', first.text)
    assert len(titles) == 20
    href = re.search(r'class="button" href="([^"#]+)#m21">再看 20 项', first.text)
    assert href
    more = client.get(unescape(href[1])).text
    longer = re.findall(r'id="m\d+"><span class="rank">\d+</span> <a href="([^"]+)"', more)
    assert longer[:20] == titles
    assert 20 < len(longer) <= 40
    assert "再看 20 项" not in more
    newest = client.get("/?q=钢渣微粉&sort=newest&region=北京").text
    keys = re.findall(r'id="m\d+"><span class="rank">\d+</span> <a href="/achievements/(B\d+)"',
                      newest)  # fmt: skip
    days = [int(key[1:]) % 28 for key in keys]
    assert days == sorted(days, reverse=True)


def test_a_change_of_kind_drops_what_does_not_fit(client: TestClient) -> None:
    page = client.get("/?q=钢渣&kind=need&maturity=通过小试&region=北京&region=迁安市").text
    assert [label for label, _ in chips(page)] == ["县区：迁安市"]
    assert [label for label, _ in chips(client.get("/?min_maturity=通过中试").text)] == [
        "成熟度：通过中试", "成熟度：可以量产",
    ]  # fmt: skip


def test_who_may_not_read_a_record_does_not_count_it(client: TestClient) -> None:
    page = client.get("/?q=钢渣").text
    assert "海洋技术" not in page
    # What is not searched is not counted, even where its field may be seen in a list.
    assert "海洋技术" in client.get("/achievements").text
    log_in(client, Role.ADMINISTRATOR)
    assert "海洋技术" in client.get("/?q=钢渣").text


def test_hostile_addresses_are_answered(client: TestClient) -> None:
    many = "&".join(f"field=f{n}" for n in range(300))
    for query in ("field=" + "x" * 3000, "show=99999999", "sort=x", "maturity=x&protection=%27",
                  many, "title=%25_%5C&valid=2"):  # fmt: skip
        assert client.get(f"/?q=钢渣&{query}").status_code == 200
        assert client.get(f"/achievements?{query}").status_code == 200
    page = client.get("/achievements?field=<script>x</script>").text
    assert "<script>x" not in page
    assert client.get("/achievements?offset=5000").status_code == 200


# -- saved searches ------------------------------------------------------------------------


def save(client: TestClient, name: str = "钢渣利用", **more: Any) -> Any:
    form = {"name": name, "q": "钢渣微粉", "kind": "achievement", "field": ["新材料"], **more}
    return client.post("/saved-searches", data=form)


def test_a_search_is_saved_run_renamed_deleted_and_had_back(client: TestClient) -> None:
    done = save(client, maturity=["通过小试", "不认识"])
    assert done.status_code == 303
    page = client.get(done.headers["location"]).text
    assert "已保存“钢渣利用”" in page
    assert "技术领域：新材料；成熟度：通过小试" in page
    href = re.search(r'<th scope="row"><a href="([^"]+)">钢渣利用', page)
    assert href
    run = client.get(unescape(href[1])).text
    assert [label for label, _ in chips(run)] == ["技术领域：新材料", "成熟度：通过小试"]
    assert 'value="钢渣微粉"' in run
    [one] = client.get("/api/v1/saved-searches").json()["searches"]
    place = f"/saved-searches/{one['id']}"
    renamed = client.post(f"{place}/rename", data={"name": " 钢渣  新名 "})
    assert "已改名“钢渣 新名”" in client.get(renamed.headers["location"]).text
    gone = client.get(client.post(f"{place}/delete").headers["location"]).text
    assert "已删除“钢渣 新名”" in gone
    assert f'action="{place}/restore"' in gone
    assert client.get("/api/v1/saved-searches").json()["searches"] == []
    assert client.get(f"/api/v1{place}").status_code == 404
    back = client.get(client.post(f"{place}/restore").headers["location"]).text
    assert "已恢复“钢渣 新名”" in back
    desk = client.get("/desk").text
    assert "钢渣 新名" in desk
    number = re.search(r'条件内 <a href="([^"]+)">(\d+)</a>', desk)
    assert number
    assert f"共 {number[2]} 条" in client.get(unescape(number[1])).text


def test_what_another_saved_is_as_if_it_were_not(client: TestClient) -> None:
    save(client)
    [one] = client.get("/api/v1/saved-searches").json()["searches"]
    for role in (Role.ADMINISTRATOR, Role.INSTITUTION):
        log_in(client, role, **SCOPES.get(role, {}))
        for number in (one["id"], one["id"] + 1):
            place = f"/saved-searches/{number}"
            answers = [
                client.post(f"{place}/rename", data={"name": "x"}), client.post(f"{place}/delete"),
                client.post(f"{place}/restore"), client.get(f"/api/v1{place}"),
                client.patch(f"/api/v1{place}", json={"name": "x"}),
                client.delete(f"/api/v1{place}"), client.post(f"/api/v1{place}/restore"),
            ]  # fmt: skip
            assert {answer.status_code for answer in answers} == {404}
            assert "钢渣利用" not in "".join(answer.text for answer in answers)
        shown = client.get(f"/saved-searches?did=deleted&which={one['id']}")
        assert shown.status_code == 200
        assert "钢渣利用" not in shown.text


def test_the_api_saves_and_refuses(client: TestClient) -> None:
    place = "/api/v1/saved-searches"
    body = {"name": "钢渣", "text": "钢渣微粉", "filters": {"field": ["新材料"], "maturity": []}}
    made = client.post(place, json=body)
    assert (made.status_code, made.json()["filters"]) == (201, {"field": ["新材料"]})
    here = f"{place}/{made.json()['id']}"
    assert client.patch(here, json={"name": "别的"}).json()["name"] == "别的"
    assert client.delete(here).json()["deleted"] is True
    assert client.delete(here).json()["deleted"] is True
    assert client.post(f"{here}/restore").json()["deleted"] is False
    assert client.get(here).json()["page"].startswith("/?q=")
    for wrong, status in (
        ({**body, "name": " "}, 400), ({**body, "name": "长" * 51}, 400),
        ({**body, "text": ""}, 400),
        ({**body, "filters": {"owner": ["x"]}}, 422), ({**body, "text": "a\0b"}, 422),
        ({**body, "text": "x" * 20_001}, 422), ({**body, "filters": {"field": ["x"] * 51}}, 422),
    ):  # fmt: skip
        assert client.post(place, json=wrong).status_code == status


def test_there_is_room_for_so_many(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_searches, "MOST", 2)
    kept = [save(client, f"第 {n} 条").headers["location"] for n in range(2)]
    full = save(client, "多了")
    assert full.status_code == 400
    assert "最多保存 2 条" in full.text
    number = kept[0].rpartition("=")[2]
    client.post(f"/saved-searches/{number}/delete")
    assert save(client, "换一条").status_code == 303
    assert client.post(f"/saved-searches/{number}/restore").status_code == 400


def test_what_was_deleted_long_ago_goes_for_good(client: TestClient) -> None:
    services = services_of(client)
    account = log_in(client, Role.OFFICER)
    with services.writing() as session:
        own = SavedSearchRepository(session, account.id)
        old, new = (own.save(name, Choice(Kind.NEED), "钢渣", now_at()).id for name in ("旧", "新"))
        own.delete(old, now_at() - timedelta(days=31))
        own.delete(new, now_at())
        assert own.require(new, deleted=True).is_deleted
        with pytest.raises(UnknownSavedSearchError):
            own.require(old, deleted=True)


def test_a_choice_survives_being_kept() -> None:
    given = {"field": ["新材料", "新材料", " "], "maturity": ["通过小试", "?"], "region": ["北京"]}
    choice = Choice.of(Kind.ACHIEVEMENT, given)
    assert choice.of_facet(Facet.FIELD) == ("新材料",)
    assert Choice.of(Kind.ACHIEVEMENT, choice.as_lists()) == choice
    assert choice.sentence() == "技术领域：新材料；地区：北京；成熟度：通过小试"
