"""Accounts, for administrators."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

from api import administration
from api.administration import UserOut
from api.deps import Name, ServicesDep, VisitorDep
from api.schemas import Problem
from api.wire import Wire
from corpus.confidentiality import Role

router = APIRouter(
    prefix="/api/v1/users",
    tags=["users"],
    responses={422: {"model": Problem, "description": "A value is malformed."}},
)
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "It breaks a rule; the detail says which."}
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such account."}
}
UserId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[Name, Field(max_length=200)]


class UserIn(Wire):
    """A new account."""

    name: Text = Field(examples=["李工"])
    role: Role = Field(examples=["县区查看"])
    county: Text = Field(default="", description="Of 县区查看 only.", examples=["迁安市"])
    organisation: Text = Field(default="", description="Of 机构 only.")


class UserChange(Wire):
    """What is to be otherwise; what is left out stays."""

    role: Role | None = None
    county: Text | None = None
    organisation: Text | None = None
    disabled: bool | None = Field(default=None, examples=[True])


class UserWithPassword(Wire):
    """An account and the password of its next login; this answer alone has it."""

    user: UserOut
    password: str


@router.get("")
def users(services: ServicesDep) -> list[UserOut]:
    """Every account, in order of creation."""
    return administration.users(services)


@router.post("", status_code=201, responses=_REFUSED)
def create(services: ServicesDep, visitor: VisitorDep, given: UserIn) -> UserWithPassword:
    """A new account with a password for one login."""
    made, password = administration.create_user(
        services, visitor, given.name, given.role, given.county, given.organisation
    )
    return UserWithPassword(user=made, password=password)


@router.patch("/{user_id}", responses={**_REFUSED, **_NOT_FOUND})
def change(
    services: ServicesDep, visitor: VisitorDep, user_id: UserId, given: UserChange
) -> UserOut:
    """Another role or scope, which ends logins and tokens; disable, or enable again.

    Nobody changes his own account; one administrator stays.
    """
    now = administration.user(services, user_id)
    wanted = given.role or now.role
    county = given.county if given.county is not None else now.county
    organisation = given.organisation if given.organisation is not None else now.organisation
    if given.role is not None and given.role is not now.role:
        # The scope of the old role goes with it.
        county, organisation = given.county or "", given.organisation or ""
    if (wanted, county, organisation) != (now.role, now.county, now.organisation):
        administration.change_role(services, visitor, user_id, wanted, county, organisation)
    if given.disabled is not None and given.disabled != (now.disabled_at is not None):
        act = administration.disable if given.disabled else administration.enable
        act(services, visitor, user_id)
    return administration.user(services, user_id)


@router.post("/{user_id}/password", responses={**_REFUSED, **_NOT_FOUND})
def reset_password(services: ServicesDep, visitor: VisitorDep, user_id: UserId) -> UserWithPassword:
    """A password for one login; every login and token of the account ends."""
    changed, password = administration.reset_password(services, visitor, user_id)
    return UserWithPassword(user=changed, password=password)


@router.delete("/{user_id}/sessions", status_code=204, responses={**_REFUSED, **_NOT_FOUND})
def end_sessions(services: ServicesDep, visitor: VisitorDep, user_id: UserId) -> None:
    """Every login of the account ends; its tokens stay."""
    administration.end_sessions(services, visitor, user_id)
