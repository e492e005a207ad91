"""Reading achievements and needs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api.deps import FilterDep, Key, Offset, RoleDep, ServicesDep
from api.schemas import Problem, RecordOut, RecordPage
from corpus.model import Kind

router = APIRouter(
    prefix="/api/v1",
    tags=["records"],
    responses={422: {"model": Problem, "description": "A parameter is malformed."}},
)
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such record."}
}
PageSize = Annotated[int, Query(ge=1, le=200)]


@router.get("/needs")
def needs(
    services: ServicesDep, role: RoleDep, where: FilterDep, offset: Offset = 0, limit: PageSize = 50
) -> RecordPage:
    """Needs in order of entry."""
    return services.page(Kind.NEED, where, offset, limit, role)


@router.get("/needs/{need_id:path}", responses=_NOT_FOUND)
def need(services: ServicesDep, role: RoleDep, need_id: Key) -> RecordOut:
    """One need."""
    return services.record(Kind.NEED, need_id, role)


@router.get("/achievements")
def achievements(
    services: ServicesDep, role: RoleDep, where: FilterDep, offset: Offset = 0, limit: PageSize = 50
) -> RecordPage:
    """Achievements in order of entry."""
    return services.page(Kind.ACHIEVEMENT, where, offset, limit, role)


@router.get("/achievements/{achievement_id:path}", responses=_NOT_FOUND)
def achievement(services: ServicesDep, role: RoleDep, achievement_id: Key) -> RecordOut:
    """One achievement."""
    return services.record(Kind.ACHIEVEMENT, achievement_id, role)
