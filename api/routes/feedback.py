"""Feedback on pairs: what was said, saying it, taking it back."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path, Query, Response

from api import feedback
from api.api_route import api_router
from api.deps import Name, Offset, RoleDep, ServicesDep, VisitorDep
from api.feedback import FeedbackIn, FeedbackOut, FeedbackPage
from api.schemas import Problem
from corpus.confidentiality import Role
from matcher.feedback import Pair
from matcher.repository import FeedbackFilter

router = api_router("feedback")
_TAKE_BACK_ALL = frozenset({Role.ADMINISTRATOR, Role.OFFICER})
_NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No such record or entry."}
}
_REFUSED: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "A judgement that makes no sense."},
    403: {"model": Problem, "description": "The text is closed to the role that asks."},
}
_REPEATED: dict[int | str, dict[str, Any]] = {
    200: {"model": FeedbackOut, "description": "It was said before; nothing is noted again."}
}


@router.get("/feedback")
def entries(
    services: ServicesDep,
    role: RoleDep,
    need: Annotated[Name | None, Query(description="Of this need only.")] = None,
    achievement: Annotated[Name | None, Query(description="Of this achievement only.")] = None,
    shelved: Annotated[
        bool, Query(description="Only dismissals that keep a pair away now (已搁置).")
    ] = False,
    undone: Annotated[bool, Query(description="Also what was taken back.")] = False,
    offset: Offset = 0,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FeedbackPage:
    """The log, the newest first."""
    where = FeedbackFilter(need=need, achievement=achievement, undone=undone)
    find = feedback.shelved if shelved else feedback.page
    return find(services, where, offset, limit, role)


@router.post("/feedback", status_code=201, responses={**_REPEATED, **_NOT_FOUND, **_REFUSED})
def give(
    services: ServicesDep, visitor: VisitorDep, given: FeedbackIn, response: Response
) -> FeedbackOut:
    """Judge a pair in one's own name. Repeating it changes nothing: it may be sent again."""
    pair = Pair(given.need, given.achievement)
    entry, new = feedback.give(services, pair, visitor.name, given.judgement(), visitor.role)
    response.status_code = 201 if new else 200
    return entry


@router.delete("/feedback/{feedback_id}", responses={**_NOT_FOUND, **_REFUSED})
def undo(
    services: ServicesDep,
    visitor: VisitorDep,
    feedback_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> FeedbackOut:
    """Take an entry back; it stays in the log. Repeating it changes nothing.

    What another said is taken back by administrators and officers only.
    """
    return feedback.undo(
        services, feedback_id, visitor.name, visitor.role,
        only_own=visitor.role not in _TAKE_BACK_ALL,
    )  # fmt: skip
