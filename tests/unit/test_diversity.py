"""Near copies collapse, institutions are capped, nothing is lost: against a slow oracle."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.diversity import DiversityConfig, Place, Ranked, diversify

entries = st.builds(
    Ranked,
    id=st.integers(0, 10**6),
    score=st.just(0.0),
    organisation=st.sampled_from(("", "甲", "乙", "丙")),
    group=st.none() | st.sampled_from(("g1", "g2", "g3")),
)
lists = st.lists(entries, max_size=25, unique_by=lambda entry: entry.id)
configs = st.builds(DiversityConfig, first=st.integers(0, 12), per_organisation=st.integers(1, 4))


def oracle(ranked: list[Ranked], config: DiversityConfig) -> list[int]:
    """Place by place: the best one left that its institution has room for."""
    left = [
        entry
        for at, entry in enumerate(ranked)
        if entry.group is None or entry.group not in [before.group for before in ranked[:at]]
    ]
    shown: list[Ranked] = []
    while left:
        fits = [
            entry
            for entry in left
            if len(shown) >= config.first
            or not entry.organisation
            or [e.organisation for e in shown].count(entry.organisation) < config.per_organisation
        ]
        if len(shown) < config.first and not fits:
            # Nobody else is left for the first places.
            return [entry.id for entry in shown + left]
        shown.append(fits[0])
        left.remove(fits[0])
    return [entry.id for entry in shown]


def ids(places: list[Place]) -> list[int]:
    return [place.entry.id for place in places]


@given(lists, configs)
def test_the_order_is_that_of_the_oracle(ranked: list[Ranked], config: DiversityConfig) -> None:
    assert ids(diversify(ranked, config)) == oracle(ranked, config)


@given(lists, configs)
def test_nothing_is_lost_and_nothing_is_twice(
    ranked: list[Ranked], config: DiversityConfig
) -> None:
    places = diversify(ranked, config)
    every = [entry for place in places for entry in (place.entry, *place.copies)]
    assert sorted(entry.id for entry in every) == sorted(entry.id for entry in ranked)
    order = [entry.id for entry in ranked]
    for place in places:
        assert all(copy.group == place.entry.group is not None for copy in place.copies)
        # The best of a group is the one shown.
        around = [entry.id for entry in (place.entry, *place.copies)]
        assert around == sorted(around, key=order.index)
    assert sum(place.moved for place in places) == 0


@given(lists, lists, configs)
def test_worse_entries_never_change_the_order_before_them(
    ranked: list[Ranked], more: list[Ranked], config: DiversityConfig
) -> None:
    known = {entry.id for entry in ranked}
    longer = [*ranked, *(entry for entry in more if entry.id not in known)]
    before = ids(diversify(ranked, config))
    after = ids(diversify(longer, config))
    assert [i for i in after if i in set(before)] == before


@given(lists, configs)
def test_doing_it_twice_changes_nothing_more(ranked: list[Ranked], config: DiversityConfig) -> None:
    once = [place.entry for place in diversify(ranked, config)]
    again = diversify(once, config)
    assert [place.entry for place in again] == once
    assert all(place.moved == 0 for place in again)


def test_the_example_of_the_readme() -> None:
    ranked = [Ranked(1, 0.9, "甲", "g"), Ranked(2, 0.8, "甲", "g"), Ranked(3, 0.7, "甲"),
              Ranked(4, 0.6, "甲"), Ranked(5, 0.5, "乙"), Ranked(6, 0.4, "甲", "g")]  # fmt: skip
    places = diversify(ranked, DiversityConfig(first=3, per_organisation=2))
    assert ids(places) == [1, 3, 5, 4]
    assert places[0].note == "另有 2 条近似成果"
    assert [copy.id for copy in places[0].copies] == [2, 6]
    assert [place.moved for place in places] == [0, 0, -1, 1]
    assert places[1].note == ""


def test_an_unknown_institution_is_not_one_institution() -> None:
    ranked = [Ranked(i, 1.0 - i / 10) for i in range(6)]
    assert ids(diversify(ranked, DiversityConfig(per_organisation=1))) == list(range(6))


def test_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="twice"):
        diversify([Ranked(1, 1.0), Ranked(1, 0.5)])
    with pytest.raises(ValueError, match="per_organisation"):
        DiversityConfig(per_organisation=0)
    with pytest.raises(ValueError, match="first"):
        DiversityConfig(first=-1)
