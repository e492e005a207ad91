"""All queries over uploads and kept profiles. Takes a session, never commits."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from api.security.visitor import Visitor
from api.tables import ColumnProfileTable, UploadTable, UserTable
from api.uploads.model import State, UnknownUploadError, Upload, UploadError
from corpus.confidentiality import Role
from corpus.importing.headers import normal
from corpus.importing.profiles import Profile, parse_profile, profile_toml
from corpus.model import Kind
from corpus.tables import ImportRunTable, aware, stored_id

INTERRUPTED = "导入时程序停了，没有写入任何内容。可以再导入一次。"
_NAME_CHARACTERS = 50


def sees_all(visitor: Visitor) -> bool:
    """Whether somebody sees what others sent."""
    return visitor.is_open or visitor.role is Role.ADMINISTRATOR


class UploadRepository:
    """Uploads of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def add(self, row: UploadTable) -> int:
        """Note a new file; returns its number."""
        self._session.add(row)
        self._session.flush()
        return stored_id(row)

    def require(self, upload_id: int, visitor: Visitor) -> Upload:
        """One that somebody may see.

        Raises:
            UnknownUploadError: there is none for him.
        """
        found = self._rows(UploadTable.id == upload_id, *_own(visitor))
        if not found:
            raise UnknownUploadError
        return found[0]

    def get(self, upload_id: int) -> Upload | None:
        """One, whoever asks."""
        found = self._rows(UploadTable.id == upload_id)
        return found[0] if found else None

    def of_visitor(self, visitor: Visitor, limit: int, offset: int = 0) -> list[Upload]:
        """Those that somebody may see, the newest first."""
        return self._rows(*_own(visitor), limit=limit, offset=offset)

    def count(self, visitor: Visitor) -> int:
        """How many somebody may see."""
        statement = select(func.count()).select_from(UploadTable).where(*_own(visitor))
        return int(self._session.exec(statement).one())

    def of_imports(self, import_ids: Sequence[int], visitor: Visitor) -> dict[int, Upload]:
        """Those that became one of these imports, by its number."""
        rows = self._rows(col(UploadTable.import_id).in_(import_ids), *_own(visitor))
        return {row.import_id: row for row in rows if row.import_id is not None}

    def waiting(self, user_id: int | None) -> int:
        """How many files of an account are not loaded yet."""
        statement = select(func.count()).where(
            UploadTable.user_id == user_id, UploadTable.state != State.DONE.value
        )
        return int(self._session.exec(statement).one())

    def before(self, moment: datetime) -> list[Upload]:
        """Those that were sent before a moment and are not done."""
        of_old = col(UploadTable.created_at) < moment
        return self._rows(of_old, UploadTable.state != State.DONE.value)

    def change(self, upload_id: int, **values: Any) -> None:
        """Set columns of one."""
        where = col(UploadTable.id) == upload_id
        self._session.execute(update(UploadTable).where(where).values(**values))

    def begin(self, upload_id: int) -> None:
        """One is being loaded; no other can be, whatever is noted of it.

        Raises:
            UploadError: it is in already, or gone.
        """
        running = col(UploadTable.state) == State.RUNNING.value
        left = {"state": State.FAILED.value, "error": INTERRUPTED}
        self._session.execute(update(UploadTable).where(running).values(**left))
        mine = (
            col(UploadTable.id) == upload_id,
            col(UploadTable.state).in_([State.READY.value, State.FAILED.value]),
        )
        values = {"state": State.RUNNING.value, "error": "", "report": None, "finished_at": None}
        begun = self._session.execute(
            update(UploadTable).where(*mine).values(**values).returning(col(UploadTable.id))
        )
        if begun.first() is None:
            raise UploadError("这个文件已经导入，或已经删除。请刷新页面查看。")

    def delete(self, upload_id: int) -> None:
        """Forget one."""
        row = self._session.get(UploadTable, upload_id)
        if row is not None:
            self._session.delete(row)
            self._session.flush()

    def _rows(self, *where: Any, limit: int | None = None, offset: int = 0) -> list[Upload]:
        run = ImportRunTable
        statement = (
            select(UploadTable, UserTable.name, run.undone_at)
            .join(UserTable, col(UploadTable.user_id) == col(UserTable.id), isouter=True)
            .join(run, col(UploadTable.import_id) == col(run.id), isouter=True)
            .where(*where)
            .order_by(col(UploadTable.id).desc())
        )
        found = self._session.exec(statement.limit(limit).offset(offset))
        return [_upload(row, name or "演示", undone_at) for row, name, undone_at in found]


@dataclass(frozen=True, slots=True)
class KeptProfile:
    """A profile under a name."""

    id: int
    profile: Profile
    user_id: int | None


class KeptProfiles:
    """Profiles that people keep for the next file with the same columns."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fitting(self, header: Sequence[str]) -> list[KeptProfile]:
        """Those made for the same columns, in whatever order; the newest first."""
        statement = (
            select(ColumnProfileTable)
            .where(ColumnProfileTable.header_hash == header_hash(header))
            .order_by(col(ColumnProfileTable.saved_at).desc())
        )
        return [
            KeptProfile(stored_id(row), parse_profile(row.profile, row.name), row.user_id)
            for row in self._session.exec(statement)
        ]

    def keep(
        self, profile: Profile, header: Sequence[str], user_id: int | None, now_at: datetime
    ) -> None:
        """Keep one under its name, in place of one's own of that name.

        Raises:
            UploadError: the name is too long, or another's.
        """
        if len(profile.name) > _NAME_CHARACTERS:
            raise UploadError(f"列对照的名称最多 {_NAME_CHARACTERS} 字。")
        where = ColumnProfileTable.name == profile.name
        row = self._session.exec(select(ColumnProfileTable).where(where)).first()
        if row is None:
            row = ColumnProfileTable(
                name=profile.name, header_hash="", profile="", user_id=user_id, saved_at=now_at
            )
        elif row.user_id != user_id:
            raise UploadError(f"已有别人存的列对照叫“{profile.name}”。请换一个名称。")
        row.header_hash, row.profile = header_hash(header), profile_toml(profile)
        row.saved_at = now_at
        self._session.add(row)
        self._session.flush()


def header_hash(header: Sequence[str]) -> str:
    """The columns of a file, whatever their order."""
    names = "\x1f".join(sorted(normal(name) for name in header))
    return hashlib.sha256(names.encode("utf-8", "replace")).hexdigest()


def _own(visitor: Visitor) -> list[Any]:
    return [] if sees_all(visitor) else [UploadTable.user_id == visitor.actor.user_id]


def _upload(row: UploadTable, who: str, undone_at: datetime | None) -> Upload:
    fixes: Mapping[str, Mapping[str, str]] = row.fixes
    return Upload(
        id=stored_id(row),
        user_id=row.user_id,
        who=who,
        label=row.label,
        stored=row.stored,
        sha256=row.sha256,
        size_bytes=row.size_bytes,
        kind=Kind(row.kind) if row.kind else None,
        state=State(row.state),
        created_at=aware(row.created_at),
        sheet=row.sheet,
        split=row.split,
        profile=parse_profile(row.profile, row.label) if row.profile else None,
        fixes={int(number): dict(cells) for number, cells in fixes.items()},
        report=row.report,
        import_id=row.import_id,
        undone_at=aware(undone_at) if undone_at else None,
        error=row.error,
        finished_at=aware(row.finished_at) if row.finished_at else None,
    )
