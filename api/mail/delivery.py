"""Hands what is due in the outbox to a sender, mail by mail, in one process at a time."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlmodel import Session

from api.jobs.lease import Leases
from api.mail.message import domain_of
from api.mail.outbox import Entry, Outbox, State
from api.mail.senders import Sender, ServerDownError

LEASE = "outbox"
LASTS = timedelta(minutes=5)
"""Longer than a mail server takes to answer. Who is overtaken all the same, since it answered each
command late, still notes what became of his mail."""
_MINUTE = timedelta(minutes=1)

Writing = Callable[[], AbstractContextManager[Session]]


@dataclass(frozen=True, slots=True)
class Delivered:
    """What a delivery did. ``busy``: another process was at it, and nothing was done."""

    states: Counter[State] = field(default_factory=Counter)
    abandoned: tuple[Entry, ...] = ()
    """Mails of which a crash left unknown whether they arrived."""
    problem: str = ""
    """Why it stopped early; empty: it did not."""
    busy: bool = False


class Delivery:
    """One process that sends. ``rest`` waits for so many seconds."""

    def __init__(
        self,
        writing: Writing,
        sender: Sender,
        holder: str,
        clock: Callable[[], datetime],
        rest: Callable[[float], object],
        per_minute: int = 60,
    ) -> None:
        """``per_minute``: most mails to one domain."""
        self._writing = writing
        self._sender = sender
        self._holder = holder
        self._clock = clock
        self._rest = rest
        self._per_minute = per_minute
        self._sent_at: dict[str, deque[datetime]] = defaultdict(deque)

    def run(self) -> Delivered:
        """Send all that is due now."""
        with self._writing() as session:
            if not self._hold(session):
                return Delivered(busy=True)
            abandoned = tuple(Outbox(session).give_up_those_of_the_dead(self._clock()))
        states: Counter[State] = Counter()
        problem = ""
        try:
            with self._sender as sender:
                while (entry := self._next()) is not None:
                    states[self._hand_over(sender, entry)] += 1
        except ServerDownError as error:
            problem = str(error)
        finally:
            with self._writing() as session:
                Leases(session).give_back(LEASE, self._holder)
        return Delivered(states, abandoned, problem)

    def _hold(self, session: Session) -> bool:
        return Leases(session).take(LEASE, self._holder, self._clock(), LASTS)

    def _next(self) -> Entry | None:
        """The next mail that is due, marked as being sent; waits while its domain has enough."""
        while True:
            full = self._full_until()
            with self._writing() as session:
                if not self._hold(session):
                    raise ServerDownError("另一个进程接手了发件箱。")
                outbox = Outbox(session)
                entry = outbox.begin(self._holder, self._clock(), set(full))
                if entry is not None or not full or not _is_due(outbox, self._clock()):
                    return entry
            # The lease lasts longer than any wait.
            self._rest(max((min(full.values()) - self._clock()).total_seconds(), 0.0))

    def _hand_over(self, sender: Sender, entry: Entry) -> State:
        self._sent_at[domain_of(entry.recipient)].append(self._clock())
        try:
            outcome = sender.send(entry.sender, entry.recipient, entry.content)
        except ServerDownError:
            with self._writing() as session:
                Outbox(session).put_back(entry.id, self._holder)
            raise
        with self._writing() as session:
            return Outbox(session).finish(entry.id, self._holder, outcome, self._clock())

    def _full_until(self) -> dict[str, datetime]:
        """Domains that have had as many mails as they take in a minute, and until when."""
        now_at, full = self._clock(), {}
        for domain, times in self._sent_at.items():
            while times and times[0] <= now_at - _MINUTE:
                times.popleft()
            if len(times) >= self._per_minute:
                full[domain] = times[0] + _MINUTE
        return full


def _is_due(outbox: Outbox, now_at: datetime) -> bool:
    due_at = outbox.next_due_at()
    return due_at is not None and due_at <= now_at
