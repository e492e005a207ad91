"""Contacts leave the text, numbers that only look like them stay."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.cleaning.contacts import extract_contacts
from corpus.model import Contact, ContactKind

PERSON, PHONE, MAIL, OTHER = (
    ContactKind.PERSON,
    ContactKind.PHONE,
    ContactKind.MAIL,
    ContactKind.OTHER,
)


@pytest.mark.parametrize(
    ("text", "left", "contacts"),
    [
        (
            "轧辊寿命短。联系人：张三，电话：138 0013 8000。",
            "轧辊寿命短。",
            [(PERSON, "张三"), (PHONE, "138 0013 8000")],
        ),
        (
            "急需耐磨衬板，联系人张工 0315-2345678转801，邮箱 zhang@example.com，欢迎合作",
            "急需耐磨衬板，欢迎合作",
            [(PERSON, "张工"), (PHONE, "0315-2345678转801"), (MAIL, "zhang@example.com")],
        ),
        (
            "降低烧结能耗（联系电话：+86-139-0000-1111 王经理）。",
            "降低烧结能耗。",
            [(PHONE, "+86-139-0000-1111"), (PERSON, "王经理")],
        ),
        ("李主任：13900001111", "", [(PERSON, "李主任"), (PHONE, "13900001111")]),
        ("服务热线400-123-4567；地址唐山", "地址唐山", [(PHONE, "400-123-4567")]),
        ("电话2345678、2345679，详谈", "详谈", [(PHONE, "2345678"), (PHONE, "2345679")]),
        (
            "窗口 +81-3-1234-5678 或 +82 2 1234 5678",
            "窗口 或",
            [(PHONE, "+81-3-1234-5678"), (PHONE, "+82 2 1234 5678")],
        ),
        ("(010)62345678", "", [(PHONE, "(010)62345678")]),
        (
            "微信号：zt_matcher01，QQ 12345678",
            "",
            [(OTHER, "微信号：zt_matcher01"), (OTHER, "QQ：12345678")],
        ),
        (
            "有意者请联系13800001111（微信同号）。",
            "",
            [(PHONE, "13800001111")],
        ),
        (
            "育种人（身份证号110101199001011234）选育",
            "育种人选育",
            [(OTHER, "身份证号：110101199001011234")],
        ),
        ("联系人：欧阳明月\n需求：除尘", "需求：除尘", [(PERSON, "欧阳明月")]),
        ("颗粒<<contact>，金属<5ppm", "颗粒，金属<5ppm", []),
        ("电话：<contact>。要求耐温", "要求耐温", []),
        ("立项资助（<contact>）的研究", "立项资助的研究", []),
        ("接入微信<id>，可查询", "接入微信，可查询", []),
    ],
)
def test_contacts_are_taken_out(
    text: str, left: str, contacts: list[tuple[ContactKind, str]]
) -> None:
    assert extract_contacts(text) == (left, tuple(Contact(k, v) for k, v in contacts))


@pytest.mark.parametrize(
    "text",
    [
        "专利ZL201720001285.X、CN108123456A，申请号201810123456.7",
        "按GB/T 22900-2022和ISO 9001-2015验收",
        "循环1200000次，寿命13800000000次，产量13912345678吨",
        "2026-11-24前投入3000000元，约12000000.00元",
        "系统版本192.168.10.25，软件V2.0.1",
        "课题编号：13812345678，项目编号为：2021-0102-0304",
        "建立与联系人员的沟通机制，联系方式灵活",
        "电话机外壳注塑，微信小程序开发，邮箱系统",
        "粒径<10μm，Cr<0.5%，沿<001>取向，循环400次@RT",
        "尺寸0315-22-18，CAS 110-63-4，波长1064-1550",
        "温度400-800 1200度，流量010-020",
        "手机1200000台，电话20000部",
        "张家口冬小麦，李子保鲜，王浆冻干粉 0.5-1.0",
    ],
)
def test_what_only_looks_like_a_contact_stays(text: str) -> None:
    assert extract_contacts(text) == (text, ())


def test_a_sentence_stays_readable() -> None:
    text = (
        "提高热效率（可致电 0315-2345678 咨询），改造加热炉；请联系王工，13900001111。预算200万元。"
    )
    left, found = extract_contacts(text)
    assert [c.value for c in found] == ["0315-2345678", "王工", "13900001111"]
    assert left.startswith("提高热效率")
    assert left.endswith("改造加热炉。预算200万元。")
    assert not re.search(r"[（(]\s*[)）]|，，|，。|；。", left)


DIGITS = "0123456789"
LOCAL = st.text(alphabet=DIGITS, min_size=8, max_size=8)
PHONES = st.one_of(
    st.builds("1{}{}".format, st.sampled_from("3456789"), st.text(DIGITS, min_size=9, max_size=9)),
    st.builds("+86 13{}-{}".format, st.sampled_from(DIGITS), st.just("1234-5678")),
    st.builds("0315-{}".format, st.from_regex(r"[2-8]\d{6}", fullmatch=True)),
    st.builds("010-{}-{}".format, st.from_regex(r"[2-8]\d{7}", fullmatch=True), st.just("12")),
    st.builds("400-{}-{}".format, st.just("820"), st.from_regex(r"[0-9]{4}", fullmatch=True)),
    st.builds("+81-3-1234-{}".format, st.from_regex(r"[0-9]{4}", fullmatch=True)),
    st.builds("+82-10-1234-{}".format, st.from_regex(r"[0-9]{4}", fullmatch=True)),
)
MAILS = st.builds(
    "{}@{}.{}".format,
    st.from_regex(r"[a-z][a-z0-9._]{0,10}[a-z0-9]", fullmatch=True),
    st.from_regex(r"[a-z0-9]{2,10}", fullmatch=True),
    st.sampled_from(["com", "com.cn", "org"]),
)
LABELS = st.sampled_from(["", "电话：", "联系电话", "手机:", "Tel: ", "邮箱：", "联系方式：", "（"])
PROSE = st.sampled_from(
    ["高炉煤气需要脱氯。", "轧辊寿命短，", "要求硬度≥60HRC；", "（见附件）", "\n", "其中 ", ""]
)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(PROSE, LABELS, PHONES | MAILS, PROSE), min_size=1, max_size=4))
def test_no_planted_contact_survives(pieces: list[tuple[str, str, str, str]]) -> None:
    text = "。".join("".join(piece) for piece in pieces)
    left, contacts = extract_contacts(text)
    kept = " ".join(contact.value for contact in contacts)
    for _, _, planted, _ in pieces:
        assert planted not in left
        assert re.sub(r"\D", "", planted) in re.sub(r"\D", "", kept)
    assert extract_contacts(left) == (left, ())


@given(st.text(alphabet="高炉煤气脱氯，。；（）的要求为mm℃%<> \n", max_size=80))
def test_text_without_contacts_is_unchanged(text: str) -> None:
    assert extract_contacts(text) == (text, ())


@settings(deadline=None)
@given(
    st.text(max_size=80) | st.text("联系人电话张王：1380+-()@.com 转<contact>（），", max_size=80)
)
def test_nothing_is_raised_whatever_the_text(text: str) -> None:
    left, contacts = extract_contacts(text)
    assert len(left) <= len(text)
    assert left == text or len(left) < len(text) or contacts


@pytest.mark.parametrize(
    "unit",
    [
        *"1（<-0+王a@. ",
        *(
            "138",
            "13800138000 ",
            "1-",
            "a@",
            "a.",
            "a@b.",
            "电话",
            "联系人：",
            "联系人：张三",
            "QQ",
        ),
        *(
            "0315-",
            "+81-",
            "<contact>",
            "（<contact>）",
            "，<contact>",
            "(010)",
            "微信号：",
            "王工",
        ),
    ],
)
def test_long_hostile_texts_take_under_a_second(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    started = time.perf_counter()
    extract_contacts(text)
    assert time.perf_counter() - started < 2, unit
