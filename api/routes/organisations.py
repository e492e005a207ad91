"""Organisations that own achievements or needs."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query
from pydantic import Field

from api.api_route import api_router
from api.deps import Name, Offset, RoleDep, ServicesDep
from api.schemas import OtherOut, Problem
from api.wire import Wire
from corpus.model import Kind
from corpus.owners import Owner, OwnerRepository
from corpus.repository import CorpusRepository

router = api_router("organisations", under="/organisations")
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such organisation."}
}
_MOST_RECORDS = 100


class OrganisationOut(Wire):
    """An organisation, and how many active records of it are there for who asks."""

    id: int
    name: str = Field(examples=["唐山某冶金研究所（示例）"])
    region: str | None = Field(description="Region it sits in, e.g. 北京.")
    needs: int
    achievements: int

    @classmethod
    def of(cls, owner: Owner) -> OrganisationOut:
        return cls(
            id=owner.id,
            name=owner.organisation.name,
            region=owner.organisation.region or None,
            needs=owner.counts[Kind.NEED],
            achievements=owner.counts[Kind.ACHIEVEMENT],
        )


class OrganisationPage(Wire):
    """Organisations in order of entry."""

    total: int
    offset: int
    limit: int
    organisations: list[OrganisationOut]


class OrganisationDetail(Wire):
    """An organisation with its first records of each kind, in order of entry."""

    organisation: OrganisationOut
    needs: list[OtherOut] = Field(description=f"At most {_MOST_RECORDS}.")
    achievements: list[OtherOut] = Field(description=f"At most {_MOST_RECORDS}.")


@router.get("")
def organisations(
    services: ServicesDep,
    role: RoleDep,
    name: Annotated[Name, Query(max_length=200, description="A piece of the name.")] = "",
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> OrganisationPage:
    """Organisations that own a record whose owner is open to who asks."""
    with services.reading() as session:
        owners = OwnerRepository(session, services.scope, role.clearance.level)
        return OrganisationPage(
            total=owners.count(name.strip()),
            offset=offset,
            limit=limit,
            organisations=[
                OrganisationOut.of(one) for one in owners.page(name.strip(), offset, limit)
            ],
        )


@router.get("/{organisation_id}", responses=_NOT_FOUND)
def organisation(
    services: ServicesDep,
    role: RoleDep,
    organisation_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> OrganisationDetail:
    """One organisation with what it offers and what it needs."""
    with services.reading() as session:
        owners = OwnerRepository(session, services.scope, role.clearance.level)
        owner = owners.require(organisation_id)
        records = CorpusRepository(session, services.scope)

        def named(kind: Kind) -> list[OtherOut]:
            ids = owners.record_ids(owner.id, kind, _MOST_RECORDS)
            found = records.get_many(kind, ids)
            return [OtherOut.of(found[i].record, role) for i in ids if i in found]

        return OrganisationDetail(
            organisation=OrganisationOut.of(owner),
            needs=named(Kind.NEED),
            achievements=named(Kind.ACHIEVEMENT),
        )
