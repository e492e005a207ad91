"""Pages of the shortlists: all of them, one, and what is done with them."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Form, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import shortlists
from api.clock import TIME_ZONE
from api.deps import Name, Offset, ServicesDep, VisitorDep
from api.handouts import handout
from api.security.visitor import Visitor
from api.services import Services
from api.shortlist_schemas import (
    ACCESS,
    EntryPatch,
    SharingIn,
    ShortlistFull,
    ShortlistOut,
    ShortlistPatch,
)
from api.web.marks import marks
from api.web.notices import going_back
from api.web.templating import offer, render
from matcher.feedback import Pair
from matcher.shortlist import (
    DEFAULT_NAME,
    NAME_LENGTH,
    NOTE_LENGTH,
    Access,
    ClosedShortlistError,
    ShortlistError,
    StaleShortlistError,
    UnknownShortlistError,
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_METHODS = ["GET", "HEAD"]
_PAGE = 50
_MOST_CHOICES = 12
"""Lists offered on a card; more are no choice any more."""
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[Name, Form(max_length=20_000)]
Id = Annotated[Name, Form(max_length=1000)]
Next = Annotated[str, Form(max_length=10_000)]
Version = Annotated[int, Form(ge=1, le=2**31)]
_LABELS = {name: access.label for access, name in ACCESS.items()}


@router.api_route("/shortlists", methods=_METHODS)
def all_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    offset: Offset = 0,
    archived: bool = False,
) -> HTMLResponse:
    """One's own lists and those that others share."""
    return _all(request, services, visitor, offset, archived)


@router.post("/shortlists")
def create(
    request: Request, services: ServicesDep, visitor: VisitorDep, name: Text = "", note: Text = ""
) -> Response:
    """A new list."""
    try:
        made = shortlists.create(services, visitor, name, note)
    except ShortlistError as error:
        page = _all(request, services, visitor, problem=str(error), typed={"name": name})
        page.status_code = 400
        return page
    return RedirectResponse(f"/shortlists/{made.id}", status_code=303)


@router.post("/shortlists/add")
def add(
    services: ServicesDep,
    visitor: VisitorDep,
    need: Id,
    achievement: Id,
    shortlist: Annotated[int | None, Form(ge=0, le=2**63 - 1)] = None,
    new_name: Text = "",
    next: Next = "/",  # noqa: A002
) -> Response:
    """Put a pair into a list (0: 我的收藏) or a new one, and go on where one was."""
    found, entry, new = shortlists.add(
        services, visitor, shortlist or None, Pair(need, achievement), "", new_name
    )
    return going_back(next, f"{'saved' if new else 'kept'}-{found.id}-{entry.id}")


@router.api_route("/shortlists/{shortlist_id}", methods=_METHODS)
def one_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    paper: Annotated[str | None, Query(alias="print", max_length=10)] = None,
) -> HTMLResponse:
    """A list with its entries; with ``?print`` everything that is said of them, for paper."""
    if paper is not None:
        found = handout(services, visitor, shortlist_id, to_file=False)
        return render(
            request, "shortlist_print.html", found=found, today=services.today(), zone=TIME_ZONE
        )
    return _one(request, services, visitor, shortlist_id)


@router.post("/shortlists/{shortlist_id}")
def describe(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    version: Version,
    name: Text = "",
    note: Text = "",
) -> Response:
    """Another name and note."""
    patch = ShortlistPatch(version=version, name=name, note=note)
    return _tried(
        request, services, visitor, shortlist_id, patch, "described",
        typed={"name": name, "note": note},
    )  # fmt: skip


@router.post("/shortlists/{shortlist_id}/share")
def share(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    version: Version,
    everyone: Annotated[str, Form(pattern="^(none|read|edit)$")] = "none",
    readers: Text = "",
    editors: Text = "",
) -> Response:
    """Let others in, these and no more."""
    people = dict.fromkeys(_names(readers), "read") | dict.fromkeys(_names(editors), "edit")
    sharing = SharingIn.model_validate({"everyone": everyone, "people": people})
    typed = {"everyone": everyone, "readers": readers, "editors": editors}
    patch = ShortlistPatch(version=version, sharing=sharing)
    return _tried(request, services, visitor, shortlist_id, patch, "shared", typed=typed)


@router.post("/shortlists/{shortlist_id}/archive")
def archive(services: ServicesDep, visitor: VisitorDep, shortlist_id: Number) -> Response:
    """Put a list away; its page offers to take it back."""
    shortlists.archive(services, visitor, shortlist_id)
    return RedirectResponse(f"/shortlists/{shortlist_id}", status_code=303)


@router.post("/shortlists/{shortlist_id}/restore")
def restore(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    version: Version,
) -> Response:
    """Take an archived list back."""
    patch = ShortlistPatch(version=version, archived=False)
    return _tried(request, services, visitor, shortlist_id, patch)


@router.post("/shortlists/{shortlist_id}/duplicate")
def duplicate(services: ServicesDep, visitor: VisitorDep, shortlist_id: Number) -> Response:
    """A copy of one's own."""
    made = shortlists.duplicate(services, visitor, shortlist_id)
    return going_back(f"/shortlists/{made.id}", f"copied-{made.id}")


