"""The outbox: every mail, made once, with what became of it. Takes a session, never commits.

    queued → sending → sent | queued (later) | failed | unknown
    held → queued | struck        queued → suppressed

A mail is marked *sending*, and that committed, before a byte of it leaves. Whoever dies there
leaves it so; nobody can know whether the server took it, so it becomes *unknown*, is never sent
again by itself, and waits for a person to say which it was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import func
from sqlmodel import Session, col, select

from api.mail.message import Mail, MailError, as_bytes, checked_address, message_id, one_line
from api.mail.senders import Fate, Outcome
from api.tables import OutboxTable, SuppressionTable
from corpus.tables import aware, stored_id

BACK_OFF = (
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=6),
    timedelta(hours=24),
)
"""How long a mail waits after each refusal that is for now; after the last it is given up."""


class State(StrEnum):
    """Where a mail stands."""

    HELD = "held"
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    UNKNOWN = "unknown"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    STRUCK = "struck"

    @property
    def label(self) -> str:
        """Shown to people."""
        return _LABELS[self]


_LABELS = {
    State.HELD: "待批准",
    State.QUEUED: "待发送",
    State.SENDING: "发送中",
    State.SENT: "已发送",
    State.UNKNOWN: "结果不明",
    State.FAILED: "没有发出",
    State.SUPPRESSED: "不再发送",
    State.STRUCK: "已划去",
}


class Why(StrEnum):
    """Why an address gets no mail."""

    UNSUBSCRIBED = "退订"
    BOUNCED = "退信"
    BY_HAND = "人工停发"


class OutboxError(MailError):
    """Something that cannot be done with a mail; the message says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A mail in the outbox."""

    id: int
    recipient: str
    kind: str
    period: str
    message_id: str
    sender: str
    subject: str
    content: bytes
    state: State
    created_at: datetime
    next_try_at: datetime
    attempts: int
    holder: str
    reply: str
    settled_at: datetime | None


class Outbox:
    """The mails of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- putting in ------------------------------------------------------------------------

    def put(self, mail: Mail, host: str, now_at: datetime, *, held: bool = False) -> bool:
        """Put a mail in, unless there is one of this recipient, kind and period; whether it is
        new. ``held``: it waits until somebody approves it.

        Raises:
            AddressError: an address is none.
        """
        recipient = checked_address(mail.recipient)
        table = OutboxTable
        there = select(table.id).where(
            table.recipient == recipient, table.kind == mail.kind, table.period == mail.period
        )
        if self._session.exec(there).first() is not None:
            return False
        content = as_bytes(mail, host, now_at)
        state = State.HELD if held else State.QUEUED
        if self.is_suppressed(recipient, mail.kind):
            state = State.SUPPRESSED
        self._session.add(
            table(
                recipient=recipient,
                kind=mail.kind,
                period=mail.period,
                message_id=message_id(mail, host),
                sender=_bare(mail.sender),
                subject=one_line(mail.subject),
                content=content.decode("ascii"),
                state=state.value,
                created_at=now_at,
                next_try_at=now_at,
                settled_at=now_at if state is State.SUPPRESSED else None,
            )
        )
        self._session.flush()
        return True

    # -- sending ---------------------------------------------------------------------------

    def give_up_those_of_the_dead(self, now_at: datetime) -> list[Entry]:
        """Mails that somebody was sending who is no longer there; whoever holds the lease calls
        this, before it sends anything."""
        rows = self._rows(State.SENDING)
        for row in rows:
            self._settle(row, State.UNKNOWN, "发送中程序中断，不知道对方是否收到", now_at)
        self._session.flush()
        return [_entry(row) for row in rows]

    def begin(self, holder: str, now_at: datetime, without: Collection[str] = ()) -> Entry | None:
        """Mark the next mail that is due as being sent; None: none is due.

        ``without``: domains that have had enough for now.
        """
        table = OutboxTable
        due = (
            select(table)
            .where(table.state == State.QUEUED.value, col(table.next_try_at) <= now_at)
            .order_by(col(table.next_try_at), col(table.id))
        )
        for domain in sorted(without):
            due = due.where(~col(table.recipient).endswith(f"@{domain}", autoescape=True))
        for row in self._session.exec(due):
            if self.is_suppressed(row.recipient, row.kind):
                self._settle(row, State.SUPPRESSED, "", now_at)
                continue
            row.state, row.holder, row.attempts = State.SENDING.value, holder, row.attempts + 1
            self._session.add(row)
            self._session.flush()
            return _entry(row)
        return None

    def finish(self, mail_id: int, holder: str, outcome: Outcome, now_at: datetime) -> State:
        """Note what became of a mail that ``holder`` was sending; where it stands now.

        Where another process took him for dead meanwhile, he knows what it does not. What a
        person decided since stays.
        """
        row = self._row(mail_id)
        if not _is_sent_by(row, holder):
            return State(row.state)
        state = {
            Fate.SENT: State.SENT,
            Fate.NEVER: State.FAILED,
            Fate.UNKNOWN: State.UNKNOWN,
            Fate.LATER: State.QUEUED if row.attempts <= len(BACK_OFF) else State.FAILED,
        }[outcome.fate]
        if state is State.QUEUED:
            row.state, row.reply, row.holder = state.value, outcome.reply, ""
            row.settled_at = None
            row.next_try_at = now_at + BACK_OFF[row.attempts - 1]
            self._session.add(row)
            self._session.flush()
        else:
            self._settle(row, state, outcome.reply, now_at)
        return state

    def put_back(self, mail_id: int, holder: str) -> None:
        """A mail that was not handed over after all, since the server was not there."""
        row = self._row(mail_id)
        if not _is_sent_by(row, holder):
            return
        row.state, row.holder, row.attempts = State.QUEUED.value, "", row.attempts - 1
        row.reply, row.settled_at = "", None
        self._session.add(row)
        self._session.flush()

    def next_due_at(self) -> datetime | None:
        """When the next queued mail is due; None: none is queued."""
        table = OutboxTable
        found = self._session.exec(
            select(func.min(table.next_try_at)).where(table.state == State.QUEUED.value)
        ).one()
        return aware(found) if found else None

    # -- what people decide ----------------------------------------------------------------

    def resolve(self, mail_id: int, *, was_sent: bool, who: str, now_at: datetime) -> Entry:
        """A person says of an unknown mail whether it arrived; if not it is sent again.

        Raises:
            OutboxError: there is no such mail, or it is not unknown.
        """
        row = self._row(mail_id)
        if row.state != State.UNKNOWN.value:
            raise OutboxError(f"邮件 {mail_id} 是“{State(row.state).label}”，不是“结果不明”。")
        if was_sent:
            self._settle(row, State.SENT, f"{one_line(who)}确认已收到", now_at)
        else:
            row.state, row.holder, row.settled_at = State.QUEUED.value, "", None
            row.reply, row.next_try_at = f"{one_line(who)}要求重发", now_at
            self._session.add(row)
            self._session.flush()
        return _entry(row)

    def approve(self, mail_ids: Sequence[int]) -> int:
        """Let held mails go; how many were held."""
        return self._release(mail_ids, State.QUEUED)

    def strike(self, mail_ids: Sequence[int]) -> int:
        """Take held mails out; how many were held."""
        return self._release(mail_ids, State.STRUCK)

    def _release(self, mail_ids: Sequence[int], state: State) -> int:
        rows = [row for row in map(self._row, mail_ids) if row.state == State.HELD.value]
        for row in rows:
            row.state = state.value
            self._session.add(row)
        self._session.flush()
        return len(rows)

    # -- addresses that get none -----------------------------------------------------------

    def suppress(
        self, address: str, why: Why, now_at: datetime, kind: str = "", detail: str = ""
    ) -> bool:
        """Send an address nothing more (of a kind; empty: at all); whether that is new."""
        address = checked_address(address)
        if any(row.kind == kind for row in self._suppressions(address)):
            return False
        self._session.add(
            SuppressionTable(
                address=address, kind=kind, reason=why.value, detail=one_line(detail)[:500],
                created_at=now_at,
            )
        )  # fmt: skip
        self._session.flush()
        return True

    def lift(self, address: str, now_at: datetime, kind: str = "") -> bool:
        """Send to an address again; whether anything kept it from that."""
        rows = [r for r in self._suppressions(checked_address(address)) if r.kind == kind]
        for row in rows:
            row.lifted_at = now_at
            self._session.add(row)
        self._session.flush()
        return bool(rows)

    def is_suppressed(self, address: str, kind: str) -> bool:
        """Whether an address gets no mail of a kind."""
        return any(row.kind in {"", kind} for row in self._suppressions(address))

    def _suppressions(self, address: str) -> list[SuppressionTable]:
        table = SuppressionTable
        standing = select(table).where(table.address == address, col(table.lifted_at).is_(None))
        return list(self._session.exec(standing))

    # -- reading ---------------------------------------------------------------------------

    def entry(self, mail_id: int) -> Entry:
        """One mail; OutboxError if there is none."""
        return _entry(self._row(mail_id))

    def entries(
        self, state: State | None = None, offset: int = 0, limit: int = 100, kind: str = ""
    ) -> list[Entry]:
        """Mails, the newest first."""
        statement = select(OutboxTable).order_by(col(OutboxTable.id).desc())
        if state is not None:
            statement = statement.where(OutboxTable.state == state.value)
        if kind:
            statement = statement.where(OutboxTable.kind == kind)
        return [_entry(row) for row in self._session.exec(statement.offset(offset).limit(limit))]

    def counts(self) -> Counter[State]:
        """How many mails stand where."""
        table = OutboxTable
        found = self._session.exec(select(table.state, func.count()).group_by(table.state))
        return Counter({State(state): count for state, count in found})

    def _rows(self, state: State) -> list[OutboxTable]:
        statement = select(OutboxTable).where(OutboxTable.state == state.value)
        return list(self._session.exec(statement.order_by(col(OutboxTable.id))))

    def _row(self, mail_id: int) -> OutboxTable:
        row = self._session.get(OutboxTable, mail_id)
        if row is None:
            raise OutboxError(f"没有编号为 {mail_id} 的邮件。运行 zhitong mail outbox 查看。")
        return row

    def _settle(self, row: OutboxTable, state: State, reply: str, now_at: datetime) -> None:
        row.state, row.reply, row.settled_at = state.value, reply[:500], now_at
        self._session.add(row)
        self._session.flush()


def _is_sent_by(row: OutboxTable, holder: str) -> bool:
    return row.holder == holder and row.state in {State.SENDING.value, State.UNKNOWN.value}


def _bare(sender: str) -> str:
    _, bracket, rest = sender.rpartition("<")
    return checked_address(rest.rstrip("> ") if bracket else sender)


def _entry(row: OutboxTable) -> Entry:
    return Entry(
        id=stored_id(row),
        recipient=row.recipient,
        kind=row.kind,
        period=row.period,
        message_id=row.message_id,
        sender=row.sender,
        subject=row.subject,
        content=row.content.encode("ascii"),
        state=State(row.state),
        created_at=aware(row.created_at),
        next_try_at=aware(row.next_try_at),
        attempts=row.attempts,
        holder=row.holder,
        reply=row.reply,
        settled_at=aware(row.settled_at) if row.settled_at else None,
    )
