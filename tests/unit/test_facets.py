"""Counts of values against asking for each of them, and the words for protection."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import literal, select
from sqlmodel import Session

from corpus.confidentiality import EVERY_ROW, Role, RowScope, hidden_fields, row_scope
from corpus.database import create_schema, open_database
from corpus.facets import FacetRepository, KeptCounts
from corpus.filters import Facet, facets_of
from corpus.industries import section_of
from corpus.model import (
    Achievement,
    Confidentiality,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    RecordFilter,
)
from corpus.protection import Protection, protection_column, protection_of
from corpus.repository import CorpusRepository
from tests.conftest import NOW_AT

DAY = date(2026, 11, 25)
FIELDS = ("新材料", "节能环保", "")
REGIONS = {Kind.ACHIEVEMENT: ("北京", "天津", "河北", ""), Kind.NEED: ("迁安市", "滦州市", "")}
INDUSTRIES = ("制造业", "医药制造业", "金属制品业", "农业", "采矿业", "自写的行业", "")
RIGHTS = ("", "无", "发明专利已授权", "发明专利申请中", "专利已失效", "ZL2020 申请", "—")
LEVELS = st.sampled_from(list(Confidentiality))
CLOSED = ("technology_field", "industry", "county", "organisation", "maturity", "title",
          "intellectual_property", "published_on")  # fmt: skip
DATES = st.sampled_from([None, date(2020, 1, 1), date(2026, 11, 25), date(2027, 1, 1)])


@st.composite
def records(draw: st.DrawFn, number: int) -> Record:
    kind = draw(st.sampled_from(list(Kind)))
    region = draw(st.sampled_from(REGIONS[kind]))
    guess = draw(st.sampled_from(FIELDS))
    shared: dict[str, Any] = {
        "key": f"K{number}",
        "title": draw(st.sampled_from(["钢渣 A", "陶瓷窑 a%", "余热_B"])),
        "technology_field": draw(st.sampled_from(FIELDS)),
        "suggested": {"technology_field": guess} if guess else {},
        "industry": draw(st.sampled_from(INDUSTRIES)),
        "confidentiality": draw(LEVELS),
        "field_levels": draw(st.dictionaries(st.sampled_from(CLOSED), LEVELS, max_size=3)),
        "published_on": draw(DATES),
        "valid_until_on": draw(DATES),
    }
    if kind is Kind.NEED:
        return Need(**shared, county=region)
    owner = Organisation(f"{region}研究院（示例）", region) if region else None
    return Achievement(
        **shared,
        organisation=owner,
        maturity=draw(st.sampled_from([None, *Maturity])),
        intellectual_property=draw(st.sampled_from(RIGHTS)),
    )


@st.composite
def filters(draw: st.DrawFn, role: Role) -> RecordFilter:
    def some(values: Any) -> frozenset[str]:
        return draw(st.frozensets(st.sampled_from(sorted(values)), max_size=2))

    level = role.clearance.level
    return RecordFilter(
        technology_fields=some(FIELDS[:2]),
        regions=some({"北京", "天津", "迁安市"}),
        industries=some(INDUSTRIES[:-1]),
        maturities=some(m.value for m in Maturity),
        protections=some(p.value for p in Protection),
        min_maturity=draw(st.sampled_from([None, Maturity.LAB_SCALE])),
        title=draw(st.sampled_from(["", "", "a", "%", "钢渣"])),
        valid_on=draw(st.sampled_from([None, DAY])),
        asked_at=level,
        open_to=draw(st.sampled_from([Confidentiality.CONFIDENTIAL, level])),
    )


@pytest.fixture(scope="module")
def database() -> Iterator[Any]:
    opened = open_database("sqlite:///:memory:")
    create_schema(opened)
    yield opened
    opened.dispose()


def shown(record: Record, facet: Facet, role: Role) -> str:
    """The value as the role sees it, said again from what is hidden."""
    hidden = hidden_fields(record, role)
    if facet is Facet.REGION:
        if isinstance(record, Need):
            return "" if "county" in hidden else record.county
        owner = record.organisation
        return owner.region if owner and "organisation" not in hidden else ""
    if facet in (Facet.FIELD, Facet.INDUSTRY):
        name = "technology_field" if facet is Facet.FIELD else "industry"
        own = getattr(record, name)
        if own or name in hidden:
            return "" if name in hidden else own
        return "" if "suggested" in hidden else record.suggested.get(name, "")
    assert isinstance(record, Achievement)
    if facet is Facet.MATURITY:
        return record.maturity.value if record.maturity and "maturity" not in hidden else ""
    if "intellectual_property" in hidden:
        return ""
    return protection_of(record.intellectual_property).value


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_counts_are_what_a_list_of_the_value_would_hold(database: Any, data: st.DataObject) -> None:
    corpus = [data.draw(records(number)) for number in range(data.draw(st.integers(0, 14)))]
    role = data.draw(st.sampled_from([Role.ADMINISTRATOR, Role.OFFICER, Role.INSTITUTION]))
    where = data.draw(filters(role))
    scope: RowScope = data.draw(
        st.sampled_from(
            [
                EVERY_ROW,
                row_scope(Role.COUNTY, "迁安市"),
                row_scope(Role.INSTITUTION, "", "北京研究院（示例）"),
            ]
        )
    )
    with Session(database) as session:
        CorpusRepository(session).upsert(corpus, NOW_AT)
        repository, facets = CorpusRepository(session, scope), FacetRepository(session, scope)
        for kind in Kind:
            assert facets.total(kind, where) == len(repository.eligible_ids(kind, where))
            counted = facets.counts(kind, where)
            assert [one.facet for one in counted] == list(facets_of(kind))
            for one in counted:
                for value, count in one.values:
                    alone = one.facet.choosing(where, frozenset({value}))
                    assert count == len(repository.eligible_ids(kind, alone)), (one.facet, value)
                # Every value that the reader sees is among them, and none that he does not.
                base = repository.page(kind, one.facet.without(where), 0, 100)
                seen = {shown(stored.record, one.facet, role) for stored in base} - {""}
                if one.facet is Facet.INDUSTRY:
                    seen = {section_of(name) for name in seen}
                names = {name for name, count in one.values if count} - one.facet.own(where)
                assert names == seen - one.facet.own(where)
                assert len({name for name, _ in one.values}) == len(one.values)
            assert counted == facets.counts(kind, where)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_newest_first_is_one_order_whatever_the_page(database: Any, data: st.DataObject) -> None:
    corpus = [data.draw(records(number)) for number in range(data.draw(st.integers(0, 12)))]
    role = data.draw(st.sampled_from([Role.ADMINISTRATOR, Role.INSTITUTION]))
    where = RecordFilter(asked_at=role.clearance.level)
    with Session(database) as session:
        CorpusRepository(session).upsert(corpus, NOW_AT)
        repository = CorpusRepository(session)
        for kind in Kind:
            whole = repository.page(kind, where, 0, 100, newest=True)
            step = data.draw(st.integers(1, 4))
            pages = [
                one
                for start in range(0, 100, step)
                for one in repository.page(kind, where, start, step, newest=True)
            ]
            assert pages == whole

            def day(record: Record) -> date | None:
                hidden = "published_on" in hidden_fields(record, role)
                return None if hidden else record.published_on

            expected = sorted(
                repository.page(kind, where, 0, 100),
                key=lambda one: (-(day(one.record) or date.min).toordinal(), -one.id),
            )
            assert whole == expected


@given(
    st.text(st.sampled_from("无专利申请已授权失效 ZLzl-/发明未"), max_size=9)
    | st.sampled_from(RIGHTS)
)
def test_the_database_reads_protection_as_python_does(database: Any, text: str) -> None:
    with Session(database) as session:
        found = session.execute(select(protection_column(literal(text)))).scalar_one()
    assert found == protection_of(text).value


@pytest.mark.parametrize(
    ("text", "state"),
    [
        ("", "未写明"), (" N/A ", "未写明"), ("暂无", "没有"), ("发明专利 2 项，已授权", "已写明"),
        ("发明专利申请中", "申请中"), ("专利已失效", "可能失效"),
        ("已申请 3 项，其中已授权 1 项", "已写明"),
        ("发明专利", "已写明"),
    ],
)  # fmt: skip
def test_states_of_protection(text: str, state: str) -> None:
    assert protection_of(text) == state


def test_a_section_stands_for_its_divisions(database: Any) -> None:
    made = [
        Achievement(key=f"I{n}", title="x", industry=name)
        for n, name in enumerate(("制造业", "医药制造业", "农业", "自写的行业"))
    ]
    with Session(database) as session:
        CorpusRepository(session).upsert(made, NOW_AT)
        where = replace(RecordFilter(), industries=frozenset({"医药制造业"}))
        one = FacetRepository(session).count(Kind.ACHIEVEMENT, Facet.INDUSTRY, where)
        assert one.values == (
            ("农、林、牧、渔业", 1), ("制造业", 2), ("医药制造业", 1), ("自写的行业", 1),
        )  # fmt: skip


def test_kept_counts_are_of_the_corpus_as_it_is(database: Any) -> None:
    kept = KeptCounts(most=2)
    made = [Achievement(key=f"Z{n}", title="x", technology_field="新材料") for n in range(3)]
    where = RecordFilter()

    def counts(scope: RowScope = EVERY_ROW) -> int:
        return kept.get(session, scope, Kind.ACHIEVEMENT, where).total

    with Session(database) as session:
        repository = CorpusRepository(session)
        repository.upsert(made[:1], NOW_AT)
        assert (counts(), counts()) == (1, 1)
        assert counts(row_scope(Role.INSTITUTION, "", "甲所")) == 0
        repository.upsert(made, NOW_AT)
        assert counts() == 3
        repository.delete(Kind.ACHIEVEMENT, ["Z0"])
        assert counts() == 2
