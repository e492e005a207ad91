"""``zhitong need``: how good a need is, what to ask, and the answers."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.options import JsonOption, RoleChoice, WhoOption
from api.console import err, out, print_json
from api.running import fail, opened
from corpus.confidentiality import HIDDEN, Role, hidden_fields, masked
from corpus.curation import Curator
from corpus.history import History
from corpus.model import Kind, Need
from corpus.quality import Aspect, NeedQuality, apply_answers, assess, questions
from corpus.repository import CorpusRepository

need_app = typer.Typer(help="需求写得清不清楚；该问企业什么；记下回答。", no_args_is_help=True)
KeyArgument = Annotated[str, typer.Argument(metavar="KEY", help="需求编号。")]


@need_app.command()
def check(key: KeyArgument, role: RoleChoice = Role.OFFICER, as_json: JsonOption = False) -> None:
    """一条需求写了什么、缺什么，依据在原文哪里。"""
    with opened() as services, services.repository() as repository:
        need = _need(repository, key)
    quality, hidden = assess(need), hidden_fields(need, role)
    # Questions are chosen by words of the text.
    asked = [] if hidden & {"title", "text"} else questions(need)
    if as_json:
        shown = _json(need, quality, hidden, [question.text for question in asked])
        print_json(shown)
        return
    out.print(f"[bold]{escape(masked(need, role).title)}[/bold]　{quality.level.value}")
    out.print(f"完整度 {quality.completeness:.0%}，含糊度 {quality.vagueness:.0%}", highlight=False)
    table = Table(show_header=False, box=None)
    for state in quality.aspects:
        first = state.evidence[0] if state.evidence else None
        quote = ""
        if first is not None:
            quote = HIDDEN if first.field in hidden else first.quote(need)
        mark = "[green]有[/green]" if state.stated else "[yellow]缺[/yellow]"
        table.add_row(mark, state.aspect.value, escape(quote[:80]))
    out.print(table)
    for gap in quality.gaps:
        out.print(f"· {escape(gap)}", highlight=False)
    if asked:
        out.print("可以问企业：")
        for number, question in enumerate(asked, start=1):
            out.print(f"  {number}. {escape(question.text)}", highlight=False)
        out.print(f"记下回答：zhitong need ask {escape(key)}", highlight=False)


@need_app.command("list")
def list_(
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000)] = 20,
    role: RoleChoice = Role.OFFICER,
    as_json: JsonOption = False,
) -> None:
    """最含糊的需求，先问它们。"""
    with opened() as services, services.repository() as repository:
        ids = repository.eligible_ids(Kind.NEED, services.record_filter())
        stored = repository.get_many(Kind.NEED, ids)
    needs = [stored[i].record for i in ids if i in stored]
    rated = [(assess(need), need) for need in needs if isinstance(need, Need)]
    rated.sort(key=lambda pair: (pair[0].completeness, -pair[0].vagueness, pair[1].key))
    if as_json:
        shown = [_json(need, quality, hidden_fields(need, role), None) for quality, need in rated]
        print_json(shown[:limit])
        return
    if not rated:
        out.print("还没有需求。试试：zhitong import 需求.xlsx --kind needs")
        return
    table = Table()
    for name in ("编号", "需求", "程度", "完整度", "含糊度", "缺"):
        table.add_column(name, overflow="fold")
    for quality, need in rated[:limit]:
        table.add_row(
            escape(need.key), escape(masked(need, role).title[:40]), quality.level.value,
            f"{quality.completeness:.0%}", f"{quality.vagueness:.0%}",
            "、".join(aspect.value for aspect in quality.missing),
        )  # fmt: skip
    out.print(table)


@need_app.command()
def ask(key: KeyArgument, who: WhoOption) -> None:
    """逐个提问，把企业的回答记入需求；回车跳过。"""
    with opened() as services:
        with services.repository() as repository:
            need = _need(repository, key)
        asked = questions(need)
        if not asked:
            out.print("这条需求已经写清楚了，没有要问的。")
            return
        answers: dict[Aspect, str] = {}
        for question in asked:
            err.print(f"[bold]{escape(question.text)}[/bold]")
            err.print(f"[dim]例如：{escape(question.example)}[/dim]", highlight=False)
            given = typer.prompt("回答", default="", show_default=False, err=True).strip()
            if given:
                before = answers.get(question.aspect)
                answers[question.aspect] = f"{before}；{given}" if before else given
        if not answers:
            fail("没有记下任何回答。")
        with services.writing() as session:
            _record(CorpusRepository(session), History(session), key, answers, who)


@need_app.command()
def answer(
    key: KeyArgument,
    aspect: Annotated[Aspect, typer.Argument(help="回答的是哪一方面。")],
    text: Annotated[str, typer.Argument(help="回答。")],
    who: WhoOption,
) -> None:
    """记下一方面的回答；再次回答同一方面则替换。"""
    with opened() as services, services.writing() as session:
        _record(CorpusRepository(session), History(session), key, {aspect: text}, who)


def _record(
    repository: CorpusRepository,
    history: History,
    key: str,
    answers: dict[Aspect, str],
    who: str,
) -> None:
    from api.clock import now_at

    need = apply_answers(_need(repository, key), answers)
    note = "、".join(aspect.value for aspect in answers)
    Curator(repository, history, now_at(), who).supplement(need, note)
    quality = assess(need)
    out.print(
        f"已记入：{note}。现在{quality.level.value}，完整度 {quality.completeness:.0%}。"
        "下一次查询时生效。",
        highlight=False,
    )


def _need(repository: CorpusRepository, key: str) -> Need:
    record = repository.require(Kind.NEED, key).record
    if not isinstance(record, Need):
        raise AssertionError("a record of kind need is a Need")
    return record


def _json(
    need: Need, quality: NeedQuality, hidden: frozenset[str], asked: list[str] | None
) -> dict[str, object]:
    aspects = [
        {
            "aspect": state.aspect.value,
            "stated": state.stated,
            "evidence": [
                HIDDEN if evidence.field in hidden else evidence.quote(need)
                for evidence in state.evidence
            ],
        }
        for state in quality.aspects
    ]
    shown: dict[str, object] = {
        "id": need.key,
        "level": quality.level.value,
        "completeness": quality.completeness,
        "vagueness": quality.vagueness,
        "aspects": aspects,
        "gaps": list(quality.gaps),
    }
    return shown if asked is None else {**shown, "questions": asked}
