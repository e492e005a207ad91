"""Shortlists, side by side and feedback on pages, as people use them: forms, notices, undoing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.clock import now_at
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.repository import CorpusRepository
from tests.integration.accounts import services_of
from tests.integration.faked import use_fakes
from tests.integration.listing import as_it_was, one_office, somebody
from tests.integration.office import RECORDS

PAIR = {"need": "N1", "achievement": "A1"}
HOSTILE = "<script>alert(1)</script><b onclick=x>'\""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with one_office(tmp_path_factory.mktemp("office")) as made:
        yield made


@pytest.fixture
def client(house: TestClient) -> TestClient:
    return as_it_was(house)


def forms(page: str, action: str) -> list[dict[str, str]]:
    """The fields of the forms that lead to ``action``, as they stand in the page."""
    found = re.findall(rf'<form[^>]* action="{re.escape(action)}"[^>]*>(.*?)</form>', page, re.S)
    return [
        {
            unescape(name): unescape(value)
            for name, value in re.findall(r'<input[^>]*name="(\w+)"[^>]*?value="([^"]*)"', form)
        }
        for form in found
    ]


def notice(page: str) -> str:
    found = re.search(r'<div class="notice good told" role="status">(.*?)</div>', page, re.S)
    return unescape(re.sub(r"\s*<[^>]+>\s*", "", found[1])).strip() if found else ""


def sent(client: TestClient, page: str, action: str, at: int = 0, **more: str) -> Any:
    """What a press of a button of that form leads to, without any header of ours."""
    form = forms(page, action)[at]
    headers = dict(client.headers)
    client.headers.pop("X-CSRF-Token", None)
    try:
        answer = client.post(action, data={**form, **more})
    finally:
        client.headers.update(headers)
    assert answer.status_code == 303, answer.text
    return client.get(answer.headers["location"])


def listed(page: str) -> list[str]:
    return re.findall(r'<h3 id="m\d+">.*?href="(/[^"]+)"', page, re.S)


# -- feedback ------------------------------------------------------------------------------


def test_two_clicks_put_a_pair_aside_and_one_brings_it_back(client: TestClient) -> None:
    page = client.get("/needs/N1?why=电炉").text
    assert listed(page) == ["/achievements/A1", "/achievements/A2"]
    assert "工艺不符" in page
    after = sent(client, page, "/feedback", at=1, reason="工艺不符")
    assert str(after.url).split("?")[1].startswith("why=")
    assert notice(after.text) == "“转炉钢渣微粉活化”已记为不合适（工艺不符）。撤销"
    assert listed(after.text) == ["/achievements/A2"]
    assert "已搁置 1 对" in after.text
    back = sent(client, after.text, "/feedback/1/undo")
    assert notice(back.text) == "“转炉钢渣微粉活化”的“不合适”已撤销。"
    assert listed(back.text) == ["/achievements/A1", "/achievements/A2"]


def test_one_click_accepts(client: TestClient) -> None:
    page = client.get("/needs/N1").text
    after = sent(client, page, "/feedback", verdict="accept")
    assert notice(after.text) == "“转炉钢渣微粉活化”已记为采纳。撤销"
    [entry] = client.get("/api/v1/feedback").json()["entries"]
    assert (entry["rater"], entry["verdict"], entry["evidence"] is not None) == (
        "user.officer", "accept", True,
    )  # fmt: skip
    again = sent(client, page, "/feedback", verdict="accept")
    assert "采纳" in notice(again.text)
    assert client.get("/api/v1/feedback").json()["total"] == 1


def test_a_card_of_a_need_for_an_achievement_judges_the_same_pair(client: TestClient) -> None:
    page = client.get("/achievements/A2").text
    assert forms(page, "/feedback")[0]["need"] in {"N1", "N2"}
    assert {form["achievement"] for form in forms(page, "/feedback")} == {"A2"}


def test_what_makes_no_sense_is_refused(client: TestClient) -> None:
    for body, status in (
        ({**PAIR, "verdict": "dismiss"}, 400),
        ({**PAIR, "verdict": "accept", "reason": "工艺不符"}, 400),
        ({**PAIR, "verdict": "dismiss", "reason": "不知道"}, 422),
        ({**PAIR, "verdict": "grade"}, 400),
        ({**PAIR, "need": "N9", "verdict": "accept"}, 404),
        ({"verdict": "accept"}, 422),
    ):
        assert client.post("/feedback", data=body).status_code == status, body
    assert client.get("/api/v1/feedback").json()["total"] == 0


def test_only_who_may_judge_is_offered_it(client: TestClient) -> None:
    for role, may in ((Role.COMMISSIONER, True), (Role.COUNTY, False), (Role.INSTITUTION, False)):
        with somebody(client, role) as other:
            page = other.get("/needs/N1").text
            assert bool(forms(page, "/feedback")) is may
            assert forms(page, "/shortlists/add")
            answer = other.post("/feedback", data={**PAIR, "verdict": "accept"})
            assert answer.status_code == (303 if may else 403)


def test_a_notice_tells_nobody_what_another_said(client: TestClient) -> None:
    client.post("/feedback", data={**PAIR, "verdict": "accept"})
    [entry] = client.get("/api/v1/feedback").json()["entries"]
    done = f"judged-{entry['id']}"
    assert "已记为采纳" in notice(client.get("/", params={"done": done}).text)
    with somebody(client, Role.ADMINISTRATOR) as other:
        assert notice(other.get("/", params={"done": done}).text) == ""
        assert other.post(f"/feedback/{entry['id']}/undo", data={}).status_code == 403
    for wrong in ("judged-999", "judged-x", HOSTILE, "saved-1", f"judged-{'9' * 400}", "kept-7-7"):
        answer = client.get("/", params={"done": wrong})
        assert (answer.status_code, notice(answer.text)) == (200, "")
    assert "judged" not in client.get("/login?done=judged-1", follow_redirects=True).text


def test_nobody_is_led_to_another_site(client: TestClient) -> None:
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:x",
                   "/\t/evil.example", "", "needs/N1"):  # fmt: skip
        answer = client.post("/feedback", data={**PAIR, "verdict": "accept", "next": wanted})
        assert answer.headers["location"].startswith("/?done=judged-"), wanted
    here = "/needs/N1?done=saved-1-1&why=a%26b#m2"
    answer = client.post("/feedback", data={**PAIR, "verdict": "accept", "next": here})
    assert re.fullmatch(r"/needs/N1\?why=a%26b&done=judged-\d+#m2", answer.headers["location"])


def test_ids_with_signs_of_addresses_come_back_to_their_page(client: TestClient) -> None:
    odd = replace(RECORDS[0], key="需求 N?1#&a=b+c")
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([odd], now_at())
    page = client.get(f"/needs/{quote(odd.key, safe='')}").text
    after = sent(client, page, "/feedback", verdict="accept")
    assert "已记为采纳" in notice(after.text)
    assert odd.key in unescape(after.text)
    after = sent(client, after.text, "/shortlists/add", shortlist="0")
    assert "已收藏" in notice(after.text)
    compare = re.findall(r'href="(/compare[^"]+)"', after.text)[0]
    assert odd.key in unescape(client.get(unescape(compare)).text)
    with services_of(client).writing() as session:
        CorpusRepository(session).delete(odd.kind, [odd.key])


def test_every_form_needs_its_token(client: TestClient) -> None:
    client.post("/shortlists/add", data=PAIR)
    [found] = client.get("/api/v1/shortlists").json()["shortlists"]
    place, before = f"/shortlists/{found['id']}", client.get("/api/v1/shortlists").text
    client.headers.pop("X-CSRF-Token")
    for path in ("/feedback", "/feedback/1/undo", "/shortlists", "/shortlists/add", place,
                 f"{place}/share", f"{place}/archive", f"{place}/restore", f"{place}/duplicate",
                 f"{place}/entries/1", f"{place}/entries/1/remove",
                 f"{place}/entries/1/restore"):  # fmt: skip
        answer = client.post(path, data={**PAIR, "verdict": "accept", "version": "1"})
        assert (answer.status_code, "页面已过期" in answer.text) == (403, True), path
    assert client.get("/api/v1/shortlists").text == before
    assert client.get("/api/v1/feedback").json()["total"] == 0


def test_the_demonstration_judges_and_keeps_without_an_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    use_fakes(monkeypatch, tmp_path)
    app = create_app(Settings(), open_as=Role.OFFICER)
    with app.state.services.writing() as session:
        CorpusRepository(session).upsert(RECORDS, now_at())
    with TestClient(app, base_url="https://testserver", follow_redirects=False) as client:
        client.post("/feedback", data={**PAIR, "verdict": "accept"})
        [entry] = client.get("/api/v1/feedback").json()["entries"]
        assert (entry["rater"], entry["evidence"]) == ("演示", None)  # nothing is indexed yet
        answer = client.post("/shortlists/add", data={**PAIR, "next": "/shortlists"})
        page = client.get(answer.headers["location"]).text
        assert "已收藏到“我的收藏”" in notice(page)
        assert "没有可用的索引" in client.get("/shortlists/1").text
        compared = client.get("/compare", params=PAIR)
        assert compared.status_code == 200
        assert "没有得分" in compared.text
        assert client.get("/shortlists/1?print").text.count("检索索引暂不可用") == 1
        shared = client.post("/shortlists/1/share", data={"version": "2", "everyone": "read"})
        assert (shared.status_code, "示例没有账号" in shared.text) == (400, True)


# -- shortlists ----------------------------------------------------------------------------


def test_two_clicks_keep_a_pair_and_one_takes_it_out_again(client: TestClient) -> None:
    page = client.get("/needs/N1").text
    assert ">我的收藏</button>" in page
    after = sent(client, page, "/shortlists/add", shortlist="0")
    assert notice(after.text).startswith("已收藏到“我的收藏”。打开清单")
    [found] = client.get("/api/v1/shortlists").json()["shortlists"]
    assert (found["name"], found["count"]) == ("我的收藏", 1)
    assert f'value="{found["id"]}">我的收藏</button>' in after.text
    again = sent(client, after.text, "/shortlists/add", shortlist=str(found["id"]))
    assert "已有这一对" in notice(again.text)
    [entry] = client.get(f"/api/v1/shortlists/{found['id']}").json()["entries"]
    act = f"/shortlists/{found['id']}/entries/{entry['id']}"
    out = sent(client, after.text, f"{act}/remove")
    assert "移出" in notice(out.text)
    back = sent(client, out.text, f"{act}/restore")
    assert "已放回清单" in notice(back.text)
    assert client.get("/api/v1/shortlists").json()["shortlists"][0]["count"] == 1


def test_a_new_list_is_made_from_a_card(client: TestClient) -> None:
    page = client.get("/needs/N1").text
    after = sent(client, page, "/shortlists/add", at=1, new_name=HOSTILE)
    assert HOSTILE in notice(after.text)
    assert "<script>alert" not in after.text
    taken = client.post("/shortlists/add", data={**PAIR, "new_name": HOSTILE})
    assert taken.status_code == 400
    assert client.get("/api/v1/shortlists").json()["total"] == 1


def kept(client: TestClient) -> str:
    for achievement in ("A1", "A2"):
        client.post("/shortlists/add", data={"need": "N1", "achievement": achievement})
    return f"/shortlists/{client.get('/api/v1/shortlists').json()['shortlists'][0]['id']}"


def test_a_list_is_worked_on_without_javascript(client: TestClient) -> None:
    place = kept(client)
    page = client.get(place).text
    assert page.index("转炉钢渣") < page.index("电炉钢渣")
    second = re.findall(r'id="entry-(\d+)"', page)[1]
    page = sent(client, page, f"{place}/entries/{second}", at=1).text  # after the note: up
    assert page.index("电炉钢渣") < page.index("转炉钢渣")
    page = sent(client, page, f"{place}/entries/{second}", note=HOSTILE).text
    assert HOSTILE in unescape(page)
    assert "<script>alert" not in page
    page = sent(client, page, place, name="走访", note="第一周").text
    assert "<h1>走访</h1>" in page
    page = sent(client, page, f"{place}/duplicate").text
    assert "已复制为“走访（副本）”" in notice(page)
    page = sent(client, client.get(place).text, f"{place}/archive").text
    assert "已归档" in page
    assert forms(page, f"{place}/entries/{second}") == []
    assert "走访" in client.get("/shortlists?archived=true").text
    page = sent(client, page, f"{place}/restore").text
    assert forms(page, f"{place}/entries/{second}")
    page = sent(client, page, f"{place}/entries/{second}/remove").text
    assert "电炉钢渣" not in page
    page = sent(client, page, f"{place}/entries/{second}/restore").text
    assert page.index("电炉钢渣") < page.index("转炉钢渣")


def test_what_was_typed_on_a_stale_page_is_not_lost(client: TestClient) -> None:
    place = kept(client)
    page = client.get(place).text
    entry = re.findall(r'id="entry-(\d+)"', page)[0]
    client.post(place, data={"version": "3", "name": "别人改的"})
    old = {"version": "3"}
    typed = f"写了很久的备注{HOSTILE}"
    answer = client.post(f"{place}/entries/{entry}", data={**old, "note": typed})
    assert answer.status_code == 409
    assert "没有保存" in answer.text
    assert "别人改的" in answer.text
    assert f">{typed}</textarea>" in unescape(answer.text)
    answer = client.post(place, data={**old, "name": "我改的", "note": typed})
    assert (answer.status_code, 'value="我改的"' in answer.text) == (409, True)
    assert f">{typed}</textarea>" in unescape(answer.text)
    answer = client.post(f"{place}/share", data={**old, "everyone": "read", "readers": "wang 李"})
    assert (answer.status_code, 'value="wang 李"' in answer.text) == (409, True)
    found = client.get(f"/api/v1{place}").json()
    assert (found["name"], found["sharing"]["everyone"]) == ("别人改的", "none")
    assert all(one["note"] == "" for one in found["entries"])


def test_sharing_by_form(client: TestClient) -> None:
    place = kept(client)
    with somebody(client, Role.ADMINISTRATOR):
        pass
    page = client.get(place).text
    version = forms(page, f"{place}/share")[0]["version"]
    typed = {"version": version, "readers": "没有这个人、user.administrator"}
    wrong = client.post(f"{place}/share", data=typed)
    assert (wrong.status_code, "没有用户 没有这个人" in wrong.text) == (400, True)
    page = sent(client, page, f"{place}/share", everyone="none", readers="",
                editors="user.administrator，").text  # fmt: skip
    assert 'value="user.administrator"' in page
    with somebody(client, Role.ADMINISTRATOR) as other:
        assert "user.officer 的清单" in other.get("/shortlists").text
        theirs = other.get(place).text
        assert forms(theirs, f"{place}/share") == []
        entry = re.findall(r'id="entry-(\d+)"', theirs)[1]
        moved = sent(other, theirs, f"{place}/entries/{entry}", at=1).text
        assert moved.index("电炉钢渣") < moved.index("转炉钢渣")
        # It is among what a card offers.
        offered = other.get("/needs/N1").text
        assert f'value="{place.split("/")[-1]}">我的收藏（user.officer）</button>' in offered
        assert 'value="0">我的收藏</button>' in offered


def test_the_page_of_all_lists_says_what_comes_here(client: TestClient) -> None:
    assert "还没有清单" in client.get("/shortlists").text
    assert "没有归档的清单" in client.get("/shortlists?archived=true").text
    page = sent(client, client.get("/shortlists").text, "/shortlists", name="走访").text
    assert "清单是空的" in page
    again = client.post("/shortlists", data={"name": "走访"})
    assert (again.status_code, "已有清单" in again.text) == (400, True)
    assert 'aria-current="page">收藏清单</a>' in page


def test_what_changed_since_is_said(client: TestClient) -> None:
    place = kept(client)
    changed = replace(RECORDS[2], text="改用高炉矿渣，另有配方。")
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([changed], now_at())
    page = client.get(place).text
    assert page.count("收藏以后，双方的内容有变化") == 1
    assert "高炉矿渣" not in page
    assert "此后双方内容有变化" in client.get(f"{place}?print").text


# -- side by side --------------------------------------------------------------------------


def test_places_that_answer_each_other_lead_to_each_other(client: TestClient) -> None:
    page = client.get("/compare", params=PAIR).text
    ids = re.findall(r'id="([na]\d+)"', page)
    assert len(ids) == len(set(ids))
    targets = set(re.findall(r'href="#([na]\d+)"', page))
    assert targets == set(ids)
    assert {i[1:] for i in ids if i[0] == "n"} == {i[1:] for i in ids if i[0] == "a"} != set()
    plain = re.sub(r'<a class="marker[^>]*>\d+</a>', "", page)
    assert RECORDS[0].text in re.sub(r"<[^>]+>", "", plain)


def test_three_achievements_stand_in_one_table(client: TestClient) -> None:
    third = replace(RECORDS[2], key="A3", title="高炉渣粉", text="另一种。")
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([third], now_at())
    services_of(client).refresh_index(third.kind)
    place = "/compare?need=N1&achievement=A1&achievement=A2"
    page = client.get(f"{place}&achievement=A1&achievement=A3&achievement=A9").text
    assert page.count('<th scope="col"><a') == 3
    assert "只列出前 3 项" in page
    assert "不比这一项" in page
    shown = client.get(f"{place}&show=A2").text
    assert 'aria-label="成果"' in shown
    assert shown.split('aria-label="成果"')[1].split("</h2>")[0].count("A2") >= 1
    with services_of(client).writing() as session:
        CorpusRepository(session).delete(third.kind, ["A3"])


def test_a_pair_is_judged_and_kept_beside_its_texts(client: TestClient) -> None:
    page = client.get("/compare", params=PAIR).text
    after = sent(client, page, "/feedback", at=1, reason="地域")
    assert str(after.url).startswith("https://testserver/compare?need=N1&achievement=A1")
    assert "已记为不合适（地域）" in notice(after.text)
    assert "已搁置" in after.text
    assert "user.officer 不合适：地域" in re.sub(r"\s+", " ", after.text)
    assert "已收藏" in notice(sent(client, page, "/shortlists/add", shortlist="0").text)


def test_pairs_out_of_sight_are_not_compared(client: TestClient) -> None:
    assert "选一条需求和一项成果" in client.get("/compare").text
    assert "选一条需求和一项成果" in client.get("/compare?need=N1").text
    for pair in ({"need": "N9", "achievement": "A1"}, {"need": "N1", "achievement": "A9"}):
        assert client.get("/compare", params=pair).status_code == 404
    with somebody(client, Role.INSTITUTION) as other:
        answer = other.get("/compare?need=N1&achievement=A1&achievement=A2")
        assert (answer.status_code, "电炉" in answer.text) == (404, False)
        assert other.get("/compare", params=PAIR).status_code == 200


def test_hostile_texts_stay_texts(client: TestClient) -> None:
    shut = replace(RECORDS[0], title=f"钢渣微粉{HOSTILE}", text=f"钢渣微粉{HOSTILE}" * 3)
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert([shut], now_at())
    for path in ("/compare?need=N1&achievement=A1", kept(client), f"{kept(client)}?print",
                 "/needs/N1", "/shortlists"):  # fmt: skip
        page = client.get(path).text
        assert "<script>alert" not in page, path
        assert "<b onclick" not in page, path
