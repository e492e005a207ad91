"""Logging in by the OpenID Connect provider of the settings: there, and back."""

from __future__ import annotations

from urllib.parse import quote, unquote

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import ServicesDep, VisitorDep
from api.security.errors import AccountError
from api.security.oidc import Flow
from api.security.secrets import form_token, new_secret
from api.web.accounts import clear_cookie, cookie_names, login_form, safe_next, set_cookie

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_CALLBACK = "/login/oidc/callback"
_MINUTES = 10
_LONGEST_NEXT = 2000


@router.get("/login/oidc")
def leave(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    next: str = "/",  # noqa: A002
) -> Response:
    """To the provider, with a secret of this browser's own."""
    if services.oidc is None or visitor.is_known:
        return RedirectResponse("/login", status_code=303)
    flow = Flow(new_secret())
    try:
        address = services.oidc.begin(flow, _redirect_uri(request))
    except AccountError as error:
        return _refused(request, visitor.secret, error)
    answer = RedirectResponse(address, status_code=303)
    wanted = quote(safe_next(next), safe="")
    kept = f"{flow.secret}.{wanted if len(wanted) <= _LONGEST_NEXT else ''}"
    set_cookie(answer, request, cookie_names(request).elsewhere, kept, max_age_s=_MINUTES * 60)
    return answer


@router.get(_CALLBACK)
def come_back(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """A session for whom the provider vouches for, if there is such an account."""
    names = cookie_names(request)
    secret, _, wanted = request.cookies.get(names.elsewhere, "").partition(".")
    if services.oidc is None or not secret:
        return RedirectResponse("/login", status_code=303)
    try:
        name = services.oidc.finish(
            Flow(secret), _redirect_uri(request), dict(request.query_params)
        )
        old = request.cookies.get(names.session, "")
        session = services.door.admit(name, visitor.actor, old)
    except AccountError as error:
        answer = _refused(request, visitor.secret, error)
        clear_cookie(answer, request, names.elsewhere)
        return answer
    done = RedirectResponse(safe_next(unquote(wanted)), status_code=303)
    set_cookie(done, request, names.session, session)
    clear_cookie(done, request, names.elsewhere)
    clear_cookie(done, request, names.before_login)
    return done


def _redirect_uri(request: Request) -> str:
    # The provider sends nobody to an address that it has not been told of, whatever Host says.
    return f"{request.url.scheme}://{request.url.netloc}{_CALLBACK}"


def _refused(request: Request, known: str, error: AccountError) -> Response:
    secret = known or new_secret()
    page = login_form(request, "/", problem=str(error), csrf=form_token(secret))
    page.status_code = 401
    set_cookie(page, request, cookie_names(request).before_login, secret)
    return page
