"""Schema of the database over time: Alembic revisions, applied by ``upgrade``.

An empty database gets today's schema by itself. One of an earlier release is only upgraded when
somebody asks for it (``zhitong database upgrade``), so that there is a backup first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, inspect, text

from api import tables as _accounts
from corpus import tables as _records
from corpus.dictionary import tables as _dictionary
from corpus.duplicates import tables as _duplicates
from corpus.model import CorpusError
from matcher import tables as _matching

TABLES = (_records, _duplicates, _dictionary, _matching, _accounts)
"""Modules that declare tables: loaded here, so that the schema is whole whoever asks."""
BASELINE = "0001"
"""The schema that the first release made without Alembic."""
_LOCK_KEY = 0x7A68_6974  # of PostgreSQL's advisory lock: any number of our own
_LOCK_TIMEOUT_S = 120


class SchemaError(CorpusError):
    """The database's schema does not fit this program; the message says what to do."""


def head() -> str:
    """The revision this program works with."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise AssertionError("there are revisions")
    return revision


def current(engine: Engine) -> str | None:
    """The revision of a database; None when it is empty."""
    with engine.connect() as connection:
        return _current(connection)


def prepare(engine: Engine) -> None:
    """Make an empty database usable; refuse one of another release.

    Raises:
        SchemaError: it belongs to an earlier or a later release.
    """
    revision = current(engine)
    if revision is None:
        upgrade(engine)
    elif revision != head():
        if not is_known(revision):
            raise SchemaError(
                f"数据库由更新版本的程序建立（{revision}），本程序打不开。请升级程序。"
            )
        raise SchemaError(
            "数据库是旧版本程序建立的。请先运行 zhitong database upgrade（会先自动备份）。"
        )


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database to a revision, in one transaction; whoever comes second finds it done."""
    with changing_schema(engine) as (_connection, run):
        run(revision)


@contextmanager
def changing_schema(engine: Engine) -> Iterator[tuple[Connection, Callable[[str], None]]]:
    """A transaction that may change the schema, alone: the connection, and a call that brings it
    to a revision. Everything is undone if the block fails."""
    with _alone(engine), engine.begin() as connection:
        config = _config()
        config.attributes["connection"] = connection

        def run(revision: str) -> None:
            if _current(connection) == BASELINE and not _has_version_table(connection):
                command.stamp(config, BASELINE)
            command.upgrade(config, revision)

        yield connection, run


def is_known(revision: str) -> bool:
    """Whether this program knows a revision: of today or earlier."""
    scripts = ScriptDirectory.from_config(_config()).walk_revisions()
    return revision in {script.revision for script in scripts}


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config


def _current(connection: Connection) -> str | None:
    if _has_version_table(connection):
        return MigrationContext.configure(connection).get_current_revision()
    return BASELINE if inspect(connection).has_table("need") else None


def _has_version_table(connection: Connection) -> bool:
    return inspect(connection).has_table("alembic_version")


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """One process at a time."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK_KEY})
            try:
                yield
            finally:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK_KEY})
        return
    if not engine.url.database or engine.url.database == ":memory:":
        yield
        return
    try:
        with FileLock(f"{engine.url.database}.upgrade.lock", timeout=_LOCK_TIMEOUT_S):
            yield
    except Timeout as error:
        raise SchemaError("另一个程序正在升级数据库，请稍后再试。") from error
