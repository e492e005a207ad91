"""The API keeps to its own schema, whatever is sent: no fault of the server, no answer that the
schema does not describe. Requests are drawn from the schema and go to a real server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import schemathesis
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from api.clock import now_at
from corpus.confidentiality import Role
from corpus.model import Achievement
from corpus.repository import CorpusRepository
from tests.integration.accounts import create, services_of, token
from tests.integration.import_pages import wait
from tests.integration.office import SCOPES, office
from tests.integration.serving import serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 5
COPY = "以高炉冲渣水为热源，用宽流道换热器向厂区供暖，系统运行三个采暖季没有堵塞。"
TABLE = "编号,名称,内容,资金\nN8,钢渣除铁,含铁高。,面议\nN9,炉渣降温,降温慢。,多少都行\n"
PROFILE = '{"columns": {"编号": "key", "名称": "title", "内容": "text", "资金": "budget"}}'
METHODS = {"get", "post", "patch", "put", "delete"}


@dataclass
class Served:
    """An office on this machine."""

    address: str
    document: Any
    ids: dict[str, list[Any]]
    """What makes sense to this office, by the name of a parameter: ids that are there, mostly."""
    administrator: str
    county: str
    asked: dict[Role, Counter[tuple[str, int]]] = field(
        default_factory=lambda: {role: Counter() for role in Role}
    )
    """(operation, class of the status) by role."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHITONG_REQUESTS_PER_MINUTE", "1000000")
        patch.setenv("ZHITONG_PLAIN_HTTP", "true")
        with office(patch, tmp_path_factory.mktemp("schema")) as client:
            services = services_of(client)
            secret = token(services, create(services, Role.ADMINISTRATOR))
            county = token(services, create(services, Role.COUNTY, **SCOPES[Role.COUNTY]))
            client.headers["Authorization"] = secret
            document, ids = client.get("/openapi.json").json(), furnished(client)
            with serving(client.app) as address:
                yield Served(address, document, ids, secret, county)


def furnished(client: TestClient) -> dict[str, list[Any]]:
    """One of everything that has an id."""
    copies = [Achievement(key=key, title="冲渣水余热供暖", text=COPY) for key in ("D1", "D2")]
    with services_of(client).writing() as session:
        CorpusRepository(session).upsert(copies, now_at())
    made = post(client, "/shortlists", name="钢渣")
    entry = post(client, f"/shortlists/{made['id']}/entries", need="N1", achievement="A1")
    search = post(client, "/saved-searches", name="京津", text="钢渣微粉")
    post(client, "/duplicates/searches", kind="achievement")
    group = client.get("/api/v1/duplicates").json()["groups"][0]
    term = post(client, "/dictionary/terms", kind="新词", term="渣微粉")
    user = post(client, "/users", name="zhao", role="招商干部")["user"]
    owner = client.get("/api/v1/organisations").json()["organisations"][0]
    return {
        "need_id": ["N1", "N2"], "need": ["N1", "N2"],
        "achievement_id": ["A1", "A2"], "achievement": ["A1", "A2"], "id": ["N1", "A1"],
        "feedback_id": [1, 2, 3], "shortlist_id": [made["id"]], "entry_id": [entry["id"]],
        "search_id": [search["id"]], "group_id": [group["id"]], "term_id": [term["id"]],
        "user_id": [user["id"]], "organisation_id": [owner["id"]], "upload_id": [sent(client)],
        "user": ["zhao"], "role": ["招商干部"], "name": ["wang.wu", "li.si", "zhou"],
        "version": [made["version"] + 1, user["version"]], "verdict": ["accept"], "grade": [None],
        "reasons": [[]], "term": ["氢基竖窑炉", "磁化焙烧炉"], "canonical": [""],
    }  # fmt: skip


