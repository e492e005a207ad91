"""What holds for every route of the API, added to the schema that the framework makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_COMMON = {
    "401": "Nobody is logged in, or the token is not good.",
    "403": "The role may not do this.",
    "413": "The request is too large.",
    "422": "A parameter is malformed.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "Not ready: no administrator yet, or the database or an index cannot answer.",
}
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_ETAG = {"description": "Entity tag of the answer.", "schema": {"type": "string"}}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what the guard, the error table and ``ApiRoute`` do for all routes."""
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A personal token."}
    }
    for method, operation in _operations(schema):
        operation["security"] = [{"token": []}]
        responses = operation["responses"]
        for status, description in _COMMON.items():
            responses.setdefault(status, {"description": description})
        for status, response in responses.items():
            if int(status) >= 400:
                response["content"] = _PROBLEM
        if method == "get":
            _conditional(operation)
        if method == "post":
            _done_once(operation)
    return schema


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in schema["paths"].items():
        if path.startswith("/api/"):
            yield from ((name, one) for name, one in methods.items() if name in _METHODS)


def _conditional(operation: dict[str, Any]) -> None:
    answer = operation["responses"]["200"]
    if "application/json" in answer.get("content", {}):
        answer.setdefault("headers", {})["ETag"] = _ETAG
        operation["responses"]["304"] = {"description": "As the tag says: not changed."}
        _add_header(operation, "If-None-Match", "Entity tags of what is already there.")


def _done_once(operation: dict[str, Any]) -> None:
    conflict = {"description": "A request with this `Idempotency-Key` has not ended."}
    operation["responses"].setdefault("409", {**conflict, "content": _PROBLEM})
    text = "Sent again with the same key, the request is not done again: its answer is repeated."
    _add_header(operation, "Idempotency-Key", text)


def _add_header(operation: dict[str, Any], name: str, description: str) -> None:
    operation.setdefault("parameters", []).append(
        {
            "name": name,
            "in": "header",
            "required": False,
            "description": description,
            "schema": {"type": "string", "maxLength": 200},
        }
    )
