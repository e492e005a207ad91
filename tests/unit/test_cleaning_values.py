"""Dates, periods, amounts, lists of values, maturity, taxonomies: cells become values."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.cleaning.dates import parse_date, parse_deadline, parse_period
from corpus.cleaning.errors import CleaningError
from corpus.cleaning.money import parse_amount
from corpus.cleaning.values import (
    COOPERATION_MODES,
    INDUSTRY_SECTIONS,
    parse_maturity,
    split_taxonomy,
    split_values,
)
from corpus.model import Amount, Maturity

DAYS = st.dates(date(1955, 1, 1), date(2100, 12, 31))


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2026-11-24", date(2026, 11, 24)),
        ("2026/1/4", date(2026, 1, 4)),
        ("2026.11.24", date(2026, 11, 24)),
        ("2026年11月24日", date(2026, 11, 24)),
        ("２０２６年１１月", date(2026, 11, 1)),
        ("2026", date(2026, 1, 1)),
        ("20261124", date(2026, 11, 24)),
        ("46350", date(2026, 11, 24)),
        ("46350.5", date(2026, 11, 24)),
        ("2026-11-24T08:30:00Z", date(2026, 11, 24)),
        ("2026-11-24 08:30", date(2026, 11, 24)),
        ("2019-03-0710:49:39.0", date(2019, 3, 7)),
        ("", None),
        (" 无 ", None),
    ],
)
def test_a_date_in_any_common_form(value: str, day: date | None) -> None:
    assert parse_date(value) == day


@pytest.mark.parametrize(
    "value", ["明年", "2026-13-01", "2026-02-30", "26-1-1", "90000", "1" * 500]
)
def test_what_is_no_date_is_said_in_chinese(value: str) -> None:
    with pytest.raises(CleaningError, match="日期"):
        parse_date(value)


@pytest.mark.parametrize(
    ("value", "period"),
    [
        ("2019-03-0710:49:39.0至2020-03-0710:49:41.0", (date(2019, 3, 7), date(2020, 3, 7))),
        ("2026-01-01至2026-12-31", (date(2026, 1, 1), date(2026, 12, 31))),
        ("2026.01.01 ～ 2026.12.31", (date(2026, 1, 1), date(2026, 12, 31))),
        ("2026年1月—2027年2月", (date(2026, 1, 1), date(2027, 2, 28))),
        ("2026年3月至6月", (date(2026, 3, 1), date(2026, 6, 30))),
        ("自2026年1月1日起至2026年12月31日止", (date(2026, 1, 1), date(2026, 12, 31))),
        ("20260101-20261231", (date(2026, 1, 1), date(2026, 12, 31))),
        ("2026年12月底前", (None, date(2026, 12, 31))),
        ("2026年底", (None, date(2026, 12, 31))),
        ("截止2026年2月", (None, date(2026, 2, 28))),
        ("2026-12-31", (None, date(2026, 12, 31))),
        ("自2026年3月1日起长期有效", (date(2026, 3, 1), None)),
        ("长期有效", (None, None)),
        ("至", (None, None)),
        ("", (None, None)),
    ],
)
def test_a_period_in_any_common_form(value: str, period: tuple[date | None, date | None]) -> None:
    assert parse_period(value) == period


def test_a_period_that_ends_before_it_starts_is_an_error() -> None:
    with pytest.raises(CleaningError, match="早于开始日期"):
        parse_period("2026-05-01至2026-04-30")
    with pytest.raises(CleaningError, match="有效期「一年左右」无法识别"):
        parse_period("一年左右")


@pytest.mark.parametrize(
    ("value", "day"),
    [
        ("2027-03-31", date(2027, 3, 31)),
        ("2027年3月底", date(2027, 3, 31)),
        ("2027年2月", date(2027, 2, 28)),
        ("2027年6月30日前", date(2027, 6, 30)),
        ("46477", date(2027, 3, 31)),
        ("长期", None),
        ("长期有效", None),
        ("", None),
    ],
)
def test_a_deadline_is_the_last_day_of_what_it_names(value: str, day: date | None) -> None:
    assert parse_deadline(value) == day


@pytest.mark.parametrize("value", ["昨天", "2026-01-01至2026-12-31"])
def test_what_is_no_deadline_is_said_with_the_way_out(value: str) -> None:
    with pytest.raises(CleaningError, match=r"截止日期.*无法识别.*没有期限的写 长期，或留空"):
        parse_deadline(value)
    with pytest.raises(CleaningError, match="不存在"):
        parse_deadline("2026-02-30")


@given(DAYS, st.sampled_from(["%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y年%m月%d日", "%Y%m%d"]))
def test_every_day_is_read_back(day: date, form: str) -> None:
    assert parse_date(day.strftime(form)) == day
    assert parse_period(day.strftime(form)) == (None, day)
    assert parse_date(str((day - date(1899, 12, 30)).days)) == day


@given(DAYS, st.integers(0, 2000), st.sampled_from(["至", "~", "～", "—", "--", "-", "到"]))
def test_every_glued_period_is_read_back(day: date, length: int, sign: str) -> None:
    end = day + timedelta(days=length)
    assert parse_period(f"{day}09:05:00.0{sign}{end}23:59:59.0") == (day, end)


@pytest.mark.parametrize(
    ("value", "low", "high"),
    [
        ("100.0万元-200.0万元", 100, 200),
        ("200", 200, 200),
        ("1,200万", 1200, 1200),
        ("0.5亿元", 5000, 5000),
        ("3000元", 0.3, 0.3),
        ("￥30,000.00", 3, 3),
        ("不低于50万元", 50, None),
        ("50万元以上", 50, None),
        ("80万以内", None, 80),
        ("≤80万元", None, 80),
        ("约100万元", 100, 100),
        ("100～200", 100, 200),
        ("１００－２００万", 100, 200),
        ("5000元-1万元", 0.5, 1),
        ("五十万元", 50, 50),
        ("一百二十万元左右", 120, 120),
        ("十万", 10, 10),
        ("两千零三元", 0.2003, 0.2003),
        ("半亿元", 5000, 5000),
        ("人民币20万元整", 20, 20),
        ("免费", 0, 0),
    ],
)
def test_an_amount_in_any_common_form(value: str, low: float | None, high: float | None) -> None:
    expected = Amount(low, high)
    if value.startswith("￥"):
        assert parse_amount(value, unit="元") == expected
    else:
        assert parse_amount(value) == expected


def test_negotiable_empty_and_other_units() -> None:
    for value in ("面议", "面谈", "双方协商", "价格面议", "面议或技术入股"):
        assert parse_amount(value) == Amount(negotiable=True)
    assert parse_amount("100万元（可面议）") == Amount(100, 100, negotiable=True)
    assert parse_amount(" ") is None
    assert parse_amount("3000", unit="元") == Amount(0.3, 0.3)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("$500", "外币"),
        ("100万美元", "外币"),
        ("-5", "负数"),
        ("200万-100万", "上限低于下限"),
        ("很多", "无法识别"),
        ("9" * 15, "过大"),
        ("1" * 100, "过长"),
        ("十十万", "无法识别"),
        ("两千三万元", "无法识别"),
    ],
)
def test_what_is_no_amount_is_said_in_chinese(value: str, reason: str) -> None:
    with pytest.raises(CleaningError, match=reason):
        parse_amount(value)


@given(st.integers(0, 10**7), st.integers(0, 10**7))
def test_every_platform_range_is_read_back(one: int, other: int) -> None:
    low, high = min(one, other) / 10, max(one, other) / 10
    assert parse_amount(f"{low:.1f}万元-{high:.1f}万元") == Amount(low, high)


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("完全转让许可转让技术入股", ("完全转让", "许可转让", "技术入股")),
        ("技术转让,技术许可，委托开发", ("技术转让", "技术许可", "委托开发")),
        (
            "合作开发、技术转让；合作开发/其他\n技术咨询",
            ("合作开发", "技术转让", "其他", "技术咨询"),
        ),
        ("完全转让以及别的", ("完全转让以及别的",)),
        ("完全转让其他、带料加工", ("完全转让", "其他", "带料加工")),
        ("", ()),
        ("，、", ()),
    ],
)
def test_values_are_cut_with_and_without_separators(value: str, values: tuple[str, ...]) -> None:
    assert split_values(value) == values


def test_values_that_hold_a_separator_stay_whole() -> None:
    run_together = "农、林、牧、渔业金融业"
    assert split_values(run_together, INDUSTRY_SECTIONS) == ("农、林、牧、渔业", "金融业")
    assert split_values("高炉 煤气；焦炉", ("高炉 煤气",)) == ("高炉 煤气", "焦炉")


@given(st.lists(st.sampled_from(COOPERATION_MODES), unique=True), st.sampled_from(["", ",", "、"]))
def test_known_values_are_read_back(values: list[str], separator: str) -> None:
    joined = separator.join(values)
    assert "".join(split_values(joined)) == "".join(values)
    if separator:
        assert split_values(joined) == tuple(values)


@pytest.mark.parametrize(
    ("value", "level"),
    [
        *((level.value, level) for level in Maturity),
        ("实验室阶段", Maturity.RESEARCH),
        ("基础研究", Maturity.RESEARCH),
        ("小试阶段", Maturity.LAB_SCALE),
        ("中期阶段", Maturity.PILOT_SCALE),
        ("产业化", Maturity.MASS_PRODUCTION),
        ("批量生产", Maturity.MASS_PRODUCTION),
        ("成熟应用阶段", Maturity.MASS_PRODUCTION),
        ("TRL 4", Maturity.SAMPLE),
        ("技术就绪度７级", Maturity.PILOT_SCALE),
        ("第九级", Maturity.MASS_PRODUCTION),
        ("", None),
    ],
)
def test_maturity_in_its_vocabularies(value: str, level: Maturity | None) -> None:
    assert parse_maturity(value) == level


def test_an_unknown_maturity_names_the_usable_words() -> None:
    with pytest.raises(CleaningError, match="通过中试、可以量产"):
        parse_maturity("差不多了")


def test_two_levels_of_a_taxonomy() -> None:
    assert split_taxonomy("农、林、牧、渔业——农业") == ("农、林、牧、渔业", "农业")
    assert split_taxonomy("新材料-陶瓷材料") == ("新材料", "陶瓷材料")
    assert split_taxonomy("制造业") == ("制造业", "")


PARSERS: list[Callable[[str], object]] = [
    parse_date,
    parse_deadline,
    parse_period,
    parse_amount,
    parse_maturity,
    split_values,
    split_taxonomy,
]
CELLS = st.text(max_size=40) | st.text(
    alphabet="0123456789.,-—至～年月日:T万亿元千百十半约不低于以上内面议$（）()% \n", max_size=30
)


def _error(parse: Callable[[str], object], value: str) -> str:
    try:
        parse(value)
    except CleaningError as error:
        return str(error)
    return ""


@given(CELLS)
def test_nothing_but_a_cleaning_error_whatever_the_cell(value: str) -> None:
    for parse in PARSERS:
        message = _error(parse, value)
        assert message == "" or ("「" in message and "\n" not in message)


@pytest.mark.parametrize("unit", [*"1（<-，、万至 ", "完全转让"])
def test_long_hostile_cells_take_under_a_second(unit: str) -> None:
    value = unit * (200_000 // len(unit))
    for parse in PARSERS:
        started = time.perf_counter()
        assert len(_error(parse, value)) < 200
        assert time.perf_counter() - started < 1
