"""Stands before every route: knows who asks, and lets through what the policy allows.

It decides before a byte of a body is read. What no rule names is closed, what no route answers
ends here.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from sqlalchemy.exc import SQLAlchemyError
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api import errors
from api.security.audit import Actor
from api.security.policy import SAFE_METHODS, Place, Rule, places, rule_for
from api.security.rate import RateLimiter
from api.security.recognition import Recognition
from api.security.visitor import Visitor, demonstration, nobody
from corpus.confidentiality import Role
from corpus.model import CorpusError

_PROGRAMS = ("/api/", "/openapi.json", "/metrics")
"""Where tokens are good, and where the answer to somebody unknown is no login page."""
_LONGEST_NEXT = 2000
_TO_CHANGE_IT = ("/account/password", "/logout")
"""Where somebody may go whose password another made up; the first is where to change it."""
_UNCOUNTED = frozenset({"/static", "/healthz", "/readyz"})
_NO_ADMINISTRATOR = (
    "还没有管理员。请在服务器上运行：zhitong user create-admin 用户名，然后刷新这个页面。"
)
_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-proto", "x-real-ip")
_log = logging.getLogger("uvicorn.error")


@dataclass(eq=False)
class _Stopped(Exception):  # noqa: N818 — an answer, not a fault
    """The request ends here."""

    status: int
    title: str
    detail: str
    headers: Mapping[str, str] | None = None

    def response(self, request: Request) -> Response:
        return errors.respond(request, self.status, self.title, self.detail, self.headers)


class Guard:
    """ASGI middleware. ``open_as``: nobody logs in, everybody has this role (demonstration)."""

    def __init__(
        self,
        app: ASGIApp,
        inside: Starlette,
        recognition: Recognition,
        limiter: RateLimiter,
        max_body_bytes: int,
        open_as: Role | None = None,
    ) -> None:
        self._app = app
        self._inside = inside
        self._recognition = recognition
        self._limiter = limiter
        self._max_body_bytes = max_body_bytes
        self._open_as = open_as
        self._places: list[Place] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                raise HTTPException(404)
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        answer = await self._answer(request)
        await (answer or self._app)(scope, receive, send)

    async def _answer(self, request: Request) -> Response | None:
        """What is said instead of passing the request on; None: it may pass."""
        request.state.visitor = nobody(_actor(request))  # for the pages that say what went wrong
        try:
            place = self._place(request)
            rule = rule_for(request.method, place.path)
            if rule is None:
                _log.error("no rule for %s %s: closed", request.method, place.path)
                raise _Stopped(403, "没有权限", "这个地址还没有开放。")
            request.state.place = place.path
            if rule.local and _is_from_here(request):
                return None
            request.state.visitor = visitor = await self._visitor(request, place)
            self._count(visitor, place)
            _check_origin(request, visitor)
            refusal = _refusal(request, rule, visitor)
            if refusal is None:
                self._check_size(request, place)
            return refusal
        except _Stopped as stop:
            return stop.response(request)
        except HTTPException as error:
            return errors.http_problem(request, error)
        except (SQLAlchemyError, CorpusError) as error:
            return errors.storage_problem(request, error)

    def _place(self, request: Request) -> Place:
        if self._places is None:
            self._places = list(places(self._inside.routes))
        path, allowed = request.url.path, set[str]()
        for place in self._places:
            if place.pattern.match(path):
                if request.method in place.methods:
                    return place
                allowed |= place.methods
        if allowed:
            raise HTTPException(405, headers={"Allow": ", ".join(sorted(allowed))})
        raise HTTPException(404)

    async def _visitor(self, request: Request, place: Place) -> Visitor:
        actor = _actor(request)
        if self._open_as is not None:
            return demonstration(self._open_as, actor)
        if place.path in _UNCOUNTED:
            return nobody(actor)
        if not await run_in_threadpool(self._recognition.has_administrator):
            raise _Stopped(503, "还没有管理员", _NO_ADMINISTRATOR)
        kind, _, secret = request.headers.get("authorization", "").partition(" ")
        if kind.lower() == "bearer" and place.path.startswith(_PROGRAMS):
            known = await run_in_threadpool(self._recognition.by_token, secret.strip(), actor)
            if known is None:
                self._count(nobody(actor), place)
                raise _Stopped(
                    401, "令牌无效", "令牌不对、已过期或已吊销。另建一个：zhitong token create",
                    {"WWW-Authenticate": 'Bearer error="invalid_token"'},
                )  # fmt: skip
            return known
        cookie = request.cookies.get(self._recognition.cookies.session, "")
        if cookie:
            known = await run_in_threadpool(self._recognition.by_session, cookie, actor)
            if known is not None:
                return known
        return nobody(actor, request.cookies.get(self._recognition.cookies.before_login, ""))

    def _check_size(self, request: Request, place: Place) -> None:
        # What announces no length is counted as it is read, by the framework.
        largest = place.max_body_bytes or self._max_body_bytes
        announced = request.headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced) > largest:
            raise HTTPException(413)

    def _count(self, visitor: Visitor, place: Place) -> None:
        if place.path in _UNCOUNTED:
            return
        who = visitor.actor.user_id
        wait_s = self._limiter.wait_s(f"user:{who}" if who else f"at:{visitor.actor.address}")
        if wait_s:
            seconds = int(wait_s) + 1
            raise _Stopped(
                429, "请求太多", f"请求太多，请 {seconds} 秒后再试。", {"Retry-After": str(seconds)}
            )


def _is_from_here(request: Request) -> bool:
    """A program on this machine that asks us itself. A proxy on this machine, which asks for
    others, has to say so: the README's example does, and does not pass these routes on."""
    if any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False


def _check_origin(request: Request, visitor: Visitor) -> None:
    """What a browser sends for another site's page changes nothing here."""
    if request.method in SAFE_METHODS or visitor.by_token:
        return
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_ours = site in {"same-origin", "none"}
    else:
        is_ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if not is_ours:
        said = "这个操作是别的网站发出的，没有执行。请在本系统的页面里操作。"
        raise _Stopped(403, "来自别的网站", said)


def _refusal(request: Request, rule: Rule, visitor: Visitor) -> Response | None:
    if rule.public:
        return None
    path = request.url.path
    if not visitor.is_known:
        if path.startswith(_PROGRAMS) or request.method not in SAFE_METHODS:
            raise _Stopped(401, "需要登录", "请先登录，或在请求里带上令牌。",
                        {"WWW-Authenticate": "Bearer"})  # fmt: skip
        wanted = f"{path}?{request.url.query}" if request.url.query else path
        query = urlencode({"next": wanted}) if wanted != "/" else ""
        short = f"?{query}" if query and len(query) <= _LONGEST_NEXT else ""
        return RedirectResponse(f"/login{short}", status_code=303)
    if visitor.must_change_password and path not in _TO_CHANGE_IT:
        if path.startswith(_PROGRAMS) or request.method not in SAFE_METHODS:
            raise _Stopped(403, "先改密码", "密码是别人设的，请先登录网页改成自己的。")
        return RedirectResponse(_TO_CHANGE_IT[0], status_code=303)
    if visitor.role not in rule.roles:
        raise _Stopped(403, "没有权限", f"“{visitor.role.value}”不能做这件事。需要时请找管理员。")
    return None


def _actor(request: Request) -> Actor:
    address = request.client.host if request.client else ""
    return Actor(address=address, request_id=request.state.request_id)
