"""收藏清单: pairs that somebody has put aside to work on, alone or with others.

A list belongs to one account. Its owner may let named accounts in, or everybody who sees every
record, to read or to edit. Who may not read it does not learn that it is there. An archived list
is there for its owner alone, and is not edited until it is taken back.

Every change makes a new version; a change that was begun on an older one is refused, so that
nobody overwrites what he has not seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from matcher.errors import MatchError
from matcher.feedback import Pair

NAME_LENGTH = 80
NOTE_LENGTH = 2000
MOST_ENTRIES = 200
"""Of one list. A list that people go through is shorter."""
MOST_PEOPLE = 50
DEFAULT_NAME = "我的收藏"


class ShortlistError(MatchError):
    """Something that cannot be done with a list; the message says what to do."""


class UnknownShortlistError(ShortlistError):
    """No such list or entry, at all or for who asks."""

    @classmethod
    def of(cls, shortlist_id: int) -> UnknownShortlistError:
        """The one for a number."""
        return cls(f"没有编号为 {shortlist_id} 的清单，或没有向您共享。请在“收藏”里查看。")

    @classmethod
    def of_entry(cls, entry_id: int) -> UnknownShortlistError:
        """The one for an entry's number."""
        return cls(f"清单里没有编号为 {entry_id} 的这一条，或您无权查看。请刷新页面。")


class ClosedShortlistError(ShortlistError):
    """It may be read, but not changed in this way."""


class StaleShortlistError(ShortlistError):
    """It has changed since it was shown."""


class Access(IntEnum):
    """What somebody may do with a list; each includes those before it."""

    NONE = 0
    READ = 1
    EDIT = 2
    OWN = 3

    @property
    def label(self) -> str:
        """Shown to people."""
        return ("不可见", "只读", "可编辑", "本人的")[self.value]


SHARED = (Access.READ, Access.EDIT)
"""What an owner can give to others."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks. ``sees_everything``: no record is out of his rows."""

    name: str
    sees_everything: bool


@dataclass(frozen=True, slots=True)
class Sharing:
    """Who may do what beside the owner. Made by ``sharing``, which checks it."""

    everyone: Access = Access.NONE
    people: Mapping[str, Access] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortlist:
    """A list without its entries."""

    id: int
    owner: str
    name: str
    note: str
    sharing: Sharing
    version: int
    created_at: datetime
    changed_at: datetime
    archived_at: datetime | None = None

    def access(self, reader: Reader) -> Access:
        """What a reader may do."""
        if reader.name == self.owner:
            return Access.OWN
        if self.archived_at is not None:
            return Access.NONE
        everyone = self.sharing.everyone if reader.sees_everything else Access.NONE
        return max(everyone, self.sharing.people.get(reader.name, Access.NONE))


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A pair in a list. The evidence is what the program said of it when it was put there."""

    id: int
    shortlist_id: int
    pair: Pair
    note: str
    added_by: str
    added_at: datetime
    evidence_id: int | None = None
    removed_at: datetime | None = None


def check_access(shortlist: Shortlist, reader: Reader, needed: Access) -> None:
    """Whether a reader may do what needs ``needed``.

    Raises:
        UnknownShortlistError: it is not there for him.
        ClosedShortlistError: he may read it, not more; or it is archived.
    """
    held = shortlist.access(reader)
    if held is Access.NONE:
        raise UnknownShortlistError.of(shortlist.id)
    if held < needed:
        if needed is Access.OWN:
            raise ClosedShortlistError(
                f"清单“{shortlist.name}”是 {shortlist.owner} 的，只有本人能这样改。"
                "可以复制一份，再改自己的。"
            )
        raise ClosedShortlistError(
            f"清单“{shortlist.name}”您只能看，不能改。请找 {shortlist.owner}，或复制一份自己改。"
        )
    if needed is Access.EDIT and shortlist.archived_at is not None:
        raise ClosedShortlistError(f"清单“{shortlist.name}”已归档。请先恢复，再修改。")


def check_version(shortlist: Shortlist, seen: int) -> None:
    """Whether the version that somebody saw is today's.

    Raises:
        StaleShortlistError: it is not.
    """
    if seen != shortlist.version:
        raise StaleShortlistError(
            f"清单“{shortlist.name}”在您打开以后又改过，这次修改没有保存。"
            "请看一下现在的内容，再改一次。"
        )


def checked_name(name: str) -> str:
    """The name on one line, without blanks around it.

    Raises:
        ShortlistError: it is empty, too long, or holds what cannot be stored.
    """
    found = " ".join(_storable(name, NAME_LENGTH, "清单名称").split())
    if not found:
        raise ShortlistError("请写清单名称。")
    return found


def checked_note(note: str) -> str:
    """The note without blanks around it; ShortlistError if it is too long or not storable."""
    return _storable(note.replace("\r\n", "\n"), NOTE_LENGTH, "备注")


def sharing(everyone: Access, people: Mapping[str, Access], owner: str) -> Sharing:
    """A checked sharing; the owner needs none.

    Raises:
        ShortlistError: it names too many, or gives away more than editing.
    """
    others = {name: right for name, right in sorted(people.items()) if name != owner}
    if len(others) > MOST_PEOPLE:
        raise ShortlistError(f"一份清单最多共享给 {MOST_PEOPLE} 个用户，现在是 {len(others)} 个。")
    rights = {*others.values(), everyone} - {Access.NONE}
    if not rights <= set(SHARED):
        raise ShortlistError("清单只能共享为“只读”或“可编辑”。")
    return Sharing(everyone, {name: r for name, r in others.items() if r is not Access.NONE})


def moved(order: Sequence[int], shown: Sequence[int], entry: int, place: int) -> list[int]:
    """The order of entries after one of them took another place among those that are shown.

    Those that are not shown keep the places they have in the whole. ``place`` counts the shown
    ones from 1; what lies beyond an end is that end.

    Raises:
        UnknownShortlistError: the entry is not among the shown.
    """
    if entry not in shown or entry not in order:
        raise UnknownShortlistError.of_entry(entry)
    rest = [one for one in shown if one != entry]
    target = min(max(place, 1), len(shown)) - 1
    wanted = iter([*rest[:target], entry, *rest[target:]])
    visible = frozenset(shown)
    return [next(wanted) if one in visible else one for one in order]


def copy_name(name: str, taken: Sequence[str]) -> str:
    """A free name for a copy."""
    base = name[: NAME_LENGTH - 10]
    candidate, number = f"{base}（副本）", 1
    while candidate in taken:
        number += 1
        candidate = f"{base}（副本 {number}）"
    return candidate


def _storable(text: str, length: int, name: str) -> str:
    stripped = text.strip()
    if len(stripped) > length:
        raise ShortlistError(f"{name}最多 {length} 个字，现在是 {len(stripped)} 个。请写短一些。")
    if "\0" in stripped or any("\ud800" <= char <= "\udfff" for char in stripped):
        raise ShortlistError(f"{name}里有不能识别的字符。请去掉后再试。")
    return stripped
