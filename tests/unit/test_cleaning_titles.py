"""Several needs in one title: offered where whole phrases stand side by side."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.cleaning.titles import split_needs


@pytest.mark.parametrize(
    ("title", "parts"),
    [
        ("1、高炉煤气脱氯2、焦炉煤气制氢", ["高炉煤气脱氯", "焦炉煤气制氢"]),
        ("1.烧结矿智能配料。2.球团焙烧控制。", ["烧结矿智能配料", "球团焙烧控制"]),
        ("（1）钢渣微粉利用（2）脱硫石膏利用", ["钢渣微粉利用", "脱硫石膏利用"]),
        ("①轧辊表面强化；②导卫寿命提升", ["轧辊表面强化", "导卫寿命提升"]),
        ("一是炉渣余热回收；二是烟气余热回收", ["炉渣余热回收", "烟气余热回收"]),
        ("一、卫浴釉料研发二、坯体快烧技术", ["卫浴釉料研发", "坯体快烧技术"]),
        ("海参苗种繁育；扇贝精深加工；", ["海参苗种繁育", "扇贝精深加工"]),
    ],
)
def test_needs_side_by_side_are_offered(title: str, parts: list[str]) -> None:
    assert split_needs(title, "正文") == [(part, "正文") for part in parts]


@pytest.mark.parametrize(
    "title",
    [
        "高强、耐磨、低成本的轧辊",
        "高强；耐磨；低成本的轧辊",
        "软件2.0平台与1.5代设备升级",
        "1,4-丁二醇和2,3-丁二醇的分离",
        "2、6-二甲基萘与1、5-萘二酚的合成",
        "1、余热回收",
        "2、余热回收3、烟气治理",
        "第一、二级反渗透膜的清洗",
        "新型轴套材料，用于代替铜轴套；",
        "新型轴套材料；用于代替铜轴套",
        "PM2.5脱除与802.11ac接入",
        "",
    ],
)
def test_one_need_is_left_alone(title: str) -> None:
    assert split_needs(title, "正文") == []


def test_blocks_of_the_text_are_offered_with_their_own_texts() -> None:
    text = "1、需求名称：窑炉节能需求简介：能耗高。2、需求名称：釉面缺陷检测\n靠人工目视。"
    assert split_needs("窑炉与釉面", text) == [
        ("窑炉节能", "能耗高。"),
        ("釉面缺陷检测", "靠人工目视。"),
    ]
    assert split_needs("窑炉", "需求名称：窑炉节能需求简介：能耗高。") == []


@given(st.text(max_size=60) | st.text("1234、.（）①②一二是；需求名称：简介煤气脱氯", max_size=60))
def test_an_offer_has_two_parts_or_more_and_loses_no_word(title: str) -> None:
    offered = split_needs(title, title)
    assert len(offered) != 1
    assert all(part and part in title for part, _ in offered)


@pytest.mark.parametrize(
    "unit", [*"1（<；- 一", "1、", "需求名称：", "需求名称：甲乙丙丁\n", "1、甲"]
)
def test_the_time_grows_with_the_length_of_a_hostile_title_not_with_its_square(unit: str) -> None:
    def seconds(characters: int) -> float:
        text = unit * (characters // len(unit))
        started = time.thread_time()  # other programs on the machine do not count
        split_needs(text, text)
        return time.thread_time() - started

    short = min(seconds(50_000) for _ in range(3))
    long = min(seconds(200_000) for _ in range(3))
    assert long < 10 * max(short, 0.001)  # linear 4, quadratic 16
