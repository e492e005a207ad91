"""The typed client asks every route of the API that the schema describes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.administration import UserChange
from api.client import ApiError, Client
from api.clock import now_at
from api.dictionary import TermIn
from api.editing import AchievementPatch, AmountIn, NeedPatch
from api.feedback import FeedbackIn
from api.routes.saved_searches import SavedSearchIn
from api.routes.users import UserIn
from api.security.policy import Place, places
from api.shortlist_schemas import EntryIn, EntryPatch, ShortlistIn, ShortlistPatch
from api.uploads.model import State
from corpus.confidentiality import Role
from corpus.dictionary.model import TermKind
from corpus.duplicates.stored import GroupState
from corpus.filters import Facet
from corpus.model import Achievement, Kind, Maturity
from corpus.repository import CorpusRepository
from matcher.feedback import Verdict
from tests.integration.accounts import create, services_of, token
from tests.integration.import_pages import wait
from tests.integration.office import MINE, OTHERS, office
from tests.integration.serving import serving

COPY = "以高炉冲渣水为热源，用宽流道换热器向厂区供暖，系统运行三个采暖季没有堵塞。"
COPIES = [Achievement(key=key, title="冲渣水余热供暖", text=COPY) for key in ("D1", "D2")]
TABLE = "编号,需求名称,需求内容,拟投入资金\nN8,钢渣除铁,磁选后含铁仍高。,20万元\n"
BAD = "N9,炉渣降温,出渣后降温太慢。,多少都行\n"


class Recorder:
    """ASGI app around another: the routes that were asked."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.asked: set[tuple[str, str]] = set()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, send)
        if scope["type"] == "http":
            self.asked.add((scope["method"], scope["state"]["place"]))


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    monkeypatch.setenv("ZHITONG_PLAIN_HTTP", "true")
    with office(monkeypatch, tmp_path) as made:
        yield made


def test_every_route_of_the_api_is_asked_through_the_client(
    browser: TestClient, tmp_path: Path
) -> None:
    services = services_of(browser)
    secret = token(services, create(services, Role.ADMINISTRATOR)).removeprefix("Bearer ")
    recorder = Recorder(browser.app)
    with serving(recorder) as address, Client(address, secret) as client:
        ask_for_records(client)
        ask_for_owners(client)
        judge(client)
        keep_lists(client)
        keep_searches(client)
        keep_words(client)
        keep_accounts(client)
        load_files(browser, client, tmp_path)
        decide_on_duplicates(browser, client)
        assert {state.state for state in client.indexes()} <= {"current", "stale"}
        assert client.system().indexes
    listed: list[Place] = list(places(browser.app.routes))  # type: ignore[attr-defined]
    wanted = {key for place in listed for key in place.keys if key[1].startswith("/api/")}
    assert recorder.asked & wanted == wanted


def ask_for_records(client: Client) -> None:
    for kind, key in ((Kind.NEED, "N1"), (Kind.ACHIEVEMENT, "A1")):
        assert client.records(kind, limit=1).total == 2
        assert [one.id[1:] for one in client.all_records(kind)] == ["1", "2"]
        assert client.record(kind, key).id == key
        assert client.matches(kind, key, limit=5).target is kind.other
        assert client.facets(kind).total == 2
    found = client.search("钢渣微粉", region=["北京", "天津"], limit=3)
    assert {match.document.id for match in found.matches} == {"A1", "A2"}
    assert client.search("钢渣微粉", min_maturity=Maturity.PILOT_SCALE).matches == []
    assert client.explain("N1", "A2").achievement.id == "A2"

    need = client.record(Kind.NEED, "N1")
    changed = client.change(need, NeedPatch(budget=AmountIn(max_wan=30)))
    assert changed.budget
    assert changed.budget.label == "不高于 30 万元"
    with pytest.raises(ApiError, match="412") as late:
        client.change(need, NeedPatch(industry="冶金"))
    assert "别人改过" in late.value.problem.detail
    achievement = client.record(Kind.ACHIEVEMENT, "A1")
    assert client.change(achievement, AchievementPatch(maturity=Maturity.LAB_SCALE)).trl == (5, 5)
    with pytest.raises(ApiError, match="没有编号为 none 的需求"):
        client.record(Kind.NEED, "none")


def ask_for_owners(client: Client) -> None:
    found = {one.name: one for one in client.all_organisations()}
    assert found.keys() == {MINE.name, OTHERS.name}
    other = found[OTHERS.name]
    assert client.organisations(name="乙").organisations == [other]
    assert client.organisation(other.id).organisation == other
    with pytest.raises(ApiError, match="400"):
        client.note_consent(Kind.NEED, "N1", "电话")
    assert client.contacts(Kind.NEED, "N1").contacts == []
    assert not client.withdraw_consent(Kind.NEED, "N1").exist


