"""Reading achievements and needs, and changing some of their fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Query

from api import editing
from api.api_route import PRECONDITIONS, Precondition, api_router
from api.deps import FilterDep, Key, Name, Offset, RoleDep, ServicesDep, VisitorDep
from api.editing import AchievementPatch, NeedPatch
from api.schemas import Problem, RecordOut, RecordPage
from corpus.model import Kind

router = api_router("records")
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such record."}
}
_CHANGED: dict[int | str, dict[str, Any]] = {
    **_NOT_FOUND,
    **PRECONDITIONS,
    400: {"model": Problem, "description": "A value that the field cannot have."},
    403: {"model": Problem, "description": "A field that is closed to the role that asks."},
}
PageSize = Annotated[int, Query(ge=1, le=200)]
Title = Annotated[Name, Query(max_length=200, description="A piece of the title.")]
Sort = Annotated[
    Literal["entry", "newest"], Query(description="Order of entry, or published last first.")
]


@router.get("/needs")
def needs(
    services: ServicesDep,
    role: RoleDep,
    where: FilterDep,
    title: Title = "",
    sort: Sort = "entry",
    offset: Offset = 0,
    limit: PageSize = 50,
) -> RecordPage:
    """Needs that pass the filters."""
    where = replace(where, title=title.strip())
    return services.page(Kind.NEED, where, offset, limit, role, newest=sort == "newest")


@router.get("/needs/{need_id:path}", responses=_NOT_FOUND)
def need(services: ServicesDep, role: RoleDep, need_id: Key) -> RecordOut:
    """One need."""
    return services.record(Kind.NEED, need_id, role)


@router.patch("/needs/{need_id:path}", responses=_CHANGED)
def change_need(
    services: ServicesDep,
    visitor: VisitorDep,
    need_id: Key,
    patch: NeedPatch,
    precondition: Precondition,
) -> RecordOut:
    """Change some fields of a need (JSON merge patch, RFC 7396): null empties one."""
    return editing.change(services, visitor, Kind.NEED, need_id, patch, precondition.check)


@router.get("/achievements")
def achievements(
    services: ServicesDep,
    role: RoleDep,
    where: FilterDep,
    title: Title = "",
    sort: Sort = "entry",
    offset: Offset = 0,
    limit: PageSize = 50,
) -> RecordPage:
    """Achievements that pass the filters."""
    where = replace(where, title=title.strip())
    return services.page(Kind.ACHIEVEMENT, where, offset, limit, role, newest=sort == "newest")


@router.get("/achievements/{achievement_id:path}", responses=_NOT_FOUND)
def achievement(services: ServicesDep, role: RoleDep, achievement_id: Key) -> RecordOut:
    """One achievement."""
    return services.record(Kind.ACHIEVEMENT, achievement_id, role)


@router.patch("/achievements/{achievement_id:path}", responses=_CHANGED)
def change_achievement(
    services: ServicesDep,
    visitor: VisitorDep,
    achievement_id: Key,
    patch: AchievementPatch,
    precondition: Precondition,
) -> RecordOut:
    """Change some fields of an achievement (JSON merge patch, RFC 7396): null empties one."""
    return editing.change(
        services, visitor, Kind.ACHIEVEMENT, achievement_id, patch, precondition.check
    )
