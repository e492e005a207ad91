"""The audit log, for administrators."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any

from fastapi import Query

from api import administration
from api.administration import AuditOut
from api.api_route import api_router
from api.deps import Name, Offset, ServicesDep
from api.schemas import Problem
from api.security.audit import Action
from api.wire import Wire

router = api_router("audit")
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such user."}
}


class AuditPage(Wire):
    """Part of the log, the newest first."""

    total: int
    offset: int
    limit: int
    entries: list[AuditOut]


@router.get("/audit", responses=_NOT_FOUND)
def audit(
    services: ServicesDep,
    action: Annotated[Action | None, Query(description="Of this kind only.")] = None,
    user: Annotated[Name | None, Query(max_length=100, description="Of this user only.")] = None,
    since: Annotated[date | None, Query(description="From this day on, in Tangshan.")] = None,
    until: Annotated[date | None, Query(description="To this day, included.")] = None,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> AuditPage:
    """Who did what, when, to what, from where; ids only."""
    where = administration.audit_filter(services, action, user, since, until)
    total, entries = administration.audit_page(services, where, offset, limit)
    return AuditPage(total=total, offset=offset, limit=limit, entries=entries)
