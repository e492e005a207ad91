"""Opening the database: SQLite in WAL mode as the embedded default, PostgreSQL by a URL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError
from sqlmodel import Session, SQLModel, create_engine

from corpus.model import CorpusError
from corpus.tables import CorpusStateTable

_LOST = "08", "57P"  # classes of SQLSTATE: connection exception, server shut down
_FULL = "53"  # insufficient resources
_WRITES = "zhitong_writes"  # execution option of an engine
_PATIENCE_S = 30  # for which SQLite waits for another writer
_WRITER_LOCK = 0x7A68_6977  # of PostgreSQL's advisory lock: any number of our own


def open_database(url: str) -> Engine:
    """Engine for ``sqlite:///path`` or ``postgresql://…``, shown to answer. Its tables are made by
    the migrations of the edge, or by ``create_schema`` for a database that lives briefly.

    Raises:
        CorpusError: the URL is malformed, the kind of database is not supported, or the
            database cannot be reached.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        raise CorpusError(
            f"数据库地址无法识别：{url!r}。示例：sqlite:////data/zhitong.db 或 "
            "postgresql://user:password@host/zhitong"
        ) from error
    backend = parsed.get_backend_name()
    if backend == "postgresql":
        parsed = parsed.set(drivername="postgresql+psycopg")
        engine = create_engine(parsed, pool_pre_ping=True, hide_parameters=True)
    elif backend == "sqlite":
        if parsed.database and parsed.database != ":memory:":
            Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
        engine = create_engine(
            parsed,
            connect_args={"timeout": _PATIENCE_S, "check_same_thread": False},
            hide_parameters=True,  # an error must not print the record
        )
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    else:
        raise CorpusError(f"不支持的数据库类型：{backend}。可用 sqlite 或 postgresql。")
    try:
        with engine.connect():
            pass
    except SQLAlchemyError as error:
        engine.dispose()
        shown = parsed.render_as_string(hide_password=True)
        raise CorpusError(f"无法打开数据库 {shown}。{database_problem(error)}") from error
    return engine


def database_problem(error: SQLAlchemyError) -> str:
    """What a database could not do, and what helps, in one sentence.

    Never the library's own text: that holds the statement and the record in it.
    """
    cause = error.orig if isinstance(error, DBAPIError) else None
    said, state = str(cause).lower(), str(getattr(cause, "sqlstate", None) or "")
    if "locked" in said or "busy" in said or state == "55P03":
        return "数据库正被另一个程序占用。请等它完成，再试一次。"
    if "disk is full" in said or state.startswith(_FULL):
        return "数据库所在的磁盘已满，或服务器资源不足。请清理后再试。"
    if "readonly" in said or state == "25006":
        return "数据库是只读的。请检查文件权限。"
    if "malformed" in said or "not a database" in said:
        return "数据库文件已损坏。请把它移走，再用最近的备份恢复：zhitong restore 备份.zip"
    disconnected = isinstance(error, DBAPIError) and error.connection_invalidated
    if disconnected or state.startswith(_LOST) or "connect" in said or "closed" in said:
        return "与数据库的连接中断。请确认数据库服务正在运行，再试一次。"
    name = type(cause or error).__name__ + (f" {state}" if state else "")
    return f"数据库没有完成操作（{name}）。请运行 zhitong doctor 检查。"


def create_schema(engine: Engine) -> None:
    """Today's tables of every layer that is loaded, without a revision to upgrade from later."""
    SQLModel.metadata.create_all(engine)
    with Session(engine) as session:
        if session.get(CorpusStateTable, 1) is None:
            session.add(CorpusStateTable(id=1, revision=0))
            session.commit()


@contextmanager
def writer(engine: Engine) -> Iterator[Session]:
    """A session for one writer at a time, in every process: the others wait.

    Without it, two that read before they write would both find a key missing. The caller
    commits; leaving without that rolls back.
    """
    with Session(engine.execution_options(**{_WRITES: True})) as session:
        if engine.dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITER_LOCK})
        yield session


@contextmanager
def impatient(engine: Engine) -> Iterator[Connection]:
    """A connection for what need not be noted while somebody else writes for long.

    With SQLite a change fails at once with ``OperationalError`` then, instead of waiting; what the
    caller has not committed is rolled back.
    """
    with engine.connect() as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        if is_sqlite:
            connection.exec_driver_sql("PRAGMA busy_timeout = 0")
        try:
            yield connection
        finally:
            connection.rollback()
            if is_sqlite:
                connection.exec_driver_sql(f"PRAGMA busy_timeout = {_PATIENCE_S * 1000}")
                connection.rollback()


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # Python's sqlite3 begins transactions by itself, before changes of data only, and late.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
