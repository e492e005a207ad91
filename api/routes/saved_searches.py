"""One's own saved searches."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path
from pydantic import Field

from api.api_route import api_router
from api.clock import now_at
from api.deps import Name, ServicesDep, VisitorDep
from api.facets import MOST_VALUES, Choice
from api.saved_searches import (
    NAME_LENGTH,
    TEXT_LENGTH,
    SavedSearch,
    SavedSearchRepository,
    account_id,
)
from api.schemas import Problem
from api.wire import Wire
from corpus.filters import Facet
from corpus.model import Kind

_RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "It cannot be saved; the text says what to do."},
    403: {"model": Problem, "description": "The demonstration has no account to keep it for."},
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "None of one's own has this number."}
}
router = api_router("saved searches", _RESPONSES, under="/saved-searches")
SearchId = Annotated[int, Path(ge=1, le=2**63 - 1)]


class SavedSearchIn(Wire):
    """A search to keep."""

    name: Name = Field(description=f"At most {NAME_LENGTH} characters.", examples=["钢渣利用"])
    kind: Kind = Kind.ACHIEVEMENT
    text: Name = Field(
        max_length=TEXT_LENGTH, description="Free text, or a whole need.", examples=["钢渣微粉"]
    )
    filters: dict[Facet, Annotated[list[Name], Field(max_length=MOST_VALUES)]] = Field(
        default_factory=dict,
        description="Chosen values by the name of the parameter, as in `GET /api/v1/search`.",
        examples=[{"field": ["新材料"]}],
    )


class RenameIn(Wire):
    """A new name."""

    name: Name = Field(examples=["钢渣微粉，京津"])


class SavedSearchOut(Wire):
    """A search that is kept."""

    id: int
    name: str
    kind: Kind
    text: str
    filters: dict[str, list[str]]
    created_at: datetime
    deleted: bool = Field(description="Deleted; it can be restored for 30 days.")
    page: str = Field(description="The page that runs it.", examples=["/?q=…"])

    @classmethod
    def of(cls, saved: SavedSearch) -> SavedSearchOut:
        return cls(
            id=saved.id,
            name=saved.name,
            kind=saved.kind,
            text=saved.text,
            filters=saved.choice.as_lists(),
            created_at=saved.created_at,
            deleted=saved.is_deleted,
            page=saved.address,
        )


class SavedSearchList(Wire):
    """All of one's own, the newest first."""

    searches: list[SavedSearchOut]


@router.get("")
def saved_searches(services: ServicesDep, visitor: VisitorDep) -> SavedSearchList:
    """One's own saved searches, the newest first."""
    with services.reading() as session:
        found = SavedSearchRepository(session, account_id(visitor)).all()
    return SavedSearchList(searches=[SavedSearchOut.of(one) for one in found])


@router.post("", status_code=201)
def save(services: ServicesDep, visitor: VisitorDep, given: SavedSearchIn) -> SavedSearchOut:
    """Keep a search; each call keeps a new one."""
    choice = Choice.of(given.kind, {facet.value: some for facet, some in given.filters.items()})
    with services.writing() as session:
        repository = SavedSearchRepository(session, account_id(visitor))
        return SavedSearchOut.of(repository.save(given.name, choice, given.text, now_at()))


@router.get("/{search_id}", responses=_NOT_FOUND)
def saved_search(services: ServicesDep, visitor: VisitorDep, search_id: SearchId) -> SavedSearchOut:
    """One of them."""
    with services.reading() as session:
        return SavedSearchOut.of(
            SavedSearchRepository(session, account_id(visitor)).require(search_id)
        )


@router.patch("/{search_id}", responses=_NOT_FOUND)
def rename(
    services: ServicesDep, visitor: VisitorDep, search_id: SearchId, given: RenameIn
) -> SavedSearchOut:
    """Give it another name."""
    with services.writing() as session:
        repository = SavedSearchRepository(session, account_id(visitor))
        return SavedSearchOut.of(repository.rename(search_id, given.name))


@router.delete("/{search_id}", responses=_NOT_FOUND)
def delete(services: ServicesDep, visitor: VisitorDep, search_id: SearchId) -> SavedSearchOut:
    """Take it off the list. Repeating it changes nothing."""
    with services.writing() as session:
        repository = SavedSearchRepository(session, account_id(visitor))
        return SavedSearchOut.of(repository.delete(search_id, now_at()))


@router.post("/{search_id}/restore", responses=_NOT_FOUND)
def restore(services: ServicesDep, visitor: VisitorDep, search_id: SearchId) -> SavedSearchOut:
    """Put a deleted one back. Repeating it changes nothing."""
    with services.writing() as session:
        repository = SavedSearchRepository(session, account_id(visitor))
        return SavedSearchOut.of(repository.restore(search_id))
