"""Rows of sheets as offices send them, through the ready profiles. All texts are our own."""

from __future__ import annotations

import time
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.cleaning.text import clean_title
from corpus.importing.cells import raw_json
from corpus.importing.profiles import load_profile, plain_profile, ready_profiles
from corpus.importing.readers import CELL_LIMIT, Row
from corpus.importing.rows import Converted, RowError, converter, to_record
from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Contact,
    ContactKind,
    Kind,
    Maturity,
    Need,
)
from corpus.sections import SectionKind, sections

TODAY = date(2026, 11, 25)


def convert(profile: str, **cells: Any) -> Converted:
    return to_record(cells, load_profile(profile), TODAY)


def achievement(profile: str, **cells: Any) -> Achievement:
    record = convert(profile, **cells).record
    assert isinstance(record, Achievement)
    return record


def need(profile: str, **cells: Any) -> Need:
    record = convert(profile, **cells).record
    assert isinstance(record, Need)
    return record


def test_a_platforms_achievement_in_all_its_dirt() -> None:
    record = achievement(
        "转移平台-成果",
        table="achievement",
        id="A7",
        name="  钢渣微粉活化\xa0技术 ",
        context='"应用领域 水泥掺合料 项目简介 磨细后活性高。\\n联系人：张工 13800000000"',
        classification="制造业——非金属矿物制品业",
        industry="新材料-复合材料",
        maturity="通过中试",
        cooperationMethod="完全转让许可转让技术入股",
        price="100.0万元-200.0万元",
        zlxx="发明专利",
        jstgfs="正在技术推广",
        postTime="2026-02-19",
        scope="",
        earlyApplication="",
        funding="",
    )
    assert (record.key, record.title) == ("A7", "钢渣微粉活化 技术")
    assert record.maturity is Maturity.PILOT_SCALE
    assert record.cooperation == ("完全转让", "许可转让", "技术入股")
    assert record.price == Amount(100.0, 200.0)
    assert (record.technology_field, record.industry) == ("新材料", "非金属矿物制品业")
    assert record.extra["技术领域（原文）"] == "新材料-复合材料"
    assert record.published_on == date(2026, 2, 19)
    assert "13800000000" not in record.text
    assert Contact(ContactKind.PHONE, "13800000000") in record.contacts
    kinds = [section.kind for section in sections(record.text)]
    assert SectionKind.APPLICATION in kinds
    assert '"' not in record.text
    assert "\\n" not in record.text


def test_a_platforms_need_with_glued_dates_and_several_needs() -> None:
    converted = convert(
        "转移平台-需求",
        table="need",
        name="1、低温脱硝催化剂2、焦炉烟气余热回收装置",
        context="",
        classification="制造业",
        cooperationMethod="技术转让,委托开发",
        time="2026-01-1310:49:39.0至2026-06-1310:49:41.0",
        postTime="2026-01-13",
    )
    record = converted.record
    assert (record.valid_from_on, record.valid_until_on) == (date(2026, 1, 13), date(2026, 6, 13))
    assert record.cooperation == ("技术转让", "委托开发")
    assert record.key.startswith("C")
    assert any("没有正文" in warning for warning in converted.warnings)
    assert any("有效期已过" in warning for warning in converted.warnings)
    assert any("2 条需求" in warning for warning in converted.warnings)


def test_a_row_with_several_needs_is_split_on_request() -> None:
    profile = load_profile("转移平台-需求")
    cells = {"id": "R1", "name": "1、低温脱硝催化剂2、焦炉烟气余热回收装置", "context": "正文"}
    whole = converter(profile, TODAY)(Row(2, cells))
    parts = converter(profile, TODAY, split=True)(Row(2, cells))
    assert [one.record.key for one in whole] == ["R1"]
    assert [(one.record.key, one.record.title) for one in parts] == [
        ("R1-1", "低温脱硝催化剂"),
        ("R1-2", "焦炉烟气余热回收装置"),
    ]
    assert converter(profile, TODAY)(Row(2, {**cells, "table": "achievement"})) == []


