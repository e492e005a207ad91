"""The served pages and API, over HTTP."""

from __future__ import annotations

import re
from html import unescape
from http.client import HTTPConnection
from urllib.parse import urlencode

import httpx
import pytest


def test_probes(web: httpx.Client) -> None:
    assert web.get("/healthz").json()["status"] == "ok"
    ready = web.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"ready": True, "problems": []})


def test_matches_with_reasons_that_are_spans_of_the_original(web: httpx.Client) -> None:
    need = web.get("/api/v1/needs", params={"limit": 1}).json()["records"][0]
    ranking = web.get(f"/api/v1/needs/{need['id']}/matches").json()
    assert ranking["matches"]
    for match in ranking["matches"]:
        assert match["score"] == pytest.approx(sum(p["part"] for p in match["parts"]), abs=1e-15)
        for side, key in ((need, "query"), (match["document"], "document")):
            spans = [match[f"{key}_sentence"]]
            spans += [s for term in match["terms"] for s in term[f"{key}_spans"]]
            for span in spans:
                assert side[span["field"]][span["start"] : span["end"]] == span["quote"]
    best = ranking["matches"][0]["document"]["id"]
    back = web.get(f"/api/v1/achievements/{best}/matches").json()
    assert need["id"] in [match["document"]["id"] for match in back["matches"]]


def test_filters_and_paging(web: httpx.Client) -> None:
    page = web.get("/api/v1/achievements", params={"region": "日本", "limit": 200}).json()
    assert page["total"] == len(page["records"]) > 0
    assert {record["region"] for record in page["records"]} == {"日本"}
    found = web.get(
        "/api/v1/search", params={"q": "水电解制氢", "region": ["日本", "韩国"], "limit": 50}
    ).json()
    assert {m["document"]["region"] for m in found["matches"]} <= {"日本", "韩国"}
    ids = [
        record["id"]
        for offset in (0, 3, 6)
        for record in web.get("/api/v1/needs", params={"offset": offset, "limit": 3}).json()[
            "records"
        ]
    ]
    whole = web.get("/api/v1/needs", params={"limit": 9}).json()["records"]
    assert ids == [record["id"] for record in whole]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/v1/needs/none", 404),
        ("/api/v1/needs/none/matches", 404),
        ("/api/v1/search", 422),
        ("/api/v1/search?q=%20", 422),
        ("/api/v1/search?q=x&limit=0", 422),
        ("/api/v1/search?q=x&min_maturity=none", 422),
        ("/api/v1/none", 404),
    ],
)
def test_errors_are_problem_details(web: httpx.Client, path: str, status: int) -> None:
    response = web.get(path)
    assert response.status_code == status
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == status


def test_pages(web: httpx.Client) -> None:
    assert "找一项能用的成果" in web.get("/").text
    results = web.get("/", params={"q": "焦化废水深度处理"})
    assert results.status_code == 200
    listed = web.get("/needs")
    link = re.search(r'<a href="(/needs/[^"]+)"', listed.text)
    assert link
    page = web.get(link[1])
    assert page.status_code == 200
    assert "<mark>" in page.text
    assert "为什么" in page.text
    assert web.get("/static/zhitong.css").headers["content-type"].startswith("text/css")
    assert web.head("/").status_code == 200


SCRIPT = '<script src="/static/zhitong.js" defer>'


def test_pages_load_nothing_from_elsewhere_and_run_no_inline_script(web: httpx.Client) -> None:
    for path in ("/", "/?q=钢渣", "/needs", "/achievements", "/none"):
        page = web.get(path)
        assert re.findall("<script[^>]*>[^<]*", page.text) == [SCRIPT]
        assert not re.search(r'(?:src|href)="(?:https?:)?//', page.text)
        assert "default-src 'none'" in page.headers["content-security-policy"]


def test_what_people_type_is_shown_as_text(web: httpx.Client) -> None:
    hostile = "<script>alert(1)</script>\"'><img src=x onerror=alert(1)> 钢渣"
    page = web.get("/", params={"q": hostile}).text
    assert "<script>" not in page
    assert "<img" not in page
    assert hostile in unescape(page)


@pytest.mark.parametrize("char", ["钢", "𠀀"])
def test_a_long_need_fits_into_an_address(web: httpx.Client, char: str) -> None:
    for path in ("/api/v1/search", "/"):
        assert _get(web, path, char * 20_000)[0] == 200
        for more in (20_001, 80_000):
            status, said = _get(web, path, char * more)
            assert status == 422
            assert "q：太长，最多 20000 个字。" in said


def _get(web: httpx.Client, path: str, q: str) -> tuple[int, str]:
    # httpx makes no address of more than 65,536 characters.
    connection = HTTPConnection(web.base_url.host, web.base_url.port, timeout=60)
    try:
        connection.request("GET", f"{path}?{urlencode({'q': q})}")
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_a_missing_page_says_so(web: httpx.Client) -> None:
    for path in ("/none", "/needs/none"):
        page = web.get(path)
        assert page.status_code == 404
        assert "回到搜索" in page.text


def test_the_schema_has_examples(web: httpx.Client) -> None:
    schema = web.get("/openapi.json").json()
    assert {"/api/v1/search", "/api/v1/needs/{need_id}/matches"} <= set(schema["paths"])
    query = next(p for p in schema["paths"]["/api/v1/search"]["get"]["parameters"]
                 if p["name"] == "q")  # fmt: skip
    assert query["schema"]["examples"]
