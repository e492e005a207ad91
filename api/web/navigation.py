"""What stands in the head of every page: the places that who looks at it may go to."""

from __future__ import annotations

from dataclasses import dataclass

from api.security.policy import rule_for
from api.security.visitor import Visitor


@dataclass(frozen=True, slots=True)
class Place:
    """A page that the head leads to."""

    path: str
    label: str
    aside: bool = False
    """Beside the account, not among what is used every day."""


NAVIGATION: tuple[Place, ...] = (
    Place("/desk", "工作台"),
    Place("/", "搜索"),
    Place("/needs", "需求"),
    Place("/achievements", "成果"),
    Place("/shortlists", "收藏清单"),
    Place("/imports", "导入"),
    Place("/duplicates", "去重"),
    Place("/dictionary", "词典"),
    Place("/saved-searches", "保存的搜索", aside=True),
    Place("/admin/users", "用户", aside=True),
    Place("/admin/audit", "审计", aside=True),
    Place("/admin/system", "系统", aside=True),
)
"""In the order in which they are shown. The policy says who sees which."""


def places_for(visitor: Visitor) -> list[Place]:
    """Those that the policy lets a visitor open; none for somebody who has not logged in."""
    if not visitor.is_known:
        return []
    rules = ((place, rule_for("GET", place.path)) for place in NAVIGATION)
    return [place for place, rule in rules if rule and visitor.role in rule.roles]


def home_for(visitor: Visitor) -> str:
    """Where the name of the site leads: the own desk, or the search for who has none."""
    return "/desk" if visitor.is_known and not visitor.is_open else "/"


def is_current(place: Place, path: str) -> bool:
    """Whether a page belongs to a place: it is that page, or lies below it."""
    return path == place.path or (place.path != "/" and path.startswith(f"{place.path}/"))
