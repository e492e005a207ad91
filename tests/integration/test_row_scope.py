"""Which records are there for an account, in every query, on both databases."""

from __future__ import annotations

import itertools

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from corpus.confidentiality import (
    EVERY_ROW,
    NO_ROW,
    Role,
    RowScope,
    hidden_fields,
    row_scope,
)
from corpus.model import (
    Achievement,
    Confidentiality,
    Kind,
    Need,
    Organisation,
    Record,
    RecordFilter,
    UnknownRecordError,
)
from corpus.repository import CorpusRepository
from matcher.feedback import Pair, Verdict, judgement
from matcher.repository import FeedbackFilter, FeedbackRepository
from tests.conftest import NOW_AT

LEVELS = list(Confidentiality)
OWNERS = (Organisation("甲所", "北京"), Organisation("乙所", "天津"), None)


def everything() -> list[Record]:
    """Every county or owner × level of the record × level of that field."""
    records: list[Record] = []
    for number, (level, own) in enumerate(itertools.product(LEVELS, [None, *LEVELS])):
        for place, county in enumerate(("迁安市", "遵化市", "")):
            closed = {"county": own} if own else {}
            records.append(
                Need(
                    key=f"N{number}-{place}",
                    title="需求",
                    county=county,
                    confidentiality=level,
                    field_levels=closed,
                )
            )
        for place, owner in enumerate(OWNERS):
            closed = {"organisation": own} if own else {}
            records.append(
                Achievement(
                    key=f"A{number}-{place}",
                    title="成果",
                    organisation=owner,
                    confidentiality=level,
                    field_levels=closed,
                )
            )
    return records


def is_there(record: Record, role: Role) -> bool:
    """Said again, from what the role may see."""
    hidden = hidden_fields(record, role)
    if role is Role.COUNTY and isinstance(record, Need):
        return record.county == "迁安市" and "county" not in hidden
    if role is Role.INSTITUTION and isinstance(record, Achievement):
        owner = record.organisation
        return owner is not None and owner.name == "甲所" and "organisation" not in hidden
    return True


@pytest.mark.parametrize(
    "role", [Role.OFFICER, Role.COUNTY, Role.INSTITUTION], ids=lambda role: role.name
)
def test_every_query_of_records_keeps_to_the_scope(engine: Engine, role: Role) -> None:
    records = everything()
    scope = row_scope(role, "迁安市", "甲所")
    with Session(engine) as session:
        CorpusRepository(session).upsert(records, NOW_AT)
        whole, scoped = CorpusRepository(session), CorpusRepository(session, scope)
        for kind in Kind:
            mine = [r.key for r in records if r.kind is kind and is_there(r, role)]
            assert mine
            page = scoped.page(kind, RecordFilter(), 0, 100)
            assert sorted(stored.record.key for stored in page) == sorted(mine)
            assert scoped.count(kind) == len(mine)
            ids = whole.eligible_ids(kind, RecordFilter())
            assert scoped.eligible_ids(kind, RecordFilter()) == [stored.id for stored in page]
            assert sorted(scoped.get_many(kind, ids)) == [stored.id for stored in page]
            for record in records:
                if record.kind is kind:
                    assert (scoped.get(kind, record.key) is not None) is (record.key in mine)
            # What an index is made from is the same for everybody.
            assert scoped.snapshot(kind) == whole.snapshot(kind)


def test_an_account_without_county_or_institution_has_none(engine: Engine) -> None:
    with Session(engine) as session:
        CorpusRepository(session).upsert(everything(), NOW_AT)
        for scope, kind in (
            (row_scope(Role.COUNTY), Kind.NEED),
            (row_scope(Role.INSTITUTION), Kind.ACHIEVEMENT),
            (NO_ROW, Kind.NEED),
            (NO_ROW, Kind.ACHIEVEMENT),
            (row_scope(Role.GUEST), Kind.NEED),
        ):
            scoped = CorpusRepository(session, scope)
            assert scoped.count(kind) == 0
            assert scoped.eligible_ids(kind, RecordFilter()) == []
            with pytest.raises(UnknownRecordError):
                scoped.require(kind, f"{kind.value[0].upper()}0-0")


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (EVERY_ROW, {("N0-0", "A0-0"), ("N0-1", "A0-0"), ("N0-0", "A0-1")}),
        (row_scope(Role.COUNTY, "迁安市"), {("N0-0", "A0-0"), ("N0-0", "A0-1")}),
        (row_scope(Role.INSTITUTION, "", "甲所"), {("N0-0", "A0-0"), ("N0-1", "A0-0")}),
        (RowScope(frozenset({"迁安市"}), frozenset({"甲所"})), {("N0-0", "A0-0")}),
        (NO_ROW, set()),
    ],
)
def test_feedback_is_of_pairs_that_are_there(
    engine: Engine, scope: RowScope, expected: set[tuple[str, str]]
) -> None:
    said = judgement(Verdict.GRADE, 2, [], "")
    with Session(engine) as session:
        CorpusRepository(session).upsert(everything(), NOW_AT)
        repository = FeedbackRepository(session)
        for need, achievement in (("N0-0", "A0-0"), ("N0-1", "A0-0"), ("N0-0", "A0-1")):
            repository.give(Pair(need, achievement), "李工", said, NOW_AT)
        where = FeedbackFilter(scope=scope)
        found = repository.entries(where, 0, 10)
        assert {(entry.pair.need, entry.pair.achievement) for entry in found} == expected
        assert repository.count(where) == len(expected)