def post(client: TestClient, place: str, **body: str) -> Any:
    answer = client.post(f"/api/v1{place}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def sent(client: TestClient) -> int:
    """Number of a file that was loaded, with a row refused."""
    form = {"kind": "need", "profile": PROFILE}
    answer = client.post("/api/v1/imports", data=form, files={"file": ("a.csv", TABLE.encode())})
    assert answer.status_code == 202, answer.text
    wait(client)
    return int(answer.json()["id"])


def schema_of(served: Served) -> Any:
    """A schema whose parameters are, about every other time, those of ``Served.ids``."""
    schema = schemathesis.openapi.from_dict(served.document)

    def real(values: Any) -> Any:
        if not values or not served.ids.keys() & dict(values).keys():
            return st.just(values)
        known = {
            name: st.sampled_from([*served.ids[name], value])
            if name in served.ids
            else st.just(value)
            for name, value in values.items()
        }
        return st.fixed_dictionaries(known)

    @schema.hook
    def flatmap_path_parameters(_context: Any, path_parameters: Any) -> Any:
        return real(path_parameters)

    @schema.hook
    def flatmap_headers(context: Any, headers: Any) -> Any:
        if context.operation.method != "patch":
            return st.just(headers)
        return st.sampled_from([{**(headers or {}), "If-Match": "*"}, headers])

    @schema.hook
    def flatmap_query(_context: Any, query: Any) -> Any:
        return real(query)

    @schema.hook
    def flatmap_body(_context: Any, body: Any) -> Any:
        return real(body) if isinstance(body, dict) else st.just(body)

    return schema


def ask(served: Served, role: Role, mode: GenerationMode, methods: set[str]) -> None:
    """Every operation with one of ``methods``, by somebody of a role."""
    secret = served.county if role is Role.COUNTY else served.administrator
    for found in schema_of(served).get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.path.startswith("/api/") and operation.method in methods:
            ask_one(served, operation, mode, secret, served.asked[role])


def ask_one(
    served: Served,
    operation: Any,
    mode: GenerationMode,
    secret: str,
    seen: Counter[tuple[str, int]],
) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        response = case.call(base_url=served.address, headers={"Authorization": secret})
        seen[f"{operation.method} {operation.path}", response.status_code // 100] += 1
        case.validate_response(response, checks=CHECKS)

    check()


def operations(document: Any, methods: set[str] = METHODS) -> set[str]:
    return {
        f"{method} {path}"
        for path, one in document["paths"].items()
        if path.startswith("/api/")
        for method in one.keys() & methods
    }


def test_a_county_reads_what_the_schema_says(served: Served) -> None:
    ask(served, Role.COUNTY, GenerationMode.POSITIVE, {"get"})
    seen = served.asked[Role.COUNTY]
    assert {name for name, _ in seen} == operations(served.document, {"get"})
    assert seen["get /api/v1/users", 4] == EXAMPLES
    assert seen["get /api/v1/needs/{need_id}", 2]
    assert seen["get /api/v1/needs/{need_id}", 4]


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_answers_are_as_the_schema_says(served: Served, mode: GenerationMode) -> None:
    seen = served.asked[Role.ADMINISTRATOR]
    before = seen.copy()
    # Reading first: what is changed may be gone.
    ask(served, Role.ADMINISTRATOR, mode, {"get"})
    ask(served, Role.ADMINISTRATOR, mode, METHODS - {"get", "delete"})
    ask(served, Role.ADMINISTRATOR, mode, {"delete"})
    assert {name for name, _ in seen - before} == operations(served.document)
    # Reading succeeds in 40 to 100 of 100 fitting requests, writing in 0 to 80; what has to fit
    # together (consent, a file and its profile) is asked in test_client.
    if mode is GenerationMode.POSITIVE:
        shares = {
            name: seen[name, 2] / sum(seen[name, status] for status in range(2, 6))
            for name in sorted(operations(served.document))
        }
        print("\n".join(f"{share:4.0%} {name}" for name, share in shares.items()))  # noqa: T201
        assert all(shares[name] for name in operations(served.document, {"get"})), shares
