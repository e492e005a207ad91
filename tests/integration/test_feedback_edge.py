"""Feedback and ranking models by command and over HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner, Result

from api.app import create_app
from api.cli import app
from api.clock import now_at
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Confidentiality, Need, Organisation
from corpus.repository import CorpusRepository
from eval.qrels import read_qrels
from matcher.ranking_models import RankingModel
from tests.integration.accounts import log_in
from tests.integration.faked import use_fakes

Invoke = Callable[..., Result]
RECORDS: list[Need | Achievement] = [
    Need(key="N1", title="钢渣微粉活性低", text="希望提高早期活性。"),
    Need(key="N 2", title="陶瓷坯体开裂"),
    Need(key="N3", title="不外传的需求", confidentiality=Confidentiality.INTERNAL),
    Need(key="N4", title="不许看的需求", confidentiality=Confidentiality.CONFIDENTIAL),
    Achievement(key="A1", title="钢渣活化", organisation=Organisation("甲所（示例）")),
    Achievement(key="A2", title="坯体增强"),
]
PROBLEM = "application/problem+json"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def services(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[Services]:
    """A few records in each kind of database, no index."""
    monkeypatch.setenv("COLUMNS", "300")
    use_fakes(monkeypatch, tmp_path / "home")
    if request.param == "postgresql":
        monkeypatch.setenv("ZHITONG_DATABASE_URL", request.getfixturevalue("postgres_url"))
    made = Services(Settings())
    try:
        with made.writing() as session:
            CorpusRepository(session).upsert(RECORDS, now_at())
        yield made
    finally:
        if request.param == "postgresql":
            with made.database.begin() as connection:
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
        made.close()


@pytest.fixture
def invoke(services: Services) -> Invoke:
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def client(services: Services) -> Iterator[TestClient]:
    made = create_app(Settings())
    with TestClient(made, raise_server_exceptions=False) as opened:
        log_in(opened, Role.OFFICER)
        yield opened
    made.state.services.close()


def said(result: Result) -> str:
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(result: Result, sentence: str) -> None:
    assert sentence in result.stderr.replace("\n", "")
    assert result.exit_code == 2
    assert isinstance(result.exception, SystemExit)


def listed(invoke: Invoke, *arguments: str) -> Any:
    return json.loads(said(invoke("feedback", "list", "--json", *arguments)))


# -- commands ------------------------------------------------------------------------------


def test_a_pair_is_judged_listed_and_taken_back(invoke: Invoke) -> None:
    dismiss = ("feedback", "dismiss", "N1", "A1", "--who", "李工", "--reason", "工艺不符",
               "--reason", "地域", "--note", "[再看]")  # fmt: skip
    assert "已记下（评价 1）：N1 与 A1，不合适：工艺不符、地域。" in said(invoke(*dismiss))
    assert "先前已记过，没有重复记（评价 1）" in said(invoke(*dismiss))
    assert "采纳" in said(invoke("feedback", "accept", "N1", "A2", "--who", "李工"))
    assert "评级 3" in said(invoke("feedback", "grade", "N1", "A2", "3", "--who", "王工"))
    [entry] = listed(invoke, "--achievement", "A1")["entries"]
    assert (entry["need_title"], entry["rater"], entry["note"]) == (
        "钢渣微粉活性低", "李工", "[再看]",
    )  # fmt: skip
    table = said(invoke("feedback", "list"))
    assert all(word in table for word in ("[再看]", "评级 3", "坯体增强", "共 3 条"))
    assert "已搁置 1 对" in said(invoke("feedback", "list", "--shelved"))
    assert listed(invoke, "--shelved", "--need", "N3")["entries"] == []
    assert listed(invoke, "--shelved", "--achievement", "A1")["total"] == 1
    assert listed(invoke, "--shelved", "--rater", "王工")["total"] == 0
    assert "已撤回评价 1" in said(invoke("feedback", "undo", "1", "--who", "王工"))
    assert "没有搁置的" in said(invoke("feedback", "list", "--shelved"))
    assert [e["id"] for e in listed(invoke)["entries"]] == [3, 2]
    [back] = [e for e in listed(invoke, "--undone")["entries"] if e["id"] == 1]
    assert (back["undone_by"], back["undone_at"] is not None) == ("王工", True)


def test_what_makes_no_sense_is_one_sentence(invoke: Invoke) -> None:
    refused(invoke("feedback", "accept", "N9", "A1", "--who", "李工"), "没有编号为 N9 的需求")
    refused(invoke("feedback", "accept", "N1", "A1", "--who", " "), "请写明是谁的评价")
    refused(invoke("feedback", "undo", "7", "--who", "李工"), "没有编号为 7 的评价")
    note = invoke("feedback", "accept", "N1", "A1", "--who", "李工", "--note", "长" * 501)
    refused(note, "说明最多 500 个字")
    assert invoke("feedback", "dismiss", "N1", "A1", "--who", "李工").exit_code == 2
    assert invoke("feedback", "dismiss", "N1", "A1", "--reason", "无", "--who", "李").exit_code == 2
    assert "还没有评价" in said(invoke("feedback", "list"))


def test_agreement_is_told_with_what_raters_disagree_about(invoke: Invoke) -> None:
    nothing = json.loads(said(invoke("feedback", "agreement", "--json")))
    assert (nothing["raters"], nothing["krippendorff_alpha"]) == (0, None)
    for rater, grade in (("李工", "3"), ("王工", "0")):
        said(invoke("feedback", "grade", "N1", "A1", grade, "--who", rater))
        said(invoke("feedback", "grade", "N3", "A2", "2", "--who", rater))
    found = json.loads(said(invoke("feedback", "agreement", "--json")))
    assert (found["raters"], found["units"]) == (2, 2)
    assert found["cohen_kappa"] == [{"raters": ["李工", "王工"], "common": 2, "kappa": 0.0}]
    [one] = found["disagreements"]
    assert (one["need_title"], one["grades"]) == ("钢渣微粉活性低", {"李工": 3, "王工": 0})
    shown = said(invoke("feedback", "agreement"))
    assert "Cohen κ（是否相关）：0.000" in shown
    outside = said(invoke("feedback", "agreement", "--role", "访客"))
    assert "李工" not in outside
    assert "评价人 1" in outside


def test_feedback_is_exported_as_qrels(invoke: Invoke, tmp_path: Path) -> None:
    path = tmp_path / "判定.txt"
    said(invoke("feedback", "accept", "N1", "A1", "--who", "李工"))
    for reason, achievement in (("优势不明", "A2"), ("已对接过", "A1")):
        need = "N1" if achievement == "A2" else "N3"
        said(invoke("feedback", "dismiss", need, achievement, "--who", "李", "--reason", reason))
    assert "已写入 2 对" in said(invoke("feedback", "export", "--qrels", str(path)))
    assert read_qrels(path) == {"N1": {"A1": 2, "A2": 1}}
    said(invoke("feedback", "grade", "N 2", "A2", "1", "--who", "李工"))
    partly = invoke("feedback", "export", "--qrels", str(path))
    assert partly.exit_code == 1
    assert "1 对的编号里有空白" in partly.stderr
    assert "N 2 与 A2" in partly.stderr
    assert read_qrels(path) == {"N1": {"A1": 2, "A2": 1}}
    refused(invoke("feedback", "export", "--qrels", str(tmp_path / "no" / "x")), "不存在")


def test_a_ranking_model_is_promoted_through_the_gate_and_rolled_back(
    invoke: Invoke, tmp_path: Path
) -> None:
    model, gate = tmp_path / "新模型.json", tmp_path / "gate.json"
    model.write_text('{"weights": {"语义": 53.5}}', "utf-8")
    named = RankingModel("新模型", {"weights": {"语义": 53.5}}).hash
    promote = ("ranking", "promote", str(model), "--gate", str(gate), "--who", "李工")
    assert "随程序提供" in said(invoke("ranking", "list"))
    refused(invoke(*promote), "gate.json：文件或文件夹不存在")
    gate.write_text('{"ok": true}', "utf-8")
    refused(invoke(*promote), "不是检验结果")
    gate.write_text('{"passed": false, "ndcg": 0.7}', "utf-8")
    refused(invoke(*promote), "没有通过检验")
    refused(invoke(*promote, "--force"), "必须用 --note 写明理由")
    gate.write_text(json.dumps({"passed": True, "model_hash": "f" * 64}), "utf-8")
    refused(invoke(*promote), "另一个模型")
    gate.write_text(json.dumps({"passed": True, "model_hash": named, "ndcg": 0.8}), "utf-8")
    assert "启用的是 新模型" in said(invoke(*promote))
    assert "启用的是 新模型" in said(invoke(*promote))
    shown = json.loads(said(invoke("ranking", "show", named[:8])))
    assert (shown["content"], shown["active"]) == ({"weights": {"语义": 53.5}}, True)
    assert [e["gate_report"]["ndcg"] for e in shown["events"]] == [0.8]
    assert f"{named[:12]}" in said(invoke("ranking", "list"))
    refused(invoke("ranking", "rollback", "0000", "--who", "李工"), "没有指纹以 0000 开头")
    for _ in range(2):
        assert "已停用 新模型，现在启用的是随程序提供的排序模型" in said(
            invoke("ranking", "rollback", named[:8], "--who", "李工")
        )
    history = json.loads(said(invoke("ranking", "list", "--json")))
    assert [e["action"] for e in history["events"]] == ["启用", "退回"]
    assert [m["active"] for m in history["models"]] == [False]


# -- routes --------------------------------------------------------------------------------


def post(client: TestClient, **values: object) -> Any:
    given = {"need": "N1", "achievement": "A1", "verdict": "accept", **values}
    return client.post("/api/v1/feedback", json=given)


def test_a_judgement_is_posted_listed_and_deleted(client: TestClient) -> None:
    first = post(client, verdict="dismiss", reasons=["指标不满足"], note="保密的话")
    assert first.status_code == 201
    entry = first.json()
    said = (entry["rater"], entry["note"], entry["need_title"])
    assert said == ("user.officer", "保密的话", "钢渣微粉活性低")
    again = post(client, verdict="dismiss", reasons=["指标不满足"], note="保密的话")
    assert (again.status_code, again.json()) == (200, entry)
    assert client.get("/api/v1/feedback", params={"need": "N1"}).json()["entries"] == [entry]
    assert client.get("/api/v1/feedback?shelved=true").json()["total"] == 1
    place = f"/api/v1/feedback/{entry['id']}"
    for _ in range(2):
        undone = client.delete(place)
        assert undone.status_code == 200
        assert undone.json()["undone_at"] is not None
    assert client.get("/api/v1/feedback").json()["total"] == 0
    assert client.get("/api/v1/feedback?undone=true").json()["total"] == 1
    assert client.get("/api/v1/feedback?shelved=true").json()["total"] == 0


def test_who_works_here_sees_who_said_it(client: TestClient) -> None:
    post(client, note="请找联系人：王工，电话：13900000000，下周")
    seen = {}
    for role in (Role.OFFICER, Role.COMMISSIONER, Role.INSTITUTION):
        own = {"organisation": "甲所（示例）"} if role is Role.INSTITUTION else {}
        log_in(client, role, **own)
        [entry] = client.get("/api/v1/feedback").json()["entries"]
        seen[role] = entry["rater"], entry["note"]
    assert seen[Role.OFFICER] == ("user.officer", "请找联系人：王工，电话：13900000000，下周")
    assert seen[Role.COMMISSIONER][0] == "user.officer"
    assert "下周" in seen[Role.COMMISSIONER][1]
    assert "13900000000" not in seen[Role.COMMISSIONER][1]
    assert seen[Role.INSTITUTION] == (None, None)


@pytest.mark.parametrize(
    ("values", "status", "sentence"),
    [
        ({"need": "N9"}, 404, "没有编号为 N9 的需求"),
        ({"need": "N4"}, 403, "没有向“招商干部”公开"),
        ({"verdict": "dismiss"}, 400, "请说明为什么不合适"),
        ({"verdict": "grade", "grade": 10**30}, 400, "等级应是 0"),
        ({"note": "长" * 501}, 400, "说明最多 500 个字"),
        ({"note": "a\0b"}, 400, "不能识别的字符"),
        ({"rater": "王工"}, 422, "rater："),
        ({"need": "a\0b"}, 422, "need：含有不能识别的字符"),
        ({"verdict": "like"}, 422, "verdict：应是其中之一：accept, dismiss, grade。"),
        ({"verdict": "dismiss", "reasons": ["坏"]}, 422, "reasons.0：应是其中之一"),
        ({"more": 1}, 422, "more："),
    ],
)
def test_what_is_refused_is_a_sentence(
    client: TestClient, values: dict[str, object], status: int, sentence: str
) -> None:
    answer = post(client, **values)
    assert answer.headers["content-type"] == PROBLEM
    assert (answer.status_code, sentence in answer.json()["detail"]) == (status, True), answer.text
    assert client.get("/api/v1/feedback?undone=true").json()["total"] == 0


def test_an_unknown_entry_and_a_malformed_body_are_refused(client: TestClient) -> None:
    missing = client.delete("/api/v1/feedback/77")
    assert (missing.status_code, missing.json()["title"]) == (404, "没有这条评价")
    assert client.delete(f"/api/v1/feedback/{2**63}").status_code == 422
    bad = client.post("/api/v1/feedback", content=b"{", headers={"content-type": "text/json"})
    assert bad.status_code == 422
    assert client.get("/api/v1/feedback?limit=201").status_code == 422
