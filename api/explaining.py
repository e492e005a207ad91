"""Why not this one: where a named pair stands, and what keeps it out of the list."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from pydantic import Field

from api.cards import CardOut, card_fields
from api.clock import TIME_ZONE
from api.schemas import MatchOut, OtherOut, RecordOut
from api.services import Services, readable
from api.wire import Wire
from corpus.confidentiality import Role, hidden_fields, masked
from corpus.model import Achievement, Kind, RecordFilter, Status, StoredRecord
from corpus.repository import CorpusRepository
from matcher.answer import Answer, Shown
from matcher.card import CardMaker
from matcher.engine import PairStanding
from matcher.feedback import Feedback
from matcher.query import Query
from matcher.repository import FeedbackRepository

MOST_FOUND = 20
"""Achievements named for a fragment of a title; more are no answer."""


class Standing(StrEnum):
    """Where a pair stands; the first of these that holds."""

    CLOSED = "closed"  # the role may not read the achievement's text, so it is never proposed
    INACTIVE = "inactive"  # withdrawn, delisted, expired by hand, merged
    DISMISSED = "dismissed"
    FILTERED = "filtered"
    NOT_INDEXED = "not_indexed"
    LISTED = "listed"
    NEAR_COPY = "near_copy"  # another record stands for it
    SET_BACK = "set_back"  # by the cap on institutions
    TOO_WEAK = "too_weak"
    BEYOND = "beyond"  # good enough, behind the end of the list


class ExplainOut(Wire):
    """Why an achievement stands where it does for a need."""

    need: RecordOut
    achievement: RecordOut
    standing: Standing
    reasons: list[str] = Field(description="Sentences, the one that decides first.")
    place: int | None = Field(
        description="Among all that pass the filters; where it does not pass them, the place it "
        "would have. Null where no index holds it."
    )
    eligible: int | None = Field(description="Achievements that pass the filters.")
    match: MatchOut | None = Field(description="Score and reasons, with the card.")
    card: CardOut | None = Field(description="The card where there is no match to hold it.")
    problems: list[str] = Field(description="Paths of the search that could not answer.")


@dataclass(frozen=True, slots=True)
class _Pair:
    need: StoredRecord
    achievement: StoredRecord


def explain_pair(
    services: Services,
    need_key: str,
    achievement_key: str,
    where: RecordFilter,
    limit: int,
    role: Role,
) -> ExplainOut:
    """Why an achievement is in the list of a need, or why it is not.

    Raises:
        UnknownRecordError: one of the two is not there.
        ShardError: no index can answer.
    """
    with services.searching(Kind.ACHIEVEMENT) as (repository, shard, lag):
        pair = _Pair(
            repository.require(Kind.NEED, need_key),
            repository.require(Kind.ACHIEVEMENT, achievement_key),
        )
        if hidden_fields(pair.achievement.record, role) & {"title", "text"}:
            sentence = "这项成果的内容没有向您公开，不参与匹配；请向管理员申请查看。"
            return _explained(services, pair, role, Standing.CLOSED, [sentence])
        [asked] = services.asked([pair.need.record])
        query, limits = Query.of(pair.need.record), readable(where, role)
        found = services.engine_for(shard.manifest.maker).explain_pair(
            repository, query, pair.achievement, limits, shard, asked.shelved
        )
        answerer = services.answerer(repository, shard, where, role)
        [answer] = answerer.answers([asked], Kind.ACHIEVEMENT, limit)
        kept_out = [
            *_inactive(pair.achievement),
            *_dismissed(services, pair),
            *_filtered(repository, pair.achievement, limits, role),
        ]
        if found is not None:
            kept_out.append(_placed(answer, found, pair, limit))
        elif pair.achievement.status is Status.ACTIVE:
            kept_out.append((Standing.NOT_INDEXED, "它还没有编入索引；运行 zhitong index build。"))
        standing, reasons = kept_out[0][0], [sentence for _, sentence in kept_out]
        problems = [*answer.ranking.problems, *lag]
        return _explained(services, pair, role, standing, reasons, found, problems)


def _explained(
    services: Services,
    pair: _Pair,
    role: Role,
    standing: Standing,
    reasons: list[str],
    found: PairStanding | None = None,
    problems: list[str] | None = None,
) -> ExplainOut:
    need, achievement = pair.need.record, pair.achievement.record
    [card] = CardMaker(services.today(), role).cards(need, [achievement])
    match = None
    if found is not None:
        match = MatchOut.of(Shown(found.match, card), Query.of(need), need, role, found.model)
    shown = card_fields(card, masked(need, role), masked(achievement, role))
    return ExplainOut(
        need=RecordOut.of(need, role),
        achievement=RecordOut.of(achievement, role),
        standing=standing,
        reasons=reasons,
        place=found.place if found else None,
        eligible=found.eligible if found else None,
        match=match,
        card=None if match else CardOut(**shown),
        problems=problems or [],
    )


_Reason = tuple[Standing, str]


def _inactive(achievement: StoredRecord) -> list[_Reason]:
    if achievement.status is Status.ACTIVE:
        return []
    more = "由合并后的那一条代表" if achievement.status is Status.MERGED else "不参与匹配"
    return [(Standing.INACTIVE, f"这项成果现在是“{achievement.status.value}”，{more}。")]


def _dismissed(services: Services, pair: _Pair) -> list[_Reason]:
    need = pair.need.record.key
    with services.reading() as session:
        aside = FeedbackRepository(session).dismissed_pairs(Kind.NEED, [need]).get(need, ())
    by = next((d.feedback for d in aside if d.achievement_id == pair.achievement.id), None)
    return [(Standing.DISMISSED, _dismissal(by))] if by else []


def _dismissal(by: Feedback) -> str:
    day = by.given_at.astimezone(TIME_ZONE).date()
    return (
        f"{day} 有人认为这一对不合适（{'、'.join(by.judgement.reasons)}），已搁置；"
        "双方内容有变化后会再出现。"
    )


def _filtered(
    repository: CorpusRepository, achievement: StoredRecord, where: RecordFilter, role: Role
) -> list[_Reason]:
    """Every filter that it does not pass, asked of the database one at a time."""
    base = RecordFilter(
        keys=frozenset({achievement.record.key}),
        statuses=frozenset(Status),
        open_to=where.open_to,
        asked_at=where.asked_at,
    )
    shown = masked(achievement.record, role)
    if not isinstance(shown, Achievement):
        raise AssertionError("a masked achievement is an achievement")
    region = shown.organisation.region if shown.organisation else ""
    level = shown.maturity.value if shown.maturity else ""
    rights = shown.intellectual_property
    industry = shown.industry or shown.suggested.get("industry", "")
    least = where.min_maturity
    alone = (
        (replace(base, technology_fields=where.technology_fields),
         _not_among("技术领域", shown.technology_field, where.technology_fields)),
        (replace(base, regions=where.regions), _not_among("地区", region, where.regions)),
        (replace(base, industries=where.industries),
         _not_among("行业", industry, where.industries)),
        (replace(base, maturities=where.maturities),
         _not_among("成熟度", level, where.maturities)),
        (replace(base, protections=where.protections),
         _not_among("知识产权", rights, where.protections)),
        (replace(base, min_maturity=least),
         f"成熟度{_said(level)}，没有达到所选的“{least.value if least else ''}”。"),
        (replace(base, valid_on=where.valid_on),
         f"有效期{f'到 {shown.valid_until_on} 为止' if shown.valid_until_on else ''}已经过了。"),
    )  # fmt: skip
    return [
        (Standing.FILTERED, sentence)
        for one, sentence in alone
        if one != base and not repository.eligible_ids(Kind.ACHIEVEMENT, one)
    ]


def _not_among(name: str, value: str, chosen: frozenset[str]) -> str:
    return f"{name}{_said(value)}，不在所选的“{'、'.join(sorted(chosen))}”之中。"


def _said(value: str) -> str:
    return f"是“{value}”" if value else "没有填写或没有公开"


def _placed(answer: Answer, found: PairStanding, pair: _Pair, limit: int) -> _Reason:
    """What became of it in the list; where it does not pass, the place it would have."""
    own = pair.achievement.id
    among = f"在通过筛选的 {found.eligible} 项成果中排第 {found.place}"
    if not found.passed:
        good = "，达到显示线" if found.shown else "，达不到显示线"
        return (
            Standing.FILTERED,
            f"如果不是这样，它在 {found.eligible + 1} 项成果中会排第 {found.place}{good}。",
        )
    for place, shown in enumerate(answer.shown, start=1):
        if shown.match.document.id == own:
            return Standing.LISTED, f"它就在列表的第 {place} 位（按得分{among}）。"
        if own in {one.id for one in shown.near_copies}:
            other = shown.match.document.record
            return (
                Standing.NEAR_COPY,
                f"它和列表第 {place} 位的 {other.key} 是近似成果，只列得分最高的一条；"
                f"按得分{among}。",
            )
    if own in {one.id for one in answer.set_back}:
        return Standing.SET_BACK, f"同一单位的成果已占满前面的名额，它排到了后面；按得分{among}。"
    if not answer.shown:
        return (
            Standing.TOO_WEAK,
            f"这条需求没有一项成果够得上推荐，所以都没有列出；它按得分{among}。",
        )
    if not found.shown:
        return Standing.TOO_WEAK, f"它达不到显示线，所以没有列出；按得分{among}。"
    return Standing.BEYOND, f"它达到显示线，但列表只列前 {limit} 项；按得分{among}。"


def named_achievements(services: Services, asked: str, role: Role) -> list[OtherOut]:
    """The achievement with this id, else those whose title holds it, at most ``MOST_FOUND``.

    Titles that the role may not read are not searched.
    """
    with services.repository() as repository:
        stored = repository.get(Kind.ACHIEVEMENT, asked)
        where = readable(RecordFilter(statuses=frozenset(Status)), role)
        found = (
            [stored] if stored else repository.titled(Kind.ACHIEVEMENT, asked, where, MOST_FOUND)
        )
    return [OtherOut.of(one.record, role) for one in found]
