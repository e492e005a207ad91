"""``zhitong record``: one record, its history, and what a person does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.auditing import noted
from api.commands.options import JsonOption, KindOption, WhoOption
from api.console import local_time, out, print_json
from api.running import opened
from api.security.audit import Action
from corpus.confidentiality import Role, masked, masked_version
from corpus.curation import Curator
from corpus.history import History, Version
from corpus.model import Kind, Record, StoredRecord
from corpus.repository import CorpusRepository

record_app = typer.Typer(help="查看、撤回、恢复单条记录。", no_args_is_help=True)
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="记录编号。")]
KindChoice = Annotated[KindOption, typer.Option("--kind", help="成果还是需求。")]
ReasonOption = Annotated[str, typer.Option("--reason", help="原因，记入历史。")]
RoleChoice = Annotated[Role, typer.Option("--role", help="按谁的权限显示。")]
Act = Callable[[Curator, Kind, str, str], StoredRecord]


@record_app.command()
def show(key: KeyArgument, kind: KindChoice, role: RoleChoice = Role.OFFICER) -> None:
    """一条记录的全部内容。"""
    with opened() as services, services.repository() as repository:
        stored = repository.require(kind.kind, key)
        record = masked(stored.record, role)
        if record.contacts:
            noted(services, Action.CONTACTS_VIEWED, f"{kind.kind.value}:{key}")
    table = Table(show_header=False, box=None)
    for name, value in _facts(record):
        if value:
            table.add_row(f"[dim]{name}[/dim]", escape(value))
    out.print(f"[bold]{escape(record.title)}[/bold]　{stored.status.value}")
    out.print(table)
    out.print(escape(record.body) or "[dim]没有正文[/dim]", highlight=False)


@record_app.command()
def history(
    key: KeyArgument,
    kind: KindChoice,
    role: RoleChoice = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """一条记录的全部版本，新的在前；已删除的也能查。"""
    with opened() as services, services.reading() as session:
        versions = History(session).versions(kind.kind, key)
        if not versions:
            CorpusRepository(session).require(kind.kind, key)
    latest = next((v.change.record for v in versions if v.change.record), None)
    rows = [_version(version, latest, role) for version in versions]
    if as_json:
        print_json(rows)
        return
    if not rows:
        out.print("没有版本记录：它是旧版本程序导入的，之后没有变过。")
        return
    table = Table()
    for name in ("版本", "时间", "动作", "谁", "文件", "行", "标题", "说明"):
        table.add_column(name)
    for row in rows:
        table.add_row(
            str(row["number"]), local_time(row["changed_at"]), row["action"], escape(row["who"]),
            escape(row["file"]), str(row["file_row"] or ""), escape(row["title"] or "（已删除）"),
            escape(row["note"]),
        )  # fmt: skip
    out.print(table)


@record_app.command()
def withdraw(
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="记录编号，可多个。")],
    kind: KindChoice,
    who: WhoOption,
    reason: ReasonOption = "",
) -> None:
    """撤回：不再参与匹配，记录和历史保留。"""
    _act(keys, kind, who, reason, Curator.withdraw)


@record_app.command()
def expire(
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="记录编号，可多个。")],
    kind: KindChoice,
    who: WhoOption,
    reason: ReasonOption = "",
) -> None:
    """到期：提前结束，不再参与匹配。"""
    _act(keys, kind, who, reason, Curator.expire)


@record_app.command()
def restore(
    keys: Annotated[list[str], typer.Argument(metavar="KEY…", help="记录编号，可多个。")],
    kind: KindChoice,
    who: WhoOption,
    reason: ReasonOption = "",
) -> None:
    """恢复撤回、到期或来源已下架的记录。"""
    _act(keys, kind, who, reason, Curator.restore)


def _act(keys: list[str], kind: KindOption, who: str, reason: str, act: Act) -> None:
    from api.clock import now_at

    with opened() as services:
        # All or nothing: a mistyped key in the middle must not leave half of it done.
        with services.writing() as session:
            curator = Curator(CorpusRepository(session), History(session), now_at(), who)
            moved = [act(curator, kind.kind, key, reason) for key in keys]
        for stored in moved:
            out.print(f"{escape(stored.record.key)}：{stored.status.value}", highlight=False)


def _facts(record: Record) -> list[tuple[str, str]]:
    owner = record.organisation
    amount = getattr(record, "budget", None) or getattr(record, "price", None)
    maturity = getattr(record, "maturity", None)
    return [
        ("编号", record.key),
        ("来源", record.source),
        ("单位", owner.name if owner else ""),
        ("地区", owner.region if owner else ""),
        ("县区", getattr(record, "county", "")),
        ("技术领域", record.technology_field or _guess(record, "technology_field")),
        ("行业", record.industry or _guess(record, "industry")),
        ("成熟度", maturity.value if maturity else ""),
        ("合作方式", "、".join(record.cooperation)),
        ("金额", amount.label if amount else ""),
        ("发布", str(record.published_on or "")),
        ("有效期", _period(record)),
        ("密级", record.confidentiality.value),
        ("联系", "；".join(f"{c.kind.value} {c.value}" for c in record.contacts)),
        *((name, value) for name, value in sorted(record.extra.items())),
    ]


def _guess(record: Record, name: str) -> str:
    value = record.suggested.get(name, "")
    return f"{value}（建议）" if value else ""


def _period(record: Record) -> str:
    start, end = record.valid_from_on, record.valid_until_on
    return f"{start or ''} 至 {end or ''}".strip() if start or end else ""


def _version(version: Version, latest: Record | None, role: Role) -> dict[str, Any]:
    change = version.change
    record = masked_version(change.record, latest, role) if change.record and latest else None
    return {
        "number": version.number,
        "changed_at": version.changed_at.isoformat(),
        "action": change.action.value,
        "status": change.status.value,
        "who": version.who,
        "note": version.note,
        "file": version.file_name,
        "file_row": change.file_row,
        "title": record.title if record else None,
        "text": record.body if record else None,
    }
