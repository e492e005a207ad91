"""Shortlists at the edge: what pages and routes share.

Everything is asked in the name of a visitor: which lists are there for him, which of their entries,
and what of these. Each change is one transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session

from api.clock import now_at
from api.evidence import proposal
from api.pairs import Frozen, StoredPair, frozen, readable_pair
from api.schemas import OtherOut
from api.security.accounts import AccountRepository
from api.security.audit import Action, AuditLog
from api.security.visitor import Visitor
from api.services import Services
from api.shortlist_schemas import (
    EntryOut,
    EntryPatch,
    ReasonOut,
    SharingIn,
    ShortlistFull,
    ShortlistOut,
    ShortlistPage,
    ShortlistPatch,
)
from corpus.cleaning.contacts import extract_contacts
from corpus.confidentiality import EVERY_ROW, Role
from corpus.model import Confidentiality, UnknownRecordError
from corpus.repository import CorpusRepository
from matcher.feedback import Pair
from matcher.kept import EvidenceRepository
from matcher.shortlist import (
    Access,
    ClosedShortlistError,
    Entry,
    Reader,
    Shortlist,
    ShortlistError,
    UnknownShortlistError,
    check_version,
    copy_name,
    moved,
    sharing,
)
from matcher.shortlist_repository import ShortlistRepository


@dataclass(frozen=True, slots=True)
class Seen:
    """An entry that a visitor may see, with its records and what was said of them then."""

    entry: Entry
    pair: StoredPair
    then: Frozen | None


class _Room:
    """The lists of one session as one visitor finds them."""

    def __init__(self, services: Services, visitor: Visitor, session: Session) -> None:
        self.session = session
        self.reader = reader(services, visitor)
        self.role = visitor.role
        self.lists = ShortlistRepository(session)
        self._records = CorpusRepository(session, services.scope)

    def pair(self, pair: Pair) -> StoredPair | None:
        return readable_pair(self._records, pair, self.role)

    def require_pair(self, pair: Pair) -> StoredPair:
        found = self.pair(pair)
        if found is None:
            raise UnknownRecordError(
                f"没有需求 {pair.need} 或成果 {pair.achievement}，或内容没有向您公开，不能收藏。"
            )
        return found

    def visible(self, entries: list[Entry]) -> list[tuple[Entry, StoredPair]]:
        pairs = ((entry, self.pair(entry.pair)) for entry in entries)
        return [(entry, pair) for entry, pair in pairs if pair is not None]

    def require_entry(self, shortlist: Shortlist, entry_id: int) -> Entry:
        """An entry that the visitor may see, else it is as if it were not."""
        entry = self.lists.entry(shortlist.id, entry_id)
        if self.pair(entry.pair) is None:
            raise UnknownShortlistError.of_entry(entry_id)
        return entry

    def out(self, shortlist: Shortlist) -> ShortlistOut:
        count = self.lists.counts([shortlist.id]).get(shortlist.id, 0)
        return self.described(shortlist, count)

    def described(self, shortlist: Shortlist, count: int) -> ShortlistOut:
        note = note_for(shortlist.note, self.role)
        return ShortlistOut.of(shortlist, shortlist.access(self.reader), count, note)

    def full(self, shortlist: Shortlist) -> ShortlistFull:
        seen, total = self.seen(shortlist)
        entries = [self.entry(place, one) for place, one in enumerate(seen, start=1)]
        described = self.out(shortlist).model_dump()
        return ShortlistFull(**described, entries=entries, hidden=total - len(seen))

    def seen(self, shortlist: Shortlist) -> tuple[list[Seen], int]:
        """The entries that the visitor may see, and how many there are in all."""
        entries = self.lists.entries(shortlist.id)
        return [self.seen_entry(*one) for one in self.visible(entries)], len(entries)

    def seen_entry(self, entry: Entry, pair: StoredPair) -> Seen:
        kept = entry.evidence_id
        then = None if kept is None else frozen(self.session, kept, pair, self.role)
        return Seen(entry, pair, then)

    def entry(self, place: int, seen: Seen) -> EntryOut:
        entry, then = seen.entry, seen.then
        need, achievement = seen.pair.records
        return EntryOut(
            id=entry.id,
            place=place,
            need=OtherOut.of(need, self.role),
            achievement=OtherOut.of(achievement, self.role),
            status=seen.pair.achievement.status,
            note=note_for(entry.note, self.role),
            added_by=entry.added_by if self._knows(entry.added_by) else None,
            added_at=entry.added_at,
            evidence=entry.evidence_id,
            changed=then.changed if then else False,
            reason=ReasonOut.of(then.match, then.seen_at) if then else None,
        )

    def _knows(self, name: str) -> bool:
        """Roles from outside do not learn who in the office does what."""
        inside = self.role.clearance.level is not Confidentiality.PUBLIC
        return inside or name == self.reader.name


def reader(services: Services, visitor: Visitor) -> Reader:
    """Who asks, as lists know people. The demonstration is one person."""
    return Reader(visitor.name, services.scope == EVERY_ROW)


def note_for(note: str, role: Role) -> str:
    """A note as a role may see it: people write into notes whom to call."""
    return note if role.clearance.contacts else extract_contacts(note)[0]


# -- reading -------------------------------------------------------------------------------


def page(
    services: Services, visitor: Visitor, offset: int, limit: int, *, archived: bool = False
) -> ShortlistPage:
    """The lists that a visitor may read; ``archived``: his own that he put away."""
    with services.reading() as session:
        room = _Room(services, visitor, session)
        found = room.lists.readable(room.reader, offset, limit, archived=archived)
        counts = room.lists.counts([one.id for one in found])
        return ShortlistPage(
            total=room.lists.count(room.reader, archived=archived),
            offset=offset,
            limit=limit,
            shortlists=[room.described(one, counts.get(one.id, 0)) for one in found],
        )


def view(services: Services, visitor: Visitor, shortlist_id: int) -> ShortlistFull:
    """A list with its entries, as a visitor may see them.

    Raises:
        UnknownShortlistError: it is not there for him.
    """
    with services.reading() as session:
        room = _Room(services, visitor, session)
        return room.full(room.lists.require(shortlist_id, room.reader, Access.READ))


def visible(
    services: Services, visitor: Visitor, shortlist_id: int
) -> tuple[ShortlistOut, list[Seen], int]:
    """A list, the entries that a visitor may see, and how many there are in all.

    Raises:
        UnknownShortlistError: it is not there for him.
    """
    with services.reading() as session:
        room = _Room(services, visitor, session)
        found = room.lists.require(shortlist_id, room.reader, Access.READ)
        return room.out(found), *room.seen(found)


def exported(
    services: Services, visitor: Visitor, shortlist_id: int
) -> tuple[ShortlistOut, list[Seen], int]:
    """As ``visible``, for a file; noted in the audit log."""
    found = visible(services, visitor, shortlist_id)
    with services.writing() as session:
        subject = f"shortlist:{shortlist_id}"
        AuditLog(session).note(Action.EXPORTED, visitor.actor, subject, now_at())
    return found


def choices(services: Services, visitor: Visitor, most: int) -> list[ShortlistOut]:
    """The lists that a visitor may put something into, the one changed last first."""
    found = page(services, visitor, 0, most).shortlists
    return [one for one in found if one.access in {"edit", "own"}]


# -- lists ---------------------------------------------------------------------------------


def create(services: Services, visitor: Visitor, name: str, note: str) -> ShortlistFull:
    """A new list of one's own; ShortlistError where it cannot be."""
    with services.writing() as session:
        room = _Room(services, visitor, session)
        return room.full(room.lists.create(room.reader.name, name, note, now_at()))


