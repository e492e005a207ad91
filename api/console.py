"""What the command line prints: tables, reasons, progress."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from api.cards import CardOut
from api.clock import TIME_ZONE
from api.schemas import MatchOut, NextRouteOut, RankingOut, RecordOut
from corpus.model import Kind
from corpus.tables import aware
from corpus.text import excerpt
from matcher.indicators import Verdict

if TYPE_CHECKING:
    from api.explaining import ExplainOut

_STAGES = {"model": "准备模型", "import": "导入", "segment": "分词", "embed": "计算向量",
           "match": "匹配需求", "rank": "排序"}  # fmt: skip

# No ":smile:" codes: names of files and stages are shown as they are.
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar for each stage, on standard error; call with (stage, done, total).

    A stage is a name of ``_STAGES``, with what it is about after a colon.
    """
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(),
               TimeElapsedColumn())  # fmt: skip
    with Progress(*columns, console=err) as bars:
        tasks: dict[str, int] = {}

        def update(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                name, _, detail = stage.partition(":")
                label = f"{_STAGES.get(name, name)} {detail}".rstrip()
                tasks[stage] = int(bars.add_task(label, total=total))
            bars.update(tasks[stage], completed=done, total=total)  # type: ignore[arg-type]

        yield update


def print_json(value: object) -> None:
    """A value for programs, on standard output and nothing else there."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def local_time(moment: str | datetime) -> str:
    """A stored time as the clock in Tangshan showed it."""
    value = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return aware(value).astimezone(TIME_ZONE).strftime("%Y-%m-%d %H:%M")


def print_ranking(ranking: RankingOut) -> None:
    """One query with all its matches and reasons."""
    source = ranking.source
    head = f"{source.id}　{source.title}" if source else ranking.query
    out.print(f"\n[bold]{escape(head)}[/bold]")
    if source:
        out.print(f"[dim]{escape(_facts(source))}[/dim]")
    print_problems([ranking])
    if not ranking.matches:
        out.print(
            f"  没有合适的{ranking.target.label}（共比较 {ranking.eligible} 项）。"
            "可放宽筛选条件、换一种说法，或等新的记录。"
        )
        print_routes(ranking.next_routes)
    if ranking.shelved:
        out.print(f"  [dim]已搁置 {ranking.shelved} 对：zhitong feedback list --shelved[/dim]")
    for rank, match in enumerate(ranking.matches, start=1):
        mark = f"[green]{match.level}[/green]" if match.recommended else match.level.value
        title = f"{escape(match.document.title)} [dim]{escape(match.document.id)}[/dim]"
        out.print(f"{rank:>3}. {mark} {match.chance:>4.0%} {title}")
        out.print(f"      [dim]{escape(_facts(match.document))}[/dim]")
        out.print(f"      {escape(reason(match))}", highlight=False)
        _print_card(match)
    _print_set_back(ranking)


def _print_card(match: MatchOut) -> None:
    """The card in a few lines: counts and the heaviest objection; all of it with ``explain``."""
    if match.similarity:
        out.print(
            f"      {match.similarity.kind.value}：{escape(match.similarity.sentence)}",
            highlight=False,
        )
    if match.indicators:
        counts = "、".join(f"{v.value} {match.counted(v.value)}" for v in Verdict)
        out.print(f"      指标核对：{counts}", highlight=False)
    out.print(f"      不利：{escape(match.against)}", highlight=False)
    if match.questions:
        first = match.questions[0]
        out.print(f"      [dim]先问{first.to.value}：{escape(first.text)}[/dim]", highlight=False)
    if match.near_copies:
        named = "、".join(f"{one.id} {one.title}" for one in match.near_copies)
        out.print(f"      [dim]另有 {len(match.near_copies)} 条近似成果：{escape(named)}[/dim]")
    if match.moved > 0:
        out.print(f"      [dim]同一单位的成果已排在前面，下移 {match.moved} 位[/dim]")


def _print_set_back(ranking: RankingOut) -> None:
    if ranking.set_back:
        named = "、".join(f"{one.id} {one.title}" for one in ranking.set_back)
        out.print(
            f"  [dim]同一单位已有多项在前，另有 {len(ranking.set_back)} 项排在后面没有列出："
            f"{escape(named)}[/dim]"
        )


def print_card(card: CardOut) -> None:
    """All of a card."""
    if card.similarity:
        out.print(
            f"  {card.similarity.kind.value}：{escape(card.similarity.sentence)}", highlight=False
        )
    for row in card.indicators:
        colour = {Verdict.MET: "green", Verdict.NOT_MET: "red"}.get(row.verdict, "dim")
        out.print(
            f"  [{colour}]{row.verdict.value}[/{colour}] {escape(row.sentence)}", highlight=False
        )
    if card.objections:
        out.print("不利因素：")
    for objection in card.objections:
        out.print(
            f"  {objection.severity.value} · {objection.code.value}：{escape(objection.sentence)}",
            highlight=False,
        )
    if card.questions:
        out.print("接下来问什么：")
    for number, question in enumerate(card.questions, start=1):
        out.print(f"  {number}. 问{question.to.value}：{escape(question.text)}", highlight=False)


def print_explained(found: ExplainOut) -> None:
    """Why a named pair stands where it does, and its card."""
    for side in (found.need, found.achievement):
        out.print(
            f"{side.kind.label} [bold]{escape(side.title)}[/bold] [dim]{escape(side.id)}[/dim]"
        )
    for problem in found.problems:
        err.print(f"[yellow]注意：{escape(problem)}[/yellow]", soft_wrap=True, highlight=False)
    for sentence in found.reasons:
        out.print(f"· {escape(sentence)}", highlight=False)
    if found.match:
        level = found.match.level.value
        out.print(f"{level}　可能性 {found.match.chance:.0%}", highlight=False)
        out.print(escape(reason(found.match)), highlight=False)
    card = found.match or found.card
    if card is not None:
        print_card(card)


def print_routes(routes: Sequence[NextRouteOut]) -> None:
    """Where to go with a need that nothing answers."""
    for route in routes:
        mark = "→" if route.fits else "·"
        out.print(f"    {mark} {route.name.value}：{escape(route.sentence)}", highlight=False)


def print_problems(rankings: Sequence[RankingOut]) -> None:
    """What the search had to do without, each once, on standard error."""
    for problem in dict.fromkeys(p for ranking in rankings for p in ranking.problems):
        err.print(f"[yellow]注意：{escape(problem)}[/yellow]", soft_wrap=True, highlight=False)


def print_best_pairs(rankings: Sequence[RankingOut], limit: int) -> None:
    """The best pair of each need, best needs first, as a table."""
    table = Table(title="最值得先看的对接", show_lines=True, header_style="bold")
    for name, ratio in (("需求", 5), ("成果", 5), ("可能性", 2), ("理由", 8)):
        table.add_column(name, ratio=ratio, overflow="fold")
    answered = [r for r in rankings if r.matches]
    answered.sort(key=lambda r: (-r.matches[0].score, r.source.id if r.source else ""))
    for ranking in answered[:limit]:
        best, need = ranking.matches[0], ranking.source
        table.add_row(
            escape(f"{need.title}\n{_facts(need)}" if need else ranking.query),
            escape(f"{best.document.title}\n{_facts(best.document)}"),
            f"{best.chance:.0%}\n{best.level.value}",
            escape(reason(best)),
        )
    out.print(table)


def reason(match: MatchOut) -> str:
    """Why a pair was proposed, in one or two lines of the two texts' own words."""
    parts = "，".join(f"{part.label} {part.part:+.1f}" for part in match.parts)
    terms = "、".join(term.term for term in match.key_terms[:5]) or "无（按语义）"
    asked, held = (excerpt(s.glossed, 60) for s in (match.query_sentence, match.document_sentence))
    need, achievement = (asked, held) if match.document.kind is Kind.ACHIEVEMENT else (held, asked)
    return f"共同的词：{terms}（{parts}）\n需求“{need}” ↔ 成果“{achievement}”"


def _facts(record: RecordOut) -> str:
    budget = record.budget.label if record.budget else None
    facts = (record.organisation, record.region, record.county, record.maturity, budget)
    return " · ".join(fact for fact in facts if fact)
