"""The pages and the API in this process: labels, errors, hostile addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy.exc import OperationalError

from api.app import create_app
from api.clock import now_at
from api.services import Services
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind, Need, Organisation, RecordFilter
from corpus.repository import CorpusRepository
from indexer.testing import FakeEncoder
from tests.integration.accounts import log_in
from tests.integration.faked import use_fakes

NEED = Need(key="N/1", title="钢渣微粉活性低", text="现有钢渣磨细后活性不足。", county="迁安市")
ACHIEVEMENT = Achievement(
    key="A/1",
    title="转炉钢渣微粉活化",
    text="采用复合激发剂，钢渣活性指数高。",
    organisation=Organisation("甲所（示例）", "北京"),
)
HEADERS = (
    "content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options",
    "cross-origin-opener-policy", "permissions-policy", "x-request-id",
)  # fmt: skip
PROBLEM = "application/problem+json"


def fill(services: Services) -> None:
    with services.writing() as session:
        CorpusRepository(session).upsert([NEED, ACHIEVEMENT], now_at())
    for kind in Kind:
        services.refresh_index(kind)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    use_fakes(monkeypatch, tmp_path)
    app = create_app(Settings())
    fill(app.state.services)
    with TestClient(app, raise_server_exceptions=False) as made:
        log_in(made, Role.OFFICER)
        yield made


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def either(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Iterator[TestClient]:
    """A client over each kind of database."""
    use_fakes(monkeypatch, tmp_path)
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        monkeypatch.setenv("ZHITONG_DATABASE_URL", url)
    app = create_app(Settings())
    services: Services = app.state.services
    try:
        fill(services)
        with TestClient(app, raise_server_exceptions=False) as made:
            log_in(made, Role.OFFICER)
            yield made
    finally:
        with services.database.begin() as connection:
            if request.param == "postgresql":
                connection.exec_driver_sql("DROP SCHEMA public CASCADE")
                connection.exec_driver_sql("CREATE SCHEMA public")
        services.close()


def why(page: str) -> tuple[str, str]:
    """The two sentences of the first card, as 需要 and 对应."""
    found = re.search(r"<dt>需要</dt><dd>(.*?)</dd>\s*<dt>对应</dt><dd>(.*?)</dd>", page, re.S)
    assert found
    asked, held = (unescape(re.sub(r"<[^>]+>", "", part)).strip() for part in found.groups())
    return asked, held


def test_each_sentence_stands_under_the_name_of_its_side(client: TestClient) -> None:
    forth, back = client.get("/needs/N/1").text, client.get("/achievements/A/1").text
    for page in (forth, back):
        asked, held = why(page)
        assert asked in NEED.text + NEED.title
        assert held in ACHIEVEMENT.text + ACHIEVEMENT.title
        assert "词语得分" in page
        assert "份额" not in page
        assert "专职技术转移人员认为这一对“较强”以上的可能" in page


def test_the_parts_on_the_page_add_up_to_the_score_on_it(client: TestClient) -> None:
    [match] = client.get("/api/v1/needs/N/1/matches").json()["matches"][:1]
    page = client.get("/needs/N/1").text
    shown = [f"<td>{part['part']:+.2f}</td>" for part in match["parts"]]
    assert next(part["label"] for part in match["parts"]) == "起点"
    assert all(cell in page for cell in shown)
    assert f"<td>{match['score']:+.2f}</td>" in page
    for part in match["parts"][1:]:
        made = part["weight"] * (part["value"] - part["reference"])
        assert made == pytest.approx(part["part"], abs=1e-12)


def test_the_table_counts_each_side_under_its_name(client: TestClient) -> None:
    rows = [
        dict(re.findall(r"<tr><td>([^<]+)</td><td>[\d.]+</td><td>(\d+ 处</td><td>\d+ 处)", page))
        for page in (client.get("/needs/N/1").text, client.get("/achievements/A/1").text)
    ]
    assert rows[0] == rows[1]
    assert rows[0]["活性"] == "2 处</td><td>1 处"


def test_a_key_with_a_slash_is_reachable(client: TestClient) -> None:
    for path in ("/api/v1/needs/N/1", "/api/v1/needs/N%2F1"):
        assert client.get(path).json()["id"] == "N/1"
        assert client.get(f"{path}/matches").json()["matches"][0]["document"]["id"] == "A/1"
    assert client.get("/api/v1/achievements/A/1").json()["id"] == "A/1"
    assert client.get("/api/v1/achievements/A/1/matches").json()["source"]["id"] == "A/1"
    assert client.get("/needs/N/1").status_code == 200
    paths = client.get("/openapi.json").json()["paths"]
    assert {"/api/v1/needs/{need_id}", "/api/v1/needs/{need_id}/matches"} <= set(paths)


@pytest.mark.parametrize("end", ["%00", "a%00b", "%ED%A0%80", "%FF"])
def test_characters_no_database_takes_are_no_fault_of_ours(either: TestClient, end: str) -> None:
    places = [
        f"/api/v1/needs/{end}", f"/api/v1/needs/{end}/matches", f"/api/v1/achievements/{end}",
        f"/needs/{end}", f"/achievements/{end}", f"/static/{end}", f"/{end}",
    ]  # fmt: skip
    for place in places:
        assert either.get(place).status_code in (404, 422), place
    filters = [
        f"/api/v1/needs?region={end}", f"/api/v1/achievements?field={end}",
        f"/api/v1/search?q=x&region={end}", f"/?q=x&region={end}", f"/?q=x&field={end}",
    ]  # fmt: skip
    for place in filters:
        # What is not UTF-8 arrives as U+FFFD, which is a character that nothing has.
        assert either.get(place).status_code == (422 if "%00" in end else 200), place
    assert either.get(f"/api/v1/search?q={end}").status_code == 200


@pytest.mark.parametrize(
    ("path", "status", "sentence"),
    [
        ("/api/v1/needs/none", 404, "没有编号为 none 的需求"),
        ("/api/v1/none", 404, "没有 /api/v1/none 这个地址。"),
        ("/api/v1/search", 422, "q：缺少这个参数。"),
        ("/api/v1/search?q=%20", 422, "q：不能为空白。"),
        ("/api/v1/search?q=x&limit=0", 422, "limit：应不小于 1。"),
        ("/api/v1/search?q=x&limit=many", 422, "limit：应是整数。"),
        ("/api/v1/search?q=x&kind=none", 422, "kind：应是其中之一：achievement, need。"),
        ("/api/v1/search?q=x&include_expired=7", 422, "应是 true 或 false。"),
        (f"/api/v1/search?q={'x' * 20_001}", 422, "q：太长，最多 20000 个字。"),
        (f"/api/v1/needs?offset={10**19}", 422, "offset：应不大于 2147483648。"),
        (f"/needs?offset={10**19}", 422, "offset：应不大于 2147483648。"),
        (f"/achievements?offset={'9' * 5000}", 422, "offset：数字太大。"),
        ("/needs/none", 404, "没有编号为 none 的需求"),
    ],
)
def test_an_error_is_a_sentence_in_chinese(
    client: TestClient, path: str, status: int, sentence: str
) -> None:
    response = client.get(path)
    assert response.status_code == status
    if path.startswith("/api/"):
        assert response.headers["content-type"] == PROBLEM
        said = response.json()["detail"]
    else:
        said = unescape(response.text)
    assert sentence in said
    assert not re.search(r"[a-z]{3,} [a-z]{2,} [a-z]{2,}", said if "<" not in said else "")


def test_another_method_is_refused_in_words(client: TestClient) -> None:
    response = client.post("/api/v1/search")
    assert (response.status_code, response.json()["detail"]) == (
        405,
        "/api/v1/search 不支持 POST。",
    )


def test_every_response_has_the_security_headers(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [
        client.get(path)
        for path in ("/", "/none", "/api/v1/none", "/api/v1/search", "/static/zhitong.css",
                     "/static/none", "/openapi.json", "/healthz")
    ]  # fmt: skip
    answers.append(client.post("/"))

    def broken(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(Services, "record", broken)
    answers += [client.get("/needs/N/1"), client.get("/api/v1/needs/N/1")]
    assert [answer.status_code for answer in answers[-2:]] == [500, 500]
    for answer in answers:
        assert all(name in answer.headers for name in HEADERS), answer.url
        assert "secret" not in answer.text
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert answers[-1].headers["x-request-id"] in answers[-1].text


def test_a_database_that_does_not_answer_is_503_without_its_words(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def locked(*_: object) -> None:
        raise OperationalError("SELECT secret", {"title": "机密"}, Exception("database is locked"))

    monkeypatch.setattr(CorpusRepository, "require", locked)
    for path in ("/api/v1/needs/N/1", "/needs/N/1", "/api/v1/needs/N/1/matches"):
        response = client.get(path)
        assert response.status_code == 503
        assert "数据库正被另一个程序占用" in response.text
        for text in (response.text, caplog.text):
            assert "secret" not in text
            assert "机密" not in text


def test_another_model_of_the_same_dimension_is_refused_and_readiness_says_why(
    client: TestClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert client.get("/readyz").status_code == 200
    swapped = FakeEncoder(name="another-model")
    assert swapped.dimension == FakeEncoder().dimension
    use_fakes(monkeypatch, tmp_path, swapped)
    with TestClient(create_app(Settings())) as other:
        log_in(other, Role.OFFICER)
        ready = other.get("/readyz")
        assert ready.status_code == 503
        assert len(ready.json()["problems"]) == len(Kind)
        for problem in ready.json()["problems"]:
            assert "向量部分由另一模型（fake）生成" in problem
            assert "zhitong index build" in problem
        ranking = other.get("/api/v1/needs/N/1/matches").json()
        assert {p["feature"] for m in ranking["matches"] for p in m["parts"]} == {
            "start",
            "wording",
        }
        assert "语义检索已停用" in ranking["problems"][0]
        assert "语义检索已停用" in other.get("/needs/N/1").text


def test_a_dismissed_pair_stays_away_until_one_side_changes(either: TestClient) -> None:
    services: Services = either.app.state.services  # type: ignore[attr-defined]

    def both() -> list[tuple[int, int, int]]:
        answers = [
            either.get(f"/api/v1/{path}/matches").json()
            for path in ("needs/N/1", "achievements/A/1")
        ]
        return [(len(a["matches"]), a["shelved"], a["eligible"]) for a in answers]

    assert both() == [(1, 0, 1)] * 2
    pair = {"need": "N/1", "achievement": "A/1"}
    given = either.post(
        "/api/v1/feedback", json={**pair, "verdict": "dismiss", "reasons": ["工艺不符"]}
    )
    assert given.status_code == 201, given.text
    assert both() == [(0, 1, 0)] * 2
    assert "已搁置 1 对" in either.get("/needs/N/1").text
    [row] = services.match_all(RecordFilter(), 5, Role.OFFICER)
    assert (len(row.matches), row.shelved) == (0, 1)
    # Free text is no pair.
    assert len(either.get("/api/v1/search", params={"q": NEED.text}).json()["matches"]) == 1
    with services.writing() as session:
        changed = replace(ACHIEVEMENT, text="采用复合激发剂，钢渣活性指数高，已在两家钢厂应用。")
        CorpusRepository(session).upsert([changed], now_at())
    assert both() == [(1, 0, 1)] * 2
