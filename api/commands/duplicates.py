"""``zhitong duplicates``: find near duplicates, look at them, merge and unmerge."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.options import MOST_ROWS, JsonOption, KindOption, RoleChoice, WhoOption
from api.console import local_time, out, print_json
from api.running import opened
from corpus.confidentiality import HIDDEN, Role, hidden_fields, masked
from corpus.duplicates.repository import DuplicateRepository
from corpus.duplicates.stored import GroupState, StoredGroup
from corpus.model import UnknownRecordError
from corpus.repository import CorpusRepository

duplicates_app = typer.Typer(
    help="查重：找出重复或近似的记录，成组查看，合并或取消合并。", no_args_is_help=True
)
GroupArgument = Annotated[
    int, typer.Argument(metavar="N", min=1, max=MOST_ROWS, help="组号，见 duplicates list。")
]


@duplicates_app.command()
def find(
    kind: Annotated[
        KindOption | None, typer.Option("--kind", help="只查成果或只查需求；不写则都查。")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """在全部有效记录里找重复；只提出，不合并。可反复运行。"""
    from api.duplicates import find as find_groups

    kinds = [kind] if kind else list(KindOption)
    with opened() as services:
        found = [find_groups(services, one.kind) for one in kinds]
    if as_json:
        shown = [
            {
                "kind": one.kind.value, "records": one.records, "pairs": one.pairs,
                "asked": one.asked, "groups": one.groups, "new": one.counts.new,
                "extended": one.counts.extended, "known": one.counts.known,
            }
            for one in found
        ]  # fmt: skip
        print_json(shown)
        return
    for one in found:
        out.print(
            f"{one.kind.label}：比较 {one.records} 条，找到 {one.groups} 组（{one.pairs} 对，"
            f"其中 {one.asked} 对拿不准的由语义模型复核）；新提出 {one.counts.new} 组，"
            f"补充 {one.counts.extended} 组，原已提出 {one.counts.known} 组。",
            highlight=False,
        )
    out.print("查看：zhitong duplicates list")


@duplicates_app.command("list")
def list_(
    kind: Annotated[KindOption, typer.Option("--kind", help="成果还是需求。")] = (
        KindOption.ACHIEVEMENTS
    ),
    state: Annotated[GroupState, typer.Option("--state", help="哪种状态的组。")] = GroupState.OPEN,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 20,
    role: RoleChoice = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """成组列出重复的记录，说明为什么像是同一条。"""
    with opened() as services, services.reading() as session:
        groups = DuplicateRepository(session).groups(kind.kind, state, limit=limit)
        repository = CorpusRepository(session)
        shown = [_json(repository, group, role) for group in groups]
    if as_json:
        print_json(shown)
        return
    if not shown:
        out.print(f"没有“{state.value}”的重复组。先运行 zhitong duplicates find 查一遍。")
        return
    for group in shown:
        out.print(f"\n[bold]第 {group['id']} 组[/bold]　{escape(group['reason'])}")
        table = Table(show_header=False, box=None)
        for record in group["records"]:
            mark = "★" if record["key"] == group["canonical"] else ""
            table.add_row(mark, escape(record["key"]), escape(record["title"]), record["status"])
        out.print(table)
    out.print("\n★ 建议保留的一条。合并：zhitong duplicates merge 组号；不是重复：dismiss 组号")


@duplicates_app.command()
def merge(
    group_id: GroupArgument,
    who: WhoOption,
    keep: Annotated[
        str | None, typer.Option("--keep", help="保留哪一条的编号；不写则保留建议的。")
    ] = None,
) -> None:
    """合并一组：一条代表全组，其余不再参与匹配；可取消。"""
    from api.clock import now_at

    with opened() as services, services.writing() as session:
        repository = DuplicateRepository(session)
        canonical = keep or repository.group(group_id).canonical_key
        done = repository.merge(group_id, canonical, who, now_at())
    out.print(f"已合并第 {done.id} 组，保留 {escape(done.canonical_key)}。下一次查询时生效。")


@duplicates_app.command()
def unmerge(group_id: GroupArgument, who: WhoOption) -> None:
    """取消合并，每条恢复原来的状态。"""
    from api.clock import now_at

    with opened() as services, services.writing() as session:
        done = DuplicateRepository(session).unmerge(group_id, who, now_at())
    out.print(f"已取消合并第 {done.id} 组。下一次查询时生效。")


@duplicates_app.command()
def dismiss(group_id: GroupArgument, who: WhoOption) -> None:
    """判定不是重复，以后不再提出。"""
    from api.clock import now_at

    with opened() as services, services.writing() as session:
        done = DuplicateRepository(session).dismiss(group_id, who, now_at())
    out.print(f"第 {done.id} 组记为“{done.state.value}”，以后不再提出。")


@duplicates_app.command()
def history(group_id: GroupArgument, as_json: JsonOption = False) -> None:
    """一组做过的事。"""
    with opened() as services, services.reading() as session:
        events = DuplicateRepository(session).history(group_id)
    rows = [
        {
            "action": event.action.value, "who": event.who, "canonical": event.canonical_key,
            "happened_at": event.happened_at.isoformat(),
            "before": {key: status.value for key, status in event.before.items()},
        }
        for event in events
    ]  # fmt: skip
    if as_json:
        print_json(rows)
        return
    for row in rows:
        moment = local_time(str(row["happened_at"]))
        out.print(f"{moment}　{row['action']}　{row['who']}　{row['canonical']}", highlight=False)


def _json(repository: CorpusRepository, group: StoredGroup, role: Role) -> dict[str, Any]:
    records = []
    reason = group.reason
    for key in group.keys:
        try:
            stored = repository.require(group.kind, key)
        except UnknownRecordError:
            continue  # its import was taken back
        shown = masked(stored.record, role)
        if hidden_fields(stored.record, role) & {"title", "text"}:
            reason = HIDDEN  # it quotes words of titles and texts
        records.append({"key": key, "title": shown.title, "status": stored.status.value})
    return {
        "id": group.id,
        "state": group.state.value,
        "reason": reason,
        "canonical": group.canonical_key,
        "records": records,
    }
