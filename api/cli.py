"""The command line. Commands are thin: they parse, call, print and set the exit code."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from api.commands import accounts, database, loading, serve
from api.commands.auditing import noted
from api.commands.dictionary import dictionary_app
from api.commands.duplicates import duplicates_app
from api.commands.evidence import evidence_app
from api.commands.feedback import feedback_app
from api.commands.imports import imports_app
from api.commands.index import index_app, with_kind
from api.commands.needs import need_app
from api.commands.options import JsonOption, KindOption, LimitOption
from api.commands.ranking import ranking_app
from api.commands.records import record_app
from api.console import (
    err,
    out,
    print_best_pairs,
    print_explained,
    print_json,
    print_problems,
    print_ranking,
    progress,
)
from api.evaluation import eval_app
from api.running import current_settings, demo_settings, fail, opened
from api.schemas import RankingOut
from api.security.audit import Action
from api.training import train
from api.usage import Program
from corpus.confidentiality import Role
from corpus.model import Kind, Maturity

if TYPE_CHECKING:
    from api.services import Services

# Heavy modules (torch, faiss) are imported by api.services, inside the commands that need them.


app = typer.Typer(
    name="zhitong",
    cls=Program,
    help="直通：为唐山企业的技术需求匹配京津等地的科技成果，并说明理由。",
    epilog="第一次使用：zhitong demo，然后 zhitong serve --demo。用自己的数据："
    "zhitong user create-admin 用户名，zhitong serve，在网页上导入；或 zhitong import 成果.xlsx。",
    no_args_is_help=True,
    rich_markup_mode=None,
    add_completion=False,
)
app.add_typer(index_app, name="index")
app.add_typer(imports_app, name="imports")
app.add_typer(record_app, name="record")
app.add_typer(need_app, name="need")
app.add_typer(duplicates_app, name="duplicates")
app.add_typer(dictionary_app, name="dictionary")
app.add_typer(feedback_app, name="feedback")
app.add_typer(evidence_app, name="evidence")
app.add_typer(ranking_app, name="ranking")
app.add_typer(eval_app, name="eval")


FieldOption = Annotated[
    list[str] | None, typer.Option("--field", help="只看该技术领域，可重复。例：--field 新材料")
]
RegionOption = Annotated[
    list[str] | None, typer.Option("--region", help="只看该地区的单位，可重复。例：--region 天津")
]
MaturityOption = Annotated[
    Maturity | None, typer.Option("--min-maturity", help="成熟度不低于。例：通过中试")
]
RoleOption = Annotated[
    Role, typer.Option("--role", help="按谁的权限显示；内部和保密内容只给有权的人看。")
]
ExpiredOption = Annotated[bool, typer.Option("--include-expired", help="也包括已过有效期的。")]


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    show_version: Annotated[bool, typer.Option("--version", help="显示版本号。")] = False,
) -> None:
    """Options of the program itself."""
    if show_version:
        out.print(version("zhitong"))
        raise typer.Exit
    if context.invoked_subcommand is None:
        out.print(context.get_help(), highlight=False)
        raise typer.Exit(2)


@app.command()
def demo(
    limit: LimitOption = 5,
    top: Annotated[int, typer.Option(min=1, max=100, help="表格里列出几条需求。")] = 12,
) -> None:
    """用随附的示例数据走完全程：导入、建索引、匹配、输出对接清单。"""
    from api.exports.workbook import write_workbook
    from api.exports.writing import check_writable

    settings = demo_settings(current_settings())
    path = settings.home / "对接清单.xlsx"
    with opened(settings) as services, progress() as update:
        settings.home.mkdir(parents=True, exist_ok=True)
        check_writable(path)
        _import_sample(services, update)
        services.prepare(update)
        for kind in Kind:
            services.refresh_index(kind, with_kind(update, kind))
        # The samples, whatever the day: a demonstration does not expire.
        every = services.record_filter(include_expired=True)
        rankings = services.match_all(every, limit, Role.OFFICER, update)
        write_workbook(path, rankings)
    print_problems(rankings)
    print_best_pairs(rankings, top)
    answered = sum(bool(r.matches) for r in rankings)
    pairs = sum(len(r.matches) for r in rankings)
    out.print(
        f"{len(rankings)} 条需求中 {answered} 条找到了成果，共 {pairs} 对；"
        f"{len(rankings) - answered} 条暂无合适的成果。"
    )
    out.print(f"对接清单：{escape(str(path))}", soft_wrap=True, highlight=False)
    out.print("打开网页看示例：zhitong serve --demo")
    out.print("用自己的数据：zhitong user create-admin 用户名，zhitong serve，登录后在网页上导入；"
              "或 zhitong import 我的成果.xlsx，然后 zhitong index build",
              soft_wrap=True, highlight=False)  # fmt: skip


@app.command()
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="想找什么，或整段需求原文。")],
    kind: Annotated[KindOption, typer.Option(help="在哪一类里找。")] = KindOption.ACHIEVEMENTS,
    limit: LimitOption = 10,
    field: FieldOption = None,
    region: RegionOption = None,
    min_maturity: MaturityOption = None,
    include_expired: ExpiredOption = False,
    role: RoleOption = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """用一段话查找成果（或需求）。"""
    if not text.strip():
        fail("请写出要找的内容。")
    with opened() as services:
        _require_records(services, kind.kind)
        where = services.record_filter(field, region, min_maturity, include_expired)
        _print_rankings([services.search(text, kind.kind, where, limit, role)], as_json)


@app.command()
def match(
    need_id: Annotated[str | None, typer.Argument(metavar="NEED_ID", help="需求编号。")] = None,
    all_needs: Annotated[bool, typer.Option("--all", help="匹配全部有效需求。")] = False,
    reverse: Annotated[
        bool, typer.Option("--reverse", help="编号是成果编号，为它找需求。")
    ] = False,
    out_file: Annotated[
        Path | None, typer.Option("--out", help="写入文件：.xlsx（对接清单）或 .jsonl。")
    ] = None,
    limit: LimitOption = 10,
    field: FieldOption = None,
    region: RegionOption = None,
    min_maturity: MaturityOption = None,
    include_expired: ExpiredOption = False,
    role: RoleOption = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """为一条需求（或全部需求）找成果，并说明理由。"""
    from api.exports.writing import check_writable

    if (need_id is None) == (not all_needs):
        fail("请给出一个编号，或用 --all 匹配全部需求。")
    if out_file is not None and out_file.suffix.lower() not in {".xlsx", ".jsonl"}:
        fail("--out 只支持 .xlsx 和 .jsonl 文件。")
    if reverse and (all_needs or (out_file and out_file.suffix.lower() == ".xlsx")):
        fail("--reverse 只用于一个成果编号，结果可写入 .jsonl。")
    with opened() as services:
        if out_file is not None:
            check_writable(out_file)
        _require_records(services, Kind.NEED, Kind.ACHIEVEMENT)
        where = services.record_filter(field, region, min_maturity, include_expired)
        if need_id is not None:
            kind = Kind.ACHIEVEMENT if reverse else Kind.NEED
            rankings = [services.match(kind, need_id, where, limit, role)]
        else:
            with progress() as update:
                services.prepare(update)
                rankings = services.match_all(where, limit, role, update)
        if out_file is not None:
            noted(services, Action.EXPORTED, "matches:" + (need_id or "all"))
            _write(out_file, rankings)
    if out_file is not None:
        print_problems(rankings)
        out.print(f"已写入：{escape(str(out_file))}", soft_wrap=True, highlight=False)
    else:
        _print_rankings(rankings, as_json)


@app.command()
def explain(
    need_id: Annotated[str, typer.Argument(metavar="NEED_ID", help="需求编号。")],
    achievement_id: Annotated[str, typer.Argument(metavar="ACHIEVEMENT_ID", help="成果编号。")],
    limit: LimitOption = 10,
    field: FieldOption = None,
    region: RegionOption = None,
    min_maturity: MaturityOption = None,
    include_expired: ExpiredOption = False,
    role: RoleOption = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """为什么没有推荐它：一条需求和一项成果排在哪里，被什么挡住，合不合适。"""
    from api.explaining import explain_pair

    with opened() as services:
        where = services.record_filter(field, region, min_maturity, include_expired)
        found = explain_pair(services, need_id, achievement_id, where, limit, role)
    if as_json:
        print_json(found.model_dump(mode="json"))
    else:
        print_explained(found)


accounts.add_to(app)
loading.add_to(app)
database.add_to(app)
serve.add_to(app)
app.command()(train)


def main() -> None:
    """Entry point: errors of ours become one sentence on standard error and exit code 2."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A file's name may hold what the terminal cannot show.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        app()
    except KeyboardInterrupt:
        err.print("已中断。")
        sys.exit(130)


