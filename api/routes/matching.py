"""Search, matches in both directions, and why not this one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api import explaining
from api.api_route import api_router
from api.deps import FilterDep, Key, Limit, Name, RoleDep, ServicesDep
from api.explaining import ExplainOut
from api.schemas import Problem, RankingOut
from corpus.model import Kind

router = api_router("matching", {503: {"model": Problem, "description": "No index can answer."}})
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such record."}
}


@router.get("/search")
def search(
    services: ServicesDep,
    role: RoleDep,
    where: FilterDep,
    q: Annotated[
        str,
        Query(
            min_length=1,
            max_length=20_000,
            pattern=r"\S",
            description="Free text, or a whole need.",
            examples=["钢渣用作水泥掺合料的活化技术"],
        ),
    ],
    kind: Annotated[Kind, Query(description="What to look for.")] = Kind.ACHIEVEMENT,
    limit: Limit = 10,
) -> RankingOut:
    """Find achievements (or needs) for free text, with reasons."""
    return services.search(q, kind, where, limit, role)


@router.get("/needs/{need_id:path}/matches", responses=_NOT_FOUND)
def need_matches(
    services: ServicesDep, role: RoleDep, where: FilterDep, need_id: Key, limit: Limit = 10
) -> RankingOut:
    """Achievements for a need. An empty list means that nothing is good enough."""
    return services.match(Kind.NEED, need_id, where, limit, role)


@router.get("/achievements/{achievement_id:path}/matches", responses=_NOT_FOUND)
def achievement_matches(
    services: ServicesDep, role: RoleDep, where: FilterDep, achievement_id: Key, limit: Limit = 10
) -> RankingOut:
    """Needs for an achievement."""
    return services.match(Kind.ACHIEVEMENT, achievement_id, where, limit, role)


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
