"""Tables of the edge: accounts and what they log in with, the audit log, desks, uploads, answers
to repeat, consents, leases and the outbox."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Column, UniqueConstraint
from sqlmodel import Field, SQLModel

from corpus.tables import BigKey


class UserTable(SQLModel, table=True):
    """One account; never deleted, so that the audit log goes on naming it."""

    __tablename__: ClassVar[Any] = "user_account"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    name: str = Field(unique=True)
    """As ``passwords.account_name`` writes it: upper and lower case are one."""
    role: str
    county: str = ""
    """For the role 县区查看 only: whose needs it sees."""
    organisation: str = ""
    """For the role 机构 only: whose achievements it sees."""
    password_hash: str
    created_at: datetime
    password_changed_at: datetime
    disabled_at: datetime | None = None
    must_change_password: bool = False
    """Somebody else made it up: the next login leads to changing it, and nowhere else."""


class SessionTable(SQLModel, table=True):
    """One login that has not ended; the secret itself is in the browser's cookie alone."""

    __tablename__: ClassVar[Any] = "user_session"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    token_hash: str = Field(unique=True)
    user_id: int = Field(foreign_key="user_account.id", index=True, sa_type=BigKey)
    created_at: datetime
    seen_at: datetime


class TokenTable(SQLModel, table=True):
    """A personal token for programs; the secret itself was shown once."""

    __tablename__: ClassVar[Any] = "api_token"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    token_hash: str = Field(unique=True)
    user_id: int = Field(foreign_key="user_account.id", index=True, sa_type=BigKey)
    name: str
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    seen_at: datetime | None = None


class LoginThrottleTable(SQLModel, table=True):
    """Failed logins of late, by account name and by address."""

    __tablename__: ClassVar[Any] = "login_throttle"

    subject: str = Field(primary_key=True)
    """``address:…``, or ``name:`` and the SHA-256 of a name, whether there is such an account or
    not: people also type their password there."""
    failures: int
    failed_at: datetime
    blocked_until_at: datetime | None = None


class AuditTable(SQLModel, table=True):
    """Who did what; never altered. Ids only: no secret, no text of a record, no contact."""

    __tablename__: ClassVar[Any] = "audit_entry"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    happened_at: datetime = Field(index=True)
    action: str = Field(index=True)
    user_id: int | None = Field(
        default=None, foreign_key="user_account.id", index=True, sa_type=BigKey
    )
    """Who did it; null: nobody that is known, or the command line."""
    operator: str = ""
    """The machine's user, for what the command line did."""
    address: str = ""
    subject: str = ""
    """What it was done to: a kind and an id."""
    request_id: str = ""


