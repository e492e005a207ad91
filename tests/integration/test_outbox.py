"""Mails leave once: faults of the server, several processes, limits, addresses that get none."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from sqlmodel import Session

from api.mail.delivery import LASTS, Delivered, Delivery
from api.mail.message import AddressError, Mail, as_bytes, checked_address, message_id
from api.mail.outbox import BACK_OFF, Outbox, OutboxError, State, Why
from api.mail.senders import Fate, FolderSender, Outcome, Security, Sender, SmtpConfig, SmtpSender
from corpus.database import writer
from tests.conftest import NOW_AT
from tests.integration.smtp import Server, smtp_server

HOST = "zhitong.example"
MAIL = Mail(
    "li@ts.example",
    "digest",
    "2026-11-24",
    "今日匹配",
    "两项新的匹配。",
    sender="直通 <no@ts.example>",
)


@pytest.fixture
def server() -> Iterator[Server]:
    with smtp_server() as made:
        yield made


@pytest.fixture
def writing(engine: Engine) -> Callable[[], AbstractContextManager[Session]]:
    @contextmanager
    def opened() -> Iterator[Session]:
        with writer(engine) as session:
            yield session
            session.commit()

    return opened


Writing = Callable[[], AbstractContextManager[Session]]


class Clock:
    """Time that passes only when somebody rests."""

    def __init__(self) -> None:
        self.now_at = NOW_AT
        self.rested_s = 0.0

    def __call__(self) -> datetime:
        return self.now_at

    def rest(self, seconds: float) -> None:
        self.rested_s += seconds
        self.now_at += timedelta(seconds=seconds)


def smtp(server: Server, **more: object) -> SmtpSender:
    return SmtpSender(SmtpConfig("127.0.0.1", server.port, Security.NONE))


def fill(writing: Writing, count: int, kind: str = "digest") -> None:
    with writing() as session:
        for number in range(count):
            mail = replace(MAIL, recipient=f"r{number}@d{number % 3}.example", kind=kind)
            assert Outbox(session).put(mail, HOST, NOW_AT)


def deliver(
    writing: Writing,
    sender: Sender,
    clock: Clock | None = None,
    holder: str = "one",
    limit: int = 1000,
) -> Delivered:
    clock = clock or Clock()
    return Delivery(writing, sender, holder, clock, clock.rest, limit).run()


def counts(writing: Writing) -> dict[State, int]:
    with writing() as session:
        return dict(Outbox(session).counts())


def test_each_recipient_gets_one_mail_and_it_is_what_stands_in_the_outbox(
    writing: Writing, server: Server
) -> None:
    fill(writing, 300)
    fill_again = replace(MAIL, recipient="r7@d1.example", subject="另一个标题")
    with writing() as session:
        assert not Outbox(session).put(fill_again, HOST, NOW_AT)
    done = deliver(writing, smtp(server))
    assert (done.states, done.problem) == (Counter({State.SENT: 300}), "")
    assert set(server.ids.values()) == set(server.recipients.values()) == {1}
    assert len(server.taken) == 300
    assert deliver(writing, smtp(server)).states == Counter()
    with writing() as session:
        [kept] = [e for e in Outbox(session).entries(limit=400) if e.recipient == "r0@d0.example"]
    [(_, got)] = [one for one in server.taken if one[0] == "r0@d0.example"]
    stored = message_from_bytes(kept.content)
    assert got.get_payload(decode=True) == stored.get_payload(decode=True)
    assert (
        got["Message-ID"]
        == kept.message_id
        == message_id(replace(MAIL, recipient="r0@d0.example"), HOST)
    )


def test_a_server_that_fails_at_one_of_many_loses_nobody(writing: Writing, server: Server) -> None:
    fill(writing, 300)
    server.on_recipient = lambda n, _: "451 later" if n == 150 else None
    clock = Clock()
    first = deliver(writing, smtp(server), clock)
    assert first.states == Counter({State.SENT: 299, State.QUEUED: 1})
    assert deliver(writing, smtp(server), clock).states == Counter()  # not before its time
    clock.now_at += BACK_OFF[0]
    assert deliver(writing, smtp(server), clock).states == Counter({State.SENT: 1})
    assert set(server.ids.values()) == {1}
    assert len(server.recipients) == 300


@pytest.mark.parametrize(
    ("fate", "state"),
    [(Fate.SENT, State.SENT), (Fate.NEVER, State.FAILED), (Fate.LATER, State.QUEUED)],
)
def test_who_was_taken_for_dead_still_notes_what_became_of_his_mail(
    writing: Writing, fate: Fate, state: State, tmp_path: Path
) -> None:
    fill(writing, 1)
    clock = Clock()

    class Slow(FolderSender):
        def send(self, sender: str, recipient: str, content: bytes) -> Outcome:
            clock.rest(LASTS.total_seconds() + 1)
            other = deliver(writing, FolderSender(tmp_path), clock, holder="two")
            assert len(other.abandoned) == 1
            return Outcome(fate, "250 at last")

    done = deliver(writing, Slow(tmp_path), clock)
    assert done.states == Counter({state: 1})
    assert counts(writing) == {state: 1}


def test_what_a_person_said_of_an_unknown_mail_stays(writing: Writing, tmp_path: Path) -> None:
    fill(writing, 1)
    clock = Clock()

    class Slow(FolderSender):
        def send(self, sender: str, recipient: str, content: bytes) -> Outcome:
            clock.rest(LASTS.total_seconds() + 1)
            [left] = deliver(writing, FolderSender(tmp_path), clock, holder="two").abandoned
            with writing() as session:
                Outbox(session).resolve(left.id, was_sent=True, who="李工", now_at=clock())
            return Outcome(Fate.LATER, "451 later")

    deliver(writing, Slow(tmp_path), clock)
    assert counts(writing) == {State.SENT: 1}


def test_a_server_that_goes_away_leaves_the_rest_queued(writing: Writing) -> None:
    fill(writing, 30)
    with smtp_server() as server:
        sender = smtp(server)
        server.on_recipient = lambda n, _: "421 going" if n == 12 else None
        first = deliver(writing, sender)
    assert first.states[State.SENT] == 29  # it came back at once
    with smtp_server() as server:
        port = server.port
    fill(writing, 5, kind="other")
    gone = deliver(writing, SmtpSender(SmtpConfig("127.0.0.1", port, Security.NONE)))
    assert (gone.states, "连不上邮件服务器" in gone.problem) == (Counter(), True)
    assert counts(writing)[State.QUEUED] == 6
    with writing() as session:
        assert max(e.attempts for e in Outbox(session).entries(State.QUEUED)) == 1


def test_what_was_handed_over_without_an_answer_is_unknown_and_never_sent_again(
    writing: Writing, server: Server
) -> None:
    fill(writing, 10)
    server.on_data = lambda n, _: "CLOSE" if n == 4 else None
    done = deliver(writing, smtp(server))
    assert done.states == Counter({State.SENT: 9, State.UNKNOWN: 1})
    assert set(server.ids.values()) == {1}
    assert deliver(writing, smtp(server)).states == Counter()
    with writing() as session:
        outbox = Outbox(session)
        [unknown] = outbox.entries(State.UNKNOWN)
        assert (
            outbox.resolve(unknown.id, was_sent=False, who="李工", now_at=NOW_AT).state
            is State.QUEUED
        )
        with pytest.raises(OutboxError, match="不是“结果不明”"):
            outbox.resolve(unknown.id, was_sent=True, who="李工", now_at=NOW_AT)
    server.on_data = lambda *_: None
    assert deliver(writing, smtp(server)).states == Counter({State.SENT: 1})
    with writing() as session, pytest.raises(OutboxError, match="没有编号为 999"):
        Outbox(session).entry(999)


def test_refused_for_good_is_not_tried_again_and_for_now_only_so_often(
    writing: Writing, server: Server
) -> None:
    fill(writing, 2)
    server.on_recipient = lambda _, to: "550 no such user" if to.startswith("r0") else "450 busy"
    clock = Clock()
    for wait in (*BACK_OFF, timedelta(days=9)):
        deliver(writing, smtp(server), clock)
        clock.now_at += wait
    assert counts(writing) == {State.FAILED: 2}
    assert not server.taken
    with writing() as session:
        replies = sorted(e.reply[:3] for e in Outbox(session).entries(State.FAILED))
    assert replies == ["450", "550"]


@pytest.mark.parametrize("workers", [3])
def test_several_at_once_send_each_mail_once(
    writing: Writing, server: Server, workers: int
) -> None:
    fill(writing, 60)
    start = threading.Barrier(workers)
    found: list[Delivered] = []

    def work(number: int) -> None:
        start.wait()
        found.append(deliver(writing, smtp(server), holder=f"w{number}"))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum((one.states for one in found), Counter()) == Counter({State.SENT: 60})
    assert set(server.ids.values()) == {1}
    assert len(server.recipients) == 60


def test_a_domain_gets_so_many_a_minute_and_others_do_not_wait(
    writing: Writing, server: Server
) -> None:
    fill(writing, 30)  # ten for each of three domains
    clock = Clock()
    done = deliver(writing, smtp(server), clock, limit=4)
    assert done.states == Counter({State.SENT: 30})
    assert clock.rested_s == pytest.approx(120)
    first = Counter(to.rpartition("@")[2] for to, _ in server.taken[:12])
    assert set(first.values()) == {4}


def test_who_unsubscribed_gets_nothing_more_of_that_kind(writing: Writing, server: Server) -> None:
    fill(writing, 3)
    with writing() as session:
        outbox = Outbox(session)
        assert outbox.suppress("r1@D1.example", Why.UNSUBSCRIBED, NOW_AT, kind="digest")
        assert not outbox.suppress("r1@d1.example", Why.UNSUBSCRIBED, NOW_AT, kind="digest")
        outbox.suppress("r2@d2.example", Why.BOUNCED, NOW_AT, detail="550 no such user")
        outbox.put(replace(MAIL, recipient="r1@d1.example", kind="other"), HOST, NOW_AT)
        outbox.put(replace(MAIL, recipient="r2@d2.example", kind="other"), HOST, NOW_AT)
    done = deliver(writing, smtp(server))
    assert done.states == Counter({State.SENT: 2})
    assert counts(writing) == {State.SENT: 2, State.SUPPRESSED: 3}
    with writing() as session:
        outbox = Outbox(session)
        assert outbox.lift("r2@d2.example", NOW_AT)
        assert not outbox.is_suppressed("r2@d2.example", "digest")
        assert outbox.is_suppressed("r1@d1.example", "digest")


def test_held_mails_wait_for_approval(writing: Writing, server: Server) -> None:
    with writing() as session:
        outbox = Outbox(session)
        for number in range(3):
            outbox.put(replace(MAIL, recipient=f"r{number}@d.example"), HOST, NOW_AT, held=True)
        ids = [entry.id for entry in outbox.entries(State.HELD)]
        before = outbox.entry(ids[0]).content
    assert deliver(writing, smtp(server)).states == Counter()
    with writing() as session:
        assert Outbox(session).approve(ids[:1]) == 1
        assert Outbox(session).strike(ids) == 2
    assert deliver(writing, smtp(server)).states == Counter({State.SENT: 1})
    with writing() as session:
        assert Outbox(session).entry(ids[0]).content == before


def test_without_a_server_mails_become_files(writing: Writing, tmp_path: Path) -> None:
    fill(writing, 4)
    folder = tmp_path / "mail"
    assert deliver(writing, FolderSender(folder)).states == Counter({State.SENT: 4})
    files = sorted(folder.iterdir())
    assert [file.suffix for file in files] == [".eml"] * 4
    mail = message_from_bytes(files[0].read_bytes(), policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert mail["Subject"] == "今日匹配"
    assert mail.get_content().strip() == "两项新的匹配。"


# -- the message ---------------------------------------------------------------------------


HOSTILE = st.text(max_size=60) | st.sampled_from(
    ["a\r\nBcc: all@x.example", "b\nX: 1\n\nbody", "c\u2028Bcc: y", "名\u202e倒"]
)


@given(HOSTILE, HOSTILE, HOSTILE)
def test_no_name_adds_a_header_or_a_recipient(subject: str, name: str, text: str) -> None:
    made = replace(MAIL, subject=subject, sender=f"{name} <no@ts.example>", text=text)
    content = as_bytes(made, HOST, NOW_AT)
    assert all(byte < 128 for byte in content)
    assert all(len(line) <= 998 for line in content.split(b"\r\n"))
    parsed = message_from_bytes(content, policy=policy.default)
    assert sorted(parsed.keys()) == sorted(
        ["Subject", "From", "To", "Date", "Message-ID", "MIME-Version", "Content-Type",
         "Content-Transfer-Encoding"]
    )  # fmt: skip
    assert parsed["To"] == MAIL.recipient
    assert parsed["From"].addresses[0].addr_spec == "no@ts.example"


@pytest.mark.parametrize(
    "typed",
    ["", "a", "a@b", "a b@c.example", "a@c.example\r\nBcc: x@y.example", "a@c.example,b@c.example",
     "<a@c.example>", "a@" + "x" * 260 + ".example", "李@ts.example", "a@.example", "@c.example",
     '"a> NOTIFY=NEVER"@c.example', '"a@b"@c.example', "a@[192.0.2.1]"],
)  # fmt: skip
def test_what_is_no_address_is_refused(typed: str) -> None:
    with pytest.raises(AddressError, match="不是能用的邮箱地址"):
        checked_address(typed)


def test_an_address_has_one_spelling() -> None:
    assert checked_address(" Li.Wei@TS.Example ") == "Li.Wei@ts.example"