def test_a_survey_sheet_keeps_its_parts_and_its_confidences() -> None:
    record = need(
        "企业技术需求调查表",
        **{
            "序号": 1.0,
            "*需求名称": "镀锌板表面锌渣缺陷在线检测",
            "需求内容": "锌渣缺陷漏检率高。",
            "技术指标": "漏检率≤2%，速度120 m/min",
            "现有基础": "现有连续退火镀锌线一条。",
            "所属领域": "先进制造",
            "企业名称": "唐山丰润恒镀板材有限公司（示例）",
            "拟投入\n资金（万元）": "80～120",
            "合作方式": "委托开发、联合攻关",
            "有效期": "2026年12月底前",
            "联系人": "王工",
            "联系电话": "0315-1234567",
            "密级": "内部",
        },
    )
    assert record.county == "丰润区"
    assert record.budget == Amount(80.0, 120.0)
    assert (record.valid_from_on, record.valid_until_on) == (None, date(2026, 12, 31))
    assert {c.value for c in record.contacts} == {"王工", "0315-1234567"}
    assert record.confidentiality is Confidentiality.INTERNAL
    assert "王工" not in record.text + record.title + repr(record.extra)
    found = [(s.kind, s.content(record.text)) for s in sections(record.text)]
    assert (SectionKind.BASIS, "现有连续退火镀锌线一条。") in found
    assert (SectionKind.TARGET, "漏检率≤2%，速度120 m/min") in found


def test_a_registration_sheet_and_a_patent_export() -> None:
    registered = achievement(
        "科技成果登记表",
        登记号="冀2026Y0001",
        成果名称="骨质瓷低温釉",
        成果简介="釉烧温度降低 60℃。",
        第一完成单位="清华大学",
        所处阶段="成熟应用阶段",
        应用行业="制造业",
        转让金额=150,
        密级="公开",
        主要完成人="甲；乙",
    )
    assert registered.key == "成果登记:冀2026Y0001"
    assert registered.organisation is not None
    assert registered.organisation.region == "北京"
    assert registered.maturity is Maturity.MASS_PRODUCTION
    assert registered.price == Amount(150.0, 150.0)
    assert registered.extra == {"主要完成人": "甲；乙"}
    patent = achievement(
        "专利导出",
        申请号="202610000001.X",
        专利名称="一种低温釉及其制备方法",
        申请摘要="本发明涉及陶瓷釉料。",
        主权项="1.一种低温釉，其特征在于……",
        申请人="天津某大学（示例）",
        法律状态="授权",
        申请日=20260115,
        发明人="甲;乙",
    )
    assert patent.published_on == date(2026, 1, 15)
    assert patent.key == "专利:202610000001.X"
    assert patent.contacts == ()
    assert patent.text.startswith("摘要：本发明")


def test_a_closed_column_closes_what_it_fills() -> None:
    from corpus.importing.profiles import parse_profile

    profile = parse_profile(
        'kind = "need"\n[columns]\n"名" = "title"\n"工艺" = { to = "text", level = "保密" }', "x"
    )
    record = to_record({"名": "甲", "工艺": "乙"}, profile, TODAY).record
    assert record.field_levels == {"text": Confidentiality.CONFIDENTIAL}


@pytest.mark.parametrize(
    ("written", "field"),
    [
        ("新材料-复合材料", "新材料"),
        ("新材料-化工新材料", "化工"),
        ("装备制造-机器人", "先进制造"),
        ("环境保护", "环境保护"),
        ("炼丹术", "炼丹术"),
    ],
)
def test_a_platforms_branch_decides_before_its_first_level(written: str, field: str) -> None:
    cells = {"名称": "甲", "技术领域": written}
    assert to_record(cells, plain_profile(Kind.NEED), TODAY).record.technology_field == field


