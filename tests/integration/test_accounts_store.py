"""Accounts, sessions, tokens, the throttle and the audit log in the database."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher
from sqlalchemy import Engine
from sqlmodel import Session, col, select

from api.security import passwords
from api.security.accounts import Account, AccountRepository
from api.security.audit import Action, Actor, AuditLog
from api.security.credentials import Lifetimes, SessionRepository, TokenRepository
from api.security.errors import (
    AccountError,
    LoginBlockedError,
    LoginRefusedError,
    PasswordRuleError,
    UnknownAccountError,
)
from api.security.login import Door
from api.security.throttle import FREE_BY_ADDRESS, FREE_BY_NAME
from api.tables import AuditTable, LoginThrottleTable, SessionTable, TokenTable, UserTable
from corpus.confidentiality import EVERY_ROW, Role
from corpus.database import create_schema, open_database, writer
from tests.conftest import NOW_AT
from tests.integration.office import hash_quickly

GOOD, OTHER = "kilo-trumpet-stone", "银杏落在旧石桥上面了呀呀"
LIFETIMES = Lifetimes(timedelta(hours=2), timedelta(hours=12))
HERE = Actor(address="192.0.2.7", request_id="r1")
MINUTE = timedelta(minutes=1)


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    hash_quickly(monkeypatch)


@dataclass
class Office:
    """A database with a door, and a clock that is set by hand."""

    engine: Engine
    now_at: datetime = field(default=NOW_AT)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with writer(self.engine) as session:
            yield session
            session.commit()

    @property
    def door(self) -> Door:
        return Door(self.writing, LIFETIMES, lambda: self.now_at)

    def create(self, name: str, role: Role = Role.OFFICER, **scope: str) -> Account:
        with self.writing() as session:
            return AccountRepository(session).create(
                name, role, GOOD, self.now_at,
                scope.get("county", ""), scope.get("organisation", ""),
            )  # fmt: skip

    def account(self, secret: str) -> Account | None:
        with Session(self.engine) as session:
            found = SessionRepository(session, LIFETIMES).find(secret, self.now_at)
        return found.account if found else None

    def by_token(self, secret: str) -> Account | None:
        with Session(self.engine) as session:
            found = TokenRepository(session).find(secret, self.now_at)
        return found.account if found else None

    def actions(self) -> list[Action]:
        with Session(self.engine) as session:
            return [entry.action for entry in reversed(AuditLog(session).entries())]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    opened = open_database(f"sqlite:///{tmp_path / 'test.db'}")
    create_schema(opened)
    yield Office(opened)
    opened.dispose()


@pytest.fixture
def either(engine: Engine) -> Office:
    """On each kind of database."""
    return Office(engine)


def test_an_account_is_created_once_and_found_by_any_writing(office: Office) -> None:
    made = office.create("Li.Gong")
    assert (made.name, made.role, made.scope) == ("li.gong", Role.OFFICER, EVERY_ROW)
    with pytest.raises(AccountError, match="已有用户"):
        office.create("ＬＩ.gong")
    with office.writing() as session:
        accounts = AccountRepository(session)
        assert accounts.require("LI.GONG") == made
        with pytest.raises(UnknownAccountError):
            accounts.require("nobody")
        with pytest.raises(PasswordRuleError):
            accounts.create("zhao", Role.OFFICER, "123456", office.now_at)


@pytest.mark.parametrize(
    ("role", "scope", "why"),
    [
        (Role.COUNTY, {}, "写明县区"),
        (Role.COUNTY, {"county": "朝阳区"}, "写明县区"),
        (Role.INSTITUTION, {}, "写明单位"),
        (Role.OFFICER, {"county": "迁安市"}, "只用于"),
        (Role.OFFICER, {"organisation": "甲所"}, "只用于"),
        (Role.GUEST, {}, "不用登录"),
    ],
)
def test_a_role_has_the_scope_it_needs(
    office: Office, role: Role, scope: dict[str, str], why: str
) -> None:
    with pytest.raises(AccountError, match=why):
        office.create("ligong", role, **scope)


def test_a_login_is_a_new_session_whose_secret_is_stored_nowhere(either: Office) -> None:
    office = either
    office.create("ligong")
    first = office.door.log_in("LiGong", GOOD, HERE)
    second = office.door.log_in("ligong", GOOD, HERE, old_secret=first)
    assert first != second
    assert office.account(first) is None
    assert office.account(second) is not None
    assert office.account(second[:-1] + "x") is None
    with Session(office.engine) as session:
        [row] = session.exec(select(SessionTable))
        assert second not in row.model_dump_json()
        [user] = session.exec(select(UserTable))
        assert user.password_hash.startswith("$argon2id$")
    assert office.actions() == [Action.LOGGED_IN, Action.LOGGED_IN]
    office.door.log_out(second, HERE)
    assert office.account(second) is None


def test_a_session_ends_when_it_is_idle_and_in_any_case(office: Office) -> None:
    office.create("ligong")
    secret = office.door.log_in("ligong", GOOD, HERE)
    office.now_at += LIFETIMES.idle - timedelta(seconds=1)
    assert office.account(secret) is not None
    office.now_at += timedelta(seconds=1)
    assert office.account(secret) is None
    kept = office.door.log_in("ligong", GOOD, HERE)
    for _ in range(11):
        office.now_at += timedelta(hours=1)
        with office.writing() as session:
            [row] = session.exec(select(SessionTable))  # the other one is gone
            row.seen_at = office.now_at
            session.add(row)
        assert office.account(kept) is not None
    office.now_at += timedelta(hours=1)
    assert office.account(kept) is None


def test_what_changes_an_account_ends_its_sessions(office: Office) -> None:
    office.create("boss", Role.ADMINISTRATOR)
    office.create("ligong")
    changes: tuple[Callable[[AccountRepository], Account], ...] = (
        lambda a: a.set_role("ligong", Role.COUNTY, office.now_at, "迁安市"),
        lambda a: a.set_password("ligong", GOOD, office.now_at),
        lambda a: a.disable("ligong", office.now_at),
    )
    for change in changes:
        secret = office.door.log_in("ligong", GOOD, HERE)
        other = office.door.log_in("boss", GOOD, HERE)
        with office.writing() as session:
            change(AccountRepository(session))
        assert office.account(secret) is None
        assert office.account(other) is not None
    with pytest.raises(LoginRefusedError):
        office.door.log_in("ligong", GOOD, HERE)
    with office.writing() as session:
        AccountRepository(session).enable("ligong")
    assert office.account(secret) is None
    assert office.door.log_in("ligong", GOOD, HERE)


def test_the_last_administrator_stays_one(office: Office) -> None:
    office.create("boss", Role.ADMINISTRATOR)
    with office.writing() as session:
        accounts = AccountRepository(session)
        with pytest.raises(AccountError, match="最后一个管理员"):
            accounts.disable("boss", office.now_at)
        with pytest.raises(AccountError, match="最后一个管理员"):
            accounts.set_role("boss", Role.OFFICER, office.now_at)
    office.create("second", Role.ADMINISTRATOR)
    with office.writing() as session:
        assert AccountRepository(session).disable("boss", office.now_at).disabled_at


def test_every_refusal_is_the_same(either: Office) -> None:
    office = either
    office.create("ligong")
    office.create("gone")
    with office.writing() as session:
        AccountRepository(session).disable("gone", office.now_at)
    said = set()
    for name, password in (
        ("ligong", "wrong"), ("nobody", GOOD), ("gone", GOOD), ("a b", GOOD), ("", ""),
        ("ligong", ""), ("\0", "\ud800"),
    ):  # fmt: skip
        with pytest.raises(LoginRefusedError) as refused:
            office.door.log_in(name, password, HERE)
        said.add(str(refused.value))
    assert len(said) == 1
    assert office.actions() == [Action.LOGIN_FAILED] * 7


def test_an_unknown_name_is_compared_like_a_known_one(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.create("ligong")
    compared = []
    verify = passwords._hasher.verify

    class Counting:
        def verify(self, stored: str, password: str) -> bool:
            compared.append(stored.split("$")[1:4])
            return verify(stored, password)

    passwords._nobody()
    monkeypatch.setattr(passwords, "_hasher", Counting())
    for name in ("ligong", "nobody"):
        with pytest.raises(LoginRefusedError):
            office.door.log_in(name, "wrong", HERE)
    assert len(compared) == 2
    assert compared[0] == compared[1]  # the same kind of hash, with the same costs


@pytest.mark.parametrize("name", ["ligong", "nobody"])
def test_guessing_at_a_name_is_slowed_down(office: Office, name: str) -> None:
    office.create("ligong")
    waits: list[int] = []
    for attempt in range(FREE_BY_NAME + 5):
        actor = Actor(address=f"192.0.2.{attempt}")
        with pytest.raises(LoginRefusedError):
            office.door.log_in(name, "wrong", actor)
        if attempt < FREE_BY_NAME - 1:
            continue
        with pytest.raises(LoginBlockedError, match="分钟后再试") as blocked:
            office.door.log_in(name, GOOD, actor)
        waits.append(blocked.value.wait_s)
        office.now_at += timedelta(seconds=blocked.value.wait_s)
    assert [round(wait / 60) for wait in waits] == [1, 2, 4, 8, 15, 15]


def test_a_right_password_ends_the_wait_for_the_name(office: Office) -> None:
    office.create("ligong")
    for _ in range(FREE_BY_NAME):
        with pytest.raises(LoginRefusedError):
            office.door.log_in("ligong", "wrong", HERE)
    with pytest.raises(LoginBlockedError):
        office.door.log_in("ligong", GOOD, HERE)
    office.now_at += 2 * MINUTE
    assert office.door.log_in("ligong", GOOD, HERE)
    with pytest.raises(LoginRefusedError):
        office.door.log_in("ligong", "wrong", HERE)


def test_one_s_own_logins_do_not_open_the_way_for_guessing_from_an_address(
    office: Office,
) -> None:
    office.create("ligong")
    for number in range(FREE_BY_ADDRESS):
        with pytest.raises(LoginRefusedError):
            office.door.log_in(f"name{number}", "wrong", HERE)
        if number < FREE_BY_ADDRESS - 1:
            office.door.log_in("ligong", GOOD, HERE)
    with pytest.raises(LoginBlockedError):
        office.door.log_in("ligong", GOOD, HERE)
    assert office.door.log_in("ligong", GOOD, Actor(address="198.51.100.1"))


def test_the_neighbours_of_an_ipv6_address_count_as_one(office: Office) -> None:
    office.create("ligong")
    for number in range(FREE_BY_ADDRESS):
        with pytest.raises(LoginRefusedError):
            office.door.log_in(f"name{number}", "wrong", Actor(address=f"2001:db8::{number:x}"))
    with pytest.raises(LoginBlockedError):
        office.door.log_in("ligong", GOOD, Actor(address="2001:db8::ffff"))
    assert office.door.log_in("ligong", GOOD, Actor(address="2001:db8:0:1::1"))


def test_failures_are_forgotten(either: Office) -> None:
    office = either
    for number in range(3):
        with pytest.raises(LoginRefusedError):
            office.door.log_in(f"name{number}", "wrong", HERE)
    office.now_at += timedelta(hours=2)
    with pytest.raises(LoginRefusedError):
        office.door.log_in("last", "wrong", HERE)
    with Session(office.engine) as session:
        rows = list(session.exec(select(LoginThrottleTable)))
    assert sorted(row.failures for row in rows) == [1, 1]
    assert not any("last" in row.subject for row in rows)


def test_many_attempts_at_once_count_as_many(either: Office) -> None:
    office = either
    office.create("ligong")
    outcomes: list[type[Exception]] = []

    def attempt(number: int) -> None:
        try:
            office.door.log_in("ligong", f"wrong{number}", HERE)
        except AccountError as error:
            outcomes.append(type(error))

    threads = [threading.Thread(target=attempt, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 12
    assert outcomes.count(LoginRefusedError) == FREE_BY_NAME


def test_a_password_is_changed_by_who_knows_the_old_one(office: Office) -> None:
    office.create("ligong")
    first, second = (office.door.log_in("ligong", GOOD, HERE) for _ in range(2))
    with pytest.raises(LoginRefusedError):
        office.door.change_password("ligong", "wrong", OTHER, HERE)
    with pytest.raises(PasswordRuleError):
        office.door.change_password("ligong", GOOD, "123456789012", HERE)
    with pytest.raises(AccountError, match="一样"):
        office.door.change_password("ligong", GOOD, GOOD, HERE)
    assert office.account(first) is not None
    third = office.door.change_password("ligong", GOOD, OTHER, HERE)
    assert [office.account(s) is not None for s in (first, second, third)] == [False, False, True]
    with pytest.raises(LoginRefusedError):
        office.door.log_in("ligong", GOOD, HERE)
    assert office.door.log_in("ligong", OTHER, HERE)


def test_an_old_hash_is_renewed_at_the_next_login(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.create("ligong")
    dearer = PasswordHasher(time_cost=2, memory_cost=16, parallelism=1)
    monkeypatch.setattr(passwords, "_hasher", dearer)
    office.door.log_in("ligong", GOOD, HERE)
    with Session(office.engine) as session:
        [user] = session.exec(select(UserTable))
        assert not dearer.check_needs_rehash(user.password_hash)
    assert office.door.log_in("ligong", GOOD, HERE)


def test_a_token_is_shown_once_runs_out_and_is_revoked(either: Office) -> None:
    office = either
    account = office.create("ligong")
    with office.writing() as session:
        tokens = TokenRepository(session)
        token, secret = tokens.create(account, "每晚导出", 30, office.now_at)
        _, other = tokens.create(account, "另一个", 366, office.now_at)
        for name, days in (("", 1), ("x" * 51, 1), ("a\nb", 1), ("x", 0), ("x", 367)):
            with pytest.raises(AccountError):
                tokens.create(account, name, days, office.now_at)
    assert office.by_token(secret) == account
    assert office.by_token(secret + "x") is None
    with Session(office.engine) as session:
        for row in session.exec(select(TokenTable)):
            assert secret not in row.model_dump_json()
    office.now_at += timedelta(days=30)
    assert office.by_token(secret) is None
    assert office.by_token(other) == account
    with office.writing() as session:
        tokens = TokenRepository(session)
        assert [t.name for t in tokens.all(account.id)] == ["每晚导出", "另一个"]
        assert tokens.revoke(token.id + 1, office.now_at).revoked_at == office.now_at
        with pytest.raises(UnknownAccountError):
            tokens.revoke(99, office.now_at)
    assert office.by_token(other) is None


def test_tokens_end_with_the_role_they_were_made_for(office: Office) -> None:
    office.create("boss", Role.ADMINISTRATOR)
    account = office.create("ligong")
    with office.writing() as session:
        _, secret = TokenRepository(session).create(account, "脚本", 30, office.now_at)
        AccountRepository(session).set_role("ligong", Role.COMMISSIONER, office.now_at)
    assert office.by_token(secret) is None


def test_the_audit_log_is_only_added_to(either: Office) -> None:
    office = either
    with office.writing() as session:
        AuditLog(session).note(Action.EXPORTED, Actor(operator="root"), "need:N1", NOW_AT)
    office.now_at += timedelta(days=1)
    with office.writing() as session:
        log = AuditLog(session)
        log.note(Action.LOGIN_FAILED, HERE, "", office.now_at)
        assert [entry.action for entry in log.entries()] == [Action.LOGIN_FAILED, Action.EXPORTED]
        [late] = log.entries(since_at=NOW_AT + MINUTE)
        assert (late.actor, late.subject) == (HERE, "")
        [early] = log.entries(action=Action.EXPORTED)
        assert (early.actor.operator, early.subject) == ("root", "need:N1")
    for change in ("update", "delete"):
        with Session(office.engine) as session:
            row = session.exec(select(AuditTable).order_by(col(AuditTable.id))).first()
            assert row is not None
            if change == "update":
                row.subject = "need:N2"
                session.add(row)
            else:
                session.delete(row)
            with pytest.raises(AssertionError, match="never altered"):
                session.commit()
