"""A list in which near copies are one place and no institution fills the first page.

Two steps, both on a list in its final order: near copies *collapse* onto the best of them, which
counts the others; then a *cap* lets an institution take only so many of the first places. What is
over the cap moves down behind the others and is never lost. Nothing else changes its order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DiversityConfig:
    """How much one institution may take."""

    first: int = 10
    """The first places, which people look at; a whole number from 0 on. 0 switches the cap off."""
    per_organisation: int = 3
    """Places among the first that one institution may take; a whole number from 1 on."""

    def __post_init__(self) -> None:
        if self.first < 0 or self.per_organisation < 1:
            raise ValueError("first >= 0 and per_organisation >= 1 are required")


@dataclass(frozen=True, slots=True)
class Ranked:
    """One entry of a list.

    ``organisation`` is the institution's name; empty for an unknown one, which is never capped.
    ``group`` names the near copies that it belongs to; None where there are none.
    """

    id: int
    score: float
    organisation: str = ""
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the list shown."""

    entry: Ranked
    copies: tuple[Ranked, ...] = ()
    """Near copies of the entry, in their order: not shown, but listed when asked for."""
    moved: int = 0
    """By how many places the cap moved it down (positive) or up (negative)."""

    @property
    def note(self) -> str:
        """另有 2 条近似成果; empty without copies."""
        return f"另有 {len(self.copies)} 条近似成果" if self.copies else ""


def diversify(ranked: Sequence[Ranked], config: DiversityConfig | None = None) -> list[Place]:
    """Collapse near copies, then cap institutions.

    Linear in the length of the list. The same list gives the same result; entries that are
    appended at its end never change the order of those before them. Where too few institutions
    are left to fill the first places, what is over the cap takes them after all.

    Raises:
        ValueError: an id stands twice in the list.
    """
    config = config or DiversityConfig()
    collapsed = _collapsed(ranked)
    kept = _within_cap([entry for entry, _ in collapsed], config)
    order = [*kept, *(i for i in range(len(collapsed)) if i not in kept)]
    return [
        Place(collapsed[old][0], tuple(collapsed[old][1]), new - old)
        for new, old in enumerate(order)
    ]


def _collapsed(ranked: Sequence[Ranked]) -> list[tuple[Ranked, list[Ranked]]]:
    """The first of each group with those that follow it."""
    seen: set[int] = set()
    shown: list[tuple[Ranked, list[Ranked]]] = []
    first_of: dict[str, list[Ranked]] = {}
    for entry in ranked:
        if entry.id in seen:
            raise ValueError(f"id {entry.id} stands twice in the list")
        seen.add(entry.id)
        if entry.group is not None and entry.group in first_of:
            first_of[entry.group].append(entry)
            continue
        copies: list[Ranked] = []
        shown.append((entry, copies))
        if entry.group is not None:
            first_of[entry.group] = copies
    return shown


def _within_cap(entries: Sequence[Ranked], config: DiversityConfig) -> dict[int, None]:
    """Positions that take the first places, in order; a dict as an ordered set."""
    taken: Counter[str] = Counter()
    kept: dict[int, None] = {}
    for position, entry in enumerate(entries):
        if len(kept) == config.first:
            break
        if entry.organisation and taken[entry.organisation] == config.per_organisation:
            continue
        taken[entry.organisation] += 1
        kept[position] = None
    return kept
