"""Page of one's own personal tokens: made, shown once, revoked."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.clock import TIME_ZONE, now_at
from api.deps import ServicesDep, VisitorDep
from api.security.accounts import AccountRepository
from api.security.audit import Action, AuditLog
from api.security.credentials import MAX_TOKEN_DAYS, TokenRepository
from api.security.errors import AccountError, UnknownAccountError
from api.security.visitor import Visitor
from api.services import Services
from api.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_DAYS = 90


@router.api_route("/account/tokens", methods=["GET", "HEAD"])
def tokens_page(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """All that were ever made, without their secrets."""
    return _page(request, services, visitor)


@router.post("/account/tokens")
def create_token(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    name: Annotated[str, Form(max_length=1000)] = "",
    days: Annotated[int, Form(ge=0, le=10_000)] = _DAYS,
) -> Response:
    """A new one; this answer alone shows it."""
    if visitor.is_open:
        return _page(request, services, visitor, problem="示例没有账号，不能新建令牌。")
    try:
        with services.writing() as session:
            account = AccountRepository(session).require(visitor.name)
            made, secret = TokenRepository(session).create(account, name, days, now_at())
            AuditLog(session).note(
                Action.TOKEN_CREATED, visitor.actor, f"token:{made.id}", now_at()
            )
    except AccountError as error:
        page = _page(request, services, visitor, problem=str(error))
        page.status_code = 400
        return page
    return _page(request, services, visitor, secret=secret)


@router.post("/account/tokens/{token_id}/revoke")
def revoke_token(
    services: ServicesDep,
    visitor: VisitorDep,
    token_id: Annotated[int, Path(ge=1, le=2**63 - 1)],
) -> Response:
    """End one of one's own; another's is as if it were not."""
    with services.writing() as session:
        tokens = TokenRepository(session)
        if token_id not in {token.id for token in tokens.all(visitor.actor.user_id or 0)}:
            raise UnknownAccountError("你没有这个令牌。请刷新页面查看。")
        tokens.revoke(token_id, now_at())
        AuditLog(session).note(Action.TOKEN_REVOKED, visitor.actor, f"token:{token_id}", now_at())
    return RedirectResponse("/account/tokens", status_code=303)


def _page(
    request: Request, services: Services, visitor: Visitor, problem: str = "", secret: str = ""
) -> HTMLResponse:
    with services.reading() as session:
        found = TokenRepository(session).all(visitor.actor.user_id or 0)
    rows = [
        {
            "token": token,
            "until": token.expires_at.astimezone(TIME_ZONE).date(),
            "seen": token.seen_at and token.seen_at.astimezone(TIME_ZONE).date(),
            "is_good": token.revoked_at is None and token.expires_at > now_at(),
        }
        for token in reversed(found)
    ]
    return render(
        request, "tokens.html", rows=rows, problem=problem, secret=secret, days=_DAYS,
        most_days=MAX_TOKEN_DAYS,
    )  # fmt: skip
