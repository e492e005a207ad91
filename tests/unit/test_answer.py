"""The list that people read: near copies, the cap, nothing lost, any longer beginning the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from corpus.confidentiality import Role
from corpus.model import Achievement, Confidentiality, Organisation, StoredRecord
from matcher.answer import LOOK_AHEAD, Listing, listing
from matcher.diversity import DiversityConfig


@dataclass(frozen=True)
class Ranked:
    """What is read of a match."""

    document: StoredRecord
    score: float


def made(number: int, owner: str = "", level: Confidentiality | None = None) -> Any:
    record = Achievement(
        key=f"A{number}",
        title=f"成果{number}",
        organisation=Organisation(owner) if owner else None,
        field_levels={"organisation": level} if level else {},
    )
    return Ranked(StoredRecord(number, record), 1.0 - number / 1000)


def ids(found: Listing) -> list[int]:
    return [one.match.document.id for one in found.listed]


worlds = st.lists(
    st.tuples(st.sampled_from(("", "甲", "乙", "丙")), st.sampled_from((None, "g1", "g2", "g3"))),
    max_size=60,
)


@given(world=worlds, limit=st.integers(1, 40), cut=st.integers(0, 60))
def test_a_settled_list_is_that_of_the_whole_ranking(
    world: list[tuple[str, str | None]], limit: int, cut: int
) -> None:
    matches = [made(n, owner) for n, (owner, _) in enumerate(world)]
    groups = {f"A{n}": group for n, (_, group) in enumerate(world) if group}
    whole = listing(matches, groups, limit, Role.ADMINISTRATOR)
    part = listing(matches[:cut], groups, limit, Role.ADMINISTRATOR)
    if part.settled:
        assert ids(part) == ids(whole)
    # As many places as there are different things, up to the limit.
    different = len({groups.get(m.document.record.key, m.document.id) for m in matches})
    assert len(whole.listed) == min(limit, different)
    assert not whole.settled or len(whole.listed) == limit


@given(world=worlds, limit=st.integers(1, 12))
def test_what_the_cap_moves_out_is_named(world: list[tuple[str, str | None]], limit: int) -> None:
    matches = [made(n, owner) for n, (owner, _) in enumerate(world)]
    found = listing(matches, {}, limit, Role.ADMINISTRATOR)
    without = [match.document.id for match in matches[:limit]]
    out = [match.document.id for match in found.set_back]
    assert sorted(set(without) - set(ids(found))) == sorted(out)
    for place, one in enumerate(found.listed):
        assert place - one.moved == one.match.document.id


def test_no_institution_takes_more_than_its_places_while_others_are_near() -> None:
    matches = [made(n, "甲") for n in range(8)] + [made(n, f"所{n}") for n in range(8, 20)]
    found = listing(matches, {}, 10, Role.ADMINISTRATOR)
    assert ids(found) == [0, 1, 2, *range(8, 15)]
    assert [m.document.id for m in found.set_back] == [3, 4, 5, 6, 7]
    assert ids(listing(matches, {}, 5, Role.ADMINISTRATOR)) == ids(found)[:5]


def test_nothing_is_pulled_up_from_far_below() -> None:
    matches = [made(n, "甲") for n in range(LOOK_AHEAD)] + [made(LOOK_AHEAD, "乙")]
    assert LOOK_AHEAD not in ids(listing(matches, {}, 10, Role.ADMINISTRATOR))


def test_an_institution_that_the_reader_may_not_see_is_not_counted() -> None:
    secret = Confidentiality.CONFIDENTIAL
    matches = [made(n, "甲", secret) for n in range(6)] + [made(n, "乙") for n in range(6, 8)]
    assert ids(listing(matches, {}, 5, Role.GUEST)) == [0, 1, 2, 3, 4]
    assert ids(listing(matches, {}, 5, Role.ADMINISTRATOR)) == [0, 1, 2, 6, 7]


def test_the_first_of_a_group_stands_for_it() -> None:
    matches = [made(n) for n in range(5)]
    groups = {"A1": "7", "A3": "7"}
    assert ids(listing(matches, groups, 10, Role.GUEST)) == [0, 1, 2, 4]
    uncapped = DiversityConfig(first=0)
    assert ids(listing(matches, groups, 2, Role.GUEST, uncapped)) == [0, 1]
