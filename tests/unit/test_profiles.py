"""Column profiles: files, names of columns, guesses."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.importing.guessing import Confidence, guess_kind, guess_profile
from corpus.importing.headers import meanings, normal, unit
from corpus.importing.profiles import (
    TARGETS,
    ColumnRule,
    Profile,
    ProfileError,
    choose_profiles,
    header_rules,
    load_profile,
    parse_profile,
    plain_profile,
    profile_toml,
    ready_profiles,
)
from corpus.model import Confidentiality, Kind

SURVEY = [
    "序号", "*需求名称（必填）", "需求内容", "技术指标", "现有基础", "所属领域", "企业名称",
    "县（市、区）", "拟投入\n资金（万元）", "合作方式", "有效期", "联系人", "联系电话",
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "compared"),
    [
        ("*需求名称（必填）", "需求名称"),
        ("拟投入\n资金（万元）", "拟投入资金"),
        ("一、企业名称", "企业名称"),
        ("３．联系 电话：", "联系电话"),
        ("【成果名称】", "成果名称"),
        ("E-Mail", "e-mail"),
    ],
)
def test_names_are_compared_without_marks_and_remarks(written: str, compared: str) -> None:
    assert normal(written) == normal(compared)


@given(st.text(max_size=300))
def test_a_normal_name_is_normal(header: str) -> None:
    assert normal(normal(header)) == normal(header)
    assert unit(header) in {"", "亿", "亿元", "万", "万元", "千元", "元", "百万", "百万元"}


def test_every_known_name_has_a_target_of_its_kind() -> None:
    for kind in Kind:
        assert {m.target for m in meanings(kind).values()} <= TARGETS[kind]
        assert all(m.target == "text" for m in meanings(kind).values() if m.heading)


def test_the_ready_profiles_are_whole_and_have_names_of_their_own() -> None:
    profiles = ready_profiles()
    assert len({p.name for p in profiles}) == len(profiles) == 5
    for profile in profiles:
        assert load_profile(profile.name) == profile
        known = {normal(name) for name in profile.columns}
        assert all(normal(name) in known for name in profile.match)


def test_a_survey_sheet_is_recognised_and_its_number_is_no_key() -> None:
    (profile,) = choose_profiles(SURVEY)
    assert profile.name == "企业技术需求调查表"
    rules = header_rules(profile, SURVEY)
    assert {rules[name].target for name in SURVEY} == {
        "ignore", "title", "text", "technology_field", "organisation", "county", "budget",
        "cooperation", "period", "contact_person", "phone",
    }  # fmt: skip
    assert rules["序号"].target == "ignore"
    assert rules["拟投入\n资金（万元）"].unit == "万元"
    assert [rules[name].heading for name in SURVEY[2:5]] == ["需求内容", "技术指标", "现有基础"]


def test_a_file_with_both_kinds_gets_a_profile_for_each() -> None:
    shared = ["table", "name", "postTime", "classification", "cooperationMethod", "context"]
    header = [*shared, "maturity", "jstgfs", "price", "industry", "scope", "zlxx"]
    assert {p.kind for p in choose_profiles(header)} == set(Kind)
    assert [p.kind for p in choose_profiles(header, Kind.NEED)] == [Kind.NEED]
    assert [p.kind for p in choose_profiles(header[1:])] == [Kind.ACHIEVEMENT]
    assert [p.kind for p in choose_profiles(["id", *shared[1:], "time"])] == [Kind.NEED]
    need = load_profile("转移平台-需求")
    assert need.selects({"table": " need "})
    assert need.selects({})
    assert not need.selects({"table": "achievement"})


def test_of_two_columns_for_one_value_the_first_named_counts() -> None:
    rules = header_rules(plain_profile(Kind.NEED), ["name", "名称", "内容", "技术指标", "谁"])
    assert [rules[name].target for name in ("name", "名称", "谁")] == [
        "title",
        "extra",
        "extra",
    ] or [rules[name].target for name in ("name", "名称", "谁")] == ["extra", "title", "extra"]
    assert [rules[name].target for name in ("内容", "技术指标")] == ["text", "text"]


# -- files -------------------------------------------------------------------------------

_names = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8)
_rules = st.builds(
    ColumnRule,
    st.sampled_from(sorted(TARGETS[Kind.NEED])),
    _names | st.just(""),
    st.sampled_from(["", "元", "万元"]),
    st.none() | st.sampled_from(Confidentiality),
)
_profiles = st.builds(
    Profile,
    _names,
    st.just(Kind.NEED),
    st.dictionaries(_names, _rules, max_size=5).map(lambda d: {**d, "名": ColumnRule("title")}),
    _names | st.just(""),
    st.lists(_names, max_size=3).map(tuple),
    st.dictionaries(_names, _names, max_size=2),
)


@given(_profiles)
def test_a_profile_written_is_read_back(profile: Profile) -> None:
    assert parse_profile(profile_toml(profile), "x.toml") == profile


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name = ", "文件末尾写错了"),
        ('name = "a"\n需求名称 = "title"', "第 2 行第 1 列写错了。列名和含义都要加引号"),
        ('kind = "x"', "kind 应是 need"),
        ('kind = "need"', r"缺少 \[columns\]"),
        ('kind = "need"\n[columns]\n"甲" = "text"', "没有一列是 title"),
        ('kind = "need"\n[columns]\n"甲" = "titel"', "列“甲”的含义“titel”不认识，可用：.*title"),
        ('kind = "need"\n[columns]\n"甲" = "price"', "“price”不认识"),
        ('kind = "need"\n[columns]\n"甲" = 3', "列“甲”应写成"),
        ('kind = "need"\n[columns]\n"甲" = { to = "title", unt = "元" }', "不认识 unt"),
        ('kind = "need"\n[columns]\n"甲" = { to = "title", level = "x" }', "level 应是 公开"),
        ('kind = "need"\ncolumns = 3', "columns 应是一个表"),
        ('kind = "need"\nmatch = "甲"\n[columns]\n"甲" = "title"', "match 应是列名的列表"),
        ('kind = "need"\nname = 3\n[columns]\n"甲" = "title"', "name 应是文字"),
        ('kind = "need"\ncolour = 3', "不认识 colour"),
    ],
)
def test_a_malformed_profile_says_where(text: str, message: str) -> None:
    with pytest.raises(ProfileError, match=message):
        parse_profile(text, "x.toml")


def test_a_missing_profile_lists_the_ready_ones(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="企业技术需求调查表"):
        load_profile("调查")
    with pytest.raises(ProfileError, match="无法读取"):
        load_profile(tmp_path / "x.toml")


# -- guesses -----------------------------------------------------------------------------


def test_names_of_one_kind_alone_tell_the_kind() -> None:
    assert guess_kind(["需求名称", "企业名称", "内容"]) is Kind.NEED
    assert guess_kind(["成果名称", "成熟度"]) is Kind.ACHIEVEMENT
    assert guess_kind(["名称", "内容"]) is None


def test_a_sure_guess_asks_nothing() -> None:
    guess = guess_profile(Kind.NEED, SURVEY, [{"有效期": "2026-01-01至2026-12-31"}])
    assert guess.questions == ()
    profile = guess.resolve({})
    assert header_rules(profile, SURVEY)["联系电话"].target == "phone"


def test_a_name_that_is_near_asks() -> None:
    guess = guess_profile(Kind.NEED, ["需求名称", "所属技术领域名", "怪列"], [])
    near = guess.columns[1]
    assert near.confidence is Confidence.UNSURE
    (question,) = guess.questions
    assert "所属技术领域名" in question.text
    assert [choice for choice, _ in question.choices] == ["技术领域", "原样保留"]
    with pytest.raises(ProfileError, match="请回答：技术领域 / 原样保留"):
        guess.resolve({})
    profile = guess.resolve({"所属技术领域名": "技术领域"})
    assert profile.columns["所属技术领域名"].target == "technology_field"
    assert header_rules(profile, ["需求名称", "怪列"])["怪列"].target == "extra"


def test_cells_that_contradict_a_name_ask() -> None:
    sample: list[dict[str, Any]] = [{"名称": "钢渣", "单位": unit} for unit in ("吨", "公斤", "台")]
    guess = guess_profile(Kind.NEED, ["名称", "单位"], sample)
    (question,) = guess.questions
    assert question.column == "单位"
    assert "例如“吨”" in question.text
    assert guess.resolve({"单位": "原样保留"}).columns["单位"].target == "extra"


def test_two_columns_that_claim_the_same_ask_for_both() -> None:
    guess = guess_profile(Kind.NEED, ["需求名称", "项目名称", "内容"], [])
    assert [question.column for question in guess.questions] == ["需求名称", "项目名称"]
    with pytest.raises(ProfileError, match="恰好有一列"):
        guess.resolve({"需求名称": "名称", "项目名称": "名称"})
    profile = guess.resolve({"需求名称": "名称", "项目名称": "原样保留"})
    assert profile.columns["项目名称"].target == "extra"


def test_a_sheet_without_a_column_of_names_asks_which_it_is() -> None:
    guess = guess_profile(Kind.NEED, ["题目甲乙丙", "企业名称"], [])
    (question,) = guess.questions
    assert question.text == "哪一列是需求名称？"
    assert guess.resolve({"": "题目甲乙丙"}).columns["题目甲乙丙"].target == "title"


@given(
    st.sampled_from(Kind),
    st.lists(_names | st.sampled_from(SURVEY), unique=True, max_size=8),
    st.lists(st.text(max_size=10), max_size=3),
)
def test_any_header_is_guessed_and_every_column_has_a_rule(
    kind: Kind, header: list[str], cells: list[str]
) -> None:
    guess = guess_profile(kind, header, [dict.fromkeys(header, cell) for cell in cells])
    assert [column.column for column in guess.columns] == header
    assert all(column.rule.target in TARGETS[kind] for column in guess.columns)
    single = [g.rule.target for g in guess.columns if g.confidence is Confidence.CERTAIN]
    many = {"text", "contact_person", "phone", "mail", "extra", "ignore"}
    assert all(single.count(target) == 1 for target in single if target not in many)


def test_the_profile_that_the_readme_shows_is_one() -> None:
    readme = (Path(__file__).parents[2] / "corpus" / "README.md").read_text("utf-8")
    block = readme.split("```toml")[1].split("```")[0]
    profile = parse_profile(textwrap.dedent(block), "README")
    assert (profile.kind, profile.source) == (Kind.NEED, "丰南区")
    assert profile.columns["工艺配方"].level is Confidentiality.CONFIDENTIAL
