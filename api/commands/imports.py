"""``zhitong imports``: what was loaded, and taking it back."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.options import MOST_ROWS, JsonOption, WhoOption
from api.console import local_time, out, print_json
from api.running import fail, opened

imports_app = typer.Typer(help="查看做过的导入，撤销整次导入。", no_args_is_help=True)
ImportIdArgument = Annotated[
    int, typer.Argument(metavar="N", min=1, max=MOST_ROWS, help="导入编号，见 imports list。")
]


@imports_app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=1000)] = 20,
    as_json: JsonOption = False,
) -> None:
    """最近的导入，新的在前。"""
    from corpus.history import History

    with opened() as services, services.reading() as session:
        runs = [run.model_dump(mode="json") for run in History(session).imports(limit=limit)]
    if as_json:
        print_json(runs)
        return
    if not runs:
        out.print("还没有导入过文件。试试：zhitong import 需求.xlsx --kind needs --dry-run")
        return
    table = Table()
    names = ("编号", "时间", "文件", "来源", "新增", "更新", "未变", "重复", "失败", "下架", "状态")
    for name in names:
        table.add_column(name, overflow="fold")
    for run in runs:
        counts = ("new", "changed", "unchanged", "duplicate", "failed", "withdrawn")
        table.add_row(
            str(run["id"]), local_time(run["imported_at"]), escape(run["file_name"]),
            escape(run["source"]), *(str(run[name]) for name in counts),
            f"已撤销 {local_time(run['undone_at'])}" if run["undone_at"] else "",
        )  # fmt: skip
    out.print(table)


@imports_app.command()
def undo(
    import_id: ImportIdArgument,
    who: WhoOption,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="不再询问。")] = False,
) -> None:
    """撤销一次导入：新增的删去，改过的恢复原样；之后又有改动的保留并列出。"""
    from api.clock import now_at
    from corpus.history import History

    with opened() as services:
        with services.reading() as session:
            run = History(session).import_run(import_id)
        if not yes and not typer.confirm(
            f"撤销导入 {import_id}（{run.file_name}：新增 {run.new}，更新 {run.changed}，"
            f"下架 {run.withdrawn}）？"
        ):
            fail("未撤销。")
        with services.writing() as session:
            report = History(session).undo_import(import_id, now_at(), who)
    out.print(f"已撤销：删去 {report.deleted} 条，恢复 {report.restored} 条。")
    if report.kept:
        shown = "、".join(report.kept[:10])
        out.print(
            f"{len(report.kept)} 条在这次导入之后又有改动，保留现状：{escape(shown)}"
            + ("……" if len(report.kept) > 10 else "")
        )
    out.print("下一步：zhitong index build")
