"""The card: the same from both sides, every quote exact, nothing of what is hidden."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.confidentiality import Role, masked
from corpus.model import Achievement, Amount, Confidentiality, Maturity, Need, Organisation
from matcher.card import Card, CardMaker
from matcher.objections import Code, field_text
from matcher.similarity_kind import SimilarityKind

TODAY = date(2026, 11, 25)
NEED = Need(
    key="N",
    title="冷轧带钢除鳞后的缺陷检测",
    text="希望用机械除鳞处理带钢。目标：抗拉强度不低于800 MPa，能耗降低15%以上。",
    budget=Amount(50, 80),
    cooperation=("技术转让",),
    industry="黑色金属冶炼和压延加工业",
)
OFFER = Achievement(
    key="A",
    title="冷轧带钢酸洗与缺陷检测",
    text="用于带钢盐酸洗。处理后抗拉强度达到850 MPa，能耗降低8%。",
    maturity=Maturity.LAB_SCALE,
    intellectual_property="专利已失效",
    price=Amount(200, 300),
    cooperation=("技术入股",),
    organisation=Organisation("甲所（示例）", "日本"),
)


def card(need: Need = NEED, offer: Achievement = OFFER, role: Role = Role.ADMINISTRATOR) -> Card:
    [made] = CardMaker(TODAY, role).cards(need, [offer])
    return made


def test_a_card_is_of_the_pair_whichever_asked() -> None:
    made = card()
    assert CardMaker(TODAY, Role.ADMINISTRATOR).cards(OFFER, [NEED]) == [made]
    assert [(r.property, r.verdict.value) for r in made.indicators] == [
        ("抗拉强度", "满足"),
        ("能耗", "不满足"),
    ]
    assert {o.code for o in made.objections} >= {
        Code.PROCESS, Code.INDICATOR_FAILED, Code.BUDGET, Code.PROTECTION_LAPSED, Code.COOPERATION
    }  # fmt: skip
    assert len(made.questions) == 3
    assert made.similarity is not None
    assert made.similarity.kind is SimilarityKind.SUBSTITUTE
    with pytest.raises(ValueError, match="need and an achievement"):
        CardMaker(TODAY, Role.ADMINISTRATOR).cards(NEED, [NEED])


def test_a_maker_that_has_read_a_side_says_the_same() -> None:
    maker = CardMaker(TODAY, Role.OFFICER)
    other = replace(OFFER, key="B", text="没有数值。")
    assert maker.cards(NEED, [OFFER, other]) == maker.cards(NEED, [OFFER, other])
    assert maker.cards(NEED, [other]) == CardMaker(TODAY, Role.OFFICER).cards(NEED, [other])


LEVELS = st.sampled_from(list(Confidentiality))
NEED_FIELDS = ("title", "text", "budget", "cooperation", "industry")
OFFER_FIELDS = (
    "title", "text", "maturity", "intellectual_property", "price", "cooperation", "organisation"
)  # fmt: skip
OTHER_NEED = Need(
    key="N", title="光伏板清洗", text="目前温度800 ℃，要求成熟技术，产量2万吨/年。", industry="电力"
)
OTHER_OFFER = Achievement(key="A", title="无", text="不适用于带钢。能耗降低20%。")


@settings(deadline=None)
@given(
    need_levels=st.dictionaries(st.sampled_from(NEED_FIELDS), LEVELS),
    offer_levels=st.dictionaries(st.sampled_from(OFFER_FIELDS), LEVELS),
    whole=st.tuples(LEVELS, LEVELS),
    role=st.sampled_from(list(Role)),
)
def test_what_is_hidden_changes_nothing_and_every_quote_is_of_what_is_shown(
    need_levels: dict[str, Confidentiality],
    offer_levels: dict[str, Confidentiality],
    whole: tuple[Confidentiality, Confidentiality],
    role: Role,
) -> None:
    closed_need = {"field_levels": need_levels, "confidentiality": whole[0]}
    closed_offer = {"field_levels": offer_levels, "confidentiality": whole[1]}
    need, offer = replace(NEED, **closed_need), replace(OFFER, **closed_offer)  # type: ignore[arg-type]
    made = card(need, offer, role)
    # The same records with other words wherever the role sees nothing.
    shown_need, shown_offer = masked(need, role), masked(offer, role)
    changed_need = replace(
        need, **{f: getattr(OTHER_NEED, f) for f in NEED_FIELDS if _hidden(need, shown_need, f)}
    )
    changed_offer = replace(
        offer,
        **{f: getattr(OTHER_OFFER, f) for f in OFFER_FIELDS if _hidden(offer, shown_offer, f)},
    )
    assert card(changed_need, changed_offer, role) == made
    for row in made.indicators:
        assert row.need_spans[0].of(shown_need.title, shown_need.body) == row.need_quote
        assert "未公开" not in f"{row.need_quote}{row.achievement_quote}"
    for objection in made.objections:
        for side, spans in (
            (shown_need, objection.need_spans),
            (shown_offer, objection.achievement_spans),
        ):
            for span in spans:
                assert field_text(side, span.field)[span.start : span.end]
        assert "未公开" not in objection.sentence


def _hidden(full: Need | Achievement, shown: Need | Achievement, field: str) -> bool:
    return bool(getattr(full, field) != getattr(shown, field))


def test_a_text_that_is_hidden_is_not_said_to_be_silent() -> None:
    closed = replace(OFFER, field_levels={"text": Confidentiality.CONFIDENTIAL, "price": Confidentiality.CONFIDENTIAL})  # noqa: E501  # fmt: skip
    made = card(offer=closed, role=Role.OFFICER)
    assert made.indicators == ()
    codes = {o.code for o in made.objections}
    assert not codes & {Code.INDICATOR_MISSING, Code.PRICE_UNKNOWN, Code.BUDGET}


def test_free_text_is_a_need_without_empty_fields() -> None:
    text = "带钢除鳞设备。希望抗拉强度不低于900 MPa，能耗降低15%以上。"
    bare = replace(OFFER, price=None, maturity=None)
    [made] = CardMaker(TODAY, Role.GUEST).cards_of_text(text, [bare])
    assert [r.verdict.value for r in made.indicators] == ["不满足", "不满足"]
    for row in made.indicators:
        assert row.need_spans[0].field == "title"
        assert row.need_spans[0].of(text, "") == row.need_quote
    assert Code.INDICATOR_FAILED in {o.code for o in made.objections}
    assert all(o.empty is None for o in made.objections)
    assert (made.questions, made.similarity) == ((), None)
    [short] = CardMaker(TODAY, Role.GUEST).cards_of_text("抗拉强度不低于900 MPa 的带钢", [OFFER])
    assert [(o.code, o.need_spans[0].field) for o in short.objections if o.need_spans] == [
        (Code.INDICATOR_FAILED, "title")
    ]


def test_free_text_that_looks_for_needs_is_not_blamed_for_its_silence() -> None:
    maker = CardMaker(TODAY, Role.GUEST)
    [silent] = maker.cards_of_text("带钢除鳞", [NEED])
    assert silent.indicators == ()
    assert not [o for o in silent.objections if o.code is Code.INDICATOR_MISSING]
    text = "我们的设备。处理后能耗降低8%。"
    [stated] = maker.cards_of_text(text, [NEED])
    assert [(r.property, r.verdict.value) for r in stated.indicators] == [("能耗", "不满足")]
    [row] = stated.indicators
    assert row.achievement_span is not None
    assert row.achievement_span.of(text, "") == row.achievement_quote
    assert maker.cards_of_text("带钢", []) == []


@pytest.mark.parametrize(
    "text", ["1" * 20_000, "≥1 MPa" * 3_000, "，" * 20_000, "不适用于" * 5_000, "<b>" * 6_000]
)
def test_long_hostile_texts_are_read_in_time(text: str) -> None:
    started = time.perf_counter()
    maker = CardMaker(TODAY, Role.OFFICER)
    maker.cards_of_text(text, [replace(OFFER, text=text)])
    maker.cards(replace(NEED, text=text), [replace(OFFER, key="B", text=text)])
    assert time.perf_counter() - started < 10
