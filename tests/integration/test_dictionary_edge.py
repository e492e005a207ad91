"""The dictionary over HTTP: drafting, previewing, publishing, going back, other processes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api import dictionary
from api.clock import now_at
from api.security.audit import Action, AuditLog
from api.services import Services, readable
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Confidentiality, Kind, Need
from corpus.repository import CorpusRepository
from indexer.build import Makers
from indexer.tokenizer import JiebaTokenizer, Lexicon, jieba_fingerprint
from matcher.engine import MatchEngine
from matcher.query import Query
from matcher.testing import open_config
from tests.integration.accounts import log_in, services_of
from tests.integration.office import csrf, office

PLACE = "/api/v1/dictionary"
BODY = "在中试线上连续运行一百二十天，产量和能耗已由第三方测过。"
RECORDS: list[Need | Achievement] = [
    Need(key="N7", title="求购窑衬喷补料", text="希望窑衬喷补料在热态下挂料牢固。"),
    Achievement(key="B1", title="炉墙热补料及施工方法", text=BODY),
    Achievement(key="B2", title="窑具和衬板的喷漆线", text=BODY),
    Achievement(key="B3", title="回转窑用窑衬喷补料", text=BODY),
    Achievement(key="B4", title="烟气余热锅炉", text=BODY),
    Achievement(
        key="B5", title="保密的窑衬喷补料", text=BODY, confidentiality=Confidentiality.CONFIDENTIAL
    ),
]
TOKENIZERS: dict[str, JiebaTokenizer] = {}
"""Each takes a second to make, and never changes."""
SAME = {"kind": "同义词", "term": "炉墙热补料", "canonical": "窑衬喷补料"}


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        with_real_words(monkeypatch)
        services = services_of(made)
        with services.writing() as session:
            CorpusRepository(session).upsert(RECORDS, now_at())
        for kind in Kind:
            services.refresh_index(kind)
        log_in(made, Role.ADMINISTRATOR)
        yield made


def with_real_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fakes answer with one dictionary for ever; here it is today's."""

    def engine_with(self: Services, makers: Makers) -> MatchEngine:
        return MatchEngine(makers, self.store, open_config(makers.encoder))

    def made_once(lexicon: Lexicon) -> JiebaTokenizer:
        named = jieba_fingerprint(lexicon)
        if named not in TOKENIZERS:
            TOKENIZERS[named] = JiebaTokenizer(lexicon)
        return TOKENIZERS[named]

    monkeypatch.setattr("api.words.JiebaTokenizer", made_once)
    monkeypatch.setattr(Services, "engine_with", engine_with)
    monkeypatch.setattr(
        Services, "engine", property(lambda self: self.engine_with(self.words.today()))
    )


def add(client: TestClient, **given: str) -> dict[str, Any]:
    answer = client.post(f"{PLACE}/terms", json=given)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def refused(client: TestClient, **given: str) -> str:
    answer = client.post(f"{PLACE}/terms", json=given)
    assert answer.status_code == 400, answer.text
    return str(answer.json()["detail"])


def ranked(client: TestClient, key: str = "N7") -> list[str]:
    services = services_of(client)
    with services.searching(Kind.ACHIEVEMENT) as (repository, shard, _):
        engine = services.engine_for(shard.manifest.maker)
        where = readable(services.record_filter(), Role.ADMINISTRATOR)
        query = Query.of(repository.require(Kind.NEED, key).record)
        [docs] = engine.rank(repository, [query], Kind.ACHIEVEMENT, where, 10, shard)
        found = repository.get_many(Kind.ACHIEVEMENT, [doc.id for doc in docs])
        return [found[doc.id].record.key for doc in docs]


def words_found(client: TestClient) -> set[str]:
    """Words that the search for the need shares with the achievement B1."""
    answer = client.get("/api/v1/explain?need=N7&achievement=B1").json()
    return {term["term"] for term in answer["match"]["terms"]}


def test_a_preview_is_what_publishing_brings_and_writes_nothing(client: TestClient) -> None:
    before = ranked(client)
    drafted = add(client, **SAME, note="同一种料的两种叫法")
    assert (drafted["state"], drafted["created_by"]) == ("草稿", "user.administrator")
    assert ranked(client) == before
    found = client.post(f"{PLACE}/preview").json()
    assert (found["needs"], found["compared"]) == (1, 1)
    assert found["words"] == ["炉墙热补料 → 窑衬喷补料"]
    assert ranked(client) == before
    [change] = found["changes"]
    places = {
        move["achievement"]["id"]: move["after"]
        for part in ("entered", "left", "moved")
        for move in change[part]
    }
    assert places
    assert places["B1"] < before.index("B1") + 1
    done = client.post(f"{PLACE}/publish", json={"stamp": found["stamp"]})
    assert (done.status_code, done.json()["number"]) == (200, 1)
    after = ranked(client)
    assert {key: after.index(key) + 1 for key in places} == places
    unmoved = [key for key in before if key not in places]
    assert [after.index(key) for key in unmoved] == [before.index(key) for key in unmoved]
    assert "窑衬喷补料" in words_found(client)


