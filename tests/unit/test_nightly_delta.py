"""What a subscription is told, over any history of nights."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.feedback import Pair, Verdict
from matcher.nightly.delta import (
    Better,
    Delta,
    Facts,
    Gone,
    Ledger,
    Limits,
    Loss,
    Proposal,
    State,
    delta,
)
from matcher.scoring import Level

FIRST = date(2026, 3, 2)
PAIRS = [Pair(f"N{i}", f"A{j}") for i in range(3) for j in range(3)]
DECIDED = {Verdict.ACCEPT: State.ACCEPTED, Verdict.DISMISS: State.DISMISSED}

facts = st.builds(
    Facts,
    st.sampled_from(Level),
    st.frozensets(st.sampled_from(["强度", "粒径"])),
    st.frozensets(st.sampled_from(["成熟度", "预算"])),
)
proposals = st.lists(
    st.builds(Proposal, st.sampled_from(PAIRS), facts, st.sampled_from(["", "甲所", "乙所"])),
    unique_by=lambda one: one.pair,
    max_size=len(PAIRS),
)
decisions = st.dictionaries(st.sampled_from(PAIRS), st.sampled_from(sorted(DECIDED)), max_size=4)
nights = st.lists(st.tuples(proposals, decisions), min_size=1, max_size=8)
limits = st.builds(Limits, st.integers(0, 4), st.integers(1, 3))


def tonight(ledger: Ledger, *proposed: Proposal, on: date = FIRST, **more: object) -> Delta:
    known = {"decisions": {}, "losses": {}, "limits": Limits(), **more}
    return delta(ledger, proposed, on=on, **known)  # type: ignore[arg-type]


@given(nights, limits)
def test_over_any_nights_a_pair_is_new_once_and_the_ledger_counts_up(
    history: list[tuple[list[Proposal], dict[Pair, Verdict]]], limit: Limits
) -> None:
    ledger: Ledger = {}
    told: Counter[Pair] = Counter()
    for number, (proposed, decided) in enumerate(history):
        on = FIRST + timedelta(days=number)
        found = delta(ledger, proposed, decided, {}, limit, on)
        told.update(found.new)
        assert set(told.values()) <= {1}
        assert set(found.ledger) == set(told)
        assert sum(found.counts().values()) == told.total()
        sections = [
            *found.new, *(one.pair for one in found.better), *found.waiting,
            *(one.pair for one in found.gone),
        ]  # fmt: skip
        assert len(sections) == len(set(sections))
        assert not set(sections) & set(decided)
        here = {one.pair for one in proposed}
        shown = {*found.new, *(one.pair for one in found.better), *found.waiting}
        assert shown <= here
        open_now = {p for p, line in found.ledger.items() if line.state is State.OPEN}
        assert open_now == shown
        fresh = [one for one in proposed if one.pair not in ledger and one.pair not in decided]
        assert len(found.new) + found.more == len(fresh)
        assert len(found.new) <= limit.new
        owners = Counter(one.owner for one in proposed if one.pair in found.new and one.owner)
        assert all(count <= limit.per_owner for count in owners.values())
        for pair, verdict in decided.items():
            if pair in found.ledger:
                assert found.ledger[pair].state is DECIDED[verdict]
        ledger = found.ledger
    again = delta(ledger, proposed, decided, {}, Limits(0, 1), FIRST + timedelta(days=99))
    assert again.is_empty, "nothing changed since"
    assert again.ledger == ledger


def test_sixty_nights_of_random_edits(rng: np.random.Generator) -> None:
    ledger: Ledger = {}
    told = 0
    levels = list(Level)
    for night in range(60):
        chosen = rng.permutation(len(PAIRS))[: rng.integers(0, len(PAIRS) + 1)]
        proposed = [
            Proposal(PAIRS[i], Facts(levels[rng.integers(len(levels))]), f"所{i % 2}")
            for i in chosen
        ]
        decided = {
            pair: (Verdict.ACCEPT, Verdict.DISMISS)[rng.integers(2)]
            for pair in PAIRS
            if rng.random() < 0.2
        }
        found = delta(ledger, proposed, decided, {}, Limits(2, 1), FIRST + timedelta(days=night))
        told += len(found.new)
        assert told == sum(found.counts().values())
        ledger = found.ledger


def test_a_night_in_words() -> None:
    pair = PAIRS[0]
    first = tonight({}, Proposal(pair, Facts(Level.WEAK, against=frozenset({"成熟度太低"}))))
    assert (first.new, first.is_empty) == ((pair,), False)
    later = tonight(first.ledger, Proposal(pair, Facts(Level.GOOD, frozenset({"粒径"}))))
    because = ("由“弱”升为“较强”", "新满足指标：粒径", "不利因素已消除：成熟度太低")
    assert later.better == (Better(pair, because),)
    same = tonight(later.ledger, Proposal(pair, Facts(Level.GOOD, frozenset({"粒径"}))))
    assert (same.is_empty, same.waiting) == (True, (pair,))
    left = tonight(same.ledger, losses={pair: Loss.RECORD})
    assert left.gone == (Gone(pair, Loss.RECORD),)
    assert tonight(left.ledger).is_empty
    back = tonight(left.ledger, Proposal(pair, Facts(Level.GOOD)))
    assert back.better == (Better(pair, ("重新符合",)),)


def test_a_dip_and_back_is_nothing_to_tell() -> None:
    pair = PAIRS[0]
    ledger = tonight({}, Proposal(pair, Facts(Level.GOOD))).ledger
    ledger = tonight(ledger, Proposal(pair, Facts(Level.WEAK))).ledger
    assert tonight(ledger, Proposal(pair, Facts(Level.GOOD))).is_empty


def test_a_dismissed_pair_stays_away_until_the_decision_no_longer_holds() -> None:
    pair = PAIRS[0]
    proposal = Proposal(pair, Facts(Level.GOOD))
    ledger = tonight({}, proposal).ledger
    away = tonight(ledger, proposal, decisions={pair: Verdict.DISMISS})
    assert away.is_empty
    assert not away.waiting
    assert tonight(away.ledger).is_empty, "nobody asks what became of it"
    changed = tonight(away.ledger, proposal)
    assert changed.better[0].because == ("原先判为不合适，现在不再成立",)


def test_what_has_no_place_is_new_on_a_later_night() -> None:
    some = [Proposal(pair, Facts(Level.GOOD), "甲所") for pair in PAIRS[:3]]
    first = tonight({}, *some, limits=Limits(5, 2))
    assert (len(first.new), first.more) == (2, 1)
    second = tonight(first.ledger, *some, limits=Limits(5, 2))
    assert (second.new, second.more) == ((PAIRS[2],), 0)


def test_a_pair_twice_is_an_error() -> None:
    one = Proposal(PAIRS[0], Facts(Level.GOOD))
    with pytest.raises(ValueError, match="twice"):
        tonight({}, one, one)
