"""Pages of near duplicates: what waits, records side by side, deciding, taking it back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, BackgroundTasks, Form, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import duplicates
from api.clock import TIME_ZONE
from api.deps import Name, Offset, RoleDep, ServicesDep, VisitorDep
from api.duplicate_search import run_search, searches, start_search
from api.duplicates import DecisionIn, GroupDetail, MergeIn
from api.security.visitor import Visitor
from api.services import Services
from api.side_by_side import side_by_side
from api.web.templating import render
from corpus.confidentiality import Role
from corpus.duplicates.stored import DuplicateError, GroupState, UnknownGroupError
from corpus.model import Kind

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_METHODS = ["GET", "HEAD"]
_PAGE = 20
_BIGGEST = 2**63 - 1
GroupId = Annotated[int, Path(ge=1, le=_BIGGEST)]
Version = Annotated[str, Form(max_length=64)]
Decide = Callable[[], GroupDetail]


@router.api_route("/duplicates", methods=_METHODS)
def list_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    kind: Kind = Kind.ACHIEVEMENT,
    state: GroupState = GroupState.OPEN,
    offset: Offset = 0,
    done: Annotated[int, Query(ge=0, le=_BIGGEST)] = 0,
) -> HTMLResponse:
    """Groups of a kind in a state; ``done`` is the group that was just decided on."""
    return _list(request, services, role, kind, state, offset, done)


@router.post("/duplicates/search")
def search(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    tasks: BackgroundTasks,
    kind: Annotated[Kind, Form()],
) -> Response:
    """Start a search; the list says how far it is."""
    try:
        started = start_search(services, kind, visitor.name)
    except DuplicateError as error:
        page = _list(request, services, visitor.role, kind, problem=str(error))
        page.status_code = 409
        return page
    tasks.add_task(run_search, services, started)
    return RedirectResponse(f"/duplicates?{urlencode({'kind': kind.value})}", status_code=303)


@router.api_route("/duplicates/{group_id}", methods=_METHODS)
def group_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    group_id: GroupId,
    done: Annotated[int, Query(ge=0, le=_BIGGEST)] = 0,
) -> HTMLResponse:
    """The records of a group side by side."""
    return _group(request, services, role, group_id, done)


@router.post("/duplicates/{group_id}/merge")
def merge(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    group_id: GroupId,
    version: Version = "",
    keep: Annotated[Name, Form(max_length=1000)] = "",
) -> Response:
    """One record stays; on to the next group."""
    given = MergeIn(version=version, keep=keep)
    return _decided(
        request, services, visitor, group_id,
        lambda: duplicates.merge(services, group_id, given, visitor.name, visitor.role),
    )  # fmt: skip


@router.post("/duplicates/{group_id}/dismiss")
def dismiss(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    group_id: GroupId,
    version: Version = "",
) -> Response:
    """They are different things; on to the next group."""
    given = DecisionIn(version=version)
    return _decided(
        request, services, visitor, group_id,
        lambda: duplicates.dismiss(services, group_id, given, visitor.name, visitor.role),
    )  # fmt: skip


@router.post("/duplicates/{group_id}/unmerge")
def unmerge(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    group_id: GroupId,
    version: Version = "",
) -> Response:
    """Take a merge back; the group is shown again."""
    given = DecisionIn(version=version)
    return _decided(
        request, services, visitor, group_id,
        lambda: duplicates.unmerge(services, group_id, given, visitor.name, visitor.role),
    )  # fmt: skip


@router.post("/duplicates/{group_id}/reopen")
def reopen(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    group_id: GroupId,
    version: Version = "",
) -> Response:
    """Take a dismissal back; the group is shown again."""
    given = DecisionIn(version=version)
    return _decided(
        request, services, visitor, group_id,
        lambda: duplicates.reopen(services, group_id, given, visitor.name, visitor.role),
    )  # fmt: skip


def _decided(
    request: Request, services: Services, visitor: Visitor, group_id: int, decide: Decide
) -> Response:
    """Do it and go on: to the next group that waits, or, where one was taken back, to it."""
    try:
        group = decide()
    except UnknownGroupError:
        raise
    except DuplicateError as error:
        page = _group(request, services, visitor.role, group_id, problem=str(error))
        page.status_code = 409
        return page
    if group.state is GroupState.OPEN:
        return RedirectResponse(f"/duplicates/{group_id}?done={group_id}", status_code=303)
    following = duplicates.next_open(services, group.kind, group_id)
    query = urlencode({"kind": group.kind.value, "done": group_id})
    place = f"/duplicates/{following}?done={group_id}" if following else f"/duplicates?{query}"
    return RedirectResponse(place, status_code=303)


def _list(
    request: Request,
    services: Services,
    role: Role,
    kind: Kind,
    state: GroupState = GroupState.OPEN,
    offset: int = 0,
    done: int = 0,
    problem: str = "",
) -> HTMLResponse:
    page = duplicates.page(services, kind, state, offset, _PAGE, role)
    steps = {"previous": offset - _PAGE, "next": offset + _PAGE}
    links = {
        name: f"/duplicates?{urlencode({'kind': kind.value, 'state': state, 'offset': max(to, 0)})}"
        for name, to in steps.items()
        if (offset if name == "previous" else to < page.total)
    }
    return render(
        request, "duplicates.html", page=page, kind=kind, kinds=list(Kind), state=state,
        states=list(GroupState), counts=duplicates.counts(services), links=links,
        searches=searches(services), problem=problem, moment=_moment,
        done=_done(services, role, done),
    )  # fmt: skip


def _group(
    request: Request,
    services: Services,
    role: Role,
    group_id: int,
    done: int = 0,
    problem: str = "",
) -> HTMLResponse:
    group = duplicates.detail(services, group_id, role)
    rows = side_by_side(group.records, services.makers.tokenizer)
    return render(
        request, "duplicates_group.html", group=group, rows=rows, problem=problem, moment=_moment,
        done=_done(services, role, done), states=GroupState,
        following=duplicates.next_open(services, group.kind, group_id),
        waiting=duplicates.counts(services)[group.kind, GroupState.OPEN],
    )  # fmt: skip


def _done(services: Services, role: Role, group_id: int) -> GroupDetail | None:
    """The group that was just decided on, so that it can be taken back; None: none was."""
    if not group_id:
        return None
    try:
        return duplicates.detail(services, group_id, role)
    except UnknownGroupError:
        return None


def _moment(value: object) -> str:
    """A time as people here read it."""
    return f"{value.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}"  # type: ignore[attr-defined]
