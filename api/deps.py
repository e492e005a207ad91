"""What routes ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator

from api.security.errors import FormTokenError
from api.security.policy import SAFE_METHODS
from api.security.secrets import is_form_token
from api.security.visitor import Visitor
from api.services import Services
from corpus.confidentiality import Role
from corpus.model import Maturity, RecordFilter
from corpus.protection import Protection

_FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def visitor(request: Request) -> Visitor:
    """Who asks, as the guard found out."""
    found: Visitor = request.state.visitor
    return found


VisitorDep = Annotated[Visitor, Depends(visitor)]


def services(request: Request, visitor: VisitorDep) -> Services:
    """The services the app was made with, bound to the records that are there for who asks."""
    found: Services = request.app.state.services
    return found.seen_by(visitor.scope)


async def form_checked(request: Request, visitor: VisitorDep) -> AsyncIterator[None]:
    """Whatever changes something and comes from a browser was sent by a page of its session.

    Every route of the app depends on this.

    Raises:
        FormTokenError: header ``X-CSRF-Token`` or form field ``csrf`` is missing or another's.
    """
    try:
        await _check_form(request, visitor)
        yield
    finally:
        await request.close()  # the files of a form


async def _check_form(request: Request, visitor: Visitor) -> None:
    if request.scope["route"].path != request.state.place:
        raise AssertionError("the guard judged another route than the one that answers")
    if request.method in SAFE_METHODS or visitor.by_token or visitor.is_open:
        return
    given = request.headers.get("x-csrf-token")
    if given is None and request.headers.get("content-type", "").startswith(_FORMS):
        field = (await request.form()).get("csrf")
        given = field if isinstance(field, str) else None
    if not visitor.secret or given is None or not is_form_token(given, visitor.secret):
        raise FormTokenError


def storable(text: str) -> str:
    """Text that every database can be asked for; PostgreSQL refuses U+0000."""
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("含有不能识别的字符")
    return text


ServicesDep = Annotated[Services, Depends(services)]
Key = Annotated[str, Path(), AfterValidator(storable)]
Name = Annotated[str, AfterValidator(storable)]
Offset = Annotated[int, Query(ge=0, le=2**31, description="Records left out before the first.")]
Limit = Annotated[int, Query(ge=1, le=100, description="Most matches returned.")]


def record_filter(
    services: ServicesDep,
    field: Annotated[
        list[Name] | None, Query(description="Technology fields, any of.", examples=[["新材料"]])
    ] = None,
    region: Annotated[
        list[Name] | None,
        Query(
            description="Regions of the owner, or counties; any of.", examples=[["北京", "迁安市"]]
        ),
    ] = None,
    min_maturity: Annotated[Maturity | None, Query(description="Achievements only.")] = None,
    industry: Annotated[
        list[Name] | None,
        Query(description="Industries of GB/T 4754, any of; a section stands for its divisions."),
    ] = None,
    maturity: Annotated[
        list[Maturity] | None, Query(description="Exactly these, any of; achievements only.")
    ] = None,
    protection: Annotated[
        list[Protection] | None,
        Query(description="What is written of patents, any of; achievements only."),
    ] = None,
    include_expired: Annotated[bool, Query(description="Also what is past its validity.")] = False,
) -> RecordFilter:
    """Hard filters from the query string; by default what is valid today."""
    return services.record_filter(
        field, region, min_maturity, include_expired,
        industries=industry or (), maturities=maturity or (), protections=protection or (),
    )  # fmt: skip


FilterDep = Annotated[RecordFilter, Depends(record_filter)]


def role(visitor: VisitorDep) -> Role:
    """The role of who asks."""
    return visitor.role


RoleDep = Annotated[Role, Depends(role)]