@router.post("/shortlists/{shortlist_id}/entries/{entry_id}")
def change_entry(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    entry_id: Number,
    version: Version,
    note: Annotated[Name | None, Form(max_length=20_000)] = None,
    place: Annotated[int | None, Form(ge=0, le=10_000)] = None,
) -> Response:
    """Another note, or another place; the page comes back at the entry."""
    patch = EntryPatch(
        version=version, note=note, place=None if place is None else min(max(place, 1), 200)
    )
    typed = {} if note is None else {f"note-{entry_id}": note}
    try:
        shortlists.change_entry(services, visitor, shortlist_id, entry_id, patch)
    except ShortlistError as error:
        return _refused(request, services, visitor, shortlist_id, error, typed)
    done = "moved" if note is None else "noted"
    return going_back(
        f"/shortlists/{shortlist_id}#entry-{entry_id}", f"{done}-{shortlist_id}-{entry_id}"
    )


@router.post("/shortlists/{shortlist_id}/entries/{entry_id}/remove")
def remove(
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    entry_id: Number,
    next: Next = "",  # noqa: A002
) -> Response:
    """Take an entry out; the page offers to put it back."""
    shortlists.remove(services, visitor, shortlist_id, entry_id)
    return going_back(next or f"/shortlists/{shortlist_id}", f"removed-{shortlist_id}-{entry_id}")


@router.post("/shortlists/{shortlist_id}/entries/{entry_id}/restore")
def put_back(
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    entry_id: Number,
    next: Next = "",  # noqa: A002
) -> Response:
    """Undo a removal."""
    shortlists.put_back(services, visitor, shortlist_id, entry_id)
    return going_back(next or f"/shortlists/{shortlist_id}", f"removed-{shortlist_id}-{entry_id}")


# -- inside --------------------------------------------------------------------------------


def _names(typed: str) -> list[str]:
    return [name for name in re.split(r"[\s,，、;；]+", typed) if name]


def _tried(
    request: Request,
    services: Services,
    visitor: Visitor,
    shortlist_id: int,
    patch: ShortlistPatch,
    done: str = "",
    typed: dict[str, str] | None = None,
) -> Response:
    try:
        shortlists.change(services, visitor, shortlist_id, patch)
    except ShortlistError as error:
        return _refused(request, services, visitor, shortlist_id, error, typed or {})
    return going_back(f"/shortlists/{shortlist_id}", f"{done}-{shortlist_id}" if done else "")


def _refused(
    request: Request,
    services: Services,
    visitor: Visitor,
    shortlist_id: int,
    error: ShortlistError,
    typed: dict[str, str],
) -> Response:
    """The page as it is now, with what was typed still in its fields."""
    if isinstance(error, UnknownShortlistError | ClosedShortlistError):
        raise error
    page = _one(request, services, visitor, shortlist_id, problem=str(error), typed=typed)
    page.status_code = 409 if isinstance(error, StaleShortlistError) else 400
    return page


def _all(
    request: Request,
    services: Services,
    visitor: Visitor,
    offset: int = 0,
    archived: bool = False,
    **values: Any,
) -> HTMLResponse:
    page = shortlists.page(services, visitor, offset, _PAGE, archived=archived)
    known = {"problem": "", "typed": {}, "archived": archived, "name_length": NAME_LENGTH}
    return render(
        request, "shortlists.html", page=page, labels=_LABELS, zone=TIME_ZONE, **{**known, **values}
    )


def _one(
    request: Request, services: Services, visitor: Visitor, shortlist_id: int, **values: Any
) -> HTMLResponse:
    found = shortlists.view(services, visitor, shortlist_id)
    known = {"problem": "", "typed": {}, "shared": _shared(found)}
    return render(
        request,
        "shortlist.html",
        list=found,
        labels=_LABELS,
        zone=TIME_ZONE,
        may_edit=found.access in {"edit", "own"} and found.archived_at is None,
        is_own=found.access == ACCESS[Access.OWN],
        name_length=NAME_LENGTH,
        note_length=NOTE_LENGTH,
        **{**known, **values},
    )


def _shared(found: ShortlistFull) -> dict[str, str]:
    """The sharing as its form has it."""
    people = found.sharing.people if found.sharing else {}
    return {
        "everyone": found.sharing.everyone if found.sharing else "none",
        "readers": "、".join(name for name, right in people.items() if right == "read"),
        "editors": "、".join(name for name, right in people.items() if right == "edit"),
    }


def shortlist_choices(request: Request) -> list[dict[str, Any]]:
    """The lists that a card offers; 我的收藏 is always one of them."""
    if not hasattr(request.state, "shortlist_choices"):
        visitor: Visitor = request.state.visitor
        services: Services = request.app.state.services
        found: list[ShortlistOut] = shortlists.choices(
            services.seen_by(visitor.scope), visitor, _MOST_CHOICES
        )
        offered = [
            {
                "id": one.id,
                "name": one.name if one.access == "own" else f"{one.name}（{one.owner}）",
            }
            for one in found
        ]
        if not any(one.name == DEFAULT_NAME and one.owner == visitor.name for one in found):
            offered.insert(0, {"id": 0, "name": DEFAULT_NAME})
        request.state.shortlist_choices = offered
    choices: list[dict[str, Any]] = request.state.shortlist_choices
    return choices


offer(shortlist_choices=shortlist_choices, marks=marks)