def test_going_back_brings_the_former_words_and_keeps_the_drafts(client: TestClient) -> None:
    before = ranked(client)
    first = add(client, **SAME)
    client.post(f"{PLACE}/publish", json={})
    between = ranked(client)
    second = add(client, kind="停用词", term="施工")
    client.post(f"{PLACE}/publish", json={})
    client.delete(f"{PLACE}/terms/{first['id']}")
    client.post(f"{PLACE}/publish", json={})
    states = {one["id"]: one["state"] for one in client.get(f"{PLACE}/terms").json()["terms"]}
    assert states == {first["id"]: "已撤下", second["id"]: "已发布"}
    for expected, restores in ((None, 2), (between, 1), (before, 0)):
        done = client.post(f"{PLACE}/rollback", json={}).json()
        assert (done["action"], done["restores"]) == ("退回", restores)
        assert expected is None or ranked(client) == expected
    overview = client.get(f"{PLACE}/terms").json()
    assert {one["state"] for one in overview["terms"]} == {"草稿"}
    assert {one["number"] for one in overview["indexes"]} == {6}
    last = client.post(f"{PLACE}/rollback", json={})
    assert (last.status_code, "没有可以退回的版本" in last.json()["detail"]) == (400, True)
    assert [one["number"] for one in client.get(f"{PLACE}/versions").json()] == [6, 5, 4, 3, 2, 1]


def test_until_the_index_is_made_anew_the_old_words_go_on_with_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ranked(client)
    add(client, **SAME)
    refresh = dictionary.refresh
    monkeypatch.setattr(dictionary, "refresh", lambda _services: False)  # as if killed there
    assert client.post(f"{PLACE}/publish", json={}).status_code == 200
    other = Services(Settings())  # another process, started in between
    for services in (services_of(client), other):
        with services.searching(Kind.ACHIEVEMENT) as (_, shard, _lag):
            assert shard.problems == ()
    assert ranked(client) == before
    page = client.get("/dictionary").text
    assert "成果索引还在用随程序提供的词典" in page
    state = {one["kind"]: one["number"] for one in client.get(f"{PLACE}/terms").json()["indexes"]}
    assert state == {"need": 0, "achievement": 0}
    services_of(client).refresh_index(Kind.NEED)  # killed between the two
    assert ranked(client) == before
    monkeypatch.setattr(dictionary, "refresh", refresh)
    again = client.post("/dictionary/index", data={"csrf": csrf(page)})
    assert again.headers["location"] == "/dictionary?done=index"
    assert "还在用" not in client.get("/dictionary").text
    with other.searching(Kind.ACHIEVEMENT) as (_, shard, _lag):
        assert shard.problems == ()
        named = other.words.today().maker.tokenizer_fingerprint
        assert shard.manifest.maker.tokenizer_fingerprint == named
    other.close()
    assert ranked(client) != before


def test_a_new_record_enters_the_index_with_the_published_words(client: TestClient) -> None:
    add(client, **SAME)
    client.post(f"{PLACE}/publish", json={})
    with services_of(client).writing() as session:
        new = Achievement(key="B9", title="新型炉墙热补料", text=BODY)
        CorpusRepository(session).upsert([new], now_at())
    assert "B9" in ranked(client)[:4]
    state = client.get(f"{PLACE}/terms").json()
    assert {one["number"] for one in state["indexes"]} == {1}


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({"kind": "新词", "term": ""}, "请填写词"),
        ({"kind": "新词", "term": "炉"}, "至少两个字"),
        ({"kind": "新词", "term": "abc"}, "至少一个汉字"),
        ({"kind": "新词", "term": "氢基 竖炉"}, "空格"),
        ({"kind": "新词", "term": "炉" * 31}, "太长"),
        ({"kind": "新词", "term": "炉" * 5000}, "缩短"),
        ({"kind": "新词", "term": "<b>炉</b>"}, "不支持的字符"),
        ({"kind": "停用词", "term": "2026"}, "只有数字"),
        ({"kind": "新词", "term": "石墨烯"}, "不必再加"),
        ({"kind": "停用词", "term": "石墨烯"}, "不能又是停用词"),
        ({"kind": "新词", "term": "甲炉", "canonical": "乙炉"}, "不需要填"),
        ({"kind": "同义词", "term": "甲炉"}, "标准说法"),
        ({"kind": "同义词", "term": "甲炉", "canonical": "甲炉"}, "同一个词"),
        ({"kind": "同义词", "term": "甲炉", "canonical": "的"}, "停用词"),
        ({"kind": "同义词", "term": "炭纤维", "canonical": "甲炉"}, "已经是“碳纤维”的同义词"),
        ({"kind": "新词", "term": "氢基竖炉", "note": "注" * 201}, "备注最多"),
    ],
)
def test_what_cannot_be_a_word_is_refused_and_says_why(
    client: TestClient, given: dict[str, str], why: str
) -> None:
    assert why in refused(client, **given)
    assert client.get(f"{PLACE}/terms").json()["terms"] == []


