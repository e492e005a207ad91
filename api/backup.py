"""Backup and restore: the whole database as one file that either kind of database can take back.

    backup.zip
        manifest.json          format, time, schema revision; rows and SHA-256 of every table
        tables/<name>.jsonl    a row a line, columns in order

So a backup of the embedded SQLite is also the way to PostgreSQL. Indexes are not in it: they are
derived from the database.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import IO, Any

from sqlalchemy import (
    Connection,
    Date,
    DateTime,
    Engine,
    MetaData,
    Table,
    func,
    insert,
    select,
    text,
)

from api import migrations
from api.schemas import Wire
from api.sentences import file_sentence
from corpus.model import CorpusError
from corpus.tables import aware

FORMAT = 1
_MANIFEST = "manifest.json"
_BATCH = 1000
_HELD = (
    "need", "achievement", "import_run", "feedback", "evidence", "ranking_model", "user_account",
    "shortlist",
    "dictionary_term",
)  # fmt: skip
"""Tables of which a row means that somebody has worked with the database."""
_PASSING = ("user_session", "login_throttle", "idempotency_key", "lease")
"""Tables that no restored database has rows of: who logged out must not be logged in again, and
what was answered to requests is no longer so."""


class BackupError(CorpusError):
    """A backup that cannot be made or taken back; the message says what to do."""


class Manifest(Wire):
    """What a backup holds."""

    format: int
    created_at: datetime
    program: str
    revision: str
    tables: dict[str, tuple[int, str]]  # name → (rows, SHA-256 of its lines)


def backup(engine: Engine, path: Path, now_at: datetime) -> Manifest:
    """Write every table, as it is at one moment, into a new file.

    Raises:
        BackupError: the file exists, or the folder cannot be written.
    """
    if path.exists():
        raise BackupError(f"文件已存在：{path}。请换一个文件名，备份不会覆盖旧文件。")
    revision = migrations.current(engine)
    if revision is None:
        raise BackupError("数据库是空的，没有可备份的内容。")
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            partial.open("wb") as file,
            zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            _snapshot(engine) as connection,
        ):
            tables = {t.name: _dump(connection, t, archive) for t in _tables(connection)}
            manifest = Manifest(
                format=FORMAT,
                created_at=now_at,
                program=version("zhitong"),
                revision=revision,
                tables=tables,
            )
            archive.writestr(_MANIFEST, manifest.model_dump_json(indent=1))
        _fsync(partial)
        partial.replace(path)
    except OSError as error:
        raise BackupError(
            f"无法写入备份。{file_sentence(error)}请检查文件夹、权限和磁盘空间。"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
    return manifest


def check(path: Path) -> Manifest:
    """Read a whole backup against its checksums.

    Raises:
        BackupError: it is not a backup, or is damaged.
    """
    with _opened(path) as archive:
        manifest = _manifest(archive, path)
        for name, (rows, digest) in manifest.tables.items():
            found, counted = hashlib.sha256(), 0
            with archive.open(f"tables/{name}.jsonl") as lines:
                for line in lines:
                    found.update(line)
                    counted += 1
            if (counted, found.hexdigest()) != (rows, digest):
                raise BackupError(f"备份已损坏：表 {name} 与清单不符。请用另一份备份。")
    return manifest


def restore(engine: Engine, path: Path, now_at: datetime) -> Manifest:
    """Fill an empty database from a backup, then bring it to today's schema.

    The corpus gets a revision that no index has seen. Everything happens in one transaction,
    after the whole file has been checked: a failure leaves the database empty.

    Raises:
        BackupError: the backup is damaged or from a later release, or the database is not empty.
    """
    manifest = check(path)
    if not migrations.is_known(manifest.revision):
        raise BackupError(
            f"备份由更新版本的程序（{manifest.program}）建立，本程序读不了。请先升级程序。"
        )
    with migrations.changing_schema(engine) as (connection, run):
        _drop_empty(connection)
        run(manifest.revision)
        with _opened(path) as archive:
            for table in _tables(connection):
                connection.execute(table.delete())  # the rows a revision makes
                if table.name in manifest.tables:
                    with archive.open(f"tables/{table.name}.jsonl") as lines:
                        _load(connection, table, lines)
        run("head")
        for table in _tables(connection):
            if table.name in _PASSING:
                connection.execute(table.delete())
        # Indexes remember the revision they were made from: never the same one for other content.
        connection.execute(
            text("UPDATE corpus_state SET revision = :jump WHERE revision < :jump"),
            {"jump": int(now_at.timestamp())},
        )
    return manifest


def _drop_empty(connection: Connection) -> None:
    tables = MetaData()
    tables.reflect(connection)
    for name in _HELD:
        table = tables.tables.get(name)
        if table is not None and connection.scalar(select(func.count()).select_from(table)):
            raise BackupError(
                "数据库里已有数据。恢复只能写入空的数据库，请另设一个数据库（ZHITONG_HOME 或 "
                "ZHITONG_DATABASE_URL）再恢复。"
            )
    tables.drop_all(connection)


def _tables(connection: Connection) -> list[Table]:
    """The database's own tables, in an order in which their rows can be put back."""
    tables = MetaData()
    tables.reflect(connection)
    return [table for table in tables.sorted_tables if table.name != "alembic_version"]


