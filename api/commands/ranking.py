"""``zhitong ranking``: which ranking model answers; promote one, or go back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.auditing import operator
from api.commands.options import JsonOption, WhoOption
from api.console import local_time, out, print_json
from api.running import opened, reported_errors
from api.security.audit import Action, AuditLog
from matcher.kept import RankingRepository
from matcher.ranking_models import (
    SIZE_LIMIT_BYTES,
    GateResult,
    KeptModel,
    RankingError,
    RankingEvent,
    RankingModel,
    read_object,
)

if TYPE_CHECKING:
    from sqlmodel import Session

ranking_app = typer.Typer(
    help="排序模型：现在用哪一个；通过检验后启用，或退回前一个。", no_args_is_help=True
)
HashArgument = Annotated[
    str, typer.Argument(metavar="HASH", help="模型指纹或它的开头几位，见 ranking list。")
]
NoteOption = Annotated[str, typer.Option("--note", help="说明，记入历史。")]
_SHIPPED = "随程序提供的排序模型"


@ranking_app.command("list")
def list_(as_json: JsonOption = False) -> None:
    """用过或留存的排序模型，以及启用和退回的经过。"""
    with opened() as services, services.reading() as session:
        repository = RankingRepository(session)
        models, events = repository.models(), repository.events()
    if as_json:
        shown = {"models": [_model(m) for m in models], "events": [_event(e) for e in events]}
        print_json(shown)
        return
    active = next((kept for kept in models if kept.active), None)
    name = f"{active.model.name}（{active.model.hash[:12]}）" if active else _SHIPPED
    out.print(f"现在启用的：{escape(name)}", highlight=False)
    table = Table()
    for column in ("指纹", "名称", "存入", "启用", "停用", "说明"):
        table.add_column(column, overflow="fold")
    for kept in models:
        table.add_row(
            kept.model.hash[:12], escape(kept.model.name), local_time(kept.created_at),
            local_time(kept.promoted_at) if kept.promoted_at else "",
            local_time(kept.retired_at) if kept.retired_at else "", escape(kept.note),
        )  # fmt: skip
    if models:
        out.print(table)
    for event in events:
        passed = (
            "" if event.gate is None else "通过检验" if event.gate.passed else "未通过检验，强行"
        )
        out.print(
            f"{local_time(event.happened_at)}　{event.action.value} {event.model_hash[:12]}　"
            f"{passed}　{escape(event.who)}　{escape(event.note)}",
            highlight=False,
        )


@ranking_app.command()
def show(model: HashArgument) -> None:
    """一个模型的全部内容和经过，JSON。"""
    with opened() as services, services.reading() as session:
        repository = RankingRepository(session)
        kept = repository.find(model)
        events = [e for e in repository.events() if e.model_hash == kept.model.hash]
    print_json(
        {**_model(kept), "content": kept.model.content, "events": [_event(e) for e in events]}
    )


@ranking_app.command()
def promote(
    file: Annotated[Path, typer.Argument(metavar="MODEL.json", help="排序模型的文件。")],
    gate: Annotated[
        Path, typer.Option("--gate", help="检验结果的 JSON 文件，其中 passed 为 true 或 false。")
    ],
    who: WhoOption,
    name: Annotated[str | None, typer.Option("--name", help="模型的名称；不写则用文件名。")] = None,
    note: NoteOption = "",
    force: Annotated[
        bool, typer.Option("--force", help="没有通过检验也启用；必须写 --note。")
    ] = False,
) -> None:
    """启用一个通过了检验的排序模型；原来的留着，可以退回。"""
    from api.clock import now_at

    with reported_errors():
        model = RankingModel(name or file.stem, _object(file))
        result = _gate(gate)
    with opened() as services, services.writing() as session:
        kept = RankingRepository(session).promote(model, result, who, now_at(), note, force=force)
        _noted(session, Action.MODEL_PROMOTED, kept.model.hash)
    out.print(
        f"启用的是 {escape(kept.model.name)}（{kept.model.hash[:12]}）。"
        f"退回：zhitong ranking rollback {kept.model.hash[:12]}",
        highlight=False,
    )


@ranking_app.command()
def rollback(model: HashArgument, who: WhoOption, note: NoteOption = "") -> None:
    """停用现在的模型（写出它的指纹），重新启用它之前的那个。"""
    from api.clock import now_at

    with opened() as services, services.writing() as session:
        repository = RankingRepository(session)
        retired = repository.find(model)
        active = repository.rollback(retired.model.hash, who, now_at(), note)
        _noted(session, Action.MODEL_ROLLED_BACK, retired.model.hash)
    name = f"{active.model.name}（{active.model.hash[:12]}）" if active else _SHIPPED
    out.print(f"已停用 {escape(retired.model.name)}，现在启用的是{escape(name)}。", highlight=False)


def _noted(session: Session, action: Action, model_hash: str) -> None:
    from api.clock import now_at

    AuditLog(session).note(action, operator(), f"ranking:{model_hash[:12]}", now_at())


def _gate(path: Path) -> GateResult:
    report = _object(path)
    passed = report.get("passed")
    if not isinstance(passed, bool):
        raise RankingError(f"{path} 里没有 passed（true 或 false），不是检验结果。")
    return GateResult(passed, report)


def _object(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        return read_object(file.read(SIZE_LIMIT_BYTES + 1), str(path))


def _model(kept: KeptModel) -> dict[str, Any]:
    return {
        "hash": kept.model.hash,
        "name": kept.model.name,
        "active": kept.active,
        "created_at": kept.created_at.isoformat(),
        "promoted_at": kept.promoted_at.isoformat() if kept.promoted_at else None,
        "retired_at": kept.retired_at.isoformat() if kept.retired_at else None,
        "note": kept.note,
    }


def _event(event: RankingEvent) -> dict[str, Any]:
    return {
        "action": event.action.value,
        "model": event.model_hash,
        "who": event.who,
        "note": event.note,
        "happened_at": event.happened_at.isoformat(),
        "gate_passed": event.gate.passed if event.gate else None,
        "gate_report": event.gate.report if event.gate else None,
    }
