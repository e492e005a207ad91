"""What administrators do with accounts and read in the log: shared by pages and API."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from typing import Annotated

from pydantic import Field
from sqlmodel import Session

from api.clock import TIME_ZONE, now_at
from api.deps import Name
from api.security.accounts import Account, AccountRepository
from api.security.audit import Action, AuditFilter, AuditLog, Entry
from api.security.errors import (
    AccountError,
    PasswordRuleError,
    StaleAccountError,
    UnknownAccountError,
)
from api.security.passwords import account_name, checked_password
from api.security.visitor import Visitor
from api.services import Services
from api.wire import Wire
from corpus.confidentiality import Role

_LETTERS = "abcdefghjkmnpqrstuvwxyz"
"""Without those that are taken for others on paper; 16 of them are 72 bits."""
_GROUPS, _GROUP_LENGTH = 4, 4


Text = Annotated[Name, Field(max_length=200)]


class UserOut(Wire):
    """An account, without its password."""

    id: int
    name: str
    role: Role
    county: str = Field(description="Of 县区查看 only.", examples=["迁安市"])
    organisation: str = Field(description="Of 机构 only.")
    created_at: datetime
    disabled_at: datetime | None
    must_change_password: bool = Field(description="Has a password for one login.")
    seen_at: datetime | None = Field(
        description="Last request of a login that has not ended; null: not logged in."
    )
    version: str = Field(description="Of rights and state; to be sent back with a change.")

    @classmethod
    def of(cls, account: Account, seen_at: datetime | None) -> UserOut:
        """From the domain value."""
        return cls(
            id=account.id,
            name=account.name,
            role=account.role,
            county=account.county,
            organisation=account.organisation,
            created_at=account.created_at,
            disabled_at=account.disabled_at,
            must_change_password=account.must_change_password,
            seen_at=seen_at,
            version=_version(account),
        )


class UserPage(Wire):
    """Accounts in order of creation."""

    total: int
    offset: int
    limit: int
    users: list[UserOut]


class UserChange(Wire):
    """What is to be otherwise; what is left out stays."""

    version: Name = Field(description="Of the account as it was read; another one is refused.")
    role: Role | None = Field(default=None, examples=["招商干部"])
    county: Text | None = Field(default=None, description="Of 县区查看 only.", examples=["迁安市"])
    organisation: Text | None = Field(default=None, description="Of 机构 only.")
    disabled: bool | None = Field(default=None, examples=[True])


class AuditOut(Wire):
    """One line of the audit log."""

    id: int
    happened_at: datetime
    action: str = Field(examples=["登录"])
    user: str | None = Field(description="Who did it; null: unknown, or the command line.")
    operator: str = Field(description="The machine's user, for the command line.")
    address: str
    subject: str = Field(description="A kind and an id.", examples=["user:3"])
    request_id: str

    @classmethod
    def of(cls, entry: Entry) -> AuditOut:
        """From the domain value."""
        return cls(
            id=entry.id,
            happened_at=entry.happened_at,
            action=entry.action.value,
            user=entry.user or None,
            operator=entry.actor.operator,
            address=entry.actor.address,
            subject=entry.subject,
            request_id=entry.actor.request_id,
        )


# -- reading -------------------------------------------------------------------------------


def users(services: Services) -> list[UserOut]:
    """Every account, in order of creation."""
    with services.reading() as session:
        accounts = AccountRepository(session)
        seen = accounts.open_sessions(services.lifetimes, now_at())
        return [UserOut.of(account, seen.get(account.id)) for account in accounts.all()]


def user_page(services: Services, offset: int, limit: int) -> UserPage:
    """Some of the accounts, in order of creation."""
    found = users(services)
    return UserPage(
        total=len(found), offset=offset, limit=limit, users=found[offset : offset + limit]
    )


def user(services: Services, user_id: int) -> UserOut:
    """One account.

    Raises:
        UnknownAccountError: there is none.
    """
    with services.reading() as session:
        return _user(services, session, user_id)


def _user(services: Services, session: Session, user_id: int) -> UserOut:
    accounts = AccountRepository(session)
    seen = accounts.open_sessions(services.lifetimes, now_at())
    return UserOut.of(accounts.by_id(user_id), seen.get(user_id))


def _version(account: Account) -> str:
    state = (account.name, account.role, account.county, account.organisation, account.disabled_at)
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def audit_filter(
    services: Services,
    action: Action | None = None,
    name: str | None = None,
    since_on: date | None = None,
    until_on: date | None = None,
) -> AuditFilter:
    """Lines of an action, of a user by name, from a day to a day in Tangshan, both included.

    Raises:
        UnknownAccountError: no such user.
    """
    user_id = None
    if name:
        with services.reading() as session:
            found = AccountRepository(session).find(name)
        if found is None:
            raise UnknownAccountError(f"没有用户 {name}。请从列表里选。")
        user_id = found[0].id
    after = until_on + timedelta(days=1) if until_on and until_on < date.max else None
    return AuditFilter(action, user_id, _midnight(since_on), _midnight(after))


def _midnight(day: date | None) -> datetime | None:
    # The first and last days of the calendar have no UTC time everywhere.
    if day is None or not 1 < day.year < 9999:
        return None
    return datetime.combine(day, time(), TIME_ZONE)


def audit_page(
    services: Services, where: AuditFilter, offset: int, limit: int
) -> tuple[int, list[AuditOut]]:
    """How many lines pass, and some of them, the newest first."""
    with services.reading() as session:
        log = AuditLog(session)
        return log.count(where), [AuditOut.of(e) for e in log.page(where, offset, limit)]


# -- changing ------------------------------------------------------------------------------


def create_user(
    services: Services, visitor: Visitor, name: str, role: Role, county: str, organisation: str
) -> tuple[UserOut, str]:
    """A new account and the password of its first login, which is kept nowhere else.

    Raises:
        AccountError: the name is taken or impossible, or the role needs a county or institution.
    """
    password = one_time_password(name)
    with services.writing() as session:
        account = AccountRepository(session).create(
            name, role, password, now_at(), county, organisation, must_change=True
        )
        AuditLog(session).note(Action.USER_CREATED, visitor.actor, account.subject, now_at())
    return UserOut.of(account, None), password


def reset_password(services: Services, visitor: Visitor, user_id: int) -> tuple[UserOut, str]:
    """A password for one login; every login and every token ends.

    Raises:
        UnknownAccountError: no such account.
        AccountError: it is one's own.
    """
    with services.writing() as session:
        accounts = AccountRepository(session)
        account = _other(accounts, visitor, user_id, "自己的密码请在“修改密码”里改。")
        password = one_time_password(account.name)
        account = accounts.set_password(account.name, password, now_at(), must_change=True)
        accounts.revoke_tokens(account.id, now_at())
        AuditLog(session).note(Action.PASSWORD_RESET, visitor.actor, account.subject, now_at())
    return UserOut.of(account, None), password


def change_user(services: Services, visitor: Visitor, user_id: int, change: UserChange) -> UserOut:
    """All that a change names, or nothing.

    Raises:
        StaleAccountError: it is not, or no longer, as it was read.
        UnknownAccountError, AccountError: see ``change_role``, ``disable``, ``enable``.
    """
    with services.writing() as session:
        now = AccountRepository(session).by_id(user_id)
        if change.version != _version(now):
            raise StaleAccountError
        role = change.role or now.role
        # The scope of the old role goes with it.
        stays = role is now.role
        county = now.county if change.county is None and stays else change.county or ""
        kept = change.organisation is None and stays
        organisation = now.organisation if kept else change.organisation or ""
        if (role, county, organisation) != (now.role, now.county, now.organisation):
            _set_role(session, visitor, user_id, role, county, organisation)
        if change.disabled is not None and change.disabled != (now.disabled_at is not None):
            act = _disable if change.disabled else _enable
            act(session, visitor, user_id)
        session.flush()
        return _user(services, session, user_id)


def change_role(
    services: Services, visitor: Visitor, user_id: int, role: Role, county: str, organisation: str
) -> None:
    """Another role, county or institution; every login and every token ends.

    Raises:
        UnknownAccountError: no such account.
        AccountError: it is one's own, the role needs a county or an institution, or this is the
            last administrator.
    """
    with services.writing() as session:
        _set_role(session, visitor, user_id, role, county, organisation)


def _set_role(
    session: Session, visitor: Visitor, user_id: int, role: Role, county: str, organisation: str
) -> None:
    def change(accounts: AccountRepository, account: Account) -> Account:
        return accounts.set_role(account.name, role, now_at(), county, organisation)

    said = "不能改自己的角色。请另一位管理员来改。"
    _change(session, visitor, user_id, Action.ROLE_CHANGED, change, said)


def disable(services: Services, visitor: Visitor, user_id: int) -> None:
    """No login and no token works any more.

    Raises:
        UnknownAccountError: no such account.
        AccountError: it is one's own, or the last administrator.
    """
    with services.writing() as session:
        _disable(session, visitor, user_id)


def _disable(session: Session, visitor: Visitor, user_id: int) -> None:
    def change(accounts: AccountRepository, account: Account) -> Account:
        return accounts.disable(account.name, now_at())

    said = "不能停用自己。请另一位管理员来停用。"
    _change(session, visitor, user_id, Action.USER_DISABLED, change, said)


def enable(services: Services, visitor: Visitor, user_id: int) -> None:
    """Logins work again.

    Raises:
        UnknownAccountError: no such account.
    """
    with services.writing() as session:
        _enable(session, visitor, user_id)


def _enable(session: Session, visitor: Visitor, user_id: int) -> None:
    def change(accounts: AccountRepository, account: Account) -> Account:
        return accounts.enable(account.name)

    said = "这是你自己的账号，没有停用。"
    _change(session, visitor, user_id, Action.USER_ENABLED, change, said)


def end_sessions(services: Services, visitor: Visitor, user_id: int) -> None:
    """Every login of an account ends; its tokens stay.

    Raises:
        UnknownAccountError: no such account.
        AccountError: it is one's own.
    """

    def change(accounts: AccountRepository, account: Account) -> Account:
        return accounts.end_sessions(account.name)

    with services.writing() as session:
        said = "自己请用“退出”。"
        _change(session, visitor, user_id, Action.SESSIONS_ENDED, change, said)


def _change(
    session: Session,
    visitor: Visitor,
    user_id: int,
    action: Action,
    change: Callable[[AccountRepository, Account], Account],
    own: str,
) -> None:
    accounts = AccountRepository(session)
    account = change(accounts, _other(accounts, visitor, user_id, own))
    AuditLog(session).note(action, visitor.actor, account.subject, now_at())


def _other(accounts: AccountRepository, visitor: Visitor, user_id: int, own: str) -> Account:
    if user_id == visitor.actor.user_id:
        raise AccountError(own)
    return accounts.by_id(user_id)


def one_time_password(name: str) -> str:
    """One that can be read out, and that the rules allow for an account of this name.

    Raises:
        AccountError: no account can have this name; one that every password holds has none.
    """
    name = account_name(name)
    while True:
        groups = (
            "".join(secrets.choice(_LETTERS) for _ in range(_GROUP_LENGTH)) for _ in range(_GROUPS)
        )
        try:
            return checked_password("-".join(groups), name)
        except PasswordRuleError:
            continue  # by chance it has the name or a common word in it
