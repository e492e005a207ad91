"""Feedback in two clicks: 采纳, or 不合适 with its reason; then back to where one was."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path
from starlette.responses import HTMLResponse, Response

from api import feedback
from api.deps import Name, ServicesDep, VisitorDep
from api.security.policy import JUDGING
from api.security.visitor import Visitor
from api.web.notices import going_back
from api.web.templating import offer
from matcher.feedback import DismissReason, Pair, Verdict, judgement

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
Next = Annotated[str, Form(max_length=10_000)]
Id = Annotated[Name, Form(max_length=1000)]


@router.post("/feedback")
def give(
    services: ServicesDep,
    visitor: VisitorDep,
    need: Id,
    achievement: Id,
    verdict: Annotated[Verdict, Form()],
    reason: Annotated[list[DismissReason], Form()] = [],  # noqa: B006
    next: Next = "/",  # noqa: A002
) -> Response:
    """Judge a pair in one's own name."""
    said = judgement(verdict, None, reason, "")
    pair = Pair(need, achievement)
    entry, _ = feedback.give(services, pair, visitor.name, said, visitor.role)
    return going_back(next, f"judged-{entry.id}")


@router.post("/feedback/{feedback_id}/undo")
def undo(
    services: ServicesDep,
    visitor: VisitorDep,
    feedback_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
    next: Next = "/",  # noqa: A002
) -> Response:
    """Take back what one said."""
    feedback.undo(services, feedback_id, visitor.name, visitor.role, only_own=True)
    return going_back(next, f"undone-{feedback_id}")


def may_judge(visitor: Visitor) -> bool:
    """Whether the buttons are for this visitor."""
    return visitor.is_known and visitor.role in JUDGING


offer(may_judge=may_judge, dismiss_reasons=lambda: list(DismissReason))
