"""Server-rendered pages: search, lists, one need, one achievement. No JavaScript needed."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.deps import Key, Name, Offset, RoleDep, ServicesDep
from api.explaining import MOST_FOUND, explain_pair, named_achievements
from api.schemas import RankingOut
from api.services import Services
from api.web.templating import render
from corpus.confidentiality import Role
from corpus.model import Kind, Maturity
from corpus.taxonomy import counties, regions, technology_fields
from indexer.errors import IndexerError
from matcher.ranking_models import RankingError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_METHODS = ["GET", "HEAD"]
_PAGE = 50
_MATCHES = 10
_PATHS = {"needs": Kind.NEED, "achievements": Kind.ACHIEVEMENT}


@router.api_route("/", methods=_METHODS)
def search_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    q: Annotated[str, Query(max_length=20_000)] = "",
    kind: Kind = Kind.ACHIEVEMENT,
    field: Name = "",
    region: Name = "",
    min_maturity: str = "",
) -> HTMLResponse:
    """One box; results as cards with highlights and reasons."""
    ranking: RankingOut | None = None
    if q.strip():
        level = Maturity(min_maturity) if min_maturity in set(Maturity) else None
        where = services.record_filter(
            [field] if field else None, [region] if region else None, level
        )
        ranking = services.search(q, kind, where, _MATCHES * 2, role)
    return render(
        request,
        "search.html",
        q=q,
        kind=kind,
        field=field,
        region=region,
        min_maturity=min_maturity,
        ranking=ranking,
        totals={k: services.count(k) for k in Kind},
        fields=technology_fields(),
        regions=regions() if kind is Kind.ACHIEVEMENT else counties(),
        maturities=[m.value for m in Maturity],
    )


@router.api_route("/needs", methods=_METHODS)
@router.api_route("/achievements", methods=_METHODS)
def list_page(
    request: Request, services: ServicesDep, role: RoleDep, offset: Offset = 0
) -> HTMLResponse:
    """All needs or all achievements, in order of entry."""
    path = request.url.path.strip("/")
    kind = _PATHS[path]
    page = services.page(kind, services.record_filter(include_expired=True), offset, _PAGE, role)
    steps = {
        "previous": max(offset - _PAGE, 0) if offset else None,
        "next": offset + _PAGE if offset + _PAGE < page.total else None,
    }
    links = {
        name: f"/{path}?{urlencode({'offset': value})}" if value is not None else None
        for name, value in steps.items()
    }
    return render(request, "list.html", kind=kind, path=path, page=page, links=links)


@router.api_route("/needs/{key:path}", methods=_METHODS)
@router.api_route("/achievements/{key:path}", methods=_METHODS)
def record_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    key: Key,
    why: Annotated[Name, Query(max_length=200)] = "",
) -> HTMLResponse:
    """A record in full, with its matches on the other side and their reasons.

    ``why`` is the id of an achievement, or a piece of its title: why is it not among them?
    """
    kind = _PATHS[request.url.path.split("/")[1]]
    record = services.record(kind, key, role)
    ranking, problem = _matches(services, kind, key, role)
    asked = why.strip() if kind is Kind.NEED and ranking else ""
    named = named_achievements(services, asked, role) if asked else []
    explained = None
    if len(named) == 1:
        filters = services.record_filter()
        explained = explain_pair(services, key, named[0].id, filters, _MATCHES, role)
    return render(
        request,
        "record.html",
        record=record,
        ranking=ranking,
        problem=problem,
        why=asked,
        named=named,
        explained=explained,
        most_found=MOST_FOUND,
    )


def _matches(services: Services, kind: Kind, key: str, role: Role) -> tuple[RankingOut | None, str]:
    # The record itself can be read while nothing can be ranked.
    try:
        return services.match(kind, key, services.record_filter(), _MATCHES, role), ""
    except (IndexerError, RankingError) as error:
        return None, str(error)
