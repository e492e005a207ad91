"""What is extracted, where it stands, and what hostile text does."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.indicators import Indicator, Side, Status, extract
from matcher.indicators.values import Direction, Form, Kind


def one(text: str, side: Side = Side.ACHIEVEMENT) -> Indicator:
    (indicator,) = extract("", text, side)
    return indicator


def ends(indicator: Indicator) -> tuple[float, float]:
    """Bounds in the unit as written."""
    difference = indicator.kind is Kind.CHANGE
    low, high = (
        round(indicator.unit.from_base(end, difference=difference), 9)
        if math.isfinite(end)
        else end
        for end in (indicator.bounds.low, indicator.bounds.high)
    )
    return low, high


INFINITE = math.inf


@pytest.mark.parametrize(
    ("text", "name", "low", "high", "form"),
    [
        ("抗拉强度≥1000 MPa", "抗拉强度", 1000, INFINITE, Form.LIMIT),
        ("强度极限不得低于1000兆帕", "抗拉强度", 1000, INFINITE, Form.LIMIT),
        ("釉料粒径10–20 μm", "粒径", 10, 20, Form.RANGE),
        ("粒径10μm～20μm", "粒径", 10, 20, Form.RANGE),
        ("颗粒物排放浓度不高于35 mg/m³", "排放浓度", -INFINITE, 35, Form.LIMIT),
        ("钢带厚度0.5±0.02 mm", "厚度", 0.48, 0.52, Form.TOLERANCE),
        ("固化温度在200℃以下", "固化温度", -INFINITE, 200, Form.LIMIT),
        ("工作温度-40~85℃", "工作温度", -40, 85, Form.RANGE),
        ("工作温度零下40℃至85℃", "工作温度", -40, 85, Form.RANGE),
        ("出水pH 6~9", "pH", 6, 9, Form.RANGE),
        ("硬度HRC58~62", "硬度", 58, 62, Form.RANGE),
        ("杂质含量小于千分之五", "杂质含量", -INFINITE, 0.5, Form.LIMIT),
        ("抗拉强度(室温)≥1000MPa", "抗拉强度", 1000, INFINITE, Form.LIMIT),
        ("1000MPa以上的抗拉强度", "抗拉强度", 1000, INFINITE, Form.LIMIT),
        ("粗糙度Ra0.8μm", "表面粗糙度", 0.8, 0.8, Form.POINT),
        ("定位精度高于0.05mm", "定位精度", -INFINITE, 0.05, Form.LIMIT),
        ("抗拉强度未达到1000MPa", "抗拉强度", -INFINITE, 1000, Form.LIMIT),
        ("噪声不大于75dB(A)", "噪声", -INFINITE, 75, Form.LIMIT),
        ("成本控制在1.2万元以内", "成本", -INFINITE, 12000, Form.LIMIT),
    ],
)
def test_amounts(text: str, name: str, low: float, high: float, form: Form) -> None:
    indicator = one(text)
    assert (indicator.property, indicator.kind, indicator.form) == (name, Kind.AMOUNT, form)
    assert ends(indicator) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("text", "name", "way", "low", "high"),
    [
        ("能耗降低15%以上", "能耗", Direction.DOWN, 15, INFINITE),
        ("降低能耗15%以上", "能耗", Direction.DOWN, 15, INFINITE),
        ("与传统工艺相比，能耗降低15%", "能耗", Direction.DOWN, 15, 15),
        ("能耗较原工艺降低15%", "能耗", Direction.DOWN, 15, 15),
        ("成本下降三成", "成本", Direction.DOWN, 30, 30),
        ("节电率达18%", "电耗", Direction.DOWN, 18, 18),
        ("生产效率提高一倍", "生产效率", Direction.UP, 100, 100),
        ("生产效率提高到原来的3倍", "生产效率", Direction.UP, 200, 200),
        ("能耗降低到原来的70%以下", "能耗", Direction.DOWN, 30, INFINITE),
        ("腐蚀速率降低一个数量级", "腐蚀速率", Direction.DOWN, 90, 90),
        ("合格率提高3个百分点", "合格率", Direction.UP, 3, 3),
        ("烧成温度降低50℃以上", "烧成温度", Direction.DOWN, 50, INFINITE),
        ("成本大幅下降，降幅达20%", "成本", Direction.DOWN, 20, 20),
    ],
)
def test_changes(text: str, name: str, way: Direction, low: float, high: float) -> None:
    indicator = one(text)
    assert (indicator.property, indicator.kind, indicator.direction) == (name, Kind.CHANGE, way)
    assert ends(indicator) == pytest.approx((low, high))


def test_to_a_value_is_no_change() -> None:
    indicator = one("含水率降低到15%")
    assert (indicator.kind, indicator.direction) == (Kind.AMOUNT, Direction.DOWN)
    indicator = one("电耗由150降至120 kWh/t")
    assert indicator.baseline == pytest.approx(indicator.unit.to_base(150))
    assert ends(indicator) == (120, 120)


@pytest.mark.parametrize(
    ("text", "side", "status"),
    [
        ("预期抗拉强度达到1000MPa", Side.ACHIEVEMENT, Status.PLANNED),
        ("传统钢种抗拉强度为800MPa", Side.ACHIEVEMENT, Status.PRIOR),
        ("与传统钢种相比，抗拉强度提高到900MPa", Side.ACHIEVEMENT, Status.STATED),
        ("试验中未能将能耗稳定地降低15%", Side.ACHIEVEMENT, Status.UNCLEAR),
        ("目前抗拉强度为800MPa", Side.NEED, Status.PRESENT),
        ("目前强度偏低，希望抗拉强度达到900MPa", Side.NEED, Status.STATED),
        ("现有基础：\n抗拉强度为800MPa", Side.NEED, Status.PRESENT),
        ("预期目标：\n抗拉强度900MPa", Side.NEED, Status.STATED),
        ("我公司产品抗拉强度900MPa", Side.NEED, Status.PRESENT),
    ],
)
def test_status(text: str, side: Side, status: Status) -> None:
    assert one(text, side).status is status


@pytest.mark.parametrize(
    "text",
    [
        "执行GB/T 1591-2018标准",
        "2016年通过鉴定",
        "选用Q345钢和SO2吸收塔",
        "公司注册资本5000万元，员工300人",
        "外形尺寸200×300mm",
        "该装置包括一个内筒和两台电机",
        "按权利要求8所述，步骤3)中",
        "颗粒物、SO2、NOx排放浓度分别不高于10、35、50mg/m³",
        "原料配比为1:3",
    ],
)
def test_what_is_no_indicator(text: str) -> None:
    assert extract("", text) == ()


def test_conditions_and_subjects_are_kept_apart() -> None:
    early, late = one("3d抗压强度≥20MPa"), one("抗压强度(28天)≥50MPa")
    assert early.conditions
    assert late.conditions
    assert early.conditions != late.conditions
    assert one("SO2排放浓度≤35mg/m³").subject == one("二氧化硫排放浓度≤35mg/m³").subject


def test_spans_are_of_the_original() -> None:
    title, text = "抗拉強度１０００ＭＰａ", "ﬁ①㎡ 絶緣。颗粒物排放浓度≤３５ mg/m³，運行穩定"
    found = extract(title, text)
    quotes = [(i.span.field, i.span.of(title, text), i.number.of(title, text)) for i in found]
    assert quotes == [
        ("title", "抗拉強度１０００ＭＰａ", "１０００"),
        ("text", "排放浓度≤３５ mg/m³", "３５"),
    ]


_PIECES = st.sampled_from(
    [
        "抗拉强度",
        "能耗",
        "粒径",
        "降低",
        "提高到",
        "由",
        "至",
        "不低于",
        "≥",
        "约",
        "三成",
        "一半",
        "1000",
        "10-20",
        "±0.02",
        "MPa",
        "%",
        "mg/m³",
        "℃",
        "以上",
        "原来的",
        "倍",
        "个数量级",
        "，",
        "。",
        "(",
        ")",
        "目前",
        "预期",
        "未达到",
        "分别",
        "10⁻³",
        "×10",
        "零下",
        "-",
        "~",
        "/",
        "pH",
        "HRC",
        "\n",
    ]
)


@given(st.lists(_PIECES, max_size=25), st.sampled_from(Side))
def test_any_arrangement_of_the_words_is_read_with_true_spans(words: list[str], side: Side) -> None:
    text = "".join(words)
    for indicator in extract(text, text, side):
        assert indicator.span.start <= indicator.number.start
        assert indicator.number.end <= indicator.span.end <= len(text)
        quote = indicator.number.of(text, text)
        assert any(c.isdigit() or c in "零一二两三四五六七八九十百千万半番" for c in quote) or (
            indicator.kind is Kind.REFERENCE
        )
        assert indicator.bounds.low <= indicator.bounds.high


@given(st.text(max_size=300), st.sampled_from(Side))
def test_never_raises(text: str, side: Side) -> None:
    extract(text[:40], text, side)


@pytest.mark.parametrize(
    "hostile",
    [
        "9" * 100_000,
        "1," * 50_000,
        "1,000" * 20_000,
        "百" * 100_000,
        "抗拉强度" * 25_000,
        "1MPa" * 25_000,
        "(" * 100_000,
        "10-" * 30_000,
        "±" * 100_000,
        "不" * 100_000 + "低于1MPa",
        "与" * 50_000 + "相比" * 20_000,
        "/m" * 50_000,
        "1m" + "·m" * 50_000,
        "由1至" * 30_000,
        "10⁻" * 30_000,
        "目前" * 50_000,
        "不低于" * 30_000,
    ],
)
def test_hostile_texts_take_no_time(hostile: str) -> None:
    start = time.process_time()
    extract(hostile[:300], hostile)
    extract(hostile, hostile, Side.NEED)
    assert time.process_time() - start < 3.0
