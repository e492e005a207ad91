"""Is everything in order? One line for each thing an administrator would look at."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import Engine, text
from sqlalchemy.exc import SQLAlchemyError

from api import migrations
from api.sentences import file_sentence
from api.services import Services
from corpus.database import database_problem, open_database
from corpus.model import CorpusError, Kind, RecordFilter, Status
from indexer.builtin import ensure_builtin_model, verify_builtin_model
from indexer.errors import IndexerError

_LOW_DISK_BYTES = 2 * 1024**3


class Verdict(StrEnum):
    """How something stands."""

    GOOD = "正常"
    WARNING = "注意"
    BAD = "异常"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; ``detail`` says what was found and what to do."""

    name: str
    verdict: Verdict
    detail: str


def diagnose(services: Services) -> Iterator[Finding]:
    """Look at everything, the cheap things first; a failure never stops the rest."""
    settings = services.settings
    yield from (_folder(path) for path in dict.fromkeys((settings.home, settings.cache)))
    yield from _guarded("数据库", lambda: _database(settings.resolved_database_url))
    yield from _guarded("记录", lambda: _records(services))
    yield from _guarded("默认模型", lambda: _model(services))
    yield from _guarded("索引", lambda: _indexes(services))


def _guarded(name: str, look: Callable[[], Sequence[Finding]]) -> Sequence[Finding]:
    try:
        return look()
    except (CorpusError, IndexerError) as error:
        return [Finding(name, Verdict.BAD, str(error))]
    except SQLAlchemyError as error:
        return [Finding(name, Verdict.BAD, database_problem(error))]
    except OSError as error:
        return [Finding(name, Verdict.BAD, file_sentence(error))]


def _folder(path: Path) -> Finding:
    existing = next(p for p in (path, *path.parents) if p.exists())
    if not os.access(existing, os.W_OK):
        return Finding("文件夹", Verdict.BAD, f"{path} 不可写。请修改权限，或换一个文件夹。")
    free_bytes = shutil.disk_usage(existing).free
    free = f"{path} 可用 {free_bytes / 1024**3:.1f} GB"
    if free_bytes < _LOW_DISK_BYTES:
        return Finding("文件夹", Verdict.WARNING, f"{free}，空间不足。请清理磁盘。")
    return Finding("文件夹", Verdict.GOOD, free)


def _database(url: str) -> list[Finding]:
    engine = open_database(url)
    try:
        revision = migrations.current(engine)
        name = "SQLite" if engine.dialect.name == "sqlite" else "PostgreSQL"
        if revision is None:
            return [Finding("数据库", Verdict.GOOD, f"{name}，还是空的，第一次使用时会建好。")]
        if revision != migrations.head():
            advice = "请运行 zhitong database upgrade（会先自动备份）。"
            return [Finding("数据库", Verdict.BAD, f"{name}，结构版本 {revision} 已旧。{advice}")]
        found = [Finding("数据库", Verdict.GOOD, f"{name}，结构版本 {revision}")]
        return [*found, *_sqlite_integrity(engine)]
    finally:
        engine.dispose()


def _sqlite_integrity(engine: Engine) -> list[Finding]:
    if engine.dialect.name != "sqlite":
        return []
    with engine.connect() as connection:
        damage = [row[0] for row in connection.execute(text("PRAGMA integrity_check"))]
        dangling = connection.execute(text("PRAGMA foreign_key_check")).fetchall()
    if damage != ["ok"] or dangling:
        detail = f"{'；'.join(damage[:3])}；{len(dangling)} 处引用无效"
        return [Finding("数据完整性", Verdict.BAD, f"{detail}。请用最近的备份恢复。")]
    return [Finding("数据完整性", Verdict.GOOD, "逐页检查通过，引用完整")]


def _records(services: Services) -> list[Finding]:
    found = []
    with services.repository() as repository:
        for kind in Kind:
            counts = {
                status: len(
                    repository.eligible_ids(kind, RecordFilter(statuses=frozenset({status})))
                )
                for status in Status
            }
            parts = "，".join(f"{status.value} {n}" for status, n in counts.items() if n)
            nothing = f"还没有记录。导入：zhitong import {kind.label}.xlsx"
            found.append(Finding(kind.label, Verdict.GOOD, parts or nothing))
    return found


def _model(services: Services) -> list[Finding]:
    if services.settings.encoder != "builtin":
        name = services.makers.encoder.name
        return [Finding("模型", Verdict.GOOD, f"{name}，{services.makers.encoder.dimension} 维")]
    verify_builtin_model(ensure_builtin_model(services.settings.cache))
    return [Finding("默认模型", Verdict.GOOD, "multilingual-e5-small，逐字节核对通过")]


def _indexes(services: Services) -> list[Finding]:
    good = {"current": Verdict.GOOD, "damaged": Verdict.BAD}
    return [
        Finding(f"{state.kind.label}索引", good.get(state.state, Verdict.WARNING), state.detail)
        for state in services.index_states()
    ]
