"""The dictionary: words that people add to what ships, and the versions that act."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import BackgroundTasks, Path

from api import dictionary
from api.api_route import api_router
from api.deps import RoleDep, ServicesDep, VisitorDep
from api.dictionary import DecisionIn, DictionaryOut, TermIn, TermOut, VersionOut
from api.dictionary_preview import PreviewOut, preview
from api.schemas import Problem

router = api_router("dictionary", under="/dictionary")
TermId = Annotated[int, Path(ge=1, le=2**63 - 1, description="Number of the word.")]
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "What was asked makes no sense; the detail says why."}
}
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such word."}
}
_DECIDING: dict[int | str, dict[str, Any]] = {
    **_REFUSED,
    409: {"model": Problem, "description": "The dictionary is not as it was looked at."},
}


@router.get("/terms")
def terms(services: ServicesDep) -> DictionaryOut:
    """Every word that people added, in order of entry, and what acts now."""
    return dictionary.overview(services)


@router.post("/terms", status_code=201, responses=_REFUSED)
def add(services: ServicesDep, visitor: VisitorDep, given: TermIn) -> TermOut:
    """Draft a word: nothing changes before it is published."""
    return dictionary.add(services, given, visitor.name, visitor.actor)


@router.delete("/terms/{term_id}", responses=_NOT_FOUND)
def withdraw(services: ServicesDep, visitor: VisitorDep, term_id: TermId) -> TermOut:
    """Drop a draft; a published word leaves with the next version. Again: no change."""
    return dictionary.withdraw(services, term_id, visitor.actor)


@router.post("/terms/{term_id}/restore", responses={**_NOT_FOUND, **_REFUSED})
def restore(services: ServicesDep, visitor: VisitorDep, term_id: TermId) -> TermOut:
    """Take a withdrawal back."""
    return dictionary.restore(services, term_id, visitor.actor)


@router.post("/preview", response_model=PreviewOut, responses=_REFUSED)
def what_would_change(services: ServicesDep, role: RoleDep) -> PreviewOut:
    """What publishing would change in the first ten of needs that hold the words. Writes
    nothing."""
    return preview(services, role)


@router.post("/publish", responses=_DECIDING)
def publish(
    services: ServicesDep, visitor: VisitorDep, given: DecisionIn, tasks: BackgroundTasks
) -> VersionOut:
    """Let the drafts act. The indexes are made anew after the answer; until then they are asked
    with the dictionary that made them."""
    done = dictionary.publish(services, given, visitor.name, visitor.actor)
    tasks.add_task(dictionary.refresh, services)
    return done


@router.post("/rollback", responses=_DECIDING)
def rollback(
    services: ServicesDep, visitor: VisitorDep, given: DecisionIn, tasks: BackgroundTasks
) -> VersionOut:
    """Bring back what acted before the version that acts now; otherwise as publishing."""
    done = dictionary.rollback(services, given, visitor.name, visitor.actor)
    tasks.add_task(dictionary.refresh, services)
    return done


@router.get("/versions")
def versions(services: ServicesDep) -> list[VersionOut]:
    """Every version, the newest first."""
    return dictionary.overview(services).versions
