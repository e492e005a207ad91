"""``zhitong import`` and ``zhitong profile``: files into the corpus."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.options import JsonOption, KindOption, WhoOption
from api.console import err, out, print_json, progress
from api.running import fail, opened, reported_errors

if TYPE_CHECKING:
    from api.importing import FileReport
    from corpus.importing.guessing import Guess
    from corpus.importing.profiles import Profile

_SHOWN = 20
profile_app = typer.Typer(
    help="列对照表：表格的哪一列是什么。看现成的，或为自己的表格生成一份。", no_args_is_help=True
)
KindChoice = Annotated[
    KindOption | None, typer.Option("--kind", help="成果还是需求；不写则从表头判断。")
]
SheetOption = Annotated[str | None, typer.Option("--sheet", help="工作簿里的哪张表。")]


def import_(
    paths: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help=".xlsx .xls .ods .csv .tsv .jsonl .docx"),
    ],
    who: WhoOption,
    kind: KindChoice = None,
    profile: Annotated[
        str | None, typer.Option(help="列对照表：现成的名称，或 .toml 文件。")
    ] = None,
    sheet: SheetOption = None,
    source: Annotated[
        str | None, typer.Option(help="来源名称；编号在同一来源内唯一。例：丰南区2026")
    ] = None,
    split: Annotated[bool, typer.Option("--split", help="一行里有几条需求时拆成几条。")] = False,
    full: Annotated[
        bool, typer.Option("--full", help="文件是该来源的完整清单：不在其中的记录下架。")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="只检查，不写入。")] = False,
    failed_out: Annotated[
        Path | None, typer.Option(help="失败的行写到哪个 .xlsx；不写则放在原文件旁边。")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """导入成果或需求；同一文件可以反复导入。失败的行另存为工作簿，改好再导入即可。"""
    from api.importing import ImportOptions, import_file

    options = ImportOptions(sheet, source, split, full, dry_run, who)
    reports: list[FileReport] = []
    with opened() as services:
        chosen = [
            (path, one)
            for path in paths
            for one in _profiles(path, kind, profile, sheet, ask=not as_json)
        ]
        if failed_out is not None and len(chosen) > 1:
            fail("--failed-out 只能用于一个文件里的一类记录。请加 --kind，或逐个文件导入。")
        try:
            with progress() as update:
                for path, one in chosen:
                    stage = f"import:{path.name}"
                    reports.append(
                        import_file(
                            services, path, one, options,
                            failed_file=_beside(path, one, failed_out),
                            progress=_bar(update, stage),
                        )
                    )  # fmt: skip
        finally:
            # Also when a later file cannot be read: those before it are in.
            _print_reports(reports, dry_run=dry_run, as_json=as_json)
    if any(report.report.failed for report in reports):
        raise typer.Exit(1)


@profile_app.command("list")
def list_() -> None:
    """现成的列对照表；表头符合时导入会自动选用。"""
    from corpus.importing.profiles import ready_profiles

    table = Table()
    for name in ("名称", "成果/需求", "表头含有这些列时自动选用"):
        table.add_column(name)
    for ready in ready_profiles():
        table.add_row(escape(ready.name), ready.kind.label, escape("、".join(ready.match)))
    out.print(table)


@profile_app.command()
def show(
    name: Annotated[str, typer.Argument(help="现成的名称，或 .toml 文件。")],
) -> None:
    """打印一份列对照表；可存成 .toml 修改后用 --profile 指定。"""
    from corpus.importing.profiles import load_profile, profile_toml

    with reported_errors():
        sys.stdout.write(profile_toml(load_profile(name)))


@profile_app.command()
def guess(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="要导入的文件。")],
    kind: KindChoice = None,
    sheet: SheetOption = None,
    save: Annotated[Path | None, typer.Option("--save", help="存成 .toml，供修改。")] = None,
) -> None:
    """看看文件的每一列会被当作什么；--save 存成列对照表。"""
    from api.importing import recognise
    from corpus.importing.guessing import rule_label
    from corpus.importing.profiles import Profile, profile_toml

    with reported_errors():
        found = recognise(path, kind.kind if kind else None, sheet)
        for ready in found.profiles:
            out.print(f"符合现成的列对照表：{escape(ready.name)}（{ready.kind.label}）")
        profiles = list(found.profiles)
        if found.guess is not None:
            table = Table(title=f"{escape(path.name)}（{found.guess.kind.label}）")
            for name in ("列", "当作", "把握", "依据"):
                table.add_column(name)
            for column in found.guess.columns:
                table.add_row(
                    escape(column.column), rule_label(column.rule), column.confidence.value,
                    escape(column.why),
                )  # fmt: skip
            out.print(table)
            rules = {column.column: column.rule for column in found.guess.columns}
            profiles = [Profile(path.stem, found.guess.kind, rules)]
        if save is not None:
            if save.exists():
                fail(f"文件已存在：{save}。里面也许有改好的内容，不会覆盖；请换一个文件名。")
            save.write_text(profile_toml(profiles[0]), "utf-8")
            saved, file = escape(str(save)), escape(str(path))
            out.print(f"已存：{saved}。改好后：zhitong import {file} --profile {saved}",
                      soft_wrap=True, highlight=False)  # fmt: skip


def _profiles(
    path: Path, kind: KindOption | None, name: str | None, sheet: str | None, *, ask: bool
) -> Sequence[Profile]:
    from api.importing import recognise
    from corpus.importing.profiles import load_profile

    if name is not None:
        return [load_profile(name)]
    found = recognise(path, kind.kind if kind else None, sheet)
    if found.guess is None:
        return found.profiles
    answers: dict[str, str] = {}
    if found.guess.questions:
        if not (ask and sys.stdin.isatty()):
            _refuse(path, found.guess)
        answers = _ask(path, found.guess)
    return [found.guess.resolve(answers)]


def _ask(path: Path, guess: Guess) -> dict[str, str]:
    err.print(f"{escape(path.name)} 有几列需要确认（回答编号）：", highlight=False)
    answers = {}
    for question in guess.questions:
        err.print(escape(question.text), highlight=False)
        for number, (choice, _) in enumerate(question.choices, start=1):
            err.print(f"  {number}. {escape(choice)}", highlight=False)
        numbers = [str(number) for number in range(1, len(question.choices) + 1)]
        given = ""
        while given not in numbers:
            given = typer.prompt(f"编号（1–{len(numbers)}）", default="1", err=True).strip()
        answers[question.column] = question.choices[int(given) - 1][0]
    return answers


def _refuse(path: Path, guess: Guess) -> None:
    questions = "\n".join(
        f"  {q.text}可选：{' / '.join(choice for choice, _ in q.choices)}" for q in guess.questions
    )
    fail(
        f"{path.name} 有列拿不准：\n{questions}\n"
        f"请先运行 zhitong profile guess {path} --save 列对照.toml，改好后用 --profile 指定。"
    )


def _bar(update: Callable[[str, int, int], None], stage: str) -> Callable[[int, int | None], None]:
    return lambda done, total: update(stage, done, total or done)


def _beside(path: Path, profile: Profile, given: Path | None) -> Path:
    """Where refused rows go: never over a workbook that somebody may be correcting."""
    if given is not None:
        return given
    stem = f"{path.stem}-{profile.kind.label}-失败的行"
    names = chain([stem], (f"{stem}-{number}" for number in count(2)))
    return next(free for name in names if not (free := path.with_name(f"{name}.xlsx")).exists())


def _print_reports(reports: Sequence[FileReport], *, dry_run: bool, as_json: bool) -> None:
    if not reports:
        return
    if as_json:
        print_json([_report_json(report, dry_run) for report in reports])
        return
    for report in reports:
        _print_report(report, dry_run=dry_run)
    if not dry_run and any(r.report.new or r.report.changed for r in reports):
        out.print("下一步：zhitong index build；查重：zhitong duplicates find")


def _print_report(done: FileReport, *, dry_run: bool) -> None:
    report = done.report
    title = f"{escape(done.file.name)}（{report.kind.label}，{escape(done.profile.name)}）"
    table = Table(title=title + ("　试运行，未写入" if dry_run else f"　导入 {report.import_id}"))
    counts = {
        "读到": report.rows, "新增": report.new, "更新": report.changed,
        "未变": report.unchanged, "文件内重复": report.duplicate, "失败": report.failed,
    }  # fmt: skip
    optional = {"拆分增加": report.split, "不属于": report.skipped, "下架": report.withdrawn}
    counts |= {name: count for name, count in optional.items() if count}
    for column in counts:
        table.add_column(column, justify="right")
    table.add_row(*map(str, counts.values()))
    out.print(table)
    # Which sheet, which tables: what was not read must not go unnoticed.
    out.print(f"[dim]{escape(done.detail)}[/dim]", soft_wrap=True, highlight=False)
    if report.rows == 0:
        err.print("[yellow]没有数据行。[/yellow]")
    if done.unknown:
        err.print(f"[yellow]不认识的列，原样保留：{escape('、'.join(done.unknown))}[/yellow]")
    for failure in report.failures[:_SHOWN]:
        where = "" if failure.reason.startswith("第") else f"第 {failure.row.number} 行："
        err.print(f"[red]{where}{escape(failure.reason)}[/red]", highlight=False)
    if report.failed > _SHOWN:
        err.print(f"……另有 {report.failed - _SHOWN} 行失败")
    if done.failed_file is not None:
        err.print(f"失败的行：{escape(str(done.failed_file))}（改好后再导入它即可）",
                  soft_wrap=True, highlight=False)  # fmt: skip
    for number, warning in report.warnings[:_SHOWN]:
        where = f"第 {number} 行：" if number else ""
        err.print(f"[yellow]{where}{escape(warning)}[/yellow]", highlight=False)
    if len(report.warnings) > _SHOWN:
        err.print(f"……另有 {len(report.warnings) - _SHOWN} 条提醒")


def _report_json(done: FileReport, dry_run: bool) -> dict[str, Any]:
    report = done.report
    names = ("rows", "split", "new", "changed", "unchanged", "duplicate", "skipped", "withdrawn")
    return {
        "file": str(done.file),
        "kind": report.kind.value,
        "profile": done.profile.name,
        "detail": done.detail,
        "dry_run": dry_run,
        "import_id": None if dry_run else report.import_id,
        **{name: getattr(report, name) for name in names},
        "failed": [{"row": f.row.number, "reason": f.reason} for f in report.failures],
        "failed_count": report.failed,
        "unknown_columns": list(done.unknown),
        "failed_file": str(done.failed_file) if done.failed_file else None,
        "warnings": [{"row": number, "warning": text} for number, text in report.warnings],
    }


def add_to(app: typer.Typer) -> None:
    """Register these commands."""
    app.command("import")(import_)
    app.add_typer(profile_app, name="profile")
