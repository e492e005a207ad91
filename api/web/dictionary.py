"""Pages of the dictionary: adding words, seeing what they would change, publishing, going back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, BackgroundTasks, Form, Path, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api import dictionary
from api.clock import TIME_ZONE
from api.deps import Name, RoleDep, ServicesDep, VisitorDep
from api.dictionary import DecisionIn, TermIn
from api.dictionary_preview import MOST_NEEDS, TOP, preview
from api.security.visitor import Visitor
from api.services import Services
from api.web.templating import render
from corpus.confidentiality import Role
from corpus.dictionary.model import (
    MOST_CHARACTERS,
    MOST_NOTE,
    DictionaryError,
    StaleDictionaryError,
    TermKind,
    TermState,
    UnknownTermError,
)

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_METHODS = ["GET", "HEAD"]
TermId = Annotated[int, Path(ge=1, le=2**63 - 1)]
Text = Annotated[Name, Form(max_length=1000)]
_SAID = {
    "added": "已加入草稿，发布之后才起作用。",
    "withdrawn": "已撤下。",
    "restored": "已恢复。",
    "published": "已发布。索引正在按新词典重新分词；完成之前，检索照旧用原来的词典。",
    "back": "已退回上一版的词。索引正在重新分词；完成之前，检索照旧用原来的词典。",
    "index": "已开始更新索引。",
}


@router.api_route("/dictionary", methods=_METHODS)
def dictionary_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    done: Annotated[str, Query(max_length=20)] = "",
    term: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0,
) -> HTMLResponse:
    """Drafts, published words, versions."""
    return _page(request, services, visitor, said=_SAID.get(done, ""), touched=term)


@router.api_route("/dictionary/preview", methods=_METHODS)
def preview_page(request: Request, services: ServicesDep, role: RoleDep) -> HTMLResponse:
    """What publishing the drafts would change."""
    found = preview(services, role)
    return render(
        request, "dictionary_preview.html", found=found, most=MOST_NEEDS, top=TOP,
        may_publish=role is Role.ADMINISTRATOR,
    )  # fmt: skip


@router.post("/dictionary/terms")
def add(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    kind: Annotated[TermKind, Form()],
    term: Text = "",
    canonical: Text = "",
    note: Text = "",
) -> Response:
    """Draft a word; a wrong one comes back with the form as it was filled."""
    given = TermIn(kind=kind, term=term, canonical=canonical, note=note)
    try:
        made = dictionary.add(services, given, visitor.name, visitor.actor)
    except DictionaryError as error:
        page = _page(request, services, visitor, problem=str(error), given=given)
        page.status_code = 400
        return page
    return _gone_on("added", made.id)


@router.post("/dictionary/terms/{term_id}/withdraw")
def withdraw(
    request: Request, services: ServicesDep, visitor: VisitorDep, term_id: TermId
) -> Response:
    """Drop a draft, or let a published word leave."""
    return _moved(
        request, services, visitor, "withdrawn",
        lambda: dictionary.withdraw(services, term_id, visitor.actor).id,
    )  # fmt: skip


@router.post("/dictionary/terms/{term_id}/restore")
def restore(
    request: Request, services: ServicesDep, visitor: VisitorDep, term_id: TermId
) -> Response:
    """Take a withdrawal back."""
    return _moved(
        request, services, visitor, "restored",
        lambda: dictionary.restore(services, term_id, visitor.actor).id,
    )  # fmt: skip


@router.post("/dictionary/publish")
def publish(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    tasks: BackgroundTasks,
    stamp: Text = "",
    note: Text = "",
) -> Response:
    """Let the drafts act; the indexes follow after the answer."""
    given = DecisionIn(stamp=stamp, note=note)

    def act() -> int:
        dictionary.publish(services, given, visitor.name, visitor.actor)
        tasks.add_task(dictionary.refresh, services)
        return 0

    return _moved(request, services, visitor, "published", act)


@router.post("/dictionary/rollback")
def rollback(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    tasks: BackgroundTasks,
    stamp: Text = "",
    note: Text = "",
) -> Response:
    """Bring back what acted before; the indexes follow after the answer."""
    given = DecisionIn(stamp=stamp, note=note)

    def act() -> int:
        dictionary.rollback(services, given, visitor.name, visitor.actor)
        tasks.add_task(dictionary.refresh, services)
        return 0

    return _moved(request, services, visitor, "back", act)


@router.post("/dictionary/index")
def index(services: ServicesDep, tasks: BackgroundTasks) -> Response:
    """Bring the indexes to today's dictionary, where whoever published could not."""
    tasks.add_task(dictionary.refresh, services)
    return _gone_on("index")


def _moved(
    request: Request,
    services: Services,
    visitor: Visitor,
    done: str,
    act: Callable[[], int],
) -> Response:
    try:
        touched = act()
    except UnknownTermError:
        raise
    except DictionaryError as error:
        page = _page(request, services, visitor, problem=str(error))
        page.status_code = 409 if isinstance(error, StaleDictionaryError) else 400
        return page
    return _gone_on(done, touched)


def _gone_on(done: str, term: int = 0) -> Response:
    query = urlencode({"done": done, **({"term": term} if term else {})})
    return RedirectResponse(f"/dictionary?{query}", status_code=303)


def _page(
    request: Request,
    services: Services,
    visitor: Visitor,
    said: str = "",
    problem: str = "",
    given: TermIn | None = None,
    touched: int = 0,
) -> HTMLResponse:
    found = dictionary.overview(services)
    return render(
        request, "dictionary.html", found=found, kinds=list(TermKind), states=TermState,
        said=said, problem=problem, given=given, most=MOST_CHARACTERS, most_note=MOST_NOTE,
        touched=next((one for one in found.terms if one.id == touched), None),
        may_publish=visitor.role is Role.ADMINISTRATOR,
        moment=lambda value: f"{value.astimezone(TIME_ZONE):%Y-%m-%d %H:%M}",
    )  # fmt: skip
