"""Contacts of a record, and the consent that comes before."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query

from api import contacts
from api.api_route import api_router
from api.contacts import ConsentIn, ContactsOut, ContactsState
from api.deps import Name, ServicesDep, VisitorDep
from api.schemas import Problem
from corpus.model import Kind

_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such record."}
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    **_NOT_FOUND,
    400: {"model": Problem, "description": "Nothing is said of how the owner agreed."},
}
router = api_router("contacts", _NOT_FOUND)
Id = Annotated[Name, Query(description="Id of the record.", examples=["SN1001"])]


@router.get("/contacts")
def record_contacts(services: ServicesDep, visitor: VisitorDep, kind: Kind, id: Id) -> ContactsOut:  # noqa: A002
    """How to reach the owner of a record; 403 until the owner has agreed. Each time is noted."""
    return contacts.show(services, visitor, kind, id)


@router.post("/contacts/consent", responses=_REFUSED)
def note_consent(services: ServicesDep, visitor: VisitorDep, given: ConsentIn) -> ContactsState:
    """Note that the owner agreed. It holds for the contacts of today."""
    return contacts.consent(services, visitor, given)


@router.delete("/contacts/consent")
def withdraw_consent(
    services: ServicesDep,
    visitor: VisitorDep,
    kind: Kind,
    id: Id,  # noqa: A002
) -> ContactsState:
    """Take the consent back. Repeating it changes nothing."""
    return contacts.withdraw(services, visitor, kind, id)
