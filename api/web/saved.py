"""Pages of one's own saved searches: list, save, rename, delete, have back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.clock import now_at
from api.deps import Name, ServicesDep, VisitorDep
from api.facets import Choice
from api.saved_searches import (
    MOST,
    NAME_LENGTH,
    SavedSearch,
    SavedSearchRepository,
    UnknownSavedSearchError,
    account_id,
)
from api.security.visitor import Visitor
from api.services import Services
from api.web.templating import render
from corpus.filters import Facet
from corpus.model import Kind

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
SearchId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Typed = Annotated[Name, Form(max_length=1000)]
_Some = Annotated[list[Name], Form()]
_DONE = {"saved": "已保存", "renamed": "已改名", "restored": "已恢复"}


@router.api_route("/saved-searches", methods=["GET", "HEAD"])
def saved_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    did: str = "",
    which: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
) -> HTMLResponse:
    """All of them; ``did`` and ``which`` say what was done a moment ago."""
    if visitor.is_open:
        return render(request, "saved_searches.html", searches=[], most=MOST, note="", deleted=None)
    with services.reading() as session:
        repository = SavedSearchRepository(session, account_id(visitor))
        searches = repository.all()
        touched = _touched(repository, which)
    note = f"{_DONE[did]}“{touched.name}”。" if touched and did in _DONE else ""
    return render(
        request,
        "saved_searches.html",
        searches=searches,
        most=MOST,
        name_length=NAME_LENGTH,
        note=note if touched and not touched.is_deleted else "",
        deleted=touched if touched and touched.is_deleted else None,
    )


@router.post("/saved-searches")
def save(
    services: ServicesDep,
    visitor: VisitorDep,
    name: Typed,
    q: Annotated[Name, Form(max_length=20_000)],
    kind: Annotated[Kind, Form()],
    field: _Some = [],  # noqa: B006
    region: _Some = [],  # noqa: B006
    industry: _Some = [],  # noqa: B006
    maturity: _Some = [],  # noqa: B006
    protection: _Some = [],  # noqa: B006
) -> Response:
    """Keep what the search page shows."""
    chosen = {
        Facet.FIELD.value: field,
        Facet.REGION.value: region,
        Facet.INDUSTRY.value: industry,
        Facet.MATURITY.value: maturity,
        Facet.PROTECTION.value: protection,
    }
    choice = Choice.of(kind, chosen)
    return _done(services, visitor, "saved", lambda own: own.save(name, choice, q, now_at()))


@router.post("/saved-searches/{search_id}/rename")
def rename(
    services: ServicesDep, visitor: VisitorDep, search_id: SearchId, name: Typed
) -> Response:
    """Give one another name."""
    return _done(services, visitor, "renamed", lambda own: own.rename(search_id, name))


@router.post("/saved-searches/{search_id}/delete")
def delete(services: ServicesDep, visitor: VisitorDep, search_id: SearchId) -> Response:
    """Take one off the list; the page that follows can put it back."""
    return _done(services, visitor, "deleted", lambda own: own.delete(search_id, now_at()))


@router.post("/saved-searches/{search_id}/restore")
def restore(services: ServicesDep, visitor: VisitorDep, search_id: SearchId) -> Response:
    """Put a deleted one back."""
    return _done(services, visitor, "restored", lambda own: own.restore(search_id))


def _done(
    services: Services,
    visitor: Visitor,
    did: str,
    act: Callable[[SavedSearchRepository], SavedSearch],
) -> Response:
    with services.writing() as session:
        touched = act(SavedSearchRepository(session, account_id(visitor)))
    return RedirectResponse(f"/saved-searches?did={did}&which={touched.id}", status_code=303)


def _touched(repository: SavedSearchRepository, search_id: int) -> SavedSearch | None:
    # An address that was kept for long may name one that is gone for good.
    try:
        return repository.require(search_id, deleted=True) if search_id else None
    except UnknownSavedSearchError:
        return None
