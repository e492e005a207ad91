"""What the schema of the API says of every route, and the promises it makes for all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from api.api_route import UNKEPT
from api.clock import now_at
from api.openapi import operations
from api.security.accounts import AccountRepository
from corpus.confidentiality import Role
from tests.integration.accounts import log_in, services_of
from tests.integration.listing import one_office


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with one_office(tmp_path_factory.mktemp("description")) as made:
        assert made.get("/openapi.json").status_code == 503  # nobody could log in yet
        log_in(made, Role.ADMINISTRATOR)
        yield made


@pytest.fixture(scope="module")
def document(client: TestClient) -> Any:
    return client.get("/openapi.json").json()


def test_the_schema_is_for_who_is_logged_in(client: TestClient) -> None:
    with TestClient(client.app, base_url="https://testserver") as stranger:
        answer = stranger.get("/openapi.json")
        assert (answer.status_code, answer.json()["title"]) == (401, "需要登录")


def test_every_operation_has_a_tag_a_summary_and_a_name_of_its_own(document: Any) -> None:
    described = {tag["name"] for tag in document["tags"] if tag["description"]}
    every = [operation for _, operation in operations(document)]
    assert {tag for one in every for tag in one["tags"]} == described
    assert all(len(one["tags"]) == 1 and one["summary"] for one in every)
    assert max(Counter(one["operationId"] for one in every).values()) == 1
    assert len({one["summary"] for one in every if one["tags"] == ["users"]}) == len(
        [one for one in every if one["tags"] == ["users"]]
    )


def test_every_answer_has_a_schema_and_every_refusal_is_a_problem(document: Any) -> None:
    for _, operation in operations(document):
        for status, response in operation["responses"].items():
            where = operation["operationId"], status
            if status in {"204", "304"}:
                assert "content" not in response, where
            elif int(status) >= 400:
                assert list(response["content"]) == ["application/problem+json"], where
            else:
                assert all(one["schema"] for one in response["content"].values()), where
        assert "Retry-After" in operation["responses"]["429"]["headers"]


def test_every_body_and_every_path_parameter_has_an_example(document: Any) -> None:
    schemas = document["components"]["schemas"]
    for _, operation in operations(document):
        for parameter in operation.get("parameters", []):
            is_asked = parameter["in"] == "path" or (
                parameter.get("required") and parameter["schema"].get("type") == "string"
            )
            has = "example" in parameter or "examples" in parameter["schema"]
            assert has or not is_asked, (operation["operationId"], parameter["name"])
        for kind, content in operation.get("requestBody", {}).get("content", {}).items():
            if kind != "application/json":
                continue
            body = schemas[content["schema"]["$ref"].rpartition("/")[2]]
            for name in body.get("required", body["properties"]):
                assert body["properties"][name].get("examples") or name == "version" or (
                    "required" not in body
                ), (operation["operationId"], name)  # fmt: skip
            assert any("examples" in one for one in body["properties"].values()), body["title"]


def test_pages_are_asked_and_answered_in_one_way(document: Any) -> None:
    for _, operation in operations(document):
        names = {one["name"] for one in operation.get("parameters", [])}
        if "offset" not in names:
            continue
        [content] = operation["responses"]["200"]["content"].values()
        page = document["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
        assert {"total", "offset", "limit"} <= page["properties"].keys() & {*page["required"]}
        assert "limit" in names


def test_a_post_takes_a_key_or_says_why_not(document: Any) -> None:
    unkept = set()
    for method, operation in operations(document):
        takes = any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", []))
        assert takes == (method == "post" and UNKEPT not in operation)
        if UNKEPT in operation:
            assert operation[UNKEPT] in operation["description"]
            unkept.add(operation["operationId"])
    assert unkept == {"users_create", "users_reset_password", "imports_load"}


def test_a_password_is_never_kept_under_a_key(client: TestClient) -> None:
    key, body = {"Idempotency-Key": "once"}, {"name": "zhao", "role": "招商干部"}
    refused = client.post("/api/v1/users", json=body, headers=key)
    assert (refused.status_code, refused.json()["title"]) == (422, "请求没有执行")
    assert "去掉" in refused.json()["detail"]
    made = client.post("/api/v1/users", json=body)
    assert made.status_code == 201
    place = f"/api/v1/users/{made.json()['user']['id']}/password"
    assert client.post(place, headers=key).status_code == 422


def test_every_subject_has_tags_and_keys(client: TestClient) -> None:
    for place in ("/shortlists", "/saved-searches", "/imports", "/duplicates", "/users", "/audit",
                  "/dictionary/terms", "/organisations", "/facets?kind=need"):  # fmt: skip
        read = client.get(f"/api/v1{place}")
        again = client.get(f"/api/v1{place}", headers={"If-None-Match": read.headers["etag"]})
        assert (read.status_code, again.status_code, again.content) == (200, 304, b"")
    key = {"Idempotency-Key": "list"}
    made = client.post("/api/v1/shortlists", json={"name": "钢渣"}, headers=key)
    again = client.post("/api/v1/shortlists", json={"name": "钢渣"}, headers=key)
    assert (made.status_code, again.content) == (201, made.content)
    assert client.get("/api/v1/shortlists").json()["total"] == 1


def test_what_was_answered_to_one_role_is_not_repeated_to_the_next(client: TestClient) -> None:
    def post() -> int:
        wanted = {"name": "除尘灰"}
        key = {"Idempotency-Key": "of the officer"}
        return client.post("/api/v1/shortlists", json=wanted, headers=key).status_code

    log_in(client, Role.OFFICER, name="qian")
    assert (post(), post()) == (201, 201)
    with services_of(client).writing() as session:
        AccountRepository(session).set_role("qian", Role.ORGANISER, now_at(), "", "")
    log_in(client, Role.ORGANISER, name="qian")
    assert post() == 422
