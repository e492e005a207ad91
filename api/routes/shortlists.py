"""Shortlists: lists of pairs that people work on, alone or with others."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from api import shortlists
from api.api_route import api_router
from api.deps import Offset, ServicesDep, VisitorDep
from api.schemas import Problem
from api.shortlist_schemas import (
    EntryIn,
    EntryOut,
    EntryPatch,
    ShortlistFull,
    ShortlistIn,
    ShortlistOut,
    ShortlistPage,
    ShortlistPatch,
)
from matcher.feedback import Pair

_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "Not there, at all or for the one who asks."}
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "What it is to be cannot be."},
    403: {"model": Problem, "description": "It may be read only, or is archived."},
    409: {"model": Problem, "description": "It has changed since; nothing was done."},
}
_REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": EntryOut, "description": "It stands there already; nothing is done again."}
}
router = api_router("shortlists", _NOT_FOUND, under="/shortlists")
Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


@router.get("")
def shortlists_page(
    services: ServicesDep,
    visitor: VisitorDep,
    archived: Annotated[bool, Query(description="One's own that were put away.")] = False,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> ShortlistPage:
    """One's own lists and those that others share, the one changed last first."""
    return shortlists.page(services, visitor, offset, limit, archived=archived)


@router.post("", status_code=201, responses=_REFUSED)
def create(services: ServicesDep, visitor: VisitorDep, wanted: ShortlistIn) -> ShortlistFull:
    """A new list, shared with nobody."""
    return shortlists.create(services, visitor, wanted.name, wanted.note)


@router.get("/{shortlist_id}")
def shortlist(services: ServicesDep, visitor: VisitorDep, shortlist_id: Number) -> ShortlistFull:
    """A list with its entries. Those that the one who asks may not see are only counted."""
    return shortlists.view(services, visitor, shortlist_id)


@router.patch("/{shortlist_id}", responses=_REFUSED)
def change(
    services: ServicesDep, visitor: VisitorDep, shortlist_id: Number, patch: ShortlistPatch
) -> ShortlistFull:
    """Rename, note, share or take back a list."""
    return shortlists.change(services, visitor, shortlist_id, patch)


@router.delete("/{shortlist_id}", responses=_REFUSED)
def archive(services: ServicesDep, visitor: VisitorDep, shortlist_id: Number) -> ShortlistOut:
    """Archive a list: nothing is lost, `PATCH` with `archived: false` takes it back."""
    return shortlists.archive(services, visitor, shortlist_id)


@router.post("/{shortlist_id}/duplicate", status_code=201, responses=_REFUSED)
def duplicate(services: ServicesDep, visitor: VisitorDep, shortlist_id: Number) -> ShortlistFull:
    """A copy of one's own of what one may see of a list."""
    return shortlists.duplicate(services, visitor, shortlist_id)


@router.post("/{shortlist_id}/entries", status_code=201, responses={**_REFUSED, **_REPEATED})
def add(
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    wanted: EntryIn,
    response: Response,
) -> EntryOut:
    """Put a pair at the end of a list. Repeating it changes nothing: it may be sent again."""
    pair = Pair(wanted.need, wanted.achievement)
    _, entry, new = shortlists.add(services, visitor, shortlist_id, pair, wanted.note)
    response.status_code = 201 if new else 200
    return entry


@router.patch("/{shortlist_id}/entries/{entry_id}", responses=_REFUSED)
def change_entry(
    services: ServicesDep,
    visitor: VisitorDep,
    shortlist_id: Number,
    entry_id: Number,
    patch: EntryPatch,
) -> ShortlistFull:
    """Another note or another place for an entry."""
    return shortlists.change_entry(services, visitor, shortlist_id, entry_id, patch)


@router.delete("/{shortlist_id}/entries/{entry_id}", responses=_REFUSED)
def remove(
    services: ServicesDep, visitor: VisitorDep, shortlist_id: Number, entry_id: Number
) -> ShortlistFull:
    """Take an entry out. Repeating it changes nothing."""
    return shortlists.remove(services, visitor, shortlist_id, entry_id)


@router.post("/{shortlist_id}/entries/{entry_id}/restore", responses=_REFUSED)
def put_back(
    services: ServicesDep, visitor: VisitorDep, shortlist_id: Number, entry_id: Number
) -> ShortlistFull:
    """Put an entry back that was taken out. Repeating it changes nothing."""
    return shortlists.put_back(services, visitor, shortlist_id, entry_id)