def change(
    services: Services, visitor: Visitor, shortlist_id: int, patch: ShortlistPatch
) -> ShortlistFull:
    """Rename, note, share or take back a list.

    Raises:
        UnknownShortlistError, ClosedShortlistError, StaleShortlistError: see ``matcher.shortlist``.
        ShortlistError: what it is to be cannot be.
    """
    with services.writing() as session:
        room, now = _Room(services, visitor, session), now_at()
        owns = patch.sharing is not None or patch.archived is False
        found = room.lists.require(shortlist_id, room.reader, Access.OWN if owns else Access.EDIT)
        check_version(found, patch.version)
        if patch.archived is False:
            found = room.lists.unarchive(found, now)
        if patch.name is not None or patch.note is not None:
            found = room.lists.require(found.id, room.reader, Access.EDIT)
            name = found.name if patch.name is None else patch.name
            note = _new_note(found.note, patch.note, visitor.role)
            found = room.lists.describe(found, name, note, now)
        if patch.sharing is not None:
            found = _share(room, visitor, found, patch.sharing, now)
        return room.full(found)


def _share(
    room: _Room, visitor: Visitor, found: Shortlist, wanted: SharingIn, now: datetime
) -> Shortlist:
    if visitor.is_open:
        raise ShortlistError("示例没有账号，不能共享清单。请登录正式的系统后再共享。")
    rights = sharing(*wanted.rights, found.owner)
    accounts = AccountRepository(room.session)
    unknown = [name for name in rights.people if accounts.find(name) is None]
    if unknown:
        raise ShortlistError(f"没有用户 {'、'.join(unknown)}。请核对用户名，再共享。")
    made = room.lists.share(found, rights, now)
    subject = f"shortlist:{found.id}"
    AuditLog(room.session).note(Action.SHORTLIST_SHARED, visitor.actor, subject, now)
    return made


