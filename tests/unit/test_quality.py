"""Need quality: what is stated, how vague, what to ask, and what becomes of the answers."""

from __future__ import annotations

import time
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.model import Amount, Need, Supplement
from corpus.quality import (
    MAX_ANSWER,
    WEIGHTS,
    AnswerError,
    Aspect,
    Level,
    answers_of,
    apply_answers,
    assess,
    questions,
)
from corpus.quality.asking import MIN_QUESTIONS, industries
from corpus.quality.aspects import CORE, GAPS
from corpus.quality.detect import find, measures
from corpus.text import fold

RICH = Need(
    key="1",
    title="渣浆泵过流件耐磨寿命提升",
    text=(
        "需求内容：我公司选矿车间有渣浆泵 14 台，叶轮磨损严重，平均 25 天就要更换，停机损失大。\n"
        "预期目标：叶轮寿命不低于 90 天，硬度≥HRC 58，单件成本增加不超过 30%。\n"
        "现有工作基础：现用高铬铸铁叶轮，有中频炉 2 台和热处理炉 1 台。\n"
        "项目预算 60 万元，希望 2027 年 8 月底前完成，可委托开发或技术转让。"
    ),
    industry="通用设备制造业",
)
VAGUE = Need(key="2", title="提高产品质量的先进技术", text="寻求国内领先的相关技术，提高效率。")

# Characters that the patterns know, so that random text comes near to what they look for.
WORDS = """
目前 现有 采用 存在 问题 不低于 ≥ 3 12.5 万元 % mm ± 年 月 底前 预算 工期 钢渣 轧辊 委托开发
提高效率 先进 的 ， 。 ： 技术指标： 现有基础： 易开裂 ｆｕｌｌ １２ ％ 鋼渣 é 😀
"""
texts = st.text(max_size=200) | st.lists(
    st.sampled_from([*WORDS.split(), " ", "\n", "\ud800"]), max_size=40
).map("".join)
answer_texts = texts.filter(lambda text: any(c.isalnum() and ord(c) < 0xD800 for c in text))


def stated(need: Need) -> set[Aspect]:
    return {state.aspect for state in assess(need).aspects if state.stated}


def aspects_in(text: str) -> set[Aspect]:
    return {found.aspect for found in find(fold(text).text, is_title=False)}


def test_a_rich_need_states_everything_and_is_asked_nothing() -> None:
    quality = assess(RICH)
    assert quality.missing == ()
    assert quality.completeness == 1.0
    assert quality.level is Level.CLEAR
    assert quality.gaps == ()
    assert questions(RICH) == []


def test_evidence_quotes_the_words_of_the_need() -> None:
    quotes = {
        state.aspect: [evidence.quote(RICH) for evidence in state.evidence]
        for state in assess(RICH).aspects
    }
    assert "叶轮磨损严重" in quotes[Aspect.PROBLEM]
    assert "硬度≥HRC 58" in quotes[Aspect.INDICATOR]
    assert any("高铬铸铁叶轮" in quote for quote in quotes[Aspect.BASE])
    assert any("60 万元" in quote for quote in quotes[Aspect.BUDGET])
    assert any("8 月底前" in quote for quote in quotes[Aspect.DEADLINE])
    assert any("委托开发" in quote for quote in quotes[Aspect.COOPERATION])


def test_a_vague_need_states_nothing_and_says_what_is_missing() -> None:
    quality = assess(VAGUE)
    assert quality.missing == tuple(Aspect)
    assert quality.completeness == 0.0
    assert quality.vagueness > 0.8
    assert quality.level is Level.VAGUE
    assert quality.gaps == tuple(GAPS[aspect] for aspect in Aspect)


