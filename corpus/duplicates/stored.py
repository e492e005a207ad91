"""Values of stored duplicate groups: states, events, and the error of this part."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from corpus.model import CorpusError, Kind, Status


class DuplicateError(CorpusError):
    """Something that cannot be done with a group; the message says why and what to do."""


class UnknownGroupError(DuplicateError):
    """There is no group with that number."""


class StaleGroupError(DuplicateError):
    """Somebody decided on a group, or changed its records, after it was looked at."""


class GroupState(StrEnum):
    """Where a group stands."""

    OPEN = "待处理"
    MERGED = "已合并"
    DISMISSED = "不是重复"
    JOINED = "已并入其他组"


class EventAction(StrEnum):
    """What happened to a group."""

    FOUND = "发现"
    EXTENDED = "补充成员"
    JOINED = "并入其他组"
    MERGED = "合并"
    UNMERGED = "取消合并"
    DISMISSED = "判定不是重复"
    REOPENED = "撤销判定"


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A pair of a stored group, by keys."""

    left: str
    right: str
    score: float
    reason: str


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group as it is stored. ``canonical_key`` is proposed, or, once merged, chosen."""

    id: int
    kind: Kind
    state: GroupState
    keys: tuple[str, ...]
    canonical_key: str
    reason: str
    pairs: tuple[KeyPair, ...]
    found_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class GroupEvent:
    """Who did what with a group when; ``before`` are its records' statuses until then, by key."""

    action: EventAction
    who: str
    happened_at: datetime
    canonical_key: str
    before: Mapping[str, Status]


@dataclass(frozen=True, slots=True)
class RecordedCounts:
    """What became of found groups. One with dismissed pairs may fall into several or none."""

    new: int = 0
    extended: int = 0
    known: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a record stands, read without its text."""

    status: Status
    merged_into: str | None
