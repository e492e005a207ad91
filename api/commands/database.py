"""``zhitong database``, ``backup``, ``restore``, ``doctor``: what an administrator does."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.auditing import operator
from api.console import out, print_json
from api.running import current_settings, demo_settings, opened, reported_errors
from api.security.audit import Action, AuditLog

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from api.backup import Manifest

database_app = typer.Typer(help="数据库的结构版本和升级。", no_args_is_help=True)
JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
DemoOption = Annotated[bool, typer.Option("--demo", help="用 zhitong demo 的示例数据。")]


def _engine(demo: bool) -> Engine:
    from corpus.database import open_database

    settings = demo_settings(current_settings()) if demo else current_settings()
    return open_database(settings.resolved_database_url)


def _noted(engine: Engine, action: Action, backup: Manifest) -> None:
    from api.clock import now_at
    from corpus.database import writer

    with writer(engine) as session:
        # By its time: a file's name is a text, and may be changed.
        subject = f"backup:{backup.created_at:%Y%m%dT%H%M%SZ}"
        AuditLog(session).note(action, operator(), subject, now_at())
        session.commit()


@database_app.command()
def status(demo: DemoOption = False) -> None:
    """数据库的结构版本，与本程序需要的是否一致。不一致时退出码为 1。"""
    from api import migrations

    with reported_errors():
        engine = _engine(demo)
        found = migrations.current(engine)
        engine.dispose()
    out.print(f"数据库：{found or '空'}　本程序：{migrations.head()}", highlight=False)
    if found not in (None, migrations.head()):
        raise typer.Exit(1)


@database_app.command()
def upgrade(
    no_backup: Annotated[
        bool, typer.Option("--no-backup", help="不先备份（例如 PostgreSQL 另有备份）。")
    ] = False,
    demo: DemoOption = False,
) -> None:
    """把旧版本程序建立的数据库升级到今天的结构；先自动备份。"""
    from api import migrations
    from api.backup import backup as make_backup
    from api.clock import now_at

    with reported_errors():
        engine = _engine(demo)
        try:
            found, made = migrations.current(engine), None
            if found == migrations.head():
                out.print("数据库已是最新结构。")
                return
            if found is not None and not no_backup:
                settings = demo_settings(current_settings()) if demo else current_settings()
                path = settings.home / "backups" / f"升级前-{now_at():%Y%m%d-%H%M%S}.zip"
                made = make_backup(engine, path, now_at())
                out.print(f"已备份：{escape(str(path))}", soft_wrap=True, highlight=False)
            migrations.upgrade(engine)
            if made is not None:
                _noted(engine, Action.BACKED_UP, made)
        finally:
            engine.dispose()
    out.print(f"数据库已升级到 {migrations.head()}。索引若提示过期，请运行 zhitong index build。")


def backup(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", help="备份写到哪里（新文件）。")],
    demo: DemoOption = False,
) -> None:
    """把整个数据库备份成一个文件；SQLite 和 PostgreSQL 都可以恢复它。"""
    from api import migrations
    from api.backup import backup as make_backup
    from api.clock import now_at

    with reported_errors():
        engine = _engine(demo)
        try:
            manifest = make_backup(engine, path, now_at())
            if manifest.revision == migrations.head():  # an older one may have no log
                _noted(engine, Action.BACKED_UP, manifest)
        finally:
            engine.dispose()
    rows = sum(count for count, _ in manifest.tables.values())
    out.print(
        f"已备份 {len(manifest.tables)} 张表、{rows} 行：{escape(str(path))}",
        soft_wrap=True,
        highlight=False,
    )


def restore(
    path: Annotated[Path, typer.Argument(metavar="FILE.zip", help="zhitong backup 写出的文件。")],
    check_only: Annotated[
        bool, typer.Option("--check", help="只核对备份是否完好，不写入。")
    ] = False,
) -> None:
    """从备份恢复到一个空的数据库（由 ZHITONG_HOME 或 ZHITONG_DATABASE_URL 指定）。"""
    from api.backup import check
    from api.backup import restore as take_back
    from api.clock import now_at

    with reported_errors():
        if check_only:
            manifest = check(path)
            out.print(f"备份完好：{manifest.created_at:%Y-%m-%d %H:%M}（UTC），{manifest.revision}")
            return
        engine = _engine(demo=False)
        try:
            manifest = take_back(engine, path, now_at())
            _noted(engine, Action.RESTORED, manifest)
        finally:
            engine.dispose()
    rows = sum(count for count, _ in manifest.tables.values())
    out.print(f"已恢复 {len(manifest.tables)} 张表、{rows} 行。下一步：zhitong index build")


def doctor(as_json: JsonOption = False, demo: DemoOption = False) -> None:
    """逐项检查文件夹、数据库、模型、索引是否正常。有异常时退出码为 1。"""
    from api.doctor import Verdict, diagnose

    settings = demo_settings(current_settings()) if demo else current_settings()
    with opened(settings) as services:
        findings = list(diagnose(services))
    if as_json:
        shown = [asdict(finding) for finding in findings]
        print_json(shown)
    else:
        colours = {Verdict.GOOD: "green", Verdict.WARNING: "yellow", Verdict.BAD: "red"}
        table = Table(show_header=False, box=None)
        for finding in findings:
            colour = colours[finding.verdict]
            table.add_row(
                f"[{colour}]{finding.verdict.value}[/{colour}]",
                escape(finding.name),
                escape(finding.detail),
            )
        out.print(table)
    if any(finding.verdict is Verdict.BAD for finding in findings):
        raise typer.Exit(1)


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.add_typer(database_app, name="database")
    for command in (backup, restore, doctor):
        app.command()(command)