def test_the_numbers_can_be_recomputed_from_their_tables() -> None:
    assert sum(WEIGHTS.values()) == pytest.approx(1.0)
    assert set(WEIGHTS) == set(GAPS) == set(Aspect)
    assert list(Aspect) == sorted(Aspect, key=lambda aspect: -WEIGHTS[aspect])
    for need in (RICH, VAGUE):
        quality = assess(need)
        given = [WEIGHTS[aspect] for aspect in Aspect if aspect not in quality.missing]
        assert quality.completeness == pytest.approx(sum(given))
        parts = quality.vagueness_parts
        assert quality.vagueness == pytest.approx(
            0.30 * parts.empty_words
            + 0.25 * parts.few_numbers
            + 0.25 * parts.few_terms
            + 0.20 * parts.short,
            abs=1e-6,
        )


def test_structured_fields_are_evidence_where_they_say_something() -> None:
    need = Need(
        key="3",
        title="废水",
        budget=Amount(20.0, 50.0),
        valid_until_on=date(2027, 5, 1),
        cooperation=("合作开发",),
    )
    fields = {e.field for s in assess(need).aspects for e in s.evidence if e.start is None}
    assert fields == {"budget", "valid_until_on", "cooperation"}
    empty = Need(key="3", title="废水", budget=Amount(negotiable=True), cooperation=("其他",))
    assert not stated(empty) & {Aspect.BUDGET, Aspect.DEADLINE, Aspect.COOPERATION}


@pytest.mark.parametrize(
    "text",
    [
        "硬度不低于 HRC 60",
        "要求合格率达到98%以上",
        "能耗降低15%",
        "希望粒径为10–20 μm",
        "希望尺寸控制在0.5±0.02 mm",
        "硬度：230HV～300HV",
        "要求寿命提高两倍",
        "ｃＯＤ不超过５０ ｍｇ/Ｌ",
        "力争吨水成本不超过6元/吨",
        "技术指标：每小时300件",
    ],
)
def test_indicators(text: str) -> None:
    assert Aspect.INDICATOR in aspects_in(text)


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("我公司现有两条 25 m 辊道窑", Aspect.INDICATOR),
        ("目前年产能 45 万吨", Aspect.INDICATOR),
        ("预算不超过80万元", Aspect.INDICATOR),
        ("硬度不低于 60", Aspect.INDICATOR),  # of what unit?
        ("炉内约 900 ℃", Aspect.INDICATOR),
        ("单件成本不超过80元", Aspect.BUDGET),
        ("质保期不少于两年", Aspect.DEADLINE),
        ("一期已投资 120 万元", Aspect.BUDGET),
        ("近一年内停机 6 次", Aspect.DEADLINE),
        ("现有技术大多采用人工", Aspect.BASE),
        ("目前国内市场上采用进口产品", Aspect.BASE),
        ("现有工作基础：无", Aspect.BASE),
        ("防腐蚀涂料不易开裂", Aspect.PROBLEM),
        ("通过高压水枪清洗", Aspect.PROBLEM),
    ],
)
def test_what_does_not_state_an_aspect(text: str, aspect: Aspect) -> None:
    assert aspect not in aspects_in(text)


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("坯体存在开裂和变形的问题", Aspect.PROBLEM),
        ("釉面易开裂", Aspect.PROBLEM),
        ("处理成本高", Aspect.PROBLEM),
        ("出水总氮不达标", Aspect.PROBLEM),
        ("釉面易開裂", Aspect.PROBLEM),
        ("存在问题：坯体落脏", Aspect.PROBLEM),
        ("目前采用人工上料", Aspect.BASE),
        ("我厂有隧道窑两条", Aspect.BASE),
        ("年产卫生瓷 90 万件", Aspect.BASE),
        ("此前委托试验过两种药剂", Aspect.BASE),
        ("现有基础：三名技师和一间化验室", Aspect.BASE),
        ("拟投入资金 50-80 万元", Aspect.BUDGET),
        ("愿意出资1.2亿元", Aspect.BUDGET),
        ("6个月内完成调试", Aspect.DEADLINE),
        ("2027年6月底前投产", Aspect.DEADLINE),
        ("希望联合攻关", Aspect.COOPERATION),
        ("处理转炉钢渣", Aspect.OBJECT),
        ("處理轉爐鋼渣", Aspect.OBJECT),
    ],
)
def test_what_states_an_aspect(text: str, aspect: Aspect) -> None:
    assert aspect in aspects_in(text)


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("羊绒分梳杂质剔除", True),
        ("数字化转型", False),
        ("解决生产中的难题", False),
        ("智能化改造项目", False),
    ],
)
def test_a_title_names_an_object_only_with_words_of_its_own(title: str, named: bool) -> None:
    assert (Aspect.OBJECT in stated(Need(key="1", title=title))) is named


