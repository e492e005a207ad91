"""The page that shows every component in every state, made by the templates of the real pages.

The examples are written for it and say so; no record of the database is on it.
"""

from __future__ import annotations

import math

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.cards import IndicatorOut, ObjectionOut, QuestionOut, QuoteOut
from api.schemas import MatchOut, OtherOut, PartOut, RankingOut, RecordOut, SpanOut, TermOut
from api.web.templating import render
from corpus.model import Confidentiality, Kind
from matcher.indicators import Verdict
from matcher.objections import Addressee, Code, Severity
from matcher.scoring import PART_LABELS, Level

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)

_NEED_TITLE = "示例需求：循环水余热利用"
_NEED_TEXT = "希望回收 45℃ 循环水的余热，用于厂区采暖，年节约标准煤不低于 800 吨。"
_TITLE = "示例成果：低温余热热泵"
_TEXT = "从循环水中回收余热，供厂区采暖；示范工程年节约标准煤 960 吨。"


@router.api_route("/design", methods=["GET", "HEAD"])
def design_page(request: Request) -> HTMLResponse:
    """Every component."""
    return render(
        request,
        "design.html",
        ranking=_ranking([_match(level) for level in (Level.STRONG, Level.GOOD, Level.WEAK)]),
        nothing=_ranking([]),
        query_title=_NEED_TITLE,
        query_text=_NEED_TEXT,
        record=_record("X1", _TITLE, _TEXT),
        need=_record("X0", _NEED_TITLE, _NEED_TEXT, Kind.NEED),
    )


def _record(key: str, title: str, text: str, kind: Kind = Kind.ACHIEVEMENT) -> RecordOut:
    offered = kind is Kind.ACHIEVEMENT
    return RecordOut(
        id=key,
        kind=kind,
        title=title,
        text=text,
        technology_field=None,
        industry=None,
        organisation="某研究所（示例）" if offered else "某企业（示例）",
        region="北京" if offered else None,
        language="zh",
        cooperation=[],
        published_on=None,
        valid_until_on=None,
        maturity="通过中试" if offered else None,
        county=None if offered else "迁安市",
        confidentiality=Confidentiality.PUBLIC if offered else Confidentiality.INTERNAL,
        hidden=[],
        suggested={"technology_field": "节能环保"},
    )


def _ranking(matches: list[MatchOut]) -> RankingOut:
    return RankingOut(
        source=None,
        query=_NEED_TITLE,
        target=Kind.ACHIEVEMENT,
        eligible=len(matches),
        shelved=len(matches),
        matches=matches,
        problems=[] if matches else ["示例：语义检索已停用，只按词语查找。"],
        set_back=[OtherOut(id="X9", title="示例成果：排在后面的一项", organisation=None)],
    )


_PARTS = {Level.STRONG: (1.2, 1.4), Level.GOOD: (0.4, 0.6), Level.WEAK: (-0.3, 0.2)}


def _match(level: Level) -> MatchOut:
    parts = [_part("start", -1.0), *map(_part, ("meaning", "wording"), _PARTS[level])]
    score = sum(part.part for part in parts)
    quote = _quote(Kind.ACHIEVEMENT, "年节约标准煤 960 吨")
    wanted = [_quote(Kind.NEED, "年节约标准煤不低于 800 吨")]
    weak = level is Level.WEAK
    return MatchOut(
        document=_record("X1", _TITLE, _TEXT),
        score=score,
        parts=parts,
        chance=1 / (1 + math.exp(-score)),
        level=level,
        recommended=not weak,
        terms=[_term(word) for word in ("余热", "循环水", "采暖")],
        query_sentence=_span(_NEED_TEXT, _NEED_TEXT),
        document_sentence=_span(_TEXT, _TEXT),
        moved=int(weak),
        near_copies=[OtherOut(id="X2", title="示例成果：近似的一项", organisation=None)],
        indicators=[
            _indicator("年节约标准煤", Verdict.MET, wanted, quote),
            _indicator("循环水温度", Verdict.UNSTATED, [_quote(Kind.NEED, "45℃")], None),
        ],
        objections=[
            ObjectionOut(
                code=next(iter(Code)),
                severity=severity,
                sentence="示例：这里写出双方不合的地方。",
                need=[],
                achievement=[],
                empty=None,
            )
            for severity in Severity
        ],
        questions=[
            QuestionOut(topic="示例", to=to, text="示例：这里写要问的话。") for to in Addressee
        ],
    )


def _part(feature: str, part: float) -> PartOut:
    return PartOut(
        feature=feature, label=PART_LABELS[feature], reason="示例：这里写这一部分的含义",
        value=part, weight=1.0, reference=0.0, part=part,
    )  # fmt: skip


def _indicator(
    name: str, verdict: Verdict, need: list[QuoteOut], held: QuoteOut | None
) -> IndicatorOut:
    said = "示例：这里写两边的数值。"
    return IndicatorOut(property=name, verdict=verdict, sentence=said, need=need, achievement=held)


def _term(word: str) -> TermOut:
    return TermOut(
        term=word,
        part=float(len(word)),
        key=True,
        query_spans=[_span(_NEED_TEXT, word)],
        document_spans=[_span(_TEXT, word)],
    )


def _span(text: str, piece: str) -> SpanOut:
    start = text.index(piece)
    return SpanOut(field="text", start=start, end=start + len(piece), quote=piece)


def _quote(side: Kind, piece: str) -> QuoteOut:
    start = (_NEED_TEXT if side is Kind.NEED else _TEXT).index(piece)
    return QuoteOut(side=side, field="text", start=start, end=start + len(piece), quote=piece)