def test_drafts_may_not_contradict_one_another(client: TestClient) -> None:
    first = add(client, kind="新词", term="氢基竖窑炉")
    assert "已经是新词（草稿）" in refused(client, kind="新词", term="氢基竖窑炉")
    add(client, kind="同义词", term="甲衬板", canonical="乙衬板")
    add(client, kind="同义词", term="乙衬板", canonical="丙衬板")
    assert "绕成了圈" in refused(client, kind="同义词", term="丙衬板", canonical="甲衬板")
    assert client.delete(f"{PLACE}/terms/{first['id']}").json()["state"] == "已撤下"
    again = client.delete(f"{PLACE}/terms/{first['id']}")  # sent twice
    assert (again.status_code, again.json()["state"]) == (200, "已撤下")
    add(client, kind="新词", term="氢基竖窑炉")
    both = client.post(f"{PLACE}/terms/{first['id']}/restore")
    assert (both.status_code, "已经是新词" in both.json()["detail"]) == (400, True)
    assert client.delete(f"{PLACE}/terms/99").status_code == 404


def test_publishing_what_was_not_looked_at_is_refused(client: TestClient) -> None:
    nothing = client.post(f"{PLACE}/publish", json={})
    assert (nothing.status_code, "不需要发布" in nothing.json()["detail"]) == (400, True)
    add(client, **SAME)
    page = client.get("/dictionary/preview").text
    old = client.get(f"{PLACE}/terms").json()["stamp"]
    assert old in page
    add(client, kind="新词", term="氢基竖窑炉")
    form = {"csrf": csrf(page), "stamp": old}
    late = client.post("/dictionary/publish", data=form)
    assert (late.status_code, "没有执行你的操作" in late.text) == (409, True)
    assert client.get(f"{PLACE}/versions").json() == []


def test_pages_add_publish_and_go_back(client: TestClient) -> None:
    page = client.get("/dictionary").text
    assert "没有等待发布的词" in page
    wrong = client.post(
        "/dictionary/terms", data={"csrf": csrf(page), "kind": "新词", "term": "炉"}
    )
    assert (wrong.status_code, "至少两个字" in wrong.text) == (400, True)
    form = {"csrf": csrf(page), **SAME, "note": "<i>两种叫法</i>"}
    done = client.post("/dictionary/terms", data=form)
    shown = client.get(done.headers["location"]).text
    assert "“炉墙热补料”已加入草稿" in shown
    assert "&lt;i&gt;两种叫法" in shown
    compared = client.get("/dictionary/preview").text
    assert "求购窑衬喷补料" in compared
    stamp = client.get(f"{PLACE}/terms").json()["stamp"]
    published = client.post("/dictionary/publish", data={"csrf": csrf(page), "stamp": stamp})
    assert published.headers["location"] == "/dictionary?done=published"
    assert "第 1 版" in client.get("/dictionary").text
    leaving = client.post("/dictionary/terms/1/withdraw", data={"csrf": csrf(page)})
    assert "不撤下" in client.get(leaving.headers["location"]).text
    client.post("/dictionary/terms/1/restore", data={"csrf": csrf(page)})
    back = client.post("/dictionary/rollback", data={"csrf": csrf(page)})
    assert back.headers["location"] == "/dictionary?done=back"
    with services_of(client).reading() as session:
        entries = AuditLog(session).entries()
    assert [(one.action, one.subject) for one in entries] == [
        (Action.DICTIONARY_ROLLED_BACK, "dictionary:2"),
        (Action.WORD_RESTORED, "dictionary_term:1"),
        (Action.WORD_WITHDRAWN, "dictionary_term:1"),
        (Action.DICTIONARY_PUBLISHED, "dictionary:1"),
        (Action.WORD_DRAFTED, "dictionary_term:1"),
    ]


def test_an_officer_drafts_and_previews_and_learns_nothing_of_closed_texts(
    client: TestClient,
) -> None:
    log_in(client, Role.OFFICER)
    add(client, **SAME)
    found = client.post(f"{PLACE}/preview").json()
    assert found["achievements"] == 2  # B1 and B3; B5 is closed
    assert "保密的" not in str(found)
    assert client.post(f"{PLACE}/publish", json={}).status_code == 403
    assert "由管理员发布" in client.get("/dictionary").text
    log_in(client, Role.ADMINISTRATOR)
    assert client.post(f"{PLACE}/preview").json()["achievements"] == 3
