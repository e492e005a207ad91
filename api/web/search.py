"""The search page: one box, filters with counts, results with reasons."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.deps import Name, RoleDep, ServicesDep
from api.facets import Choice, counted
from api.saved_searches import NAME_LENGTH
from api.schemas import RankingOut
from api.services import Services
from api.web.choosing import GivenDep, address, chips
from api.web.templating import render
from corpus.confidentiality import Role
from corpus.model import Kind

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
STEP = 20
MOST = 100
Sort = Literal["match", "newest"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the page was asked for."""

    text: str
    choice: Choice
    sort: Sort = "match"
    show: int = STEP

    def address(self, choice: Choice | None = None, show: int = STEP) -> str:
        """The same with another choice, or with more results."""
        chosen = self.choice if choice is None else choice
        return address("/", [
            ("q", self.text), ("kind", chosen.kind.value), *chosen.pairs(),
            ("sort", "" if self.sort == "match" else self.sort),
            ("show", show if show > STEP else 0),
        ])  # fmt: skip


@router.api_route("/", methods=["GET", "HEAD"])
def search_page(
    request: Request,
    services: ServicesDep,
    role: RoleDep,
    given: GivenDep,
    q: Annotated[Name, Query(max_length=20_000)] = "",
    kind: Kind = Kind.ACHIEVEMENT,
    sort: str = "match",
    show: Annotated[int, Query(ge=0, le=2**31)] = STEP,
) -> HTMLResponse:
    """Results as short cards; the text can be a sentence or a whole need."""
    steps = min(max(-(-show // STEP), 1), MOST // STEP)
    order: Sort = "newest" if sort == "newest" else "match"
    wanted = Wanted(q, Choice.of(kind, given), order, steps * STEP)
    where = wanted.choice.where(services)
    ranking, more = found(services, wanted, role) if q.strip() else (None, False)
    return render(
        request,
        "search.html",
        q=q,
        kind=kind,
        sort=order,
        choice=wanted.choice,
        ranking=ranking,
        more=wanted.address(show=wanted.show + STEP) if more else None,
        step=STEP,
        most=MOST,
        totals={k: services.count(k) for k in Kind},
        counts=counted(services, kind, where, role, searched=True),
        chips=chips(wanted.choice, wanted.address),
        clear=wanted.address(Choice(kind)),
        name_length=NAME_LENGTH,
    )


def found(services: Services, wanted: Wanted, role: Role) -> tuple[RankingOut, bool]:
    """What a search lists, and whether there may be more of it.

    The newest first are the best ``MOST``, in order of publication.
    """
    by_day = wanted.sort == "newest"
    limit = MOST if by_day else wanted.show
    where = wanted.choice.where(services)
    ranking = services.search(wanted.text, wanted.choice.kind, where, limit, role)
    matches = ranking.matches
    if by_day:
        matches = sorted(matches, key=lambda m: m.document.published_on or date.min, reverse=True)
    shown = matches[: wanted.show]
    full = len(shown) == wanted.show
    more = wanted.show < MOST and (len(matches) > len(shown) if by_day else full)
    return ranking.model_copy(update={"matches": shown}), more
