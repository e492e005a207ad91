"""The state of the whole program, as an administrator wants to see it."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from pydantic import Field, SecretStr
from sqlalchemy import Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from api import migrations
from api.clock import now_at
from api.schemas import IndexState
from api.security.audit import Action, AuditFilter, AuditLog
from api.security.errors import AccountError
from api.security.visitor import Visitor
from api.services import Services
from api.settings import Settings
from api.wire import Wire
from corpus.model import Kind
from matcher.kept import RankingRepository
from matcher.ranking_models import RankingError

MOST_REFRESHED = 2000
"""Records that a page brings into an index while somebody waits: a minute or two."""
_BACKUPS = 5


class RankingState(Wire):
    """The ranking model that answers."""

    name: str
    hash: str = Field(description="Empty: it ships with the program.")
    promoted_at: datetime | None
    gate_passed: bool | None = Field(description="Of its last promotion; null: it ships.")
    problem: str = Field(description="Why it cannot answer; empty: it does.")


class DatabaseState(Wire):
    """The database."""

    kind: str = Field(examples=["SQLite", "PostgreSQL"])
    version: str
    size_bytes: int
    revision: str
    program_revision: str


class FolderState(Wire):
    """A folder of the settings."""

    path: str
    size_bytes: int
    free_bytes: int = Field(description="On its disk.")


class SettingOut(Wire):
    """A setting that somebody made, masked where it is confidential."""

    name: str
    value: str


class SystemState(Wire):
    """Everything at a moment."""

    program: str
    python: str
    encoder: str
    indexes: list[IndexState]
    ranking: RankingState
    database: DatabaseState
    home: FolderState
    cache: FolderState
    backups: list[datetime] = Field(description="When the last were made, the newest first.")
    settings: list[SettingOut]


class IndexRefreshError(AccountError):
    """An index that a page does not refresh; the message says what to do."""


def state(services: Services) -> SystemState:
    """How everything stands now."""
    settings = services.settings
    with services.reading() as session:
        made = AuditLog(session).page(AuditFilter(action=Action.BACKED_UP), 0, _BACKUPS)
    return SystemState(
        program=version("zhitong"),
        python=platform.python_version(),
        encoder=services.makers.encoder.name,
        indexes=services.index_states(),
        ranking=_ranking(services),
        database=_database(services.database),
        home=_folder(settings.home),
        cache=_folder(settings.cache),
        backups=[entry.happened_at for entry in made],
        settings=settings_made(settings),
    )


def refresh_indexes(services: Services, visitor: Visitor) -> None:
    """Bring both indexes up to date, if that is quick.

    Raises:
        IndexRefreshError: too much is new.
        IndexBusyError: another process is at work on it.
    """
    lag = sum(services.indexing.lag(kind) for kind in Kind)
    if lag > MOST_REFRESHED:
        raise IndexRefreshError(
            f"有 {lag} 条要进入索引，网页一次最多 {MOST_REFRESHED} 条。"
            "请在服务器上运行 zhitong index build。"
        )
    for kind in Kind:
        services.refresh_index(kind)
        with services.writing() as session:
            subject = f"index:{kind.value}"
            AuditLog(session).note(Action.INDEX_REFRESHED, visitor.actor, subject, now_at())


def settings_made(settings: Settings) -> list[SettingOut]:
    """The settings that are not as they come, secrets masked."""
    made = sorted(settings.model_fields_set & set(Settings.model_fields))
    return [
        SettingOut(name=f"ZHITONG_{name.upper()}", value=_shown(name, getattr(settings, name)))
        for name in made
    ]


def _shown(name: str, value: object) -> str:
    if isinstance(value, SecretStr):
        return "（已设置，不显示）"
    if name == "database_url":
        try:
            url = make_url(str(value))
        except ArgumentError:
            return "（不能识别）"
        # A password may stand among the options as well.
        return url.set(query={}).render_as_string(hide_password=True)
    return str(value)


def _ranking(services: Services) -> RankingState:
    with services.reading() as session:
        repository = RankingRepository(session)
        active = repository.active()
        events = repository.events() if active else []
    problem = ""
    try:
        name = services.ranking_model().name
    except RankingError as error:
        name, problem = "", str(error)
    if active is None:
        return RankingState(
            name=name, hash="", promoted_at=None, gate_passed=None, problem=problem
        )  # fmt: skip
    gates = [e.gate for e in events if e.model_hash == active.model.hash and e.gate is not None]
    return RankingState(
        name=active.model.name,
        hash=active.model.hash,
        promoted_at=active.promoted_at,
        gate_passed=gates[-1].passed if gates else None,
        problem=problem,
    )


def _database(engine: Engine) -> DatabaseState:
    sqlite = engine.dialect.name == "sqlite"
    asked = (
        ("SELECT sqlite_version()", "SELECT page_count * page_size FROM pragma_page_count, "
         "pragma_page_size")
        if sqlite
        else ("SHOW server_version", "SELECT pg_database_size(current_database())")
    )  # fmt: skip
    with engine.connect() as connection:
        number, size_bytes = (connection.execute(text(query)).scalar_one() for query in asked)
    return DatabaseState(
        kind="SQLite" if sqlite else "PostgreSQL",
        version=str(number),
        size_bytes=int(size_bytes),
        revision=migrations.current(engine) or "",
        program_revision=migrations.head(),
    )


def _folder(path: Path) -> FolderState:
    there = next(p for p in (path, *path.parents) if p.exists())
    return FolderState(
        path=str(path),
        size_bytes=sum(_sizes(path)),
        free_bytes=shutil.disk_usage(there).free,
    )


def _sizes(path: Path) -> Sequence[int]:
    found = []
    for folder, _, names in os.walk(path):
        for name in names:
            try:
                found.append((Path(folder) / name).lstat().st_size)
            except FileNotFoundError:
                continue  # removed in this moment
    return found
