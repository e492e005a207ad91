"""``zhitong evidence``: what a judgement rested on, explained again or replayed."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from api.commands.options import MOST_ROWS, JsonOption, RoleChoice
from api.console import local_time, out, print_json
from api.evidence import explained, readable_evidence, replayed
from api.running import opened
from corpus.confidentiality import Role
from matcher.evidence import Difference, Evidence
from matcher.scoring import PART_LABELS

evidence_app = typer.Typer(
    help="评价时存下的匹配依据：当时的得分由什么组成，今天会怎么说。", no_args_is_help=True
)
Number = Annotated[
    int, typer.Argument(metavar="编号", min=1, max=MOST_ROWS, help="见 feedback list --json。")
]


@evidence_app.command()
def show(number: Number, role: RoleChoice = Role.OFFICER, as_json: JsonOption = False) -> None:
    """当时的得分，用存下的模型和取值重新算一遍。"""
    with opened() as services:
        evidence = readable_evidence(services, number, role)
    again = explained(evidence)
    basis = evidence.proposal.basis
    if as_json:
        print_json({
            **_head(evidence),
            "parts": [
                {"feature": p.feature, "value": p.value, "part": p.part} for p in basis.parts
            ],
            "score": basis.score,
            "score_again": again.score,
            "exact": again.exact,
            "card": basis.card,
        })  # fmt: skip
        return
    _print_head(evidence)
    table = Table()
    for column in ("部分", "取值", "得分", "重算"):
        table.add_column(column)
    for part in basis.parts:
        table.add_row(
            PART_LABELS.get(part.feature, part.feature), f"{part.value:.4f}", f"{part.part:+.4f}",
            f"{again.parts.get(part.feature, float('nan')):+.4f}",
        )  # fmt: skip
    table.add_row("总分", "", f"{basis.score:+.4f}", f"{again.score:+.4f}")
    out.print(table)
    out.print("重算与存下的完全一致。" if again.exact else "重算与存下的不一致，请告诉开发者。")


@evidence_app.command()
def replay(number: Number, role: RoleChoice = Role.OFFICER, as_json: JsonOption = False) -> None:
    """用今天的程序、模型和词典重看当时的原文，列出哪里不同。"""
    with opened() as services:
        evidence = readable_evidence(services, number, role)
        services.prepare()
        found = replayed(services, evidence)
    if as_json:
        shown = {name: [_difference(d) for d in rows] for name, rows in
                 (("causes", found.causes), ("differences", found.differences))}  # fmt: skip
        print_json({**_head(evidence), "equal": found.equal, **shown})
        return
    _print_head(evidence)
    for difference in found.causes:
        out.print(f"换了：{_line(difference)}", highlight=False, soft_wrap=True)
    for difference in found.differences:
        out.print(f"不同：{_line(difference)}", highlight=False, soft_wrap=True)
    if found.equal:
        out.print("今天的说法与当时相同。")


def _head(evidence: Evidence) -> dict[str, Any]:
    basis = evidence.proposal.basis
    return {
        "id": evidence.id,
        "hash": evidence.hash,
        "need": evidence.proposal.need.key,
        "achievement": evidence.proposal.achievement.key,
        "who": evidence.who,
        "created_at": evidence.created_at.isoformat(),
        "model": basis.model.hash,
        "encoder": basis.maker.encoder_name,
        "generation": basis.generation,
    }


def _print_head(evidence: Evidence) -> None:
    proposal = evidence.proposal
    out.print(
        escape(
            f"依据 {evidence.id}：{proposal.need.key} {proposal.need.title} ↔ "
            f"{proposal.achievement.key} {proposal.achievement.title}\n"
            f"{local_time(evidence.created_at)}　{evidence.who}　模型 {proposal.basis.model.name}"
        ),
        highlight=False,
        soft_wrap=True,
    )


def _difference(difference: Difference) -> dict[str, Any]:
    return {"what": difference.what, "before": difference.before, "now": difference.now}


def _line(difference: Difference) -> str:
    return escape(f"{difference.what}：{difference.before} → {difference.now}")
