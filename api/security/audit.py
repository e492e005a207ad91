"""The audit log: who did what, when, to which record, from where. It is only ever added to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn

from sqlalchemy import ColumnElement, event, func
from sqlmodel import Session, col, select

from api.tables import AuditTable, UserTable
from corpus.tables import aware, stored_id


class Action(StrEnum):
    """What is noted."""

    LOGGED_IN = "登录"
    LOGGED_IN_BY_PROVIDER = "统一登录"
    LOGIN_FAILED = "登录失败"
    LOGGED_OUT = "退出"
    PASSWORD_CHANGED = "修改密码"  # noqa: S105
    PASSWORD_RESET = "重设密码"  # noqa: S105
    USER_CREATED = "新建用户"
    USER_DISABLED = "停用用户"
    USER_ENABLED = "启用用户"
    ROLE_CHANGED = "修改角色"
    TOKEN_CREATED = "新建令牌"  # noqa: S105
    TOKEN_REVOKED = "吊销令牌"  # noqa: S105
    SESSIONS_ENDED = "结束登录"
    BACKED_UP = "备份"
    RESTORED = "恢复备份"
    MODEL_PROMOTED = "启用排序模型"
    MODEL_ROLLED_BACK = "退回排序模型"
    INDEX_REFRESHED = "更新索引"
    WORD_DRAFTED = "添加词"
    WORD_WITHDRAWN = "撤下词"
    WORD_RESTORED = "恢复词"
    DICTIONARY_PUBLISHED = "发布词典"
    DICTIONARY_ROLLED_BACK = "退回词典"
    CONTACTS_VIEWED = "查看联系方式"
    CONSENT_NOTED = "记下同意"
    CONSENT_WITHDRAWN = "撤销同意"
    EXPORTED = "导出"
    SHORTLIST_SHARED = "共享清单"
    IMPORTED = "导入"
    IMPORT_UNDONE = "撤销导入"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it and from where, as far as it is known."""

    user_id: int | None = None
    operator: str = ""
    """The machine's user, for the command line."""
    address: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which lines; None and empty: all."""

    action: Action | None = None
    user_id: int | None = None
    since_at: datetime | None = None
    before_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log."""

    id: int
    happened_at: datetime
    action: Action
    actor: Actor
    user: str
    """Name of the account behind ``actor.user_id``, or empty."""
    subject: str


class AuditLog:
    """The log of one session; never commits."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def note(self, action: Action, actor: Actor, subject: str, now_at: datetime) -> None:
        """Add a line. ``subject`` is a kind and an id (``user:3``, ``need:N1``), never a text."""
        self._session.add(
            AuditTable(
                happened_at=now_at,
                action=action.value,
                user_id=actor.user_id,
                operator=actor.operator,
                address=actor.address,
                subject=subject,
                request_id=actor.request_id,
            )
        )
        self._session.flush()

    def entries(
        self, since_at: datetime | None = None, action: Action | None = None, limit: int = 100
    ) -> list[Entry]:
        """Lines, the newest first, at most ``limit``."""
        return self.page(AuditFilter(action=action, since_at=since_at), 0, limit)

    def page(self, where: AuditFilter, offset: int, limit: int) -> list[Entry]:
        """Lines that pass, the newest first, without the first ``offset``, at most ``limit``."""
        statement = (
            select(AuditTable, UserTable.name)
            .join(UserTable, col(AuditTable.user_id) == col(UserTable.id), isouter=True)
            .where(*_conditions(where))
            .order_by(col(AuditTable.id).desc())
        )
        rows = self._session.exec(statement.offset(offset).limit(limit))
        return [_entry(row, name) for row, name in rows]

    def count(self, where: AuditFilter) -> int:
        """How many lines pass."""
        statement = select(func.count()).select_from(AuditTable).where(*_conditions(where))
        return self._session.exec(statement).one()


def _conditions(where: AuditFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if where.action is not None:
        found.append(col(AuditTable.action) == where.action.value)
    if where.user_id is not None:
        found.append(col(AuditTable.user_id) == where.user_id)
    # SQLite compares what it keeps, which is UTC without saying so.
    if where.since_at is not None:
        found.append(col(AuditTable.happened_at) >= where.since_at.astimezone(UTC))
    if where.before_at is not None:
        found.append(col(AuditTable.happened_at) < where.before_at.astimezone(UTC))
    return found


def _entry(row: AuditTable, user: str | None) -> Entry:
    return Entry(
        id=stored_id(row),
        happened_at=aware(row.happened_at),
        action=Action(row.action),
        actor=Actor(row.user_id, row.operator, row.address, row.request_id),
        user=user or "",
        subject=row.subject,
    )


@event.listens_for(AuditTable, "before_update")
@event.listens_for(AuditTable, "before_delete")
def _refuse(*_: object) -> NoReturn:
    raise AssertionError("the audit log is never altered")
