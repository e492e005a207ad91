"""What routes ask for."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query, Request
from pydantic import AfterValidator

from api.services import Services
from corpus.confidentiality import Role
from corpus.model import Maturity, RecordFilter


def services(request: Request) -> Services:
    """The services the app was made with."""
    found: Services = request.app.state.services
    return found


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
    field: Annotated[list[Name] | None, Query(description="Technology fields, any of.")] = None,
    region: Annotated[
        list[Name] | None, Query(description="Regions of the owner, or counties; any of.")
    ] = None,
    min_maturity: Annotated[Maturity | None, Query(description="Achievements only.")] = None,
    include_expired: Annotated[bool, Query(description="Also what is past its validity.")] = False,
) -> RecordFilter:
    """Hard filters from the query string; by default what is valid today."""
    return services.record_filter(field, region, min_maturity, include_expired)


FilterDep = Annotated[RecordFilter, Depends(record_filter)]


def role() -> Role:
    """Who is asking. There are no accounts yet, so everybody is a guest."""
    return Role.GUEST


RoleDep = Annotated[Role, Depends(role)]
