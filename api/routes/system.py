"""Probes for whoever watches the service."""

from __future__ import annotations

from importlib.metadata import version

from fastapi import APIRouter, Response

from api import system
from api.api_route import api_router
from api.deps import ServicesDep
from api.observability.metrics import CONTENT_TYPE, exposed
from api.schemas import Health, IndexState, Readiness
from api.system import SystemState
from matcher.ranking_models import RankingError

router = APIRouter()
_programs = api_router("system", under="/system")


@router.get("/healthz", tags=["system"])
def healthz() -> Health:
    """The process answers."""
    return Health(version=version("zhitong"))


@router.get("/readyz", tags=["system"], responses={503: {"model": Readiness}})
def readyz(services: ServicesDep, response: Response) -> Readiness:
    """Whether searches are answered in full; 503 and the reasons if not."""
    problems = [
        f"{state.kind.label}：{state.detail}"
        for state in services.index_states()
        if state.state != "current"
    ]
    try:
        services.ranking_model()
    except RankingError as error:
        problems.append(f"排序模型：{error}")
    response.status_code = 503 if problems else 200
    return Readiness(ready=not problems, problems=problems)


@router.get("/metrics", include_in_schema=False)
def figures(services: ServicesDep) -> Response:
    """For Prometheus: to a program on this machine, or with an administrator's token."""
    return Response(exposed(services), media_type=CONTENT_TYPE)


@_programs.get("")
def state(services: ServicesDep) -> SystemState:
    """Indexes, ranking model, database, disk, backups, settings made (masked where need be)."""
    return system.state(services)


@_programs.get("/indexes")
def indexes(services: ServicesDep) -> list[IndexState]:
    """How each index stands to the database."""
    return services.index_states()


router.include_router(_programs)