def archive(services: Services, visitor: Visitor, shortlist_id: int) -> ShortlistOut:
    """Put a list away, for everybody; its owner can take it back.

    Raises:
        UnknownShortlistError, ClosedShortlistError: it is not there for him, or not his.
    """
    with services.writing() as session:
        room = _Room(services, visitor, session)
        found = room.lists.require(shortlist_id, room.reader, Access.OWN)
        return room.out(room.lists.archive(found, now_at()))


def duplicate(services: Services, visitor: Visitor, shortlist_id: int) -> ShortlistFull:
    """A copy of one's own of what one may see of a list, notes and evidence included.

    Raises:
        UnknownShortlistError: it is not there for him.
    """
    with services.writing() as session:
        room, now = _Room(services, visitor, session), now_at()
        found = room.lists.require(shortlist_id, room.reader, Access.READ)
        taken = room.lists.names(room.reader.name)
        copied = room.lists.create(room.reader.name, copy_name(found.name, taken), found.note, now)
        for entry, _ in room.visible(room.lists.entries(found.id)):
            note = note_for(entry.note, room.role)
            room.lists.add(copied, entry.pair, note, room.reader.name, entry.evidence_id, now)
        return room.full(room.lists.require(copied.id, room.reader, Access.OWN))


# -- entries -------------------------------------------------------------------------------


