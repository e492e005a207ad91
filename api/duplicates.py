"""Near duplicates at the edge: finding them, showing groups to a role, deciding on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pydantic import Field
from sqlmodel import Session

from api.clock import TIME_ZONE, now_at
from api.deps import Name
from api.schemas import OtherOut, RecordOut, Wire
from api.services import Services
from corpus.confidentiality import HIDDEN, Role, hidden_fields
from corpus.duplicates.detect import find_duplicates
from corpus.duplicates.groups import group_duplicates
from corpus.duplicates.profile import Document
from corpus.duplicates.repository import DuplicateRepository
from corpus.duplicates.stored import (
    DuplicateError,
    EventAction,
    GroupEvent,
    GroupState,
    RecordedCounts,
    StaleGroupError,
    StoredGroup,
)
from corpus.model import Kind, Status, StoredRecord
from corpus.repository import CorpusRepository
from corpus.tables import aware
from indexer.build import Progress, no_progress
from indexer.similarity import encoder_similarity


@dataclass(frozen=True, slots=True)
class Found:
    """What a search for duplicates found, and what of it was new."""

    kind: Kind
    records: int
    pairs: int
    asked: int  # uncertain pairs that the encoder decided
    groups: int
    counts: RecordedCounts


def find(services: Services, kind: Kind, progress: Progress = no_progress) -> Found:
    """Compare all active records of a kind and propose groups; repeating it changes nothing.

    The texts are compared before the transaction that writes, so that nobody has to wait.
    ``progress`` hears of the stages read, compare, embed and write.
    """
    progress("read", 0, 0)
    with services.repository() as repository:
        documents = [
            Document(s.id, s.record.title, s.record.body, s.record.published_on)
            for s in repository.iterate(kind)
        ]
    asked: list[tuple[int, int]] = []

    def similarity(pairs: Sequence[tuple[int, int]]) -> Sequence[float]:
        asked.extend(pairs)
        progress("embed", 0, len(pairs))
        return encoder_similarity(documents, services.makers.encoder)(pairs) if pairs else []

    def read() -> Iterator[Document]:
        for done, document in enumerate(documents):
            progress("read", done, len(documents))
            yield document
        progress("compare", 0, 0)

    pairs = find_duplicates(read(), similarity)
    groups = group_duplicates(pairs, documents)
    progress("write", 0, 0)
    with services.writing() as session:
        counts = DuplicateRepository(session).record_groups(kind, groups, now_at())
    return Found(kind, len(documents), len(pairs), len(asked), len(groups), counts)


# -- showing -------------------------------------------------------------------------------


class PairOut(Wire):
    """Two records that seem to be one, and why."""

    left: str
    right: str
    score: float = Field(description="How alike, in (0, 1]; 1 for copies.")
    reason: str


class MemberOut(Wire):
    """A record of a group, by name."""

    record: OtherOut
    status: Status


class GroupEventOut(Wire):
    """What was done with a group, by whom, when."""

    action: EventAction
    who: str = Field(description="Empty: the search for duplicates.")
    happened_at: datetime
    canonical: str


class GroupOut(Wire):
    """Records that seem to be one thing."""

    id: int
    kind: Kind
    state: GroupState
    reason: str
    canonical: str = Field(description="Id of the record that is to stand for all, or does.")
    members: list[MemberOut]
    found_at: datetime
    updated_at: datetime
    version: str = Field(description="Changes with every decision and with the records.")
    readable: bool = Field(description="Whether the role asking may read it all, and decide.")


class GroupPage(Wire):
    """Groups of a kind in a state, the oldest first."""

    total: int
    offset: int
    limit: int
    groups: list[GroupOut]


class GroupDetail(GroupOut):
    """A group with its records in full, its evidence and its history."""

    records: list[RecordOut]
    pairs: list[PairOut]
    history: list[GroupEventOut]


class DecisionIn(Wire):
    """A decision on a group."""

    version: Name = Field(
        default="",
        description="Of the group as it was read; another one is refused with 409.",
        examples=["3f9c2a71d5e0b846"],
    )


class MergeIn(DecisionIn):
    """Which record stays."""

    keep: Name = Field(
        default="",
        description="Id of the record; empty: the one proposed.",
        examples=["SA1001"],
    )


def page(
    services: Services, kind: Kind, state: GroupState, offset: int, limit: int, role: Role
) -> GroupPage:
    """Groups as a role may see them."""
    with services.reading() as session:
        groups = DuplicateRepository(session)
        views = _Views(session, role)
        return GroupPage(
            total=groups.count(kind, state),
            offset=offset,
            limit=limit,
            groups=[views.group(one) for one in groups.groups(kind, state, offset, limit)],
        )


def detail(services: Services, group_id: int, role: Role) -> GroupDetail:
    """One group, whole.

    Raises:
        UnknownGroupError: there is none.
    """
    with services.reading() as session:
        return _detail(session, group_id, role)


def _detail(session: Session, group_id: int, role: Role) -> GroupDetail:
    return _Views(session, role).detail(DuplicateRepository(session).group(group_id))


class _Views:
    """Groups of one session as a role may see them."""

    def __init__(self, session: Session, role: Role) -> None:
        self._groups = DuplicateRepository(session)
        self._records = CorpusRepository(session)
        self._role = role

    def group(self, group: StoredGroup) -> GroupOut:
        stored = self._stored(group)
        is_open = self._is_readable(stored)
        return GroupOut(
            id=group.id,
            kind=group.kind,
            state=group.state,
            # It quotes words of titles and texts.
            reason=group.reason if is_open else HIDDEN,
            canonical=group.canonical_key,
            members=[
                MemberOut(record=OtherOut.of(one.record, self._role), status=one.status)
                for one in stored
            ],
            found_at=aware(group.found_at),
            updated_at=aware(group.updated_at),
            version=self._version(group, stored),
            readable=is_open,
        )

    def detail(self, group: StoredGroup) -> GroupDetail:
        stored = self._stored(group)
        is_open = self._is_readable(stored)
        return GroupDetail(
            **dict(self.group(group)),
            records=[RecordOut.of(one.record, self._role) for one in stored],
            pairs=[
                PairOut(
                    left=pair.left,
                    right=pair.right,
                    score=pair.score,
                    reason=pair.reason if is_open else HIDDEN,
                )
                for pair in group.pairs
            ],
            history=[
                GroupEventOut(
                    action=event.action,
                    who=event.who,
                    happened_at=aware(event.happened_at),
                    canonical=event.canonical_key,
                )
                for event in self._groups.history(group.id)
            ],
        )

    def _stored(self, group: StoredGroup) -> list[StoredRecord]:
        """Its records, the proposed one first; those whose import was taken back are left out."""
        found = (self._records.get(group.kind, key) for key in group.keys)
        there = [one for one in found if one is not None]
        return sorted(there, key=lambda one: one.record.key != group.canonical_key)

    def _is_readable(self, stored: Sequence[StoredRecord]) -> bool:
        return not any(hidden_fields(o.record, self._role) & {"title", "text"} for o in stored)

    def _version(self, group: StoredGroup, stored: Sequence[StoredRecord]) -> str:
        seen = [str(len(self._groups.history(group.id)))]
        seen += [f"{one.record.key} {one.record.record_hash} {one.status}" for one in stored]
        return hashlib.sha256("\n".join(sorted(seen)).encode()).hexdigest()[:16]


# -- deciding ------------------------------------------------------------------------------


def merge(
    services: Services, group_id: int, given: MergeIn, who: str, role: Role
) -> GroupDetail:  # fmt: skip
    """Let one record stand for the group; the others leave the matching at the next query.

    Raises:
        DuplicateError: see ``DuplicateRepository.merge``; the role may not read it all.
        StaleGroupError: it is no longer as it was when the decision was made.
    """
    with services.writing() as session:
        group = _checked(session, group_id, given.version, role)
        keep = given.keep or group.canonical
        DuplicateRepository(session).merge(group_id, keep, who, now_at())
        return _detail(session, group_id, role)


def unmerge(
    services: Services, group_id: int, given: DecisionIn, who: str, role: Role
) -> GroupDetail:
    """Give every record of a merged group back where it stood. Raises as ``merge``."""
    with services.writing() as session:
        _checked(session, group_id, given.version, role)
        DuplicateRepository(session).unmerge(group_id, who, now_at())
        return _detail(session, group_id, role)


def dismiss(
    services: Services, group_id: int, given: DecisionIn, who: str, role: Role
) -> GroupDetail:
    """Note that the records are different things. Raises as ``merge``."""
    with services.writing() as session:
        _checked(session, group_id, given.version, role)
        DuplicateRepository(session).dismiss(group_id, who, now_at())
        return _detail(session, group_id, role)


def reopen(
    services: Services, group_id: int, given: DecisionIn, who: str, role: Role
) -> GroupDetail:
    """Take back that they are different things. Raises as ``merge``."""
    with services.writing() as session:
        _checked(session, group_id, given.version, role)
        DuplicateRepository(session).reopen(group_id, who, now_at())
        return _detail(session, group_id, role)


def next_open(services: Services, kind: Kind, group_id: int) -> int | None:
    """The group to decide on after this one."""
    with services.reading() as session:
        return DuplicateRepository(session).next_open(kind, group_id)


def counts(services: Services) -> dict[tuple[Kind, GroupState], int]:
    """How many groups of each kind are in each state."""
    with services.reading() as session:
        groups = DuplicateRepository(session)
        return {(kind, state): groups.count(kind, state) for kind in Kind for state in GroupState}


def _checked(session: Session, group_id: int, version: str, role: Role) -> GroupDetail:
    """The group, if it may be decided on: one writer at a time sees and changes it."""
    group = _detail(session, group_id, role)
    if not group.readable:
        raise DuplicateError(
            f"第 {group_id} 组里有你不能查看的内容，不能由你决定。请交给管理员处理。"
        )
    if version and version != group.version:
        raise StaleGroupError(_stale(group))
    return group


def _stale(group: GroupDetail) -> str:
    last: GroupEventOut | GroupEvent = group.history[-1]
    moment = last.happened_at.astimezone(TIME_ZONE)
    by = f"{last.who} " if last.who else ""
    return (
        f"你打开页面之后，第 {group.id} 组有了变化，所以没有执行你的操作。它现在是“{group.state}”"
        f"（最近一次：{by}{moment:%m-%d %H:%M} {last.action}）。请看过现在的内容再决定。"
    )
