"""What records can be filtered by, with counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Query

from api import facets
from api.api_route import api_router
from api.deps import FilterDep, Name, RoleDep, ServicesDep
from api.facets import FacetsOut
from corpus.model import Kind

router = api_router("records")


@router.get("/facets")
def counts(
    services: ServicesDep,
    role: RoleDep,
    where: FilterDep,
    kind: Kind,
    title: Annotated[Name, Query(max_length=200, description="A piece of the title.")] = "",
    searched: Annotated[
        bool, Query(description="Only records that a search looks at: whose text may be read.")
    ] = False,
) -> FacetsOut:
    """How many records have each value, given the other filters; the same order every time."""
    where = replace(where, title=title.strip())
    return facets.counted(services, kind, where, role, searched=searched)
