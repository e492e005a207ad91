"""Why not this one: any pair that somebody names."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query

from api import explaining
from api.deps import FilterDep, Limit, Name, RoleDep, ServicesDep
from api.explaining import ExplainOut
from api.schemas import Problem

router = APIRouter(
    prefix="/api/v1",
    tags=["matching"],
    responses={
        503: {"model": Problem, "description": "No index can answer."},
        422: {"model": Problem, "description": "A parameter is malformed."},
    },
)
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such record."}
}


@router.get("/explain", responses=_NOT_FOUND)
def explain(
    services: ServicesDep,
    role: RoleDep,
    where: FilterDep,
    need: Annotated[Name, Query(description="Id of the need.", examples=["SN1001"])],
    achievement: Annotated[Name, Query(description="Id of the achievement.", examples=["SA1001"])],
    limit: Limit = 10,
) -> ExplainOut:
    """Where a pair stands: its place and score, or what keeps it out, and its card."""
    return explaining.explain_pair(services, need, achievement, where, limit, role)
