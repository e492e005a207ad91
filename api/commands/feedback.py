"""``zhitong feedback``: judge pairs, take it back, see what was said, export it as qrels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.auditing import noted
from api.commands.options import JsonOption, RoleChoice, WhoOption
from api.console import err, local_time, out, print_json
from api.running import opened, reported_errors
from api.security.audit import Action
from corpus.confidentiality import Role
from matcher.feedback import (
    DismissReason,
    Judgement,
    Pair,
    Verdict,
    judgement,
)
from matcher.repository import FeedbackFilter, FeedbackRepository

feedback_app = typer.Typer(
    help="对匹配结果的评价：采纳、不合适、评级；撤回、查看、一致性、导出。", no_args_is_help=True
)
NeedArgument = Annotated[str, typer.Argument(metavar="NEED", help="需求编号。")]
AchievementArgument = Annotated[str, typer.Argument(metavar="ACHIEVEMENT", help="成果编号。")]
NoteOption = Annotated[str, typer.Option("--note", help="补充说明，最多 500 字。")]


@feedback_app.command()
def accept(
    need: NeedArgument, achievement: AchievementArgument, who: WhoOption, note: NoteOption = ""
) -> None:
    """采纳：这一对值得谈。"""
    _give(Pair(need, achievement), who, Verdict.ACCEPT, note=note)


@feedback_app.command()
def dismiss(
    need: NeedArgument,
    achievement: AchievementArgument,
    who: WhoOption,
    reasons: Annotated[
        list[DismissReason], typer.Option("--reason", help="为什么不合适，可重复。")
    ],
    note: NoteOption = "",
) -> None:
    """不合适：搁置这一对，直到一方的内容有变化。"""
    _give(Pair(need, achievement), who, Verdict.DISMISS, reasons=reasons, note=note)


@feedback_app.command()
def grade(
    need: NeedArgument,
    achievement: AchievementArgument,
    grade: Annotated[
        int, typer.Argument(metavar="GRADE", min=0, max=3, help="0 无，1 弱，2 较强，3 强。")
    ],
    who: WhoOption,
    note: NoteOption = "",
) -> None:
    """评级：供度量和训练用，不影响显示。"""
    _give(Pair(need, achievement), who, Verdict.GRADE, grade=grade, note=note)


@feedback_app.command()
def undo(
    feedback_id: Annotated[int, typer.Argument(metavar="N", help="评价编号，见 feedback list。")],
    who: WhoOption,
) -> None:
    """撤回一条评价；记录里仍能看到。"""
    from api import feedback

    with opened() as services:
        undone = feedback.undo(services, feedback_id, who, Role.OFFICER)
    out.print(f"已撤回评价 {undone.id}（{escape(undone.need)} 与 {escape(undone.achievement)}）。")


@feedback_app.command("list")
def list_(
    need: Annotated[str | None, typer.Option("--need", help="只看该需求的。")] = None,
    achievement: Annotated[str | None, typer.Option("--achievement", help="只看该成果的。")] = None,
    rater: Annotated[str | None, typer.Option("--rater", help="只看该评价人的。")] = None,
    shelved: Annotated[bool, typer.Option("--shelved", help="只看现在搁置着的。")] = False,
    undone: Annotated[bool, typer.Option("--undone", help="也列出已撤回的。")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 50,
    role: RoleChoice = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """列出评价，新的在前。"""
    from api import feedback

    where = FeedbackFilter(need, achievement, rater, undone)
    find = feedback.shelved if shelved else feedback.page
    with opened() as services:
        page = find(services, where, 0, limit, role)
    if as_json:
        print_json(page.model_dump(mode="json"))
        return
    if not page.entries:
        out.print(
            "没有搁置的。" if shelved else "还没有评价。例：zhitong feedback accept 需求 成果"
        )
        return
    table = Table()
    for name in ("编号", "时间", "谁", "需求", "成果", "评价", "说明", "状态"):
        table.add_column(name, overflow="fold")
    for entry in page.entries:
        said = feedback.said_label(entry.verdict, entry.grade, entry.reasons)
        state = "已撤回" if entry.undone_at else "内容已变" if entry.outdated else ""
        table.add_row(
            str(entry.id), local_time(entry.given_at), escape(entry.rater or "（未公开）"),
            escape(f"{entry.need}\n{entry.need_title or '（已删除）'}"),
            escape(f"{entry.achievement}\n{entry.achievement_title or '（已删除）'}"),
            said, escape("（未公开）" if entry.note is None else entry.note), state,
        )  # fmt: skip
    out.print(table)
    head = f"已搁置 {page.total} 对" if shelved else f"共 {page.total} 条"
    out.print(f"{head}，显示 {len(page.entries)} 条。", highlight=False)


@feedback_app.command()
def agreement(role: RoleChoice = Role.OFFICER, as_json: JsonOption = False) -> None:
    """几个人评价同一对时有多一致；列出意见不同的。"""
    from api import feedback

    with opened() as services:
        found, titles = feedback.agreed(services, role)
    if as_json:
        print_json(feedback.agreement_json(found, titles))
        return
    out.print(
        f"{found.raters} 人，{found.units} 对有两人以上评价。"
        f"Krippendorff α（次序）：{_number(found.alpha)}",
        highlight=False,
    )
    for both in found.kappas:
        out.print(
            f"{escape(both.first)} 与 {escape(both.second)}：共同 {both.common} 对，"
            f"Cohen κ（是否相关）：{_number(both.kappa)}",
            highlight=False,
        )
    if not found.disagreements:
        return
    table = Table(title="意见不同的")
    for name in ("需求", "成果", "等级", "取舍"):
        table.add_column(name, overflow="fold")
    for one in found.disagreements:
        asked, held = titles[one.pair]
        decisions = (
            f"{rater} {feedback.said_label(f.verdict, None, f.judgement.reasons)}"
            for rater, f in one.decisions.items()
        )
        table.add_row(
            escape(f"{one.pair.need}\n{asked}"), escape(f"{one.pair.achievement}\n{held}"),
            escape("\n".join(f"{rater} {value}" for rater, value in one.grades.items())),
            escape("\n".join(decisions)),
        )  # fmt: skip
    out.print(table)


@feedback_app.command()
def export(
    qrels: Annotated[Path, typer.Option("--qrels", help="写入 TREC 判定文件。")],
) -> None:
    """把评价导出为带等级的判定，供 eval 和训练用。"""
    from api.exports.writing import check_writable, whole_file
    from api.feedback import trec_lines

    with reported_errors():
        check_writable(qrels)
    with opened() as services, services.reading() as session:
        found = FeedbackRepository(session).qrels()
        lines, left_out = trec_lines(found.qrels)
        noted(services, Action.EXPORTED, "feedback:qrels")
        with whole_file(qrels) as file:
            file.writelines(line.encode() for line in lines)
    out.print(
        f"已写入 {len(lines)} 对：{escape(str(qrels))}。"
        f"另有 {found.outdated} 对内容后来变了或已删除，没有写入。",
        soft_wrap=True, highlight=False,
    )  # fmt: skip
    if left_out:
        named = "；".join(f"{pair.need} 与 {pair.achievement}" for pair in left_out[:5])
        err.print(
            f"{len(left_out)} 对的编号里有空白，这种文件写不了：{escape(named)}",
            soft_wrap=True, highlight=False,
        )  # fmt: skip
        raise typer.Exit(1)


def _give(
    pair: Pair,
    who: str,
    verdict: Verdict,
    grade: int | None = None,
    reasons: list[DismissReason] | None = None,
    note: str = "",
) -> None:
    from api import feedback

    with opened() as services:
        said: Judgement = judgement(verdict, grade, reasons or (), note)
        entry, new = feedback.give(services, pair, who, said, Role.ADMINISTRATOR)
    shown = feedback.said_label(said.verdict, said.grade, said.reasons)
    before = "已记下" if new else "先前已记过，没有重复记"
    out.print(
        f"{before}（评价 {entry.id}）："
        f"{escape(pair.need)} 与 {escape(pair.achievement)}，{shown}。",
        highlight=False,
    )


def _number(value: float | None) -> str:
    return "无法计算（共同的评价太少，或都一样）" if value is None else f"{value:.3f}"
