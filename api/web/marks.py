"""What a card says of what one has done with its pair: judged it, put it into a list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from api import shortlists
from api.feedback import said_label
from api.security.policy import JUDGING
from api.security.visitor import Visitor
from api.services import Services
from matcher.feedback import Pair
from matcher.repository import FeedbackFilter, FeedbackRepository
from matcher.shortlist_repository import ShortlistRepository


@dataclass(frozen=True, slots=True)
class Marks:
    """The last thing one said of a pair, and the lists that hold it: (number, name)."""

    said: str = ""
    kept: Sequence[tuple[int, str]] = ()


def marks(request: Request, need: str, achievement: str) -> Marks:
    """Of a pair, for who looks at the page."""
    visitor: Visitor = request.state.visitor
    if not visitor.is_known:
        return Marks()
    services: Services = request.app.state.services
    pair = Pair(need, achievement)
    with services.reading() as session:
        kept = ShortlistRepository(session).holding(shortlists.reader(services, visitor), pair)
        if visitor.role not in JUDGING:
            return Marks("", kept)
        mine = FeedbackFilter(need=need, achievement=achievement, rater=visitor.name)
        last = FeedbackRepository(session).entries(mine, 0, 1)
    said = [said_label(one.judgement.verdict, one.judgement.grade, one.judgement.reasons)
            for one in last]  # fmt: skip
    return Marks("".join(said), kept)
