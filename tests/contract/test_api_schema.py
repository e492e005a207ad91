"""The API keeps to its own schema, whatever is sent: no fault of the server, no answer that the
schema does not describe. Requests are drawn from the schema and go to a real server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from corpus.confidentiality import Role
from tests.integration.accounts import create, services_of, token
from tests.integration.office import office
from tests.integration.serving import serving

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
EXAMPLES = 25


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str, Any]]:
    """Address, header of a token and schema of an office that is served on this machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ZHITONG_REQUESTS_PER_MINUTE", "1000000")
        patch.setenv("ZHITONG_PLAIN_HTTP", "true")
        with office(patch, tmp_path_factory.mktemp("schema")) as client:
            services = services_of(client)
            secret = token(services, create(services, Role.ADMINISTRATOR))
            header = {"Authorization": secret}
            document = client.get("/openapi.json", headers=header).json()
            with serving(client.app) as address:
                yield address, secret, document


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: mode.value)
def test_answers_are_as_the_schema_says(served: tuple[str, str, Any], mode: GenerationMode) -> None:
    address, secret, document = served
    schema = schemathesis.openapi.from_dict(document)
    asked = 0
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if not operation.path.startswith("/api/"):
            continue

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
            headers = {"Authorization": secret}
            response = case.call(base_url=address, headers=headers)
            case.validate_response(response, checks=CHECKS)

        check()
        asked += 1
    assert asked == sum(
        method in {"get", "post", "patch", "put", "delete"}
        for path, methods in document["paths"].items()
        if path.startswith("/api/")
        for method in methods
    )