def _dump(connection: Connection, table: Table, archive: zipfile.ZipFile) -> tuple[int, str]:
    digest, rows = hashlib.sha256(), 0
    found = connection.execution_options(yield_per=_BATCH).execute(
        select(table).order_by(*table.primary_key.columns)
    )
    with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as file:
        for row in found:
            line = json.dumps(dict(row._mapping), ensure_ascii=False, default=_plain) + "\n"
            encoded = line.encode()
            digest.update(encoded)
            file.write(encoded)
            rows += 1
    return rows, digest.hexdigest()


def _load(connection: Connection, table: Table, lines: IO[bytes]) -> None:
    dated = {
        column.name: column.type.python_type
        for column in table.columns
        if isinstance(column.type, Date | DateTime)
    }

    def value(name: str, raw: Any) -> Any:
        if name not in dated or raw is None:
            return raw
        moment = dated[name].fromisoformat(raw)
        # SQLite has no time zones: there, UTC is kept without saying so.
        if isinstance(moment, datetime) and connection.dialect.name == "sqlite":
            return moment.replace(tzinfo=None)
        return moment

    reader = (json.loads(line) for line in lines)
    while batch := list(islice(reader, _BATCH)):
        rows = [{name: value(name, raw) for name, raw in row.items()} for row in batch]
        connection.execute(insert(table), rows)
    if connection.dialect.name == "postgresql" and "id" in table.columns:
        # Rows came with their ids; the next new one must get a higher one.
        sequence = connection.scalar(
            text("SELECT pg_get_serial_sequence(:name, 'id')"), {"name": table.name}
        )
        highest = connection.scalar(select(func.max(table.c.id)))
        if sequence and highest:
            connection.execute(
                text("SELECT setval(:sequence, :value)"), {"sequence": sequence, "value": highest}
            )


def _plain(value: Any) -> str:
    if isinstance(value, datetime):
        return aware(value).astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    raise TypeError(f"no JSON form for {type(value)}")


@contextmanager
def _snapshot(engine: Engine) -> Iterator[Connection]:
    """A connection that sees one moment, whatever is written meanwhile."""
    with engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            # A transaction of SQLite sees one moment as it is.
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        yield connection


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except FileNotFoundError as error:
        raise BackupError(f"找不到备份文件：{path}") from error
    except OSError as error:
        raise BackupError(f"无法读取备份 {path}。{file_sentence(error)}") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError) as error:
        raise BackupError(f"备份已损坏或不是备份文件：{path}。请用另一份备份。") from error


def _fsync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _manifest(archive: zipfile.ZipFile, path: Path) -> Manifest:
    manifest = Manifest.model_validate_json(archive.read(_MANIFEST))
    if manifest.format != FORMAT:
        raise BackupError(f"备份 {path} 的格式是 {manifest.format}，本程序只认 {FORMAT}。")
    return manifest
