"""Pages to log in, log out and change one's password."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.deps import ServicesDep, VisitorDep
from api.security.errors import AccountError, LoginBlockedError, LoginRefusedError
from api.security.passwords import MIN_LENGTH, RULE
from api.security.recognition import CookieNames
from api.security.secrets import form_token, new_secret
from api.services import Services
from api.web.templating import render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
HOME = "/desk"
"""Where a login leads to."""
Field = Annotated[str, Form(max_length=1000)]
Next = Annotated[str, Form(max_length=10_000)]


def safe_next(wanted: str) -> str:
    """A place on this site to go on to; anything else is the first page.

    Browsers take a backslash for a slash and leave out tabs and line feeds, so none passes.
    """
    plain = wanted.isprintable() and "\\" not in wanted and wanted.startswith("/")
    if not plain or wanted.startswith("//"):
        return "/"
    parts = urlsplit(wanted)
    return wanted if not parts.scheme and not parts.netloc else "/"


@router.api_route("/login", methods=["GET", "HEAD"])
def login_page(request: Request, visitor: VisitorDep, next: str = HOME) -> Response:  # noqa: A002
    """The form; who is logged in goes on."""
    if visitor.is_known:
        return RedirectResponse(safe_next(next), status_code=303)
    # A secret of this browser's own, so that nobody logs it in as somebody else.
    secret = visitor.secret or new_secret()
    # Who only opened the first page has not asked for anything yet.
    wanted = HOME if safe_next(next) == "/" else safe_next(next)
    page = login_form(request, wanted, csrf=form_token(secret))
    set_cookie(page, request, cookie_names(request).before_login, secret)
    return page


@router.post("/login")
def login(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    name: Field = "",
    password: Field = "",
    next: Next = HOME,  # noqa: A002
) -> Response:
    """Check name and password; what is wrong is said in one way only."""
    cookies = cookie_names(request)
    old = request.cookies.get(cookies.session, "")
    try:
        secret = services.door.log_in(name, password, visitor.actor, old)
    except (LoginRefusedError, LoginBlockedError) as error:
        page = login_form(request, safe_next(next), problem=str(error), typed=name)
        page.status_code = 429 if isinstance(error, LoginBlockedError) else 401
        return page
    answer = RedirectResponse(safe_next(next), status_code=303)
    set_cookie(answer, request, cookies.session, secret)
    clear_cookie(answer, request, cookies.before_login)
    return answer


@router.post("/logout")
def logout(request: Request, services: ServicesDep, visitor: VisitorDep) -> Response:
    """End the session."""
    answer = RedirectResponse("/login", status_code=303)
    if not visitor.is_open:
        services.door.log_out(visitor.secret, visitor.actor)
        clear_cookie(answer, request, cookie_names(request).session)
    return answer


@router.api_route("/account/password", methods=["GET", "HEAD"])
def password_page(request: Request, visitor: VisitorDep) -> Response:
    """The form."""
    return _password_form(request)


@router.post("/account/password")
def change_password(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    old: Field = "",
    new: Field = "",
    again: Field = "",
) -> Response:
    """A new password; every other login of the account ends."""
    problem = ""
    if visitor.is_open:
        problem = "示例没有账号，不能修改密码。"
    elif new != again:
        problem = "两次写的新密码不一样。"
    else:
        try:
            secret = services.door.change_password(visitor.name, old, new, visitor.actor)
        except LoginRefusedError:
            problem = "现在的密码不对。"
        except AccountError as error:
            problem = str(error)
    if problem:
        page = _password_form(request, problem=problem)
        page.status_code = 400
        return page
    done = _password_form(request, done=True, csrf=form_token(secret))
    set_cookie(done, request, cookie_names(request).session, secret)
    return done


def login_form(request: Request, wanted: str, **values: str) -> HTMLResponse:
    """The form, to go on to ``wanted`` from."""
    services: Services = request.app.state.services
    known = {"problem": "", "typed": "", "next": wanted, "by_provider": services.oidc is not None}
    return render(request, "login.html", **{**known, **values})


def _password_form(request: Request, **values: object) -> HTMLResponse:
    known = {"problem": "", "done": False, "rule": RULE, "min_length": MIN_LENGTH}
    return render(request, "password.html", **{**known, **values})


def cookie_names(request: Request) -> CookieNames:
    """What this app calls its cookies."""
    found: CookieNames = request.app.state.cookies
    return found


def set_cookie(
    answer: Response, request: Request, name: str, secret: str, max_age_s: int | None = None
) -> None:
    """One that scripts do not see and other sites do not send; None: until the browser closes."""
    answer.set_cookie(
        name, secret, path="/", secure=cookie_names(request).secure, httponly=True,
        samesite="lax", max_age=max_age_s,
    )  # fmt: skip


def clear_cookie(answer: Response, request: Request, name: str) -> None:
    """The same, ended."""
    secure = cookie_names(request).secure
    answer.delete_cookie(name, path="/", secure=secure, httponly=True, samesite="lax")
