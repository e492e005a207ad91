"""The masked view of a record."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.confidentiality import HIDDEN, Role, hidden_fields, masked
from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Contact,
    ContactKind,
    Need,
    Organisation,
    Record,
    Supplement,
)

CANARY = "金丝雀"
NEED = Need(
    key="N1",
    title=f"名称{CANARY}",
    text=f"正文{CANARY}",
    technology_field="新材料",
    industry=f"行业{CANARY}",
    organisation=Organisation(f"单位{CANARY}", f"地区{CANARY}"),
    cooperation=(f"合作{CANARY}",),
    source=f"来源{CANARY}",
    contacts=(Contact(ContactKind.PHONE, CANARY),),
    supplements=(Supplement("指标", CANARY),),
    extra={"备注": CANARY},
    county="迁安市",
    budget=Amount(7654.0, 7654.0),
)
ACHIEVEMENT = Achievement(
    key="A1", title=CANARY, text=CANARY, intellectual_property=CANARY, price=Amount(7654.0, None)
)
levels = st.sampled_from(Confidentiality)


def closed_to(record: Record, role: Role) -> bool:
    return record.confidentiality.rank > role.clearance.level.rank


@pytest.mark.parametrize("record", [NEED, ACHIEVEMENT])
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("level", Confidentiality)
def test_nothing_of_a_closed_record_is_left(
    record: Record, role: Role, level: Confidentiality
) -> None:
    shown = masked(replace(record, confidentiality=level), role)
    if closed_to(replace(record, confidentiality=level), role):
        assert CANARY not in repr(shown)
        assert "7654" not in repr(shown)
        assert (shown.key, shown.technology_field) == (record.key, record.technology_field)
        assert shown.title.startswith(HIDDEN)
        assert shown.body == HIDDEN
    else:
        assert (shown.title, shown.body) == (record.title, record.body)


@pytest.mark.parametrize("name", ["title", "text", "organisation", "budget", "cooperation"])
def test_one_closed_field_hides_itself_alone(name: str) -> None:
    record = replace(NEED, field_levels={name: Confidentiality.CONFIDENTIAL}, contacts=())
    shown = masked(record, Role.OFFICER)
    changed = {f.name for f in fields(record) if getattr(shown, f.name) != getattr(record, f.name)}
    expected = {"text": {"text", "supplements"}, "organisation": {"organisation", "source"}}
    assert changed == expected.get(name, {name})
    assert masked(record, Role.ADMINISTRATOR) == record


@pytest.mark.parametrize("role", Role)
def test_contacts_need_a_right_of_their_own(role: Role) -> None:
    shown = masked(NEED, role)
    assert bool(shown.contacts) == role.clearance.contacts
    assert shown.title == NEED.title


def test_columns_nobody_looked_at_are_not_public() -> None:
    assert masked(NEED, Role.GUEST).extra == {}
    assert masked(NEED, Role.COMMISSIONER).extra == NEED.extra


@given(
    levels,
    st.dictionaries(st.sampled_from([f.name for f in fields(Need)]), levels, max_size=6),
    st.sampled_from(Role),
)
def test_masking_is_idempotent_and_a_higher_level_sees_no_less(
    level: Confidentiality, field_levels: dict[str, Confidentiality], role: Role
) -> None:
    record = replace(NEED, confidentiality=level, field_levels=field_levels)
    shown = masked(record, role)
    assert masked(shown, role) == shown
    assert shown.key == record.key
    hidden = hidden_fields(record, role)
    for name in hidden:
        assert CANARY not in repr(getattr(shown, name))
    for other in Role:
        mine, theirs = role.clearance, other.clearance
        if theirs.level.rank >= mine.level.rank and theirs.contacts >= mine.contacts:
            assert hidden_fields(record, other) <= hidden
    readable = not {"title", "text"} & hidden
    assert readable == (record.text_level.rank <= role.clearance.level.rank)