class IdempotencyTable(SQLModel, table=True):
    """A request that is done once, and what was answered to it; kept for a day."""

    __tablename__: ClassVar[Any] = "idempotency_key"
    __table_args__ = (UniqueConstraint("owner", "key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    owner: str
    key: str
    fingerprint: str
    created_at: datetime = Field(index=True)
    status: int | None = None
    """Null: it has not ended."""
    headers: dict[str, str] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    body: str = ""


class ContactConsentTable(SQLModel, table=True):
    """That the owner of a record agreed to be called, and who was told so."""

    __tablename__: ClassVar[Any] = "contact_consent"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    kind: str
    key: str = Field(index=True)
    contacts_hash: str
    """Of the contacts it was given for: for others it does not hold."""
    how: str
    user_id: int | None = Field(default=None, foreign_key="user_account.id", sa_type=BigKey)
    given_at: datetime
    withdrawn_at: datetime | None = None


class LeaseTable(SQLModel, table=True):
    """Who may do a thing that one process does at a time, and until when."""

    __tablename__: ClassVar[Any] = "lease"

    name: str = Field(primary_key=True)
    holder: str
    until_at: datetime


class OutboxTable(SQLModel, table=True):
    """One mail to one recipient, made once; what was sent is what stands here."""

    __tablename__: ClassVar[Any] = "outbox_mail"
    __table_args__ = (UniqueConstraint("recipient", "kind", "period"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    recipient: str = Field(index=True)
    kind: str
    period: str
    message_id: str = Field(unique=True)
    sender: str
    subject: str
    content: str
    """The whole mail as it is sent, in ASCII."""
    state: str = Field(index=True)
    created_at: datetime
    next_try_at: datetime
    attempts: int = 0
    holder: str = ""
    """Of the process that is sending it, or was when it died."""
    reply: str = ""
    """The server's last words, or what a person decided."""
    settled_at: datetime | None = None
    """When it was sent, given up, or found to be unknown."""


class SuppressionTable(SQLModel, table=True):
    """An address that gets no mail (of one kind), and why; never deleted, only lifted."""

    __tablename__: ClassVar[Any] = "mail_suppression"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    address: str = Field(index=True)
    kind: str = ""
    """Empty: every kind."""
    reason: str
    detail: str = ""
    created_at: datetime
    lifted_at: datetime | None = None


class SavedSearchTable(SQLModel, table=True):
    """A search that somebody wants to run again."""

    __tablename__: ClassVar[Any] = "saved_search"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    user_id: int = Field(foreign_key="user_account.id", index=True, sa_type=BigKey)
    name: str
    kind: str
    text: str
    filters: dict[str, list[str]] = Field(sa_column=Column(JSON, nullable=False))
    """Chosen values by the name of the API's parameter."""
    created_at: datetime
    deleted_at: datetime | None = None
    """When its owner deleted it; it can be had back for a while."""


class FollowedRecordTable(SQLModel, table=True):
    """A need or an achievement that somebody follows. Keys, not ids, as in the log of feedback."""

    __tablename__: ClassVar[Any] = "followed_record"
    __table_args__ = (UniqueConstraint("user_id", "kind", "key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    user_id: int = Field(foreign_key="user_account.id", index=True, sa_type=BigKey)
    kind: str
    key: str
    followed_at: datetime


class DeskVisitTable(SQLModel, table=True):
    """What somebody has seen of one followed record: a proposal is new until then."""

    __tablename__: ClassVar[Any] = "desk_visit"
    __table_args__ = (UniqueConstraint("user_id", "kind", "key"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    user_id: int = Field(foreign_key="user_account.id", index=True, sa_type=BigKey)
    kind: str
    key: str
    visited_at: datetime
    seen: list[str] = Field(sa_column=Column(JSON, nullable=False))
    """Keys of proposals that were on a page that was opened, sorted."""


class UploadTable(SQLModel, table=True):
    """A file that somebody sent for import, and how far it has come."""

    __tablename__: ClassVar[Any] = "upload"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    user_id: int | None = Field(
        default=None, foreign_key="user_account.id", index=True, sa_type=BigKey
    )
    """Who sent it; null: the demonstration."""
    label: str
    """The file's name as its sender called it, cleaned; never a path."""
    stored: str
    """Its name in the folder of uploads: random."""
    sha256: str
    size_bytes: int = Field(sa_type=BigInteger)
    kind: str = ""
    """Of the records in it; empty: not yet known."""
    sheet: str = ""
    split: bool = False
    profile: str = ""
    """Which column holds what, as TOML; empty: not yet chosen."""
    fixes: dict[str, Any] = Field(sa_column=Column(JSON, nullable=False))
    """Number of a row → column → what somebody wrote instead."""
    state: str = Field(index=True)
    report: dict[str, Any] | None = Field(default=None, sa_column=Column(JSON(none_as_null=True)))
    import_id: int | None = Field(
        default=None, foreign_key="import_run.id", index=True, sa_type=BigKey
    )
    error: str = ""
    created_at: datetime = Field(index=True)
    finished_at: datetime | None = None


class ColumnProfileTable(SQLModel, table=True):
    """Which column holds what, kept under a name for the next file with the same columns."""

    __tablename__: ClassVar[Any] = "column_profile"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigKey)
    name: str = Field(unique=True)
    header_hash: str = Field(index=True)
    """SHA-256 of the names of the columns, in the form in which they are compared."""
    profile: str
    """TOML."""
    user_id: int | None = Field(
        default=None, foreign_key="user_account.id", index=True, sa_type=BigKey
    )
    saved_at: datetime
