"""工作台: what somebody follows, what is new, what waits for him; figures open their rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form, Query
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from api.clock import now_at
from api.deps import Name, RoleDep, ServicesDep, VisitorDep
from api.desk import (
    PAGE,
    Followed,
    FollowRepository,
    Judged,
    NeedRow,
    ProposalRow,
    judged_by,
    need_rows,
)
from api.facets import Choice, counted
from api.feedback import FeedbackOut
from api.saved_searches import SavedSearch, SavedSearchRepository, account_id
from api.schemas import RecordOut, RecordPage
from api.security.policy import JUDGING
from api.security.visitor import Visitor
from api.services import Services
from api.web.choosing import address
from api.web.templating import render
from corpus.confidentiality import EVERY_ROW, Role
from corpus.filters import Facet
from corpus.model import Kind
from corpus.repository import CorpusRepository
from indexer.errors import IndexerError
from matcher.ranking_models import RankingError

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
_METHODS = ["GET", "HEAD"]
_LISTED = 5  # records that the desk itself names
_BARS = 20
PageNumber = Annotated[int, Query(ge=1, le=10_000)]
_PATHS = {Kind.NEED: "/needs", Kind.ACHIEVEMENT: "/achievements"}


class Of(StrEnum):
    """What a figure counts and its page lists."""

    FOLLOWED = "followed"
    ACHIEVEMENTS = "achievements"
    PROPOSED = "proposed"
    NEW = "new"
    WAITING = "waiting"
    DISMISSED = "dismissed"
    ACCEPTED = "accepted"


_TITLES = {
    Of.FOLLOWED: "关注的需求",
    Of.ACHIEVEMENTS: "关注的成果",
    Of.PROPOSED: "为关注的需求找到的成果",
    Of.NEW: "还没看过的",
    Of.WAITING: "推荐了、还没人评价的",
    Of.DISMISSED: "判为不合适之后，内容有变化的",
    Of.ACCEPTED: "采纳之后，内容有变化的",
}


@dataclass(frozen=True, slots=True)
class Desk:
    """All that the figures of one page of followed needs count."""

    followed: Sequence[Followed] = ()
    needs: Sequence[NeedRow] = ()
    achievements: Sequence[tuple[Followed, RecordOut | None]] = ()
    judged: Judged = field(default_factory=lambda: Judged((), (), ()))
    problems: Sequence[str] = ()

    @property
    def proposals(self) -> list[ProposalRow]:
        """Of the followed needs of this page, in their order."""
        return [one for row in self.needs for one in row.proposals]

    def pairs(self, of: Of, need: str = "") -> list[ProposalRow]:
        """Proposals that a figure counts, of all needs of the page or of one."""
        some = [one for one in self.proposals if need in ("", one.need.id)]
        if of is Of.PROPOSED:
            return some
        return [one for one in some if (one.is_new if of is Of.NEW else one.waits)]

    def entries(self, of: Of) -> Sequence[FeedbackOut]:
        """Judgements that a figure counts."""
        return self.judged.dismissed if of is Of.DISMISSED else self.judged.accepted

    def size(self, of: Of) -> int:
        """The figure."""
        if of is Of.FOLLOWED:
            return len(self.followed)
        if of is Of.ACHIEVEMENTS:
            return len(self.achievements)
        if of in (Of.DISMISSED, Of.ACCEPTED):
            return len(self.entries(of))
        return len(self.pairs(of))


@dataclass(frozen=True, slots=True)
class Figure:
    """A number, and the page that lists exactly that many rows."""

    label: str
    number: int
    href: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of the chart; ``width`` in per mille of the longest."""

    label: str
    number: int
    href: str
    width: int