def add(
    services: Services,
    visitor: Visitor,
    shortlist_id: int | None,
    pair: Pair,
    note: str = "",
    new_name: str = "",
) -> tuple[ShortlistOut, EntryOut, bool]:
    """Put a pair into a list, with what the program says of it now; whether it is new there.

    ``shortlist_id`` None: into a new list called ``new_name``, or else into 我的收藏.

    Raises:
        UnknownRecordError: one of the two is not there, or closed.
        UnknownShortlistError, ClosedShortlistError, ShortlistError: see ``matcher.shortlist``.
    """
    with services.reading() as session:
        room = _Room(services, visitor, session)
        room.require_pair(pair)
        if shortlist_id is not None:
            room.lists.require(shortlist_id, room.reader, Access.EDIT)
    said = proposal(services, pair)
    with services.writing() as session:
        room, now = _Room(services, visitor, session), now_at()
        today, name = room.require_pair(pair), room.reader.name
        if shortlist_id is not None:
            found = room.lists.require(shortlist_id, room.reader, Access.EDIT)
        elif new_name.strip():
            found = room.lists.create(name, new_name, "", now)
        else:
            found = room.lists.default(name, now)
        # What was scored a moment ago may have changed since: then it is not what is put there.
        kept = None
        if said is not None and said.texts == today.texts:
            kept = EvidenceRepository(session).keep(said, name, now).id
        done = room.lists.add(found, pair, note, name, kept, now)
        found = room.lists.require(found.id, room.reader, Access.EDIT)
        return room.out(found), _out(room, found, done.entry), done.new


def remove(services: Services, visitor: Visitor, shortlist_id: int, entry_id: int) -> ShortlistFull:
    """Take an entry out; repeating it changes nothing.

    Raises:
        UnknownShortlistError, ClosedShortlistError: not there for him, or only to be read.
    """
    return _on_entry(services, visitor, shortlist_id, entry_id, put_back=False)


def put_back(
    services: Services, visitor: Visitor, shortlist_id: int, entry_id: int
) -> ShortlistFull:
    """Undo a removal; repeating it changes nothing.

    Raises:
        UnknownShortlistError, ClosedShortlistError: not there for him, or only to be read.
        ShortlistError: the list is full by now.
    """
    return _on_entry(services, visitor, shortlist_id, entry_id, put_back=True)


def _on_entry(
    services: Services, visitor: Visitor, shortlist_id: int, entry_id: int, *, put_back: bool
) -> ShortlistFull:
    with services.writing() as session:
        room = _Room(services, visitor, session)
        found = room.lists.require(shortlist_id, room.reader, Access.EDIT)
        room.require_entry(found, entry_id)
        act = room.lists.put_back if put_back else room.lists.remove
        act(found, entry_id, now_at())
        return room.full(room.lists.require(found.id, room.reader, Access.EDIT))


def change_entry(
    services: Services, visitor: Visitor, shortlist_id: int, entry_id: int, patch: EntryPatch
) -> ShortlistFull:
    """Another note or another place for an entry.

    Raises:
        UnknownShortlistError, ClosedShortlistError, StaleShortlistError: see ``matcher.shortlist``.
        ShortlistError: the note cannot be.
    """
    with services.writing() as session:
        room, now = _Room(services, visitor, session), now_at()
        found = room.lists.require(shortlist_id, room.reader, Access.EDIT)
        entry = room.require_entry(found, entry_id)
        check_version(found, patch.version)
        note = _new_note(entry.note, patch.note, visitor.role)
        if note != entry.note:
            room.lists.annotate(found, entry_id, note, now)
        if patch.place is not None:
            entries = room.lists.entries(found.id)
            shown = [entry.id for entry, _ in room.visible(entries)]
            order = moved([entry.id for entry in entries], shown, entry_id, patch.place)
            room.lists.reorder(found, order, now)
        return room.full(room.lists.require(found.id, room.reader, Access.EDIT))


def _out(room: _Room, shortlist: Shortlist, entry: Entry) -> EntryOut:
    visible = room.visible(room.lists.entries(shortlist.id))
    place, pair = next((n, p) for n, (one, p) in enumerate(visible, 1) if one.id == entry.id)
    return room.entry(place, room.seen_entry(entry, pair))


def _new_note(old: str, new: str | None, role: Role) -> str:
    """The note after a change by a role that may not see all of the old one."""
    shown = note_for(old, role)
    if new is None or new.strip().replace("\r\n", "\n") == shown.strip():
        return old
    if shown != old:
        raise ClosedShortlistError("备注里有您看不到的联系方式，您不能改。请找能看到的人修改。")
    return new