def test_all_the_faults_of_a_row_are_told_at_once() -> None:
    cells = {"名称": "甲", "拟投入资金": "-1", "发布日期": "明年", "有效期至": "2026-13-01"}
    with pytest.raises(RowError, match=r"“发布日期”.*“有效期至”|“有效期至”.*“发布日期”") as caught:
        to_record(cells, plain_profile(Kind.NEED), TODAY)
    assert "“拟投入资金”" in str(caught.value)


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("北京市", "北京"),
        ("北京市海淀区", "北京"),
        ("天津", "天津"),
        ("日本", "日本"),
        ("火星", "火星"),
    ],
)
def test_regions_are_written_in_one_way(written: str, region: str) -> None:
    cells = {"名称": "甲", "单位": "院（示例）", "地区": written}
    converted = to_record(cells, plain_profile(Kind.ACHIEVEMENT), TODAY)
    assert converted.record.organisation is not None
    assert converted.record.organisation.region == region
    assert any("火星" in warning for warning in converted.warnings) == (region == "火星")


@pytest.mark.parametrize(
    ("name", "county", "region"),
    [
        ("甲厂（示例）", "玉田县", "唐山"),
        ("甲厂（示例）", "唐山市开平区", "唐山"),
        ("天津甲厂（示例）", "玉田县", "天津"),
        ("甲厂（示例）", "", ""),
    ],
)
def test_an_enterprise_is_where_its_county_is_unless_its_name_says_more(
    name: str, county: str, region: str
) -> None:
    cells = {"title": "釉面针孔", "organisation": name, "county": county}
    record = to_record(cells, plain_profile(Kind.NEED), TODAY).record
    assert record.organisation is not None
    assert record.organisation.region == region


@pytest.mark.parametrize(
    ("title", "language"),
    [("鋼スラグの活性化", "ja"), ("제강 슬래그 활성화", "ko"), ("钢渣活化", "zh")],
)
def test_the_language_is_seen_from_the_script(title: str, language: str) -> None:
    record = to_record({"title": title}, plain_profile(Kind.ACHIEVEMENT), TODAY).record
    assert record.language == language


def test_the_same_content_gets_the_same_key_however_it_is_dressed() -> None:
    plain = plain_profile(Kind.NEED)
    keys = {
        to_record({"名称": title, "内容": text}, plain, TODAY).record.key
        for title, text in (
            ("钢渣", "活性低"),
            (" 钢渣 ", "<p>活性低</p>"),
            ("钢渣\u200b", "活性低 "),
        )
    }
    assert len(keys) == 1


cells = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.dates(), st.datetimes(),
    st.text(max_size=30),
    st.sampled_from(["2026-01-01至2025-01-01", "面议", "-3万元", "1、甲装置2、乙装置"]),
    st.sampled_from(["<b>x", "\\n"]),
    st.lists(st.text(max_size=3), max_size=2),
    st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
)  # fmt: skip
profiles = st.sampled_from([*ready_profiles(), *(plain_profile(kind) for kind in Kind)])


@settings(deadline=None, max_examples=300)
@given(profiles, st.data())
def test_any_cells_make_a_record_or_a_reason(profile: Any, data: st.DataObject) -> None:
    names = st.sampled_from(sorted(profile.columns)) | st.text(min_size=1, max_size=4)
    row = data.draw(st.dictionaries(names, cells, max_size=8))
    raw_json(row)
    try:
        converted = converter(profile, TODAY, split=True)(Row(2, row))
    except RowError:
        return
    for one in converted:
        assert one.record.title.strip()
        assert one.record.kind is profile.kind
        assert len({c.record.key for c in converted}) == len(converted)


@pytest.mark.data
def test_every_row_of_the_platform_is_read(data_folder: Any) -> None:
    from corpus.importing.readers import open_table

    path = data_folder / "listings" / "raw_rows.jsonl"
    counts = {}
    for name in ("转移平台-成果", "转移平台-需求"):
        profile = load_profile(name)
        convert_row = converter(profile, TODAY)
        counts[name] = sum(len(convert_row(row)) for row in open_table(path).rows)
    assert counts == {"转移平台-成果": 1000, "转移平台-需求": 800}


@pytest.mark.parametrize(
    "lead", ["需求名称：", "1、", "（一）", "①", "名称:2、", "“名称：”", '"1、']
)
def test_leads_without_end_take_no_longer_than_their_length(lead: str) -> None:
    started = time.process_time()
    clean_title(lead * (CELL_LIMIT // len(lead)) + "钢渣")
    assert time.process_time() - started < 5
