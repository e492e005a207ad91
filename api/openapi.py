"""What holds for every route of the API, added to the schema that the framework makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.api_route import UNKEPT

_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_COMMON = {
    "401": "Nobody is logged in, or the token is not good.",
    "403": "The role may not do this.",
    "413": "The request is too large.",
    "422": "A parameter is malformed.",
    "429": "Too many requests; `Retry-After` says when to come back.",
    "503": "Not ready: no administrator yet, or the database or an index cannot answer.",
}
_TAGS = {
    "matching": "Search, matches in both directions, and why a pair stands where it stands.",
    "records": "Achievements 成果 and needs 需求: lists, single records, counts, changes by hand.",
    "organisations": "Who owns what.",
    "feedback": "Judgements of pairs: giving, listing, taking back.",
    "shortlists": "Lists of pairs that people work on, alone or with others.",
    "saved searches": "Searches that somebody keeps for himself.",
    "imports": "Files that are loaded in the background, and taken back.",
    "duplicates": "Groups of records that seem to be one thing.",
    "dictionary": "Words that people add to the shipped dictionary, in versions.",
    "contacts": "How to reach an owner, after he has agreed.",
    "users": "Accounts, for administrators.",
    "audit": "Who did what, for administrators.",
    "system": "State of the service.",
}
_ABOUT = """Matches research achievements 成果 to enterprises' needs 需求, with reasons.

* **Who asks**: `Authorization: Bearer zt_…`, a personal token; it may do what its account may.
* **Errors** are problem details (RFC 9457): `detail` says in Chinese what happened and what to do.
* **Pages**: `offset` and `limit` in, `total` out; the order is always the same.
* **Reading again**: every JSON answer to `GET` has an `ETag`; with `If-None-Match` it is 304.
* **Sending again**: a `POST` with `Idempotency-Key` is done once and its answer repeated for 24
  hours; the few that take no key say why. `PATCH` and `DELETE` may be repeated.
* **Two at once**: a record is changed with `If-Match` (412 if it is another by now); what carries a
  `version` or `stamp` takes it back in the body of a change (409 if it is another by now). `DELETE`
  asks for neither: it is always taken back by another request. A saved search has one owner and
  nothing but a name to change.
* **Limits**: more requests a minute than allowed are refused with 429 and `Retry-After`, seconds.
"""
_RETRY = {"description": "Seconds to wait.", "required": True, "schema": {"type": "string"}}
_EXAMPLES = {"need_id": "SN1001", "achievement_id": "SA1001"}
_METHODS = frozenset({"get", "post", "put", "patch", "delete"})
_ETAG = {"description": "Entity tag of the answer.", "schema": {"type": "string"}}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema with what the guard, the error table and ``ApiRoute`` do for all routes."""
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer", "description": "A personal token."}
    }
    schema["info"]["description"] = _ABOUT
    schema["tags"] = [{"name": name, "description": text} for name, text in _TAGS.items()]
    for method, operation in operations(schema):
        operation["security"] = [{"token": []}]
        responses = operation["responses"]
        for status, description in _COMMON.items():
            responses.setdefault(status, {"description": description})
        for status, response in responses.items():
            if int(status) >= 400:
                response["content"] = _PROBLEM
        responses["429"]["headers"] = {"Retry-After": _RETRY}
        _describe(operation)
        if "requestBody" in operation:
            unreadable = {"description": "The body cannot be read.", "content": _PROBLEM}
            responses.setdefault("400", unreadable)
        if method == "get":
            _conditional(operation)
        if method == "post" and UNKEPT in operation:
            operation["description"] += f"\n\nTakes no `Idempotency-Key`: {operation[UNKEPT]}"
        elif method == "post":
            _done_once(operation)
    return schema


def operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every operation of the API with its method."""
    for path, methods in schema["paths"].items():
        if path.startswith("/api/"):
            yield from ((name, one) for name, one in methods.items() if name in _METHODS)


def _describe(operation: dict[str, Any]) -> None:
    # The framework's summary is the name of a function.
    text = " ".join(operation["description"].split("\n\n")[0].split())
    operation["summary"] = text.split(". ")[0].rstrip(".")
    for parameter in operation.get("parameters", []):
        if parameter["in"] == "path":
            parameter.setdefault("example", _EXAMPLES.get(parameter["name"], 1))


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
