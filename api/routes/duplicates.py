"""Groups of near duplicates: what waits, deciding on it, searching for more."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import BackgroundTasks, Path, Query
from pydantic import Field

from api import duplicates
from api.api_route import api_router
from api.deps import Offset, RoleDep, ServicesDep, VisitorDep
from api.duplicate_search import SearchOut, run_search, searches, start_search
from api.duplicates import DecisionIn, GroupDetail, GroupPage, MergeIn
from api.schemas import Problem
from api.wire import Wire
from corpus.duplicates.stored import GroupState
from corpus.model import Kind

router = api_router("duplicates", under="/duplicates")
GroupId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the group.")]
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such group."}
}
_DECIDING: dict[int | str, dict[str, Any]] = {
    **_NOT_FOUND,
    409: {"model": Problem, "description": "The group is not as it was, or cannot be changed so."},
}


class SearchIn(Wire):
    """What to search."""

    kind: Kind = Field(examples=["achievement"])


@router.get("")
def groups(
    services: ServicesDep,
    role: RoleDep,
    kind: Annotated[Kind, Query(description="Of achievements or of needs.")] = Kind.ACHIEVEMENT,
    state: Annotated[GroupState, Query(description="Where they stand.")] = GroupState.OPEN,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> GroupPage:
    """Groups of records that seem to be one thing, the oldest first."""
    return duplicates.page(services, kind, state, offset, limit, role)


@router.get("/searches")
def last_searches(services: ServicesDep) -> list[SearchOut]:
    """The last search for duplicates of each kind: running, done, or broken off."""
    return searches(services)


@router.post(
    "/searches",
    status_code=202,
    responses={409: {"model": Problem, "description": "Another search is running."}},
)
def search(
    services: ServicesDep, visitor: VisitorDep, given: SearchIn, tasks: BackgroundTasks
) -> list[SearchOut]:
    """Start a search; it goes on after the answer. It proposes only, and may be repeated."""
    started = start_search(services, given.kind, visitor.name)
    tasks.add_task(run_search, services, started)
    return searches(services)


@router.get("/{group_id}", responses=_NOT_FOUND)
def group(services: ServicesDep, role: RoleDep, group_id: GroupId) -> GroupDetail:
    """One group with its records in full, why they seem to be one, and its history."""
    return duplicates.detail(services, group_id, role)


@router.post("/{group_id}/merge", responses=_DECIDING)
def merge(
    services: ServicesDep, visitor: VisitorDep, group_id: GroupId, given: MergeIn
) -> GroupDetail:
    """Let one record stand for the group; the others are out of matching from the next query."""
    return duplicates.merge(services, group_id, given, visitor.name, visitor.role)


@router.post("/{group_id}/unmerge", responses=_DECIDING)
def unmerge(
    services: ServicesDep, visitor: VisitorDep, group_id: GroupId, given: DecisionIn
) -> GroupDetail:
    """Take a merge back: every record stands where it stood."""
    return duplicates.unmerge(services, group_id, given, visitor.name, visitor.role)


@router.post("/{group_id}/dismiss", responses=_DECIDING)
def dismiss(
    services: ServicesDep, visitor: VisitorDep, group_id: GroupId, given: DecisionIn
) -> GroupDetail:
    """The records are different things: never proposed together again."""
    return duplicates.dismiss(services, group_id, given, visitor.name, visitor.role)


@router.post("/{group_id}/reopen", responses=_DECIDING)
def reopen(
    services: ServicesDep, visitor: VisitorDep, group_id: GroupId, given: DecisionIn
) -> GroupDetail:
    """Take a dismissal back: the group waits again."""
    return duplicates.reopen(services, group_id, given, visitor.name, visitor.role)
