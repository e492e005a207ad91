"""Routes of the JSON API: entity tags on what is read, idempotency keys on what is sent.

Entity tags and conditional requests are those of RFC 9110 (8.8.3, 13); the header
``Idempotency-Key`` is that of draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Coroutine, Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from api.clock import now_at
from api.idempotency import KEY_LIMIT, Answered, IdempotencyError, IdempotencyRepository
from api.schemas import Problem
from api.security.visitor import Visitor

_Handler = Callable[[Request], Coroutine[Any, Any, Response]]
_HEADER = "idempotency-key"
_KEPT_HEADERS = ("content-type", "location")
UNKEPT = "x-not-idempotent"
"""Where the schema says why a ``POST`` takes no key."""
_NOT_KEPT = "这个请求的回答不保存，不能用 Idempotency-Key。请去掉这个请求头再发。"


class PreconditionError(Exception):
    """The record is not, or no longer, what the one who changes it has read."""

    def __init__(self, detail: str, *, missing: bool) -> None:
        super().__init__(detail)
        self.status = 428 if missing else 412


def entity_tag(content: Any) -> str:
    """Strong tag of a JSON value: the same for equal values, however they are written."""
    plain = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return f'"{hashlib.sha256(plain.encode()).hexdigest()[:32]}"'


def is_named(tag: str, header: str) -> bool:
    """Whether a list of tags, as ``If-Match`` and ``If-None-Match`` send it, holds this one."""
    named = {one.strip().removeprefix("W/") for one in header.split(",")}
    return "*" in named or tag in named


class _Precondition:
    """``If-Match`` of a request."""

    def __init__(
        self,
        if_match: Annotated[
            str,
            Header(
                description="Entity tag of the record as it was read; `*` changes it whatever it "
                "is now."
            ),
        ] = "",
    ) -> None:
        self._if_match = if_match

    def check(self, current: BaseModel) -> None:
        """
        Raises:
            PreconditionError: no tag was sent, or that of another state.
        """
        if not self._if_match:
            raise PreconditionError(
                "请在请求头 If-Match 里写上读到的 ETag，以免盖掉别人的修改。", missing=True
            )
        if not is_named(entity_tag(current.model_dump(mode="json")), self._if_match):
            raise PreconditionError(
                "内容已被别人改过，没有保存。请重新读取，核对后再改。", missing=False
            )


Precondition = Annotated[_Precondition, Depends(_Precondition)]
PRECONDITIONS: dict[int | str, dict[str, Any]] = {
    412: {"model": Problem, "description": "Changed since it was read."},
    428: {"model": Problem, "description": "No `If-Match` was sent."},
}


class ApiRoute(APIRoute):
    """``GET`` answers carry an entity tag; a ``POST`` with a key is done once."""

    def get_route_handler(self) -> _Handler:
        """The handler, with what the class adds."""
        inner = super().get_route_handler()
        reason = (self.openapi_extra or {}).get(UNKEPT)

        async def handler(request: Request) -> Response:
            if request.method == "POST" and _HEADER in request.headers:
                if reason:
                    raise IdempotencyError(422, _NOT_KEPT)
                return await _once(request, inner)
            response = await inner(request)
            return _tagged(request, response) if request.method == "GET" else response

        return handler


def not_kept(reason: str) -> dict[str, Any]:
    """``openapi_extra`` of a ``POST`` whose answer must not be kept: it takes no key, and says so.

    ``reason``: an English sentence for the schema.
    """
    return {UNKEPT: reason}


def _operation_id(route: APIRoute) -> str:
    # Of names that stay: a path may gain a parameter.
    return f"{route.tags[0]}_{route.name}".replace(" ", "_")


def api_router(
    tag: str,
    responses: Mapping[int | str, dict[str, Any]] | None = None,
    *,
    under: str = "",
) -> APIRouter:
    """A router for routes of one subject: their paths begin with ``/api/v1`` and ``under``."""
    malformed: dict[int | str, dict[str, Any]] = {
        422: {"model": Problem, "description": "A parameter is malformed."}
    }
    return APIRouter(
        prefix=f"/api/v1{under}",
        tags=[tag],
        route_class=ApiRoute,
        generate_unique_id_function=_operation_id,
        responses={**malformed, **(responses or {})},
    )


def _tagged(request: Request, response: Response) -> Response:
    is_json = response.headers.get("content-type", "").startswith("application/json")
    if response.status_code != 200 or not is_json or not hasattr(response, "body"):
        return response
    tag = entity_tag(json.loads(bytes(response.body)))
    response.headers["ETag"] = tag
    if is_named(tag, request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers={"ETag": tag})
    return response


async def _once(request: Request, inner: _Handler) -> Response:
    key = request.headers[_HEADER].strip()
    if not key or len(key) > KEY_LIMIT or not key.isprintable():
        raise IdempotencyError(422, f"Idempotency-Key 应是 1 到 {KEY_LIMIT} 个可见字符。")
    visitor: Visitor = request.state.visitor
    owner = f"user:{visitor.actor.user_id}" if visitor.actor.user_id else "open"
    print_of = _fingerprint(request, await request.body(), visitor)
    services = request.app.state.services

    def claim() -> Answered | None:
        with services.writing() as session:
            return IdempotencyRepository(session).claim(owner, key, print_of, now_at())

    def settle(answer: Answered | None) -> None:
        with services.writing() as session:
            IdempotencyRepository(session).settle(owner, key, answer)

    known = await run_in_threadpool(claim)
    if known is not None:
        replay = {"Idempotency-Replayed": "true", **known.headers}
        return Response(known.body, status_code=known.status, headers=replay)
    try:
        response = await inner(request)
    except BaseException:
        # Nothing was done: it may be sent again under the same key.
        await run_in_threadpool(settle, None)
        raise
    headers = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    body = bytes(response.body).decode()
    await run_in_threadpool(settle, Answered(response.status_code, headers, body))
    return response


def _fingerprint(request: Request, body: bytes, visitor: Visitor) -> str:
    # What was answered to one role is not for the next that the account has.
    place = (
        f"{request.method} {request.url.path}?{request.url.query}\n{visitor.role} {visitor.scope}\n"
    )
    return hashlib.sha256(place.encode() + body).hexdigest()
