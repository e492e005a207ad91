"""Page of a record's contacts: the consent first, then the contacts."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import contacts
from api.contacts import ConsentError, ConsentIn
from api.deps import Name, ServicesDep, VisitorDep
from api.security.visitor import Visitor
from api.services import Services
from api.web.templating import render
from corpus.model import Kind

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Id = Annotated[Name, Query(max_length=1000)]
FormId = Annotated[Name, Form(max_length=1000)]


@router.api_route("/contacts", methods=["GET", "HEAD"])
def contacts_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    kind: Kind,
    id: Id,  # noqa: A002
) -> HTMLResponse:
    """What there is, or what has to be done before."""
    return _page(request, services, visitor, kind, id)


@router.post("/contacts/consent")
def note_consent(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    kind: Annotated[Kind, Form()],
    id: FormId,  # noqa: A002
    how: Annotated[Name, Form(max_length=contacts.MOST_CHARACTERS)] = "",
) -> Response:
    """Note that the owner agreed."""
    try:
        contacts.consent(services, visitor, ConsentIn(kind=kind, id=id, how=how))
    except ConsentError as error:
        page = _page(request, services, visitor, kind, id, str(error))
        page.status_code = 400
        return page
    return _back(kind, id)


@router.post("/contacts/withdraw")
def withdraw(
    services: ServicesDep,
    visitor: VisitorDep,
    kind: Annotated[Kind, Form()],
    id: FormId,  # noqa: A002
) -> Response:
    """Take the consent back."""
    contacts.withdraw(services, visitor, kind, id)
    return _back(kind, id)


def _back(kind: Kind, key: str) -> Response:
    query = urlencode({"kind": kind.value, "id": key})
    return RedirectResponse(f"/contacts?{query}", status_code=303)


def _page(
    request: Request,
    services: Services,
    visitor: Visitor,
    kind: Kind,
    key: str,
    problem: str = "",
) -> HTMLResponse:
    state = contacts.state(services, visitor, kind, key)
    shown = contacts.show(services, visitor, kind, key).contacts if state.may_be_shown else []
    return render(
        request,
        "contacts.html",
        state=state,
        contacts=shown,
        problem=problem,
        most=contacts.MOST_CHARACTERS,
    )
