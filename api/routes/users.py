"""Accounts, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from api import administration
from api.administration import Text, UserChange, UserOut, UserPage
from api.api_route import api_router, not_kept
from api.deps import Offset, ServicesDep, VisitorDep
from api.schemas import Problem
from api.wire import Wire
from corpus.confidentiality import Role

router = api_router("users", under="/users")
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "It breaks a rule; the detail says which."}
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such account."}
}
_STALE: dict[int | str, dict[str, Any]] = {
    409: {"model": Problem, "description": "It has changed since; nothing was done."}
}
_SECRET = not_kept("The answer holds a password, which is kept nowhere.")
UserId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the account.")]


class UserIn(Wire):
    """A new account."""

    name: Text = Field(examples=["李工"])
    role: Role = Field(examples=["县区查看"])
    county: Text = Field(default="", description="Of 县区查看 only.", examples=["迁安市"])
    organisation: Text = Field(default="", description="Of 机构 only.")


class UserWithPassword(Wire):
    """An account and the password of its next login; this answer alone has it."""

    user: UserOut
    password: str


@router.get("")
def users(
    services: ServicesDep,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most accounts returned.")] = 100,
) -> UserPage:
    """Accounts, in order of creation."""
    return administration.user_page(services, offset, limit)


@router.post("", status_code=201, responses=_REFUSED, openapi_extra=_SECRET)
def create(services: ServicesDep, visitor: VisitorDep, given: UserIn) -> UserWithPassword:
    """A new account with a password for one login."""
    made, password = administration.create_user(
        services, visitor, given.name, given.role, given.county, given.organisation
    )
    return UserWithPassword(user=made, password=password)


@router.get("/{user_id}", responses=_NOT_FOUND)
def user(services: ServicesDep, user_id: UserId) -> UserOut:
    """One account, with the version that a change asks for."""
    return administration.user(services, user_id)


@router.patch("/{user_id}", responses={**_REFUSED, **_NOT_FOUND, **_STALE})
def change(
    services: ServicesDep, visitor: VisitorDep, user_id: UserId, given: UserChange
) -> UserOut:
    """Another role or scope, which ends logins and tokens; disable, or enable again.

    Nobody changes his own account; one administrator stays.
    """
    return administration.change_user(services, visitor, user_id, given)


@router.post("/{user_id}/password", responses={**_REFUSED, **_NOT_FOUND}, openapi_extra=_SECRET)
def reset_password(services: ServicesDep, visitor: VisitorDep, user_id: UserId) -> UserWithPassword:
    """A password for one login; every login and token of the account ends."""
    changed, password = administration.reset_password(services, visitor, user_id)
    return UserWithPassword(user=changed, password=password)


@router.delete("/{user_id}/sessions", status_code=204, responses={**_REFUSED, **_NOT_FOUND})
def end_sessions(services: ServicesDep, visitor: VisitorDep, user_id: UserId) -> None:
    """Every login of the account ends; its tokens stay."""
    administration.end_sessions(services, visitor, user_id)
