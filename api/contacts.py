"""Contacts of a record: shown to who has the right, after the owner agreed, and noted each time.

A record whose contacts are open by their own level (``field_levels``: contacts 公开) asks for no
consent; every other does. Consent is what somebody was told and wrote down; it holds for the
contacts of that day only.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field
from sqlmodel import Session, col, select

from api.clock import now_at
from api.deps import storable
from api.security.audit import Action, AuditLog
from api.security.visitor import Visitor
from api.services import Services
from api.tables import ContactConsentTable, UserTable
from api.wire import Wire
from corpus.confidentiality import hidden_fields, masked
from corpus.model import Confidentiality, Contact, CorpusError, Kind, Record
from corpus.repository import CorpusRepository
from corpus.tables import aware

MOST_CHARACTERS = 200


class NoConsentError(CorpusError):
    """The owner has not agreed to be called."""


class ConsentError(CorpusError):
    """A consent that cannot be noted; the message says why."""


class ConsentIn(Wire):
    """What the owner said, and how it was told."""

    kind: Kind = Field(examples=["need"])
    id: Annotated[str, AfterValidator(storable)] = Field(examples=["SN1001"])
    how: Annotated[str, AfterValidator(storable)] = Field(
        max_length=MOST_CHARACTERS, examples=["11月25日电话征得同意"]
    )


class ConsentOut(Wire):
    """A consent that holds."""

    how: str
    given_at: datetime
    noted_by: str = Field(description="Empty: the command line, or the demonstration.")


class ContactOut(Wire):
    """One way to reach the owner."""

    kind: str = Field(examples=["电话"])
    value: str


class ContactsOut(Wire):
    """How to reach the owner of a record."""

    kind: Kind
    id: str
    title: str
    consent: ConsentOut | None = Field(description="Null: this record asks for none.")
    contacts: list[ContactOut]


class ContactsState(Wire):
    """What stands between a reader and the contacts of a record."""

    kind: Kind
    id: str
    title: str
    exist: bool
    """Whether there are any that the role may ever see."""
    needs_consent: bool
    consent: ConsentOut | None

    @property
    def may_be_shown(self) -> bool:
        """Whether the contacts are open to the reader now."""
        return self.exist and (not self.needs_consent or self.consent is not None)


def state(services: Services, visitor: Visitor, kind: Kind, key: str) -> ContactsState:
    """Where a record stands; UnknownRecordError if there is none for whoever asks."""
    with services.reading() as session:
        return _state(session, services, visitor, kind, key)[0]


def show(services: Services, visitor: Visitor, kind: Kind, key: str) -> ContactsOut:
    """The contacts of a record. That they were shown is noted.

    Raises:
        UnknownRecordError: no such record for whoever asks.
        NoConsentError: the owner has not agreed, or agreed for other contacts.
    """
    with services.writing() as session:
        found, contacts = _state(session, services, visitor, kind, key)
        if found.exist and not found.may_be_shown:
            raise NoConsentError("单位还没有同意公开联系方式。请先征得同意，记下经过，再查看。")
        if contacts:
            subject = f"{kind.value}:{key}"
            AuditLog(session).note(Action.CONTACTS_VIEWED, visitor.actor, subject, now_at())
    return ContactsOut(
        kind=kind,
        id=key,
        title=found.title,
        consent=found.consent,
        contacts=[ContactOut(kind=one.kind.value, value=one.value) for one in contacts],
    )


def consent(services: Services, visitor: Visitor, given: ConsentIn) -> ContactsState:
    """Note that the owner agreed. Noting it again replaces what was written.

    Raises:
        UnknownRecordError: no such record for whoever asks.
        ConsentError: nothing is written, or the record has no contacts.
    """
    how = " ".join(given.how.split())
    if not how:
        raise ConsentError("请写明什么时候、怎样征得同意，例如“11月25日电话征得同意”。")
    with services.writing() as session:
        found, contacts = _state(session, services, visitor, given.kind, given.id)
        if not found.exist:
            raise ConsentError("这条记录没有联系方式。")
        _withdraw(session, given.kind, given.id)
        session.add(
            ContactConsentTable(
                kind=given.kind.value,
                key=given.id,
                contacts_hash=_hash(contacts),
                how=how,
                user_id=visitor.actor.user_id,
                given_at=now_at(),
            )
        )
        subject = f"{given.kind.value}:{given.id}"
        AuditLog(session).note(Action.CONSENT_NOTED, visitor.actor, subject, now_at())
        return _state(session, services, visitor, given.kind, given.id)[0]


def withdraw(services: Services, visitor: Visitor, kind: Kind, key: str) -> ContactsState:
    """Take a consent back; where there is none nothing changes."""
    with services.writing() as session:
        _state(session, services, visitor, kind, key)  # only of a record that is there
        if _withdraw(session, kind, key):
            subject = f"{kind.value}:{key}"
            AuditLog(session).note(Action.CONSENT_WITHDRAWN, visitor.actor, subject, now_at())
        return _state(session, services, visitor, kind, key)[0]


def _state(
    session: Session, services: Services, visitor: Visitor, kind: Kind, key: str
) -> tuple[ContactsState, tuple[Contact, ...]]:
    record = CorpusRepository(session, services.scope).require(kind, key).record
    shown = masked(record, visitor.role)
    contacts = () if "contacts" in hidden_fields(record, visitor.role) else record.contacts
    found = ContactsState(
        kind=kind,
        id=key,
        title=shown.title,
        exist=bool(contacts),
        needs_consent=_needs_consent(record),
        consent=_consent(session, kind, key, contacts),
    )
    return found, contacts


def _needs_consent(record: Record) -> bool:
    return record.field_levels.get("contacts") is not Confidentiality.PUBLIC


def _consent(
    session: Session, kind: Kind, key: str, contacts: tuple[Contact, ...]
) -> ConsentOut | None:
    table = ContactConsentTable
    statement = (
        select(table, UserTable.name)
        .join(UserTable, col(table.user_id) == col(UserTable.id), isouter=True)
        .where(table.kind == kind.value, table.key == key, col(table.withdrawn_at).is_(None))
        .order_by(col(table.id).desc())
    )
    for row, name in session.exec(statement):
        if row.contacts_hash == _hash(contacts):
            return ConsentOut(how=row.how, given_at=aware(row.given_at), noted_by=name or "")
    return None


def _withdraw(session: Session, kind: Kind, key: str) -> bool:
    table = ContactConsentTable
    standing = select(table).where(
        table.kind == kind.value, table.key == key, col(table.withdrawn_at).is_(None)
    )
    rows = list(session.exec(standing))
    for row in rows:
        row.withdrawn_at = now_at()
        session.add(row)
    session.flush()
    return bool(rows)


def _hash(contacts: tuple[Contact, ...]) -> str:
    lines = "\n".join(f"{one.kind.value}\t{one.value}" for one in contacts)
    return hashlib.sha256(lines.encode()).hexdigest()
