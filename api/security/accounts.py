"""All queries on accounts. Takes a session and never commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, update
from sqlmodel import Session, col, select

from api.security.errors import AccountError, UnknownAccountError
from api.security.lifetimes import Lifetimes
from api.security.passwords import account_name, checked_password, hash_password
from api.tables import SessionTable, TokenTable, UserTable
from corpus.confidentiality import Role, RowScope, row_scope
from corpus.tables import aware, stored_id
from corpus.taxonomy import counties

ROLES = tuple(role for role in Role if role is not Role.GUEST)
"""Roles that an account can have."""


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who can log in."""

    id: int
    name: str
    role: Role
    county: str
    organisation: str
    created_at: datetime
    password_changed_at: datetime
    disabled_at: datetime | None
    must_change_password: bool
    """Somebody else made it up."""

    @property
    def scope(self) -> RowScope:
        """The records that are there for this account."""
        return row_scope(self.role, self.county, self.organisation)

    @property
    def subject(self) -> str:
        """What the audit log calls it."""
        return f"user:{self.id}"


class AccountRepository:
    """The accounts of one session. What takes a right away also ends what was begun with it."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- reading ---------------------------------------------------------------------------

    def find(self, name: str) -> tuple[Account, str] | None:
        """An account by its name, with the hash of its password."""
        row = self._session.exec(select(UserTable).where(UserTable.name == name)).one_or_none()
        return (account_of(row), row.password_hash) if row else None

    def require(self, typed: str) -> Account:
        """An account by its name as somebody typed it.

        Raises:
            UnknownAccountError: there is none.
        """
        return account_of(self._row(typed))

    def by_id(self, account_id: int) -> Account:
        """An account by its number.

        Raises:
            UnknownAccountError: there is none.
        """
        row = self._session.get(UserTable, account_id)
        if row is None:
            raise UnknownAccountError("没有这个用户。请刷新用户列表查看。")
        return account_of(row)

    def open_sessions(self, lifetimes: Lifetimes, now_at: datetime) -> dict[int, datetime]:
        """By the number of an account that is logged in somewhere, when it was last seen."""
        statement = (
            select(SessionTable.user_id, func.max(SessionTable.seen_at))
            .where(
                col(SessionTable.created_at) > now_at - lifetimes.whole,
                col(SessionTable.seen_at) > now_at - lifetimes.idle,
            )
            .group_by(col(SessionTable.user_id))
        )
        return {user_id: aware(seen_at) for user_id, seen_at in self._session.exec(statement)}

    def all(self) -> list[Account]:
        """Every account, in order of creation."""
        rows = self._session.exec(select(UserTable).order_by(col(UserTable.id)))
        return [account_of(row) for row in rows]

    def has_administrator(self) -> bool:
        """Whether anybody can administrate."""
        return self._administrators() > 0

    # -- writing ---------------------------------------------------------------------------

    def create(
        self,
        typed: str,
        role: Role,
        password: str,
        now_at: datetime,
        county: str = "",
        organisation: str = "",
        *,
        must_change: bool = False,
    ) -> Account:
        """A new account. ``must_change``: the password is for the first login only.

        Raises:
            AccountError: the name is taken or impossible, the password too easy to guess, or the
                role needs a county or an institution.
        """
        name = account_name(typed)
        if self.find(name):
            raise AccountError(f"已有用户 {name}。请换一个名字，或用 zhitong user list 查看。")
        county, organisation = checked_scope(role, county, organisation)
        row = UserTable(
            name=name,
            role=role.value,
            county=county,
            organisation=organisation,
            password_hash=hash_password(checked_password(password, name)),
            created_at=now_at,
            password_changed_at=now_at,
            must_change_password=must_change,
        )
        self._session.add(row)
        self._session.flush()
        return account_of(row)

    def set_password(
        self, typed: str, password: str, now_at: datetime, *, must_change: bool = False
    ) -> Account:
        """A new password; every login ends. Personal tokens stay. ``must_change``: it is for the
        next login only.

        Raises:
            UnknownAccountError: no such account.
            PasswordRuleError: it is too easy to guess.
        """
        row = self._row(typed)
        row.password_hash = hash_password(checked_password(password, row.name))
        row.password_changed_at = now_at
        row.must_change_password = must_change
        return self._changed(row)

    def set_hash(self, account: Account, password_hash: str) -> None:
        """The same password, hashed with today's costs."""
        row = self._row(account.name)
        row.password_hash = password_hash
        self._session.add(row)

    def void_password(self, account: Account) -> None:
        """No password opens the account until it gets another."""
        row = self._row(account.name)
        row.password_hash, row.must_change_password = "", False
        self._session.add(row)

    def set_role(
        self, typed: str, role: Role, now_at: datetime, county: str = "", organisation: str = ""
    ) -> Account:
        """Another role; every login and every token ends.

        Raises:
            UnknownAccountError: no such account.
            AccountError: the role needs a county or an institution, or this is the last
                administrator.
        """
        row = self._row(typed)
        if role is not Role.ADMINISTRATOR:
            self._keep_one_administrator(row)
        row.county, row.organisation = checked_scope(role, county, organisation)
        row.role = role.value
        self.revoke_tokens(stored_id(row), now_at)
        return self._changed(row)

    def disable(self, typed: str, now_at: datetime) -> Account:
        """No login and no token works any more; what was done stays under this name.

        Raises:
            UnknownAccountError: no such account.
            AccountError: this is the last administrator.
        """
        row = self._row(typed)
        self._keep_one_administrator(row)
        row.disabled_at = row.disabled_at or now_at
        self.revoke_tokens(stored_id(row), now_at)
        return self._changed(row)

    def enable(self, typed: str) -> Account:
        """Logins work again; tokens have to be made anew.

        Raises:
            UnknownAccountError: no such account.
        """
        row = self._row(typed)
        row.disabled_at = None
        return self._changed(row)

    def end_sessions(self, typed: str) -> Account:
        """Every login ends; personal tokens stay.

        Raises:
            UnknownAccountError: no such account.
        """
        return self._changed(self._row(typed))

    def revoke_tokens(self, account_id: int, now_at: datetime) -> None:
        """End every personal token of an account."""
        self._session.exec(
            update(TokenTable)
            .where(col(TokenTable.user_id) == account_id, col(TokenTable.revoked_at).is_(None))
            .values(revoked_at=now_at)
        )

    def _changed(self, row: UserTable) -> Account:
        self._session.add(row)
        self._session.exec(delete(SessionTable).where(col(SessionTable.user_id) == row.id))
        self._session.flush()
        return account_of(row)

    def _row(self, typed: str) -> UserTable:
        name = account_name(typed)
        row = self._session.exec(select(UserTable).where(UserTable.name == name)).one_or_none()
        if row is None:
            raise UnknownAccountError(f"没有用户 {name}。运行 zhitong user list 查看。")
        return row

    def _administrators(self) -> int:
        statement = (
            select(func.count())
            .select_from(UserTable)
            .where(UserTable.role == Role.ADMINISTRATOR.value, col(UserTable.disabled_at).is_(None))
        )
        return self._session.exec(statement).one()

    def _keep_one_administrator(self, row: UserTable) -> None:
        is_one = row.role == Role.ADMINISTRATOR.value and row.disabled_at is None
        if is_one and self._administrators() == 1:
            raise AccountError(f"{row.name} 是最后一个管理员。请先另设一个管理员，再改这一个。")


