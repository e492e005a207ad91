"""``zhitong dictionary``: words that people add, and the versions that act."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.options import JsonOption, WhoOption, current_user
from api.console import out, print_json
from api.running import opened
from corpus.dictionary.model import TermKind

if TYPE_CHECKING:
    from api.security.audit import Actor
    from api.services import Services

dictionary_app = typer.Typer(
    help="词典：添加新词、同义词、停用词，发布，退回。", no_args_is_help=True
)
NoteOption = Annotated[str, typer.Option("--note", help="备注，最多 200 字。")]


@dictionary_app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """列出添加过的词和现在起作用的版本。"""
    from api.dictionary import overview

    with opened() as services:
        found = overview(services)
    if as_json:
        print_json(found.model_dump(mode="json"))
        return
    acting = f"第 {found.number} 版" if found.number else "随程序提供的词典"
    out.print(f"现在起作用的是{acting}；等待发布 {len(found.pending)} 条。")
    if not found.terms:
        return
    table = Table("编号", "种类", "词", "状态", "添加", "备注", box=None)
    for term in found.terms:
        word = f"{term.term} → {term.canonical}" if term.canonical else term.term
        shown = (str(term.id), term.kind, word, term.state, term.created_by, term.note)
        table.add_row(*map(escape, shown))
    out.print(table)


@dictionary_app.command()
def add(
    kind: Annotated[TermKind, typer.Argument(help="新词、同义词或停用词。")],
    term: Annotated[str, typer.Argument(help="要添加的词。")],
    who: WhoOption,
    canonical: Annotated[str, typer.Option("--same-as", help="同义词的标准说法。")] = "",
    note: NoteOption = "",
) -> None:
    """添加一个词到草稿；发布之后才起作用。"""
    from api.dictionary import TermIn
    from api.dictionary import add as add_term

    with opened() as services:
        given = TermIn(kind=kind, term=term, canonical=canonical, note=note)
        made = add_term(services, given, who, _actor())
    out.print(f"已加入草稿，编号 {made.id}。发布：zhitong dictionary publish", highlight=False)


@dictionary_app.command()
def publish(who: WhoOption, note: NoteOption = "") -> None:
    """发布全部草稿，并按新词典更新索引。"""
    from api.dictionary import DecisionIn
    from api.dictionary import publish as publish_drafts

    with opened() as services:
        done = publish_drafts(services, DecisionIn(note=note), who, _actor())
        out.print(f"已发布第 {done.number} 版，共 {done.terms} 条，正在更新索引。", highlight=False)
        _refresh(services)


@dictionary_app.command()
def rollback(who: WhoOption, note: NoteOption = "") -> None:
    """退回上一版的词，并更新索引；只在这一版里的词变回草稿。"""
    from api.dictionary import DecisionIn
    from api.dictionary import rollback as go_back

    with opened() as services:
        done = go_back(services, DecisionIn(note=note), who, _actor())
        out.print(
            f"已退回，成为第 {done.number} 版，共 {done.terms} 条，正在更新索引。", highlight=False
        )
        _refresh(services)


def _refresh(services: Services) -> None:
    from api.dictionary import refresh

    if refresh(services):
        out.print("索引已更新。")
    else:
        out.print("另一个程序正在更新索引。等它完成后运行 zhitong index build。")


def _actor() -> Actor:
    from api.security.audit import Actor

    return Actor(operator=current_user())