@router.api_route("/desk", methods=_METHODS)
def desk_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    role: RoleDep,
    page: PageNumber = 1,
) -> HTMLResponse:
    """The page that a login leads to."""
    found, saved = Desk(), list[SavedSearch]()
    if not visitor.is_open:
        found = _desk(services, visitor, role, page)
        with services.reading() as session:
            saved = SavedSearchRepository(session, account_id(visitor)).all()
    pages = -(-len(found.followed) // PAGE)
    chart, bars = _chart(services, role)
    return render(
        request,
        "desk.html",
        desk=found,
        figures=[] if visitor.is_open else _figures(found, role, page),
        own=_own(services, role),
        saved=[_counted(services, one, role) for one in saved[:_LISTED]],
        saved_total=len(saved),
        chart=chart,
        bars=bars,
        page=page,
        pages=pages,
        per_page=PAGE,
        listed=_LISTED,
        judges=role in JUDGING,
    )


@router.api_route("/desk/rows", methods=_METHODS)
def rows_page(
    request: Request,
    services: ServicesDep,
    visitor: VisitorDep,
    role: RoleDep,
    of: Of = Of.FOLLOWED,
    need: Name = "",
    page: PageNumber = 1,
) -> HTMLResponse:
    """The rows that a figure of the desk counts."""
    is_pairs = of in (Of.PROPOSED, Of.NEW, Of.WAITING)
    found = Desk() if visitor.is_open else _desk(services, visitor, role, page, rank=is_pairs)
    return render(
        request,
        "desk_rows.html",
        of=of.value,
        heading=_TITLES[of],
        desk=found,
        titles=_followed_titles(services, found.followed, role) if of is Of.FOLLOWED else [],
        pairs=found.pairs(of, need) if is_pairs else [],
        entries=found.entries(of) if of in (Of.DISMISSED, Of.ACCEPTED) else [],
        size=len(found.pairs(of, need)) if is_pairs else found.size(of),
        page=page,
    )


@router.post("/desk/follow")
def follow(
    services: ServicesDep,
    visitor: VisitorDep,
    kind: Annotated[Kind, Form()],
    key: Annotated[Name, Form(max_length=1000)],
    wanted: Annotated[bool, Form()],
    back: Annotated[bool, Form()] = False,
) -> Response:
    """Follow a record, or no longer; ``back`` leads to the list of what is followed."""
    user_id = account_id(visitor)
    with services.writing() as session:
        mine = FollowRepository(session, user_id)
        if wanted:
            # Only what is there for who asks.
            CorpusRepository(session, services.scope).require(kind, key)
            mine.follow(kind, key, now_at())
        else:
            mine.unfollow(kind, key)
    of = Of.FOLLOWED if kind is Kind.NEED else Of.ACHIEVEMENTS
    href = f"/desk/rows?of={of.value}" if back else record_path(kind, key)
    return RedirectResponse(href, status_code=303)


@router.post("/desk/seen")
def seen(
    services: ServicesDep,
    visitor: VisitorDep,
    need: Annotated[list[Name], Form(max_length=1000)],
    achievement: Annotated[list[Name], Form(max_length=1000)],
) -> Response:
    """These proposals were seen; the two lists stand side by side."""
    user_id, shown = account_id(visitor), dict[str, list[str]]()
    for one, proposed in zip(need, achievement, strict=False):
        shown.setdefault(one, []).append(proposed)
    with services.writing() as session:
        mine = FollowRepository(session, user_id)
        for one, some in shown.items():
            mine.mark_seen(Kind.NEED, one, some, now_at())
    return RedirectResponse("/desk", status_code=303)


def record_path(kind: Kind, key: str) -> str:
    """The page of a record."""
    return f"{_PATHS[kind]}/{quote(key)}"


def _desk(
    services: Services, visitor: Visitor, role: Role, page: int, *, rank: bool = True
) -> Desk:
    user_id = account_id(visitor)
    with services.reading() as session:
        mine = FollowRepository(session, user_id)
        followed, achievements = mine.all(Kind.NEED), mine.all(Kind.ACHIEVEMENT)
    here = followed[(page - 1) * PAGE : page * PAGE]
    judged = judged_by(services, visitor.name, role) if role in JUDGING else Judged((), (), ())
    found = Desk(followed, (), _followed_titles(services, achievements, role), judged)
    if not rank:
        return found
    # What somebody follows can be read while nothing can be ranked.
    try:
        needs, problems = need_rows(services, user_id, role, here)
    except (IndexerError, RankingError) as error:
        titles = _followed_titles(services, here, role)
        needs, problems = [NeedRow(record, one.key) for one, record in titles], [str(error)]
    return replace(found, needs=needs, problems=problems)


def _followed_titles(
    services: Services, followed: Sequence[Followed], role: Role
) -> list[tuple[Followed, RecordOut | None]]:
    with services.repository() as repository:
        stored = [(one, repository.get(one.kind, one.key)) for one in followed]
    return [(one, RecordOut.of(s.record, role) if s else None) for one, s in stored]


def _figures(found: Desk, role: Role, page: int) -> list[Figure]:
    shown = [Of.FOLLOWED, Of.PROPOSED, Of.NEW]
    if role in JUDGING:
        shown += [Of.WAITING, Of.DISMISSED, Of.ACCEPTED]
    at = page if page > 1 else 0
    return [
        Figure(_TITLES[of], found.size(of), address("/desk/rows", [("of", of.value), ("page", at)]))
        for of in shown
    ]


@dataclass(frozen=True, slots=True)
class Own:
    """The rows of a role that sees only some: how many, the newest, and where they are listed."""

    label: str
    href: str
    page: RecordPage


def _own(services: Services, role: Role) -> Own | None:
    """Needs of the own county, or achievements of the own institution, that are valid today."""
    if services.scope == EVERY_ROW:
        return None
    kind = Kind.NEED if role is Role.COUNTY else Kind.ACHIEVEMENT
    where = services.record_filter()
    newest = services.page(kind, where, 0, _LISTED, role, newest=True)
    label = "本县区的需求" if kind is Kind.NEED else "本单位的成果"
    return Own(label, address(_PATHS[kind], [("valid", 1)]), newest)


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved search, with how many records its filters leave and where they are listed."""

    search: SavedSearch
    number: int
    href: str


def _counted(services: Services, search: SavedSearch, role: Role) -> Saved:
    where = search.choice.where(services)
    number = services.page(search.kind, where, 0, 0, role).total
    href = address(_PATHS[search.kind], [*search.choice.pairs(), ("valid", 1)])
    return Saved(search, number, href)


def _chart(services: Services, role: Role) -> tuple[str, list[Bar]]:
    """Needs that are valid today, by county, or by field for whom there is only one county."""
    facet = Facet.FIELD if role is Role.COUNTY else Facet.REGION
    counts = counted(services, Kind.NEED, services.record_filter(), role)
    [found] = [one for one in counts.facets if one.name is facet]
    values = sorted(found.values, key=lambda one: -one.count)[:_BARS]
    longest = max((one.count for one in values), default=1)
    bars = [
        Bar(
            one.value,
            one.count,
            address("/needs", [*Choice(Kind.NEED, ((facet, one.value),)).pairs(), ("valid", 1)]),
            round(1000 * one.count / longest),
        )
        for one in values
    ]
    return f"有效期内的需求，按{found.label}", bars
