"""Where to go with a need that no achievement answers.

The four routes are always the same; what a record says decides which comes first and why. A route
that a fact of the need speaks for says so and quotes it, the others only say what they are good
for. Facts are the budget, what ``corpus.quality`` finds missing, and words of a foreign origin.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from corpus.model import Need
from corpus.quality import Level, assess
from corpus.quality.aspects import CORE
from matcher.explain import Span
from matcher.objections import quote
from matcher.objections.reading import Part, whole

LARGE_BUDGET_WAN = 500.0
"""From this budget on (万元, its upper end) an open call is worth its effort; a judgement."""

_FOREIGN = re.compile(
    r"国产化|国产替代|替代进口|代替进口|进口替代|依赖进口|(?<!出)进口(?!处|端|温度|压力|流量|段|管|阀|口)|"
    r"[国境]外(?=进口|引进|同类|先进|设备|技术|产品|品牌|厂家|厂商|供应商|垄断)|"
    r"日本|韩国|日系|韩系|卡脖子|垄断"
)


class RouteName(StrEnum):
    """The routes, in the words shown to people."""

    VISIT = "科技特派员走访"
    OPEN_CALL = "揭榜挂帅"
    ABROAD = "从日本、韩国找"
    WAIT = "等新的成果"


@dataclass(frozen=True, slots=True)
class NextRoute:
    """A route and one sentence why; ``span`` is what it quotes of the need, if it does."""

    name: RouteName
    sentence: str
    fits: bool
    """Whether a fact of the need speaks for it."""
    span: Span | None = None


_GENERAL = {
    RouteName.VISIT: "请科技特派员到现场看一次，把对象、问题和指标问准，再找一遍。",
    RouteName.OPEN_CALL: "把难题、指标和榜金公开张榜，请全国的团队来揭。",
    RouteName.ABROAD: "国内没有现成的，可以托日本、韩国的渠道找同类技术或供应商。",
    RouteName.WAIT: "新的成果入库后会重新比较，到时再看。",
}


def general_routes() -> tuple[NextRoute, ...]:
    """The routes for free text, which has no record to look at."""
    return tuple(NextRoute(name, _GENERAL[name], False) for name in RouteName)


def next_routes(need: Need, hidden: frozenset[str], today: date) -> tuple[NextRoute, ...]:
    """The routes for a need, those first that a fact of it speaks for.

    Args:
        need: as the reader may see it (``corpus.confidentiality.masked``).
        hidden: names of its fields that he may not see; nothing is concluded from them.
        today: the day on which its validity is looked at.
    """
    readable = not hidden & {"title", "text"}
    found = {
        RouteName.VISIT: _visit(need) if readable else None,
        RouteName.OPEN_CALL: _open_call(need),
        RouteName.ABROAD: _abroad(need) if readable else None,
        RouteName.WAIT: _wait(need, today),
    }
    routes = [found[name] or NextRoute(name, _GENERAL[name], False) for name in RouteName]
    return tuple(sorted(routes, key=lambda route: not route.fits))


def _visit(need: Need) -> NextRoute | None:
    quality = assess(need)
    missing = [aspect.value for aspect in quality.missing if aspect in CORE]
    if quality.level is Level.CLEAR or not missing:
        return None
    return NextRoute(
        RouteName.VISIT,
        f"需求没有写明{'、'.join(missing)}，先向企业问清这几点，或请科技特派员走访，再找一遍。",
        True,
    )


def _open_call(need: Need) -> NextRoute | None:
    budget = need.budget
    if budget is None:
        return None
    most = budget.max_wan if budget.max_wan is not None else budget.min_wan
    if most is None or most < LARGE_BUDGET_WAN:
        return None
    span = whole(need, "budget")
    return NextRoute(
        RouteName.OPEN_CALL,
        f"拟投入“{quote(need, span)}”，够张榜一次：把难题、指标和榜金公开，请全国的团队来揭。",
        True,
        span,
    )


def _abroad(need: Need) -> NextRoute | None:
    for part in (Part("title", need.title), Part("text", need.body)):
        if match := _FOREIGN.search(part.text):
            span = Span(part.field, *match.span())
            return NextRoute(
                RouteName.ABROAD,
                f"需求提到“{quote(need, span)}”，可以托日本、韩国的渠道找同类技术或供应商。",
                True,
                span,
            )
    return None


def _wait(need: Need, today: date) -> NextRoute | None:
    until = need.valid_until_on
    if until is None:
        return None
    span = whole(need, "valid_until_on")
    if until < today:
        sentence = f"需求的有效期到 {quote(need, span)} 为止，已经过了：先问企业还要不要。"
        return NextRoute(RouteName.WAIT, sentence, False, span)
    sentence = f"需求的有效期到 {quote(need, span)}，这之前有新的成果入库会重新比较。"
    return NextRoute(RouteName.WAIT, sentence, False, span)