def test_measures_count_each_number_once() -> None:
    assert measures(fold("10–20 μm，再次 10–20μm，50％，３ 个月").text) == {
        "10–20μm",
        "50%",
        "3个月",
    }
    assert measures("5g网络 2025版") == set()


def test_a_repeated_title_is_not_more_text() -> None:
    title = "钢渣微粉活性激发技术"
    repeated = assess(Need(key="1", title=title, text=title))
    assert repeated.vagueness_parts == assess(Need(key="1", title=title)).vagueness_parts


def test_templates_are_enough_and_their_examples_answer_them() -> None:
    every = [(i, t) for i in industries() for t in i.templates]
    assert len(every) >= 80
    assert industries()[0].name == "通用"
    for industry in industries():
        assert len(industry.templates) >= 8
        plain = [t.question.aspect for t in industry.templates if not t.words]
        assert set(CORE) <= set(plain)
    general = [t.question.aspect for t in industries()[0].templates]
    assert all(general.count(aspect) >= MIN_QUESTIONS for aspect in CORE)
    assert set(general) == set(Aspect)
    assert len({t.question.text for _, t in every}) == len(every)
    for _, template in every:
        question = template.question
        assert "？" in question.text
        assert len(question.text) <= 60
        assert question.example.endswith("。")
        assert all(word == fold(word).text for word in template.words)
        if question.aspect is Aspect.INDICATOR:
            assert measures(fold(question.example).text), question


@pytest.mark.parametrize(
    ("title", "industry", "text"),
    [
        ("钢渣综合利用", "", "目前钢渣或尘泥的年产生量和去向是什么？卡在哪里？"),
        (
            "提高轧辊寿命",
            "黑色金属冶炼和压延加工业",
            "期望的耐磨寿命是现在的几倍？现在多少小时、多少吨或多少炉？",
        ),
        ("骨瓷釉料改进", "", "铅镉溶出、光泽度、白度或抗热震要做到多少，按哪个标准？"),
        ("黄芩饮片加工", "", "检测不合格的是哪一项：有效成分、农残、重金属还是霉变？"),
        ("码头堆场抑尘", "", "厂界粉尘浓度和用水量要降到多少？冬天最低几度？"),
        ("焦炉煤气制氢", "", "氢气纯度、压力和产量要求是多少？杂质限值看哪个标准？"),
        ("合作研究", "", "具体"),
    ],
)
def test_questions_fit_the_industry_and_the_words(title: str, industry: str, text: str) -> None:
    found = questions(Need(key="1", title=title, industry=industry))
    assert MIN_QUESTIONS <= len(found) <= 5
    assert any(text in question.text for question in found)


def test_a_stray_word_does_not_make_an_industry() -> None:
    need = Need(key="1", title="老年人陪护服务", text="在码头边的社区开展。")
    general = {t.question for t in industries()[0].templates}
    assert set(questions(need)) <= general


def test_questions_are_only_about_what_is_missing_and_in_order_of_value() -> None:
    need = Need(key="1", title="钢渣微粉", text="钢渣微粉安定性差，目前采用球磨机粉磨。")
    found = [question.aspect for question in questions(need)]
    assert set(found) <= set(assess(need).missing)
    assert found == sorted(found, key=list(Aspect).index)
    assert len(questions(need, limit=1)) == 1
    with pytest.raises(ValueError, match="limit"):
        questions(need, limit=0)


