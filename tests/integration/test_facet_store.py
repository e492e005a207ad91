"""Counts, titles, sorting and protection on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from sqlalchemy import Engine, literal, select
from sqlmodel import Session

from corpus.confidentiality import Role, hidden_fields, row_scope
from corpus.facets import FacetRepository
from corpus.filters import Facet
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

RIGHTS = (
    "",
    "N/A",
    "无",
    "发明专利已授权",
    "发明专利申请中",
    "专利已失效",
    "ZL2020 申请",
    "zl 申请",
)


def corpus(rng: np.random.Generator) -> list[Record]:
    levels = list(Confidentiality)
    records: list[Record] = []
    for n in range(60):
        field = ("新材料", "节能环保", "")[rng.integers(3)]
        owner = Organisation(*(("甲所（示例）", "北京"), ("乙所（示例）", "天津"))[rng.integers(2)])
        records.append(
            Achievement(
                key=f"A{n}", title=("钢渣 A%", "余热_b")[n % 2], technology_field=field,
                industry=("制造业", "医药制造业", "农业")[rng.integers(3)], organisation=owner,
                maturity=[None, *Maturity][rng.integers(6)],
                intellectual_property=RIGHTS[rng.integers(len(RIGHTS))],
                published_on=None if n % 7 == 0 else date(2026, 1, 1) + timedelta(int(n * 37 % 90)),
                confidentiality=levels[rng.integers(3)],
                field_levels={"published_on": levels[rng.integers(3)]},
            )
        )  # fmt: skip
        records.append(Need(key=f"N{n}", title="x", county=("迁安市", "遵化市", "")[n % 3]))
    return records


def test_counts_are_what_lists_hold_on_both_databases(
    engine: Engine, rng: np.random.Generator
) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert(corpus(rng), NOW_AT)
        for role in (Role.ADMINISTRATOR, Role.OFFICER, Role.INSTITUTION):
            level = role.clearance.level
            scope = row_scope(role, "", "甲所（示例）")
            repository, facets = CorpusRepository(session, scope), FacetRepository(session, scope)
            for where in (
                RecordFilter(asked_at=level),
                RecordFilter(asked_at=level, open_to=level, title="a%"),
                RecordFilter(
                    asked_at=level,
                    industries=frozenset({"制造业"}),
                    protections=frozenset({Protection.STATED.value, Protection.NONE.value}),
                    maturities=frozenset({Maturity.PILOT_SCALE.value}),
                ),
            ):
                for kind in Kind:
                    assert facets.total(kind, where) == len(repository.eligible_ids(kind, where))
                    for one in facets.counts(kind, where):
                        for value, count in one.values:
                            alone = one.facet.choosing(where, frozenset({value}))
                            assert count == len(repository.eligible_ids(kind, alone)), value


def test_the_newest_stand_first_on_both_databases(engine: Engine, rng: np.random.Generator) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert(corpus(rng), NOW_AT)
        for role in (Role.ADMINISTRATOR, Role.INSTITUTION):
            where = RecordFilter(asked_at=role.clearance.level)

            def place(stored: object, role: Role = role) -> tuple[int, int]:
                record = stored.record  # type: ignore[attr-defined]
                hidden = "published_on" in hidden_fields(record, role)
                day = date.min if hidden else record.published_on or date.min
                return -day.toordinal(), -stored.id  # type: ignore[attr-defined]

            repository = CorpusRepository(session)
            found = repository.page(Kind.ACHIEVEMENT, where, 0, 100, newest=True)
            assert found == sorted(found, key=place)
            again = repository.page(Kind.ACHIEVEMENT, where, 10, 5, newest=True)
            assert again == found[10:15]


def test_protection_is_read_alike_by_both_databases(engine: Engine) -> None:
    with Session(engine) as session:
        for text in RIGHTS:
            found = session.execute(select(protection_column(literal(text)))).scalar_one()
            assert found == protection_of(text).value, text


def test_one_facet_alone(engine: Engine) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert([Need(key="N", title="x", county="迁安市")], NOW_AT)
        one = FacetRepository(session).count(Kind.NEED, Facet.REGION, RecordFilter())
        assert one.values == (("迁安市", 1),)
