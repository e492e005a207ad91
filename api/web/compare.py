"""并排对照: a need and achievements side by side."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.clock import TIME_ZONE
from api.comparing import MOST, Comparison, compare, linked
from api.deps import Name, RoleDep, ServicesDep
from api.feedback import said_label
from api.web.templating import offer, render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.api_route("/compare", methods=["GET", "HEAD"])
def compare_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    need: Annotated[Name, Query(max_length=1000)] = "",
    achievement: Annotated[list[Name], Query(max_length=100)] = [],  # noqa: B006
    show: Annotated[Name, Query(max_length=1000)] = "",
) -> HTMLResponse:
    """The full texts of a need and of one achievement, and up to ``MOST`` in a table.

    ``show``: the achievement whose text is shown, else the first.
    """
    asked = list(dict.fromkeys(key.strip() for key in achievement if key.strip()))
    found: Comparison | None = None
    if need.strip() and asked:
        found = compare(services, need.strip(), asked[:MOST], role)
    shown = None
    if found is not None:
        shown = next((c for c in found.compared if c.achievement.id == show), found.compared[0])
    return render(
        request,
        "compare.html",
        found=found,
        shown=shown,
        need=need,
        asked=asked,
        most=MOST,
        zone=TIME_ZONE,
    )


offer(linked=linked, said_label=said_label)
