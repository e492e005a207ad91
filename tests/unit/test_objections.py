"""What speaks against a pair: each code with its place, no guess, any text; what to ask next."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.model import Achievement, Amount, Kind, Maturity, Need, Organisation
from matcher.explain import Span
from matcher.indicators import check
from matcher.objections import (
    Addressee,
    Code,
    Objection,
    PreparedAchievement,
    PreparedNeed,
    Severity,
    field_text,
    judge,
    next_questions,
    objections,
    quote,
    visible,
)
from matcher.objections.asking import templates

TODAY = date(2026, 11, 25)
NEED = Need(
    key="N",
    title="带钢表面除鳞",
    text="希望用机械除鳞处理带钢，要求成熟工艺，2027年6月底前投产。",
    budget=Amount(50, 80),
    cooperation=("技术转让",),
)
OFFER = Achievement(
    key="A",
    title="带钢酸洗液添加剂",
    text="用于带钢盐酸洗，可减少过洗。",
    maturity=Maturity.LAB_SCALE,
    intellectual_property="发明专利2项",
    price=Amount(200, 300),
    cooperation=("技术入股",),
    valid_until_on=date(2026, 1, 1),
)


def codes(need: Need, offer: Achievement) -> dict[Code, Objection]:
    return {o.code: o for o in objections(need, offer, TODAY)}


def of(code: Code, need: Need = NEED, **changed: object) -> Objection | None:
    return codes(need, replace(OFFER, **changed)).get(code)  # type: ignore[arg-type]


def test_a_pair_that_fits_in_nothing_hears_all_of_it() -> None:
    found = codes(NEED, OFFER)
    assert set(found) == {
        Code.PROCESS,
        Code.MATURITY,
        Code.BUDGET,
        Code.COOPERATION,
        Code.EXPIRED,
    }
    assert [o.severity for o in objections(NEED, OFFER, TODAY)] == sorted(
        (o.severity for o in found.values()), key=list(Severity).index
    )
    process = found[Code.PROCESS]
    assert quote(NEED, process.need_spans[0]) == "机械除鳞"
    assert quote(OFFER, process.achievement_spans[0]) == "酸洗"
    assert process.sentence == (
        "对象都是“带钢”，但需求要的是“机械除鳞”，成果写的是“酸洗”（除鳞方式不同）。"
    )


@pytest.mark.parametrize(
    ("text", "maturity", "severity"),
    [
        ("希望引进成熟技术。", Maturity.LAB_SCALE, Severity.BLOCKER),
        ("希望引进成熟技术。", Maturity.PILOT_SCALE, None),
        ("要求有同行业应用业绩。", Maturity.PILOT_SCALE, Severity.DOUBT),
        ("要求有同行业应用业绩。", Maturity.MASS_PRODUCTION, None),
        ("国内没有成熟技术，希望研发。", Maturity.LAB_SCALE, None),
        ("倾向于成熟工艺，也愿意参与新工艺试验。", Maturity.LAB_SCALE, None),
        ("2027年3月底前完成。", Maturity.PILOT_SCALE, Severity.DOUBT),
        ("2029年底前完成。", Maturity.PILOT_SCALE, None),
        ("三个月内投产。", Maturity.SAMPLE, Severity.DOUBT),
        ("十二个月内投产。", Maturity.PILOT_SCALE, None),
        ("厂房2019年投用。", Maturity.RESEARCH, Severity.OPEN),
        ("厂房2019年投用。", Maturity.LAB_SCALE, None),
    ],
)
def test_maturity(text: str, maturity: Maturity, severity: Severity | None) -> None:
    found = of(Code.MATURITY, replace(NEED, text=text), maturity=maturity)
    assert (found.severity if found else None) == severity


def test_a_maturity_is_read_from_the_text_where_the_field_is_empty() -> None:
    need = replace(NEED, text="希望引进成熟技术。")
    found = of(Code.MATURITY, need, maturity=None, text="已完成小试，准备放大。")
    assert found is not None
    assert found.achievement_spans[0].field == "text"
    unknown = of(Code.MATURITY_UNKNOWN, need, maturity=None)
    assert unknown is not None
    assert unknown.empty is not None
    assert (unknown.empty.side, unknown.empty.field) == (Kind.ACHIEVEMENT, "maturity")


@pytest.mark.parametrize(
    ("stated", "code"),
    [
        ("", Code.PROTECTION_UNKNOWN),
        (" — ", Code.PROTECTION_UNKNOWN),
        ("无", Code.PROTECTION_NONE),
        ("尚未申请专利", Code.PROTECTION_NONE),
        ("发明专利申请3项", Code.PROTECTION_PENDING),
        ("发明专利3项（实审中）", None),
        ("韩国专利4件，PCT申请1件", None),
        ("发明专利2项，1项已失效", Code.PROTECTION_LAPSED),
        ("保护期届满", Code.PROTECTION_LAPSED),
        ("发明专利2项，均未失效", None),
        ("申请发明专利5项，授权3项", None),
        ("特许2件、出願中3件", None),
        ("한국특허 출원 4건", Code.PROTECTION_PENDING),
        ("한국특허 3건", None),
        ("软件著作权4项", None),
    ],
)
def test_protection(stated: str, code: Code | None) -> None:
    found = {c for c in codes(NEED, replace(OFFER, intellectual_property=stated))
             if c.name.startswith("PROTECTION")}  # fmt: skip
    assert found == ({code} if code else set())


def test_money_is_compared_where_both_sides_name_it() -> None:
    far = of(Code.BUDGET)
    assert far is not None
    assert far.severity is Severity.BLOCKER
    assert "200–300 万元" in far.sentence
    near = of(Code.BUDGET, price=Amount(100, 150))
    assert near is not None
    assert near.severity is Severity.DOUBT
    assert of(Code.BUDGET, price=Amount(80, 150)) is None
    assert of(Code.BUDGET, price=Amount(negotiable=True)) is None
    assert of(Code.BUDGET, replace(NEED, budget=None)) is None
    assert of(Code.PRICE_UNKNOWN, price=None) is not None
    written = replace(NEED, budget=None, text="预算不超过60万元。")
    found = of(Code.BUDGET, written, price=None, text="技术转让费约90万元。")
    assert found is not None
    assert quote(written, found.need_spans[0]).startswith("预算")


@pytest.mark.parametrize(
    ("asked", "offered", "fits"),
    [
        (("技术转让",), ("技术入股",), False),
        (("技术转让",), ("许可转让",), True),
        (("合作开发",), ("委托开发", "技术入股"), True),
        (("技术服务",), ("面议",), True),
        (("什么都行",), ("技术入股",), True),
        ((), ("技术入股",), True),
    ],
)
def test_cooperation(asked: tuple[str, ...], offered: tuple[str, ...], fits: bool) -> None:
    found = of(Code.COOPERATION, replace(NEED, cooperation=asked), cooperation=offered)
    assert (found is None) == fits


def test_scale_needs_two_numbers_about_the_same() -> None:
    need = replace(NEED, title="尘泥脱锌", text="公司年处理除尘灰22万吨，希望脱锌。")
    small = {"title": "除尘灰还原脱锌", "text": "小试每批投料20 kg/批，脱锌率97%。"}
    found = of(Code.SCALE, need, **small)
    assert found is not None
    assert quote(need, found.need_spans[0]) == "年处理除尘灰22万吨"
    assert of(Code.SCALE, need, **small, maturity=Maturity.MASS_PRODUCTION) is None
    assert of(Code.SCALE, replace(need, text="公司年产焦炭22万吨。"), **small) is None
    larger = {**small, "text": "小试20 kg/批，现已建成3万吨/年生产线。"}
    assert of(Code.SCALE, need, **larger) is None


def test_what_a_side_rules_out_in_its_own_words() -> None:
    need = replace(NEED, title="红热方坯裂纹在线检测", text="希望在线检测裂纹。不考虑涡流检测。")
    found = codes(
        need,
        replace(OFFER, title="板坯涡流检测仪", text="本仪器不适用于红热工件。"),
    )
    assert quote(need, found[Code.SCOPE].need_spans[0]) == "红热"
    assert found[Code.SCOPE].severity is Severity.BLOCKER
    assert quote(need, found[Code.REJECTED].need_spans[0]) == "不考虑涡流检测"


def test_indicator_rows_count_where_something_is_wanted() -> None:
    text = "目前带钢硬度HRC 40。预期目标：抗拉强度≥1000 MPa，硬度不低于HRC 55。"
    need = replace(NEED, text=text)
    offer = replace(OFFER, text="抗拉强度达到900 MPa。")
    rows = check(need.title, need.body, offer.title, offer.body)
    found = {o.code: o for o in objections(need, offer, TODAY, rows)}
    assert "1000 MPa" in quote(need, found[Code.INDICATOR_FAILED].need_spans[0])
    assert "900 MPa" in quote(offer, found[Code.INDICATOR_FAILED].achievement_spans[0])
    assert "55" in quote(need, found[Code.INDICATOR_MISSING].need_spans[0])

    @dataclass(frozen=True)
    class Row:
        verdict: str
        need_spans: tuple[Span, ...]
        achievement_span: Span | None = None

    today = Row("未说明", (Span("text", 2, 11),))
    assert Code.INDICATOR_MISSING not in {o.code for o in objections(need, offer, TODAY, [today])}


def test_an_objection_without_any_place_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="span"):
        Objection(Code.BUDGET, Severity.DOUBT, "太贵。")


def test_what_is_hidden_is_not_told() -> None:
    found = objections(NEED, OFFER, TODAY)
    left = visible(found, frozenset({"budget"}), frozenset({"title", "valid_until_on"}))
    assert {o.code for o in left} == {Code.MATURITY, Code.COOPERATION}
    unknown = objections(NEED, replace(OFFER, price=None), TODAY)
    told = visible(unknown, frozenset(), frozenset({"price"}))
    assert Code.PRICE_UNKNOWN not in {o.code for o in told}


# ---- questions


def test_three_questions_from_the_heaviest_down_in_the_words_of_the_pair() -> None:
    asked = next_questions(NEED, OFFER, objections(NEED, OFFER, TODAY))
    assert [q.topic for q in asked] == [Code.PROCESS, Code.MATURITY, Code.BUDGET]
    assert "机械除鳞" in asked[0].text
    assert "“酸洗”" in asked[0].text


def test_a_pair_without_objections_has_three_questions_too() -> None:
    offer = replace(OFFER, title="带钢除鳞机", text="", price=Amount(60, 70), valid_until_on=None,
                    maturity=Maturity.MASS_PRODUCTION, cooperation=("技术转让",))  # fmt: skip
    assert objections(NEED, offer, TODAY) == ()
    asked = next_questions(NEED, offer, ())
    assert [q.topic for q in asked] == ["用户", "试验", "改造"]
    assert all("带钢" in q.text for q in asked)


def test_the_formalities_of_foreign_technology_are_a_question_and_no_objection() -> None:
    offer = replace(OFFER, language="ja", organisation=Organisation("某研究所", "日本"))
    found = objections(NEED, offer, TODAY)
    assert found == objections(NEED, OFFER, TODAY)
    asked = next_questions(NEED, offer, ())
    assert (asked[0].topic, asked[0].addressee) == ("境外技术", Addressee.OWNER)
    home = replace(OFFER, language="ja", organisation=Organisation("某大学", "天津"))
    assert next_questions(NEED, home, ())[0].topic != "境外技术"


def test_the_questions_of_one_topic_are_two_at_most() -> None:
    text = "要求强度≥10 MPa，要求白度≥80%，要求厚度≤2 mm，要求寿命≥5年。"
    need = replace(NEED, text=text, cooperation=())
    offer = replace(OFFER, text="", price=None, valid_until_on=None)
    rows = check(need.title, need.body, offer.title, offer.body)
    found = objections(need, offer, TODAY, rows)
    assert sum(o.code is Code.INDICATOR_MISSING for o in found) >= 3
    asked = next_questions(need, offer, found)
    assert [q.topic for q in asked].count(Code.INDICATOR_MISSING) == 2


def test_every_code_has_a_question() -> None:
    assert set(Code) <= set(templates())
    assert len({t.value for t in templates().values()}) == len(templates())


# ---- any text

WORDS = """
冷轧 热轧 带钢 机械除鳞 酸洗 希望 目前 替代 不适用于 不考虑 成熟技术 2027年3月底前 三个月内投产
年处理22万吨 20 kg/批 小试 预算 60万元 转让费 ， 。 ： <b> </b> &lt; {asked} % 钢渣 鋼渣 ﾊ ｶﾞ
é 😀 İ ㎎ ½ CO₂ 99.9 - ≥
"""
texts = st.text(max_size=120) | st.lists(
    st.sampled_from([*WORDS.split(), " ", "\n", "\ud800", "\x00"]), max_size=40
).map("".join)
amounts = st.none() | st.builds(Amount, st.none() | st.floats(0, 1e9), st.none(), st.booleans())
modes = st.lists(st.sampled_from(("技术转让", "面议", "技术入股")), max_size=2).map(tuple)
days = st.none() | st.dates(date(2000, 1, 1), date(2040, 1, 1))
needs = st.builds(
    Need, key=st.just("N"), title=texts, text=texts, budget=amounts, cooperation=modes,
    valid_until_on=days, published_on=days,
)  # fmt: skip
offers = st.builds(
    Achievement, key=st.just("A"), title=texts, text=texts, price=amounts, cooperation=modes,
    maturity=st.none() | st.sampled_from(Maturity), intellectual_property=texts,
    valid_until_on=days, language=st.sampled_from(("zh", "ja")),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(needs, offers, days)
def test_every_objection_can_be_looked_up(need: Need, offer: Achievement, day: date | None) -> None:
    today = day or TODAY
    found = objections(need, offer, today)
    assert found == objections(need, offer, today)
    assert len(set(found)) == len(found)
    for one in found:
        assert one.sentence.endswith("。")
        assert "\n" not in one.sentence
        assert len(one.sentence) < 250
        for record, spans in ((need, one.need_spans), (offer, one.achievement_spans)):
            for span in spans:
                assert 0 <= span.start < span.end <= len(field_text(record, span.field))
        if one.empty is not None:
            assert one.empty.side is Kind.ACHIEVEMENT
            assert field_text(offer, one.empty.field).strip() in ("", "-", "—", "/", "空")
        if one.code is Code.PROCESS:
            assert one.need_spans
            assert one.achievement_spans


@settings(max_examples=100, deadline=None)
@given(needs, offers)
def test_always_three_different_questions(need: Need, offer: Achievement) -> None:
    found = objections(need, offer, TODAY)
    asked = next_questions(need, offer, found)
    assert asked == next_questions(need, offer, found)
    assert len(asked) == len({q.text for q in asked}) == 3
    assert all(q.text.endswith(("？", "。")) and len(q.text) < 300 for q in asked)


PIECES = "冷轧 1 不适用于 希望 2027年 较 <p> 热轧冷轧， 22万吨/年 与a e\u0301 年处理 （ ab 预算 一"


@pytest.mark.parametrize("piece", [*PIECES.split(), " "])
def test_hostile_texts_take_linear_time(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        need = replace(NEED, title=text[:500], text=text, budget=None)
        offer = replace(OFFER, title=text[:500], text=text, price=None, maturity=None,
                        intellectual_property=text)  # fmt: skip
        started = time.process_time()
        objections(need, offer, TODAY)
        return time.process_time() - started

    seconds(1000)
    # 20,000 characters are read; of more nothing is looked at. A square would take minutes.
    assert seconds(200_000) < 2.0


def test_a_side_read_once_judges_the_same() -> None:
    need, offer = PreparedNeed.of(NEED), PreparedAchievement.of(OFFER)
    assert judge(need, offer, TODAY) == objections(NEED, OFFER, TODAY)