def _import_sample(services: Services, update: Callable[[str, int, int], None]) -> None:
    from api.importing import import_file
    from corpus.importing.profiles import plain_profile

    with as_file(files("corpus.resources").joinpath("sample")) as folder:
        for kind, name in ((Kind.ACHIEVEMENT, "achievements.jsonl"), (Kind.NEED, "needs.jsonl")):
            done = import_file(services, folder / name, plain_profile(kind))
            update(f"import:{kind.label}", done.report.rows, done.report.rows)


def _require_records(services: Services, *kinds: Kind) -> None:
    """Before anything heavy: without records no answer would mean anything."""
    for kind in kinds:
        if not services.count(kind):
            file = f"{kind.label}.xlsx"
            fail(f"还没有{kind.label}。请先导入：zhitong import {file}，然后 zhitong index build。")


def _print_rankings(rankings: Sequence[RankingOut], as_json: bool) -> None:
    if as_json:
        print_json([ranking.model_dump(mode="json") for ranking in rankings])
    else:
        for ranking in rankings:
            print_ranking(ranking)


def _write(path: Path, rankings: Sequence[RankingOut]) -> None:
    from api.exports.writing import whole_file

    if path.suffix.lower() == ".xlsx":
        from api.exports.workbook import write_workbook

        write_workbook(path, rankings)
        return
    with whole_file(path) as file:
        for ranking in rankings:
            file.write(ranking.model_dump_json().encode() + b"\n")
