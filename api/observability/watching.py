"""Around everything: a number for each request, headers, one line in the log, figures."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.observability.logs import REQUEST_ID, log_request
from api.observability.metrics import DURATION, IN_FLIGHT, REQUESTS

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_OTHER = "other"  # a label for what anybody may make up, so that there are few


@dataclass(slots=True)
class _Answered:
    """What went out so far."""

    status: int | None = None
    size_bytes: int = 0


class Watching:
    """ASGI middleware. The number is always ours: what a client sends in ``X-Request-ID`` could be
    another's, or a text. ``headers``: (scheme, path) → added to the response."""

    def __init__(self, app: ASGIApp, headers: Callable[[str, str], Mapping[str, str]]) -> None:
        self._app = app
        self._headers = headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        # Not taken back: the server logs an error after this has returned.
        REQUEST_ID.set(request_id)
        scope.setdefault("state", {})["request_id"] = request_id
        added = {**self._headers(scope["scheme"], scope["path"]), "X-Request-ID": request_id}
        answered = _Answered()

        async def watched(message: Message) -> None:
            if message["type"] == "http.response.start":
                answered.status = message["status"]
                MutableHeaders(scope=message).update(added)
            elif message["type"] == "http.response.body":
                answered.size_bytes += len(message.get("body", b""))
            await send(message)

        begun_s = time.perf_counter()
        with IN_FLIGHT.track_inprogress():
            try:
                await self._app(scope, receive, watched)
            finally:
                _note(scope, answered, time.perf_counter() - begun_s)


def _note(scope: Scope, answered: _Answered, took_s: float) -> None:
    state = scope["state"]
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    route = state.get("place", _OTHER)
    status = f"{answered.status // 100}xx" if answered.status else "aborted"
    REQUESTS.labels(method, route, status).inc()
    DURATION.labels(method, route, status).observe(took_s)
    visitor = state.get("visitor")
    log_request(
        {
            "method": method,
            "route": route,
            "status": answered.status,
            "ms": round(took_s * 1000, 1),
            "bytes": answered.size_bytes,
            "user": visitor.actor.user_id if visitor else None,
            "role": visitor.role.value if visitor else None,
        }
    )