def test_a_vague_need_with_one_gap_is_still_asked_three_questions() -> None:
    need = Need(
        key="1",
        title="需求",
        text="目前采用人工，存在效率低的问题，要求提高50%。",
        budget=Amount(10, 10),
        valid_until_on=date(2027, 1, 1),
        cooperation=("技术服务",),
    )
    assert assess(need).missing == (Aspect.OBJECT,)
    assert len({question.text for question in questions(need)}) == MIN_QUESTIONS


def test_answers_become_supplements_and_fields() -> None:
    need = apply_answers(
        VAGUE,
        {
            Aspect.OBJECT: "卫生瓷坐便器的注浆青坯",
            Aspect.PROBLEM: "青坯圈口开裂，占 6%",
            Aspect.BUDGET: "预算50-80万元，含设备",
            Aspect.DEADLINE: "2027年6月底前完成试用",
            Aspect.COOPERATION: "先诊断，合适再委托开发、技术转让",
        },
    )
    assert need.supplements[0] == Supplement("对象", "卫生瓷坐便器的注浆青坯")
    assert "问题：青坯圈口开裂，占 6%" in need.body
    assert need.budget == Amount(50.0, 80.0)
    assert need.valid_until_on == date(2027, 6, 30)
    assert need.cooperation == ("委托开发", "技术转让")
    assert need.text == VAGUE.text
    assert stated(need) >= {Aspect.OBJECT, Aspect.PROBLEM, Aspect.BUDGET}
    assert assess(need).vagueness < assess(VAGUE).vagueness


def test_a_repeated_answer_replaces_the_former_in_its_place() -> None:
    first = apply_answers(VAGUE, {Aspect.PROBLEM: "开裂", Aspect.BASE: "两条窑"})
    second = apply_answers(first, {Aspect.PROBLEM: "变形"})
    assert second.supplements == (Supplement("问题", "变形"), Supplement("现有基础", "两条窑"))


@pytest.mark.parametrize(
    ("aspect", "answer"),
    [
        (Aspect.BUDGET, "去年在这上面花了 30 万元，今年看情况"),
        (Aspect.DEADLINE, "越快越好"),
        (Aspect.DEADLINE, "2019年已经试过一次"),
        (Aspect.DEADLINE, "2020年5月"),
        (Aspect.DEADLINE, "45000"),
        (Aspect.COOPERATION, "不考虑技术入股"),
        (Aspect.COOPERATION, "其他"),
    ],
)
def test_what_is_not_sure_fills_no_field(aspect: Aspect, answer: str) -> None:
    need = Need(key="1", title="釉料", published_on=date(2026, 3, 1))
    answered = apply_answers(need, {aspect: answer})
    assert answered.supplements == (Supplement(aspect.value, answer),)
    assert (answered.budget, answered.valid_until_on, answered.cooperation) == (None, None, ())


@pytest.mark.parametrize("answer", ["", "  \n", "不清楚", "暂未确定。", "——", "\x00\x07", "\ud800"])
def test_answers_that_say_nothing_are_refused_with_a_sentence(answer: str) -> None:
    with pytest.raises(AnswerError, match=r"“指标”的回答.*；"):
        apply_answers(VAGUE, {Aspect.INDICATOR: answer})


def test_an_answer_may_be_long_but_not_too_long() -> None:
    apply_answers(VAGUE, {Aspect.INDICATOR: "长" * MAX_ANSWER})
    with pytest.raises(AnswerError, match="2001 个字"):
        apply_answers(VAGUE, {Aspect.INDICATOR: "长" * (MAX_ANSWER + 1)})


def test_answers_survive_a_later_import_of_the_same_row() -> None:
    row = Need(key="1", title="釉料", text="釉面失光。")
    stored = apply_answers(row, {Aspect.BUDGET: "20万元", Aspect.DEADLINE: "2027-05-31"})
    again = apply_answers(row, answers_of(stored))
    assert again == stored
    assert again.record_hash == stored.record_hash


