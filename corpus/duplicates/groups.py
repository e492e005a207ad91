"""From pairs to groups. A chain of pairs is not a group: its ends may have little in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date

from corpus.duplicates.detect import DuplicatePair
from corpus.duplicates.profile import Document

LINKED = 0.5
"""Share of the pairs between two groups that must have been found for them to become one."""


@dataclass(frozen=True, slots=True)
class DuplicateGroup:
    """Documents that seem to be one thing."""

    ids: tuple[int, ...]
    """At least two, ascending."""
    pairs: tuple[DuplicatePair, ...]
    """The pairs found among them, best first."""
    reason: str
    """Why they seem to be one; the least sure link is named."""
    canonical: int
    """Which one should stand for all: the fullest text, then the newest, then the smallest id."""


def group_duplicates(
    pairs: Iterable[DuplicatePair], documents: Iterable[Document]
) -> list[DuplicateGroup]:
    """Groups of at least two, in order of their smallest id; a document is in one at most.

    Agglomerative: from the best pair down, two groups become one if at least ``LINKED`` of the
    pairs between them were found (between average and complete linkage). Exact copies count as
    one member, since only one of them is compared with others. The result does not depend on
    the order of the arguments.
    """
    ordered = sorted(set(pairs), key=lambda p: (-p.score, p.left_id, p.right_id))
    groups = DisjointSets()
    for pair in ordered:
        if pair.score == 1.0:
            groups.join(pair.left_id, pair.right_id)
    # An exact copy is one with its first: from here on they are a single unit.
    units = {member: groups.of(member) for p in ordered for member in (p.left_id, p.right_id)}
    size = dict.fromkeys(units.values(), 1)
    links: dict[int, dict[int, int]] = {unit: {} for unit in size}
    fuzzy = {tuple(sorted((units[p.left_id], units[p.right_id]))) for p in ordered} - {
        (unit, unit) for unit in size
    }
    for left, right in fuzzy:
        links[left][right] = links[right][left] = 1
    for pair in ordered:
        left, right = groups.of(pair.left_id), groups.of(pair.right_id)
        if left != right and links[left][right] >= LINKED * size[left] * size[right]:
            kept = groups.join(left, right)
            _move_links(links, size, kept, left + right - kept)
    return _made(groups, ordered, {d.id: d for d in documents})


class DisjointSets:
    """Disjoint sets, each named by its smallest member."""

    def __init__(self) -> None:
        self._parent: dict[int, int] = {}

    def of(self, member: int) -> int:
        """Name of the set a member is in."""
        path = []
        while (parent := self._parent.get(member, member)) != member:
            path.append(member)
            member = parent
        self._parent.update(dict.fromkeys(path, member))
        return member

    def join(self, left: int, right: int) -> int:
        """Make one of two sets; returns its name."""
        name, other = sorted((self.of(left), self.of(right)))
        self._parent[other] = name
        return name


def _move_links(links: dict[int, dict[int, int]], size: dict[int, int], to: int, gone: int) -> None:
    size[to] += size.pop(gone)
    for other, count in links.pop(gone).items():
        del links[other][gone]
        if other != to:
            links[to][other] = links[other][to] = links[to].get(other, 0) + count


def _made(
    groups: DisjointSets, pairs: Sequence[DuplicatePair], documents: dict[int, Document]
) -> list[DuplicateGroup]:
    inside: dict[int, list[DuplicatePair]] = {}
    for pair in pairs:
        if (name := groups.of(pair.left_id)) == groups.of(pair.right_id):
            inside.setdefault(name, []).append(pair)
    made = []
    for _, members in sorted(inside.items()):
        ids = sorted({i for pair in members for i in (pair.left_id, pair.right_id)})
        best = min((documents[i] for i in ids), key=_preference)
        made.append(DuplicateGroup(tuple(ids), tuple(members), _reason(members), best.id))
    return made


def _preference(document: Document) -> tuple[int, int, int]:
    newest = (document.dated_on or date.min).toordinal()
    return -len(document.text.strip()), -newest, document.id


def _reason(pairs: Sequence[DuplicatePair]) -> str:
    weakest = pairs[-1].reason
    if len(pairs) == 1:
        return weakest
    return weakest if weakest == pairs[0].reason else f"{pairs[0].reason}；最弱的一对：{weakest}"
