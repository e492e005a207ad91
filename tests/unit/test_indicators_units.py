"""Numbers, units and folding of the indicator check."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.indicators.folding import folded
from matcher.indicators.numbers import chinese_number, find_numbers
from matcher.indicators.units import match_unit, parse_unit


@pytest.mark.parametrize(
    ("written", "value", "unit"),
    [
        ("1,200kg", 1200.0, "kg"),
        ("１０００ＭＰａ", 1000.0, "MPa"),
        ("1.2万吨/年", 12000.0, "吨/年"),
        ("5千瓦", 5.0, "千瓦"),
        ("3百万元", 3e6, "元"),
        ("1×10⁻³mm", 1e-3, "mm"),
        ("1x10^-3 mm", 1e-3, "mm"),
        ("2.5e-3 mm", 2.5e-3, "mm"),
        ("三成以上", 30.0, "%"),
        ("两成半", 25.0, "%"),
        ("百分之十五", 15.0, "%"),
        ("百分之九十九点五", 99.5, "%"),
        ("千分之五", 0.5, "%"),
        ("三分之二", 200 / 3, "%"),
        ("一半", 50.0, "%"),
        ("翻两番", 300.0, "%"),
        ("半年", 0.5, "年"),
        ("两年半", 2.5, "年"),
        ("两百小时", 200.0, "小时"),
        ("十二个月", 12.0, "个月"),
    ],
)
def test_reads_numbers_as_they_are_written(written: str, value: float, unit: str) -> None:
    (number,) = find_numbers(folded(written).text)
    assert number.value == pytest.approx(value)
    assert number.unit is not None
    assert number.unit.text == unit


@pytest.mark.parametrize("word", ["一种", "百度", "第三成分", "三成分", "零件", "半导体", "数十台"])
def test_words_with_numerals_are_no_numbers(word: str) -> None:
    assert list(find_numbers(word)) == []


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("一百零五", 105),
        ("两千五", 2500),
        ("三万二", 32000),
        ("十二", 12),
        ("三点五", 3.5),
        ("半", 0.5),
    ],
)
def test_chinese_numerals(written: str, value: float) -> None:
    assert chinese_number(written) == value


@pytest.mark.parametrize(
    ("one", "other", "factor"),
    [
        ("GPa", "MPa", 1000),
        ("兆帕", "N/mm^2", 1),
        ("mg/Nm3", "毫克/立方米", 1),
        ("t/h", "kg/min", 1000 / 60),
        ("吨/小时", "t/h", 1),
        ("kWh/t", "度/吨", 1),
        ("kWh", "千瓦时", 1),
        ("W/(m·K)", "W/m·K", 1),
        ("μm", "um", 1),
        ("微米", "nm", 1000),
        ("g/cm3", "kg/m3", 1000),
        ("Pa·s", "mPa·s", 1000),
        ("mg/kg", "ppm", 1),
        ("%", "ppm", 10_000),
        ("kg标准煤/吨", "kgce/t", 1),
        ("公斤/亩", "kg/hm2", 15),
        ("mS/cm", "μS/cm", 1000),
    ],
)
def test_units_of_one_dimension(one: str, other: str, factor: float) -> None:
    left, right = parse_unit(one), parse_unit(other)
    assert left.dims == right.dims
    assert left.scale / right.scale == pytest.approx(factor)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("t/h", "t/a"),  # how many hours a year is not said
        ("t/d", "t/h"),
        ("%", "百分点"),
        ("%", "vol%"),
        ("MPa", "MPa·s"),
        ("HRC", "HV"),
        ("度", "kWh"),
        ("kg", "kgce"),
        ("小时", "年"),
    ],
)
def test_units_that_may_not_be_compared(one: str, other: str) -> None:
    assert parse_unit(one).dims != parse_unit(other).dims


def test_every_unit_of_the_table_is_read_where_it_stands() -> None:
    for name in ("mPa·s", "MPa", "°C", "个百分点", "dB(A)", "mg/m^3", "W/(m·K)", "万"):
        found = match_unit(name + "，", 0)
        assert (found is None) == (name == "万")
        if found is not None:
            assert found[1] == len(name)


@given(st.text(max_size=60))
def test_folding_keeps_places(text: str) -> None:
    made = folded(text)
    assert len(made.text) == len(made.starts) == len(made.ends)
    assert list(made.starts) == sorted(made.starts)
    if text:
        assert made.span(0, len(made.text)) == (0, len(text))


@given(st.text(alphabet="零一二两三四五六七八九十百千万亿点半", max_size=12))
def test_any_row_of_numerals_has_a_finite_value(written: str) -> None:
    assert math.isfinite(chinese_number(written))
