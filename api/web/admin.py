"""Pages of administrators: accounts, the audit log, the state of the system."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response, StreamingResponse

from api import administration, system
from api.clock import now_at
from api.deps import Name, Offset, ServicesDep, VisitorDep
from api.exports.audit_csv import audit_csv
from api.security.accounts import ROLES
from api.security.audit import Action, AuditFilter, AuditLog
from api.security.errors import AccountError, UnknownAccountError
from api.services import Services
from api.web.templating import render
from corpus.confidentiality import Role
from corpus.taxonomy import counties
from indexer.errors import IndexerError

router = APIRouter(prefix="/admin", include_in_schema=False, default_response_class=HTMLResponse)
_PAGE = 50
_BATCH = 1000
_SAID = {
    "role": "角色已改。他要重新登录。",
    "sessions": "他的登录都已结束。",
    "enable": "已启用，他又可以登录了。",
    "disable": "已停用，他的登录和令牌都已失效。",
    "index": "索引已更新。",
}
_INDEX_WORDS = {"current": "最新", "stale": "过期", "missing": "没有", "damaged": "损坏"}
Text = Annotated[Name, Form(max_length=200)]
UserId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Done = Annotated[str, Query(max_length=20)]


# -- accounts ------------------------------------------------------------------------------


@router.api_route("/users", methods=["GET", "HEAD"])
def users_page(request: Request, services: ServicesDep) -> Response:
    """Every account, and a form for another."""
    return _users(request, services)


@router.post("/users")
def create_user(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    name: Text = "",
    role: Annotated[str, Form(max_length=20)] = "",
    county: Text = "",
    organisation: Text = "",
) -> Response:
    """A new account; this answer alone shows its password."""
    typed = {"typed": name, "typed_role": role, "typed_county": county,
             "typed_organisation": organisation}  # fmt: skip
    try:
        needed = _scope(role, county, organisation)
        made, secret = administration.create_user(services, visitor, name, *needed)
    except AccountError as error:
        page = _users(request, services, problem=str(error), **typed)
        page.status_code = 400
        return page
    return _users(request, services, made=made, secret=secret)


@router.api_route("/users/{user_id}", methods=["GET", "HEAD"])
def user_page(
    request: Request, services: ServicesDep, user_id: UserId, done: Done = ""
) -> Response:
    """One account, and what can be done with it."""
    return _user(request, services, user_id, done=_SAID.get(done, ""))


@router.post("/users/{user_id}/role")
def change_role(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    user_id: UserId,
    role: Annotated[str, Form(max_length=20)] = "",
    county: Text = "",
    organisation: Text = "",
) -> Response:
    """Another role, county or institution."""

    def act() -> None:
        needed = _scope(role, county, organisation)
        administration.change_role(services, visitor, user_id, *needed)

    return _acted(request, services, user_id, "role", act)


@router.post("/users/{user_id}/password")
def reset_password(
    request: Request, services: ServicesDep, visitor: VisitorDep, user_id: UserId
) -> Response:
    """A password for one login; this answer alone shows it."""
    try:
        _, secret = administration.reset_password(services, visitor, user_id)
    except UnknownAccountError:
        raise
    except AccountError as error:
        return _refused(request, services, user_id, error)
    return _user(request, services, user_id, secret=secret)


@router.post("/users/{user_id}/sessions")
def end_sessions(
    request: Request, services: ServicesDep, visitor: VisitorDep, user_id: UserId
) -> Response:
    """Every login of the account ends."""
    return _acted(
        request, services, user_id, "sessions",
        lambda: administration.end_sessions(services, visitor, user_id),
    )  # fmt: skip


@router.post("/users/{user_id}/disable")
def disable(
    request: Request, services: ServicesDep, visitor: VisitorDep, user_id: UserId
) -> Response:
    """No login and no token works any more."""
    return _acted(
        request, services, user_id, "disable",
        lambda: administration.disable(services, visitor, user_id),
    )  # fmt: skip


@router.post("/users/{user_id}/enable")
def enable(
    request: Request, services: ServicesDep, visitor: VisitorDep, user_id: UserId
) -> Response:
    """Logins work again."""
    return _acted(
        request, services, user_id, "enable",
        lambda: administration.enable(services, visitor, user_id),
    )  # fmt: skip


# -- the log -------------------------------------------------------------------------------


def audit_where(
    services: ServicesDep, action: str = "", user: Name = "", since: str = "", until: str = ""
) -> tuple[AuditFilter, dict[str, str], str]:
    """The filter of a form, what was chosen, and what of it is no filter."""
    chosen = {"action": action, "user": user, "since": since, "until": until}
    try:
        where = administration.audit_filter(
            services, Action(action) if action else None, user, _day(since), _day(until)
        )
    except UnknownAccountError as error:
        return AuditFilter(), {}, str(error)
    except ValueError:
        return AuditFilter(), {}, "动作或日期不能识别，下面是全部记录。请从表里选。"
    return where, {name: value for name, value in chosen.items() if value}, ""


@router.api_route("/audit", methods=["GET", "HEAD"])
def audit_page(
    request: Request,
    services: ServicesDep,
    action: str = "",
    user: Name = "",
    since: str = "",
    until: str = "",
    offset: Offset = 0,
) -> Response:
    """The log, the newest first."""
    where, chosen, problem = audit_where(services, action, user, since, until)
    total, entries = administration.audit_page(services, where, offset, _PAGE)
    return render(
        request, "admin_audit.html", total=total, entries=entries, problem=problem,
        actions=list(Action), users=administration.users(services),
        action=chosen.get("action", ""), user=chosen.get("user", ""),
        since=chosen.get("since", ""), until=chosen.get("until", ""),
        query=f"?{urlencode(chosen)}" if chosen else "",
        links=_links(chosen, offset, total),
    )  # fmt: skip


@router.get("/audit.csv")
def audit_file(
    services: ServicesDep,
    visitor: VisitorDep,
    action: str = "",
    user: Name = "",
    since: str = "",
    until: str = "",
) -> Response:
    """The same lines as a file; that it was taken is a line itself."""
    where, _, problem = audit_where(services, action, user, since, until)
    if problem:
        raise UnknownAccountError(problem)
    with services.writing() as session:
        AuditLog(session).note(Action.EXPORTED, visitor.actor, "audit", now_at())
    # What is added meanwhile would move the pages.
    until_at = min(where.before_at or now_at(), now_at())
    fixed = replace(where, before_at=until_at)

    def entries() -> Iterator[administration.AuditOut]:
        offset = 0
        while True:
            _, batch = administration.audit_page(services, fixed, offset, _BATCH)
            yield from batch
            if len(batch) < _BATCH:
                return
            offset += len(batch)

    return StreamingResponse(
        audit_csv(entries()),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="audit.csv"'},
    )


# -- the system ----------------------------------------------------------------------------


@router.api_route("/system", methods=["GET", "HEAD"])
def system_page(request: Request, services: ServicesDep, done: Done = "") -> Response:
    """How everything stands."""
    return _system(request, services, done=_SAID.get(done, ""))


@router.post("/system/refresh-index")
def refresh_index(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """Bring both indexes up to date, if that is quick."""
    try:
        system.refresh_indexes(services, visitor)
    except (system.IndexRefreshError, IndexerError) as error:
        page = _system(request, services, problem=str(error))
        page.status_code = 409
        return page
    return RedirectResponse("/admin/system?done=index", status_code=303)


# -- what they share -----------------------------------------------------------------------


def _users(request: Request, services: Services, **values: object) -> HTMLResponse:
    known = {
        "users": administration.users(services), "roles": ROLES, "counties": counties(),
        "done": "", "problem": "", "made": None, "secret": "", "typed": "",
        "typed_role": Role.OFFICER.value, "typed_county": "", "typed_organisation": "",
    }  # fmt: skip
    return render(request, "admin_users.html", **{**known, **values})


def _user(request: Request, services: Services, user_id: int, **values: object) -> HTMLResponse:
    known = {
        "user": administration.user(services, user_id), "roles": ROLES, "counties": counties(),
        "done": "", "problem": "", "secret": "",
    }  # fmt: skip
    return render(request, "admin_user.html", **{**known, **values})


def _system(request: Request, services: Services, **values: object) -> HTMLResponse:
    known = {"state": system.state(services), "index_words": _INDEX_WORDS, "done": "",
             "problem": ""}  # fmt: skip
    return render(request, "admin_system.html", **{**known, **values})


def _acted(
    request: Request, services: Services, user_id: int, name: str, act: Callable[[], None]
) -> Response:
    try:
        act()
    except UnknownAccountError:
        raise
    except AccountError as error:
        return _refused(request, services, user_id, error)
    return RedirectResponse(f"/admin/users/{user_id}?done={name}", status_code=303)


def _refused(request: Request, services: Services, user_id: int, error: AccountError) -> Response:
    page = _user(request, services, user_id, problem=str(error))
    page.status_code = 400
    return page


def _scope(role: str, county: str, organisation: str) -> tuple[Role, str, str]:
    """What a form says; what is for another role is left there, not meant."""
    try:
        chosen = Role(role)
    except ValueError:
        raise AccountError("没有这个角色。请从表里选。") from None
    return (
        chosen,
        county if chosen is Role.COUNTY else "",
        organisation if chosen is Role.INSTITUTION else "",
    )


def _day(typed: str) -> date | None:
    return date.fromisoformat(typed) if typed else None


def _links(chosen: dict[str, str], offset: int, total: int) -> dict[str, str]:
    def at(start: int) -> str:
        return f"/admin/audit?{urlencode({**chosen, 'offset': start})}"

    return {
        "previous": at(max(0, offset - _PAGE)) if offset else "",
        "next": at(offset + _PAGE) if offset + _PAGE < total else "",
    }