def judge(client: Client) -> None:
    judgement = FeedbackIn(need="N1", achievement="A1", verdict=Verdict.ACCEPT)
    given = client.judge(judgement, once="k1")
    assert client.judge(judgement, once="k1") == given
    assert next(client.all_feedback(need="N1")) == client.feedback(need="N1").entries[0] == given
    assert client.take_back(given.id).undone_by == "user.administrator"


def keep_lists(client: Client) -> None:
    made = client.create_shortlist(ShortlistIn(name="钢渣"), once="list")
    assert client.create_shortlist(ShortlistIn(name="钢渣"), once="list") == made
    entry = client.add_entry(made.id, EntryIn(need="N1", achievement="A1"))
    client.add_entry(made.id, EntryIn(need="N2", achievement="A2"))
    read = client.shortlist(made.id)
    moved = client.change_entry(made.id, entry.id, EntryPatch(version=read.version, place=2))
    assert [one.need.id for one in moved.entries] == ["N2", "N1"]
    with pytest.raises(ApiError, match="409"):
        client.change_shortlist(made.id, ShortlistPatch(version=read.version, name="晚了"))
    renamed = client.change_shortlist(made.id, ShortlistPatch(version=moved.version, name="钢铁"))
    assert (renamed.name, renamed.note) == ("钢铁", made.note)
    assert client.remove_entry(made.id, entry.id).count == 1
    assert client.restore_entry(made.id, entry.id).count == 2
    copy = client.duplicate_shortlist(made.id)
    assert [one.id for one in client.all_shortlists()] == [copy.id, made.id]
    assert client.archive_shortlist(copy.id).archived_at
    assert client.shortlists(archived=True).total == 1


def keep_searches(client: Client) -> None:
    wanted = SavedSearchIn(name="京津", text="钢渣微粉", filters={Facet.REGION: ["北京"]})
    kept = client.save_search(wanted, once="search")
    assert client.saved_searches() == [client.saved_search(kept.id)] == [kept]
    assert client.rename_search(kept.id, "京").name == "京"
    assert client.delete_search(kept.id).deleted
    assert not client.restore_search(kept.id).deleted


def keep_words(client: Client) -> None:
    term = client.add_term(TermIn(kind=TermKind.WORD, term="渣微粉"), once="term")
    client.withdraw_term(term.id)
    assert client.restore_term(term.id).term == "渣微粉"
    assert client.preview_dictionary() is not None
    published = client.publish_dictionary(client.dictionary().stamp, "常用")
    with pytest.raises(ApiError, match="409"):
        client.roll_back_dictionary("old")
    back = client.roll_back_dictionary(client.dictionary().stamp)
    assert client.dictionary_versions() == [back, published]


def keep_accounts(client: Client) -> None:
    made = client.create_user(UserIn(name="zhao", role=Role.COUNTY, county="迁安市"))
    assert client.users(limit=1).total == len(list(client.all_users())) == 3
    read = client.user(made.user.id)
    assert read == made.user
    change = UserChange(version=read.version, county="遵化市")
    assert client.change_user(read.id, change).county == "遵化市"
    with pytest.raises(ApiError, match="409 账号已有改动"):
        client.change_user(read.id, UserChange(version=read.version, disabled=True))
    assert client.reset_password(read.id).password != made.password
    client.end_sessions(read.id)
    assert client.audit(user="user.administrator").total == len(list(client.all_audit()))


def load_files(browser: TestClient, client: Client, folder: Path) -> None:
    path = folder / "需求.csv"
    path.write_text(TABLE + BAD, encoding="utf-8")
    profile = {"columns": {"编号": "key", "需求名称": "title", "需求内容": "text",
                           "拟投入资金": "budget"}}  # fmt: skip
    looked = client.preview(path, Kind.NEED, profile=profile)
    assert (looked.good, looked.failed) == (1, 1), looked
    sent = client.load(path, Kind.NEED, profile=profile)
    wait(browser)
    done = client.import_state(sent.id)
    assert done.state is State.DONE, done
    assert done.report
    assert (done.report.new, done.report.failed) == (1, 1)
    assert [done] == list(client.all_imports())
    assert client.failed_rows(sent.id, folder / "bad.xlsx").read_bytes().startswith(b"PK")
    assert client.undo_import(sent.id).undone_at


def decide_on_duplicates(browser: TestClient, client: Client) -> None:
    with services_of(browser).writing() as session:
        CorpusRepository(session).upsert(COPIES, now_at())
    client.search_duplicates(Kind.ACHIEVEMENT)
    while any(search.running for search in client.duplicate_searches()):
        pass  # it goes on after the answer
    groups = list(client.all_duplicate_groups())
    group = next(one for one in groups if one.canonical in {"D1", "D2"})
    merged = client.merge(client.duplicate_group(group.id), keep="D2")
    assert (merged.state, merged.canonical) == (GroupState.MERGED, "D2")
    dismissed = client.dismiss(client.unmerge(merged))
    assert client.reopen(dismissed).state is GroupState.OPEN