def checked_scope(role: Role, county: str, organisation: str) -> tuple[str, str]:
    """County and institution of an account, as its role needs them.

    Raises:
        AccountError: one is missing, unknown, or makes no sense for the role.
    """
    county, organisation = county.strip(), organisation.strip()
    if role not in ROLES:
        raise AccountError(f"{role.value}不用登录，不能设成用户的角色。")
    if role is Role.COUNTY and county not in counties():
        raise AccountError(f"{role.value}要写明县区，可用：{'、'.join(counties())}。")
    if role is Role.INSTITUTION and not organisation:
        raise AccountError(f"{role.value}要写明单位，与成果里的单位名称一致。")
    if county and role is not Role.COUNTY:
        raise AccountError(f"县区只用于{Role.COUNTY.value}。")
    if organisation and role is not Role.INSTITUTION:
        raise AccountError(f"单位只用于{Role.INSTITUTION.value}。")
    return county, organisation


def account_of(row: UserTable) -> Account:
    """The domain value of a row."""
    return Account(
        id=stored_id(row),
        name=row.name,
        role=Role(row.role),
        county=row.county,
        organisation=row.organisation,
        created_at=aware(row.created_at),
        password_changed_at=aware(row.password_changed_at),
        disabled_at=aware(row.disabled_at) if row.disabled_at else None,
        must_change_password=row.must_change_password,
    )
