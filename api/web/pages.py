"""Server-rendered pages: lists, one need, one achievement. No JavaScript needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.clock import now_at
from api.deps import Key, Name, Offset, RoleDep, ServicesDep, VisitorDep
from api.desk import FollowRepository
from api.explaining import MOST_FOUND, explain_pair, named_achievements
from api.facets import Choice, counted
from api.provenance import provenance
from api.schemas import RankingOut
from api.security.visitor import Visitor
from api.services import Services
from api.web.choosing import GivenDep, address, chips
from api.web.templating import render
from corpus.confidentiality import Role
from corpus.model import Kind
from indexer.errors import IndexerError
from matcher.ranking_models import RankingError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_METHODS = ["GET", "HEAD"]
_PAGE = 50
_MATCHES = 10
_PATHS = {"needs": Kind.NEED, "achievements": Kind.ACHIEVEMENT}
Title = Annotated[Name, Query(max_length=200)]


@router.api_route("/needs", methods=_METHODS)
@router.api_route("/achievements", methods=_METHODS)
def list_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    given: GivenDep,
    title: Title = "",
    sort: str = "entry",
    valid: str = "",
    offset: Offset = 0,
) -> HTMLResponse:
    """All needs or all achievements that pass the filters; also what is past its validity."""
    path = request.url.path.strip("/")
    kind, title, newest = _PATHS[path], title.strip(), sort == "newest"
    choice = Choice.of(kind, given)
    where = replace(choice.where(services, include_expired=valid != "1"), title=title)
    page = services.page(kind, where, offset, _PAGE, role, newest=newest)

    def here(chosen: Choice, at: int = 0, piece: str = title) -> str:
        return address(f"/{path}", [
            *chosen.pairs(), ("title", piece), ("sort", "newest" if newest else ""),
            ("valid", "1" if valid == "1" else ""), ("offset", at),
        ])  # fmt: skip

    return render(
        request,
        "list.html",
        kind=kind,
        path=path,
        page=page,
        title=title,
        sort="newest" if newest else "entry",
        valid=valid == "1",
        choice=choice,
        counts=counted(services, kind, where, role),
        chips=chips(choice, here),
        clear=address(f"/{path}", []),
        without_title=here(choice, piece=""),
        links={
            "previous": here(choice, max(offset - _PAGE, 0)) if offset else None,
            "next": here(choice, offset + _PAGE) if offset + _PAGE < page.total else None,
        },
    )


@router.api_route("/needs/{key:path}", methods=_METHODS)
@router.api_route("/achievements/{key:path}", methods=_METHODS)
def record_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    visitor: VisitorDep,
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
    proposed = [match.document.id for match in ranking.matches] if ranking else []
    followed, new = _opened(request, services, visitor, kind, key, proposed)
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
        followed=followed,
        new=new,
        origin=provenance(services, kind, key, role),
    )


def _matches(services: Services, kind: Kind, key: str, role: Role) -> tuple[RankingOut | None, str]:
    # The record itself can be read while nothing can be ranked.
    try:
        return services.match(kind, key, services.record_filter(), _MATCHES, role), ""
    except (IndexerError, RankingError) as error:
        return None, str(error)


def _opened(
    request: Request,
    services: Services,
    visitor: Visitor,
    kind: Kind,
    key: str,
    proposed: Sequence[str],
) -> tuple[bool, frozenset[str]]:
    """Whether the record is followed, and which proposals no page has shown before this one.

    Only a person who opens the page has seen them: no HEAD, nothing fetched ahead.
    """
    user_id = visitor.actor.user_id
    if user_id is None or visitor.is_open:
        return False, frozenset()
    with services.reading() as session:
        mine = FollowRepository(session, user_id)
        if not mine.follows(kind, key):
            return False, frozenset()
        new = frozenset(proposed) - mine.seen(kind, [key]).get(key, frozenset())
    ahead = "prefetch" in request.headers.get("sec-purpose", request.headers.get("purpose", ""))
    if new and request.method == "GET" and not ahead:
        with services.writing() as session:
            FollowRepository(session, user_id).mark_seen(kind, key, proposed, now_at())
    return True, new