def test_hostile_answers_stay_text() -> None:
    hostile = "<script>alert(1)</script>\n=HYPERLINK(1)\n预算：9999万元"
    need = apply_answers(VAGUE, {Aspect.INDICATOR: f" {hostile}\x00 "})
    assert need.supplements == (Supplement("指标", hostile),)
    assert need.budget is None


def test_an_answer_is_not_read_as_part_of_the_section_above_it() -> None:
    need = Need(key="1", title="窑", text="现有工作基础：一条隧道窑。")
    answered = apply_answers(need, {Aspect.INDICATOR: "气耗不高于 0.3 m3/kg"})
    quotes = {s.aspect: [e.quote(answered) for e in s.evidence] for s in assess(answered).aspects}
    assert quotes[Aspect.INDICATOR] == ["气耗不高于 0.3 m3/kg"]
    assert quotes[Aspect.BASE] == ["一条隧道窑"]


@settings(max_examples=100, deadline=None)
@given(title=texts, text=texts, added=st.dictionaries(st.sampled_from(Aspect), answer_texts))
def test_any_text_is_assessed_within_range_and_evidence_holds(
    title: str, text: str, added: dict[Aspect, str]
) -> None:
    supplements = tuple(Supplement(aspect.value, answer) for aspect, answer in added.items())
    need = Need(key="1", title=title, text=text, supplements=supplements)
    quality = assess(need)
    assert [state.aspect for state in quality.aspects] == list(Aspect)
    assert 0.0 <= quality.completeness <= 1.0
    assert 0.0 <= quality.vagueness <= 1.0
    assert len(quality.gaps) == len(quality.missing)
    for state in quality.aspects:
        for evidence in state.evidence:
            source = need.title if evidence.field == "title" else need.body
            assert evidence.start is not None
            assert evidence.end is not None
            assert 0 <= evidence.start < evidence.end <= len(source)
            assert evidence.quote(need).strip()
    for aspect, answer in added.items():
        state = quality.aspects[list(Aspect).index(aspect)]
        assert answer in [evidence.quote(need) for evidence in state.evidence]
    asked_now = questions(need)
    assert {question.aspect for question in asked_now} <= set(quality.missing)
    assert len(asked_now) <= 5
    if quality.level is Level.VAGUE:
        assert len(asked_now) >= MIN_QUESTIONS


@settings(max_examples=100, deadline=None)
@given(title=texts, text=texts, answers=st.dictionaries(st.sampled_from(Aspect), answer_texts))
def test_answers_are_idempotent_and_never_lower_the_completeness(
    title: str, text: str, answers: dict[Aspect, str]
) -> None:
    need = Need(key="1", title=title, text=text)
    try:
        once = apply_answers(need, answers)
    except AnswerError:
        return  # 待定 and the like; the sentences are tested above
    assert apply_answers(once, answers) == once
    before = assess(need)
    assert assess(once).completeness >= before.completeness
    for aspect in answers:
        one = apply_answers(need, {aspect: answers[aspect]})
        assert aspect not in assess(one).missing
        assert assess(one).completeness >= before.completeness


@pytest.mark.parametrize(
    "piece",
    [
        "1",
        "1.",
        "12,",
        "现有",
        "易",
        "存在",
        "解决",
        "预算1",
        "2027年",
        "a",
        " ",
        "，",
        "。",
        "不低于",
        "技术",
        "目标：",
        "1-",
        "公司",
        "一",
        "e\u0301\u0323",
        "钢渣",
    ],
)
def test_long_hostile_text_is_fast(piece: str) -> None:
    text = piece * (300_000 // len(piece))
    started = time.perf_counter()
    need = Need(key="1", title=text, text=text)
    assess(need)
    questions(need)
    assert time.perf_counter() - started < 5.0  # a quadratic pattern takes minutes
