"""What a subscription is told tonight: what is new, what got better, what waits, what is gone.

A subscription has a *ledger*: every pair it was ever told of, with where the pair stands now. A
night turns the ledger, tonight's proposals and what people decided into a new ledger and a delta.
Three things hold over any history of nights:

* a pair is new once: it enters the ledger then and never leaves it;
* the ledger counts up: told as new = accepted + dismissed + open + withdrawn;
* a dismissed pair is not mentioned again until the decision no longer holds (``feedback``: one
  side has changed) or is taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from matcher.feedback import Pair, Verdict
from matcher.scoring import Level


class State(StrEnum):
    """Where a pair stands that somebody was told of."""

    OPEN = "待处理"
    ACCEPTED = "已采纳"
    DISMISSED = "不合适"
    WITHDRAWN = "已撤回"


class Loss(StrEnum):
    """Why a pair is no longer proposed."""

    RECORD = "记录已撤回或到期"
    CHANGED = "内容改动后不再合适"
    OUTSIDE = "不再属于这项订阅的范围"


@dataclass(frozen=True, slots=True)
class Facts:
    """What an improvement is measured on; all of it stands on the card of the pair."""

    level: Level
    met: frozenset[str] = frozenset()
    """Indicators that are met, by name."""
    against: frozenset[str] = frozenset()
    """Objections, by code."""

    def better_than(self, before: Facts) -> tuple[str, ...]:
        """Sentences that say what got better; empty where nothing did, or the level fell."""
        if self.level.rank < before.level.rank:
            return ()
        said = []
        if self.level.rank > before.level.rank:
            said.append(f"由“{before.level}”升为“{self.level}”")
        if new := sorted(self.met - before.met):
            said.append(f"新满足指标：{'、'.join(new)}")
        if gone := sorted(before.against - self.against):
            said.append(f"不利因素已消除：{'、'.join(gone)}")
        return tuple(said)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A pair that the ranking proposes tonight."""

    pair: Pair
    facts: Facts
    owner: str = ""
    """The institution of the achievement, for the cap; empty: unknown, and not capped."""


@dataclass(frozen=True, slots=True)
class Line:
    """A pair in a ledger."""

    pair: Pair
    state: State
    facts: Facts
    """As the subscription was last told."""
    new_on: date
    """The night when it was told as new."""
    told_on: date
    """The last night when it was told as new, better or gone."""


Ledger = Mapping[Pair, Line]


@dataclass(frozen=True, slots=True)
class Better:
    """A pair that was told before and is worth another look, and why."""

    pair: Pair
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Gone:
    """A pair that was told before and is no longer proposed."""

    pair: Pair
    loss: Loss


@dataclass(frozen=True, slots=True)
class Delta:
    """One night of one subscription."""

    new: tuple[Pair, ...]
    better: tuple[Better, ...]
    waiting: tuple[Pair, ...]
    """Told before and not decided; those of tonight are not among them."""
    gone: tuple[Gone, ...]
    more: int
    """Proposals that would be new and had no place: they are as new on a later night."""
    ledger: Ledger

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to tell that was not told before."""
        return not (self.new or self.better or self.gone)

    def counts(self) -> Counter[State]:
        """How many pairs stand where; their sum is how many were ever told as new."""
        return Counter(line.state for line in self.ledger.values())


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is told as new at once."""

    new: int = 10
    per_owner: int = 3


def delta(
    ledger: Ledger,
    proposals: Sequence[Proposal],
    decisions: Mapping[Pair, Verdict],
    losses: Mapping[Pair, Loss],
    limits: Limits,
    on: date,
) -> Delta:
    """Tonight.

    ``proposals`` are in order, best first, each pair once. ``decisions`` hold today: 采纳 and
    不合适 whose texts have not changed since. ``losses`` say why a pair of the ledger is not
    proposed; without a word it is ``Loss.CHANGED``.

    Raises:
        ValueError: a pair is proposed twice.
    """
    proposed = {one.pair: one for one in proposals}
    if len(proposed) != len(proposals):
        raise ValueError("a pair is proposed twice")
    after = dict(ledger)
    better, waiting, gone = [], [], []
    for pair, line in ledger.items():
        one, decided = proposed.get(pair), decisions.get(pair)
        moved, said = _moved(line, one, decided, on)
        after[pair] = moved
        if moved.state is State.WITHDRAWN and line.state in {State.OPEN, State.ACCEPTED}:
            gone.append(Gone(pair, losses.get(pair, Loss.CHANGED)))
        elif said:
            better.append(Better(pair, said))
        elif moved.state is State.OPEN:
            waiting.append(pair)
    new, more = _new(ledger, proposals, decisions, limits)
    for one in new:
        after[one.pair] = Line(one.pair, State.OPEN, one.facts, on, on)
    place = {pair: at for at, pair in enumerate(proposed)}
    return Delta(
        new=tuple(one.pair for one in new),
        better=tuple(sorted(better, key=lambda found: place[found.pair])),
        waiting=tuple(sorted(waiting, key=lambda pair: place[pair])),
        gone=tuple(sorted(gone, key=lambda found: found.pair)),
        more=more,
        ledger=after,
    )


def _moved(
    line: Line, proposal: Proposal | None, decided: Verdict | None, on: date
) -> tuple[Line, tuple[str, ...]]:
    """Where a line stands tonight, and why it is worth another look."""
    if decided is Verdict.ACCEPT:
        return replace(line, state=State.ACCEPTED), ()
    if decided is Verdict.DISMISS:
        return replace(line, state=State.DISMISSED), ()
    if proposal is None:
        if line.state is State.WITHDRAWN:
            return line, ()
        return replace(line, state=State.WITHDRAWN, told_on=on), ()
    said = proposal.facts.better_than(line.facts)
    if line.state is State.WITHDRAWN:
        said = ("重新符合", *said)
    elif line.state is State.DISMISSED:
        said = ("原先判为不合适，现在不再成立", *said)
    if not said:
        # Measured against what was told: a dip in between makes nothing better.
        return replace(line, state=State.OPEN), ()
    return replace(line, state=State.OPEN, facts=proposal.facts, told_on=on), said


def _new(
    ledger: Ledger,
    proposals: Iterable[Proposal],
    decisions: Mapping[Pair, Verdict],
    limits: Limits,
) -> tuple[list[Proposal], int]:
    found: list[Proposal] = []
    left = 0
    of_owner: Counter[str] = Counter()
    for one in proposals:
        if one.pair in ledger or one.pair in decisions:
            continue
        full = bool(one.owner) and of_owner[one.owner] >= limits.per_owner
        if full or len(found) >= limits.new:
            left += 1
            continue
        of_owner[one.owner] += 1
        found.append(one)
    return found, left
