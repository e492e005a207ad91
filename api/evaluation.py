"""``zhitong eval``: the one place of the edge that loads the evaluation package."""

from __future__ import annotations

import sys
import tempfile
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from api.console import out, print_json, progress
from api.running import opened, reported_errors

eval_app = typer.Typer(help="度量排序质量。", no_args_is_help=True)


class PoolOption(StrEnum):
    """``eval.experiment.Pool`` as typed; that module is loaded only when it is used."""

    JUDGED = "judged"
    ALL = "all"


class RankerOption(StrEnum):
    """``eval.experiment.Ranker`` as typed."""

    DEFAULT = "default"
    LEXICAL = "lexical"
    DENSE = "dense"


@eval_app.callback()
def root() -> None:
    """Keeps ``run`` a command of its own."""


@eval_app.command("run")
def run(
    needs: Annotated[Path, typer.Option(help="需求 .jsonl：need_id、title、可选 text。")],
    achievements: Annotated[
        Path, typer.Option(help="成果 .jsonl：achievement_id、title、可选 text。")
    ],
    qrels: Annotated[Path, typer.Option(help="判定，TREC 格式：need_id 0 achievement_id 等级。")],
    pool: Annotated[
        PoolOption, typer.Option(help="只排已判定的成果（judged）或整个集合（all）。")
    ] = PoolOption.JUDGED,
    ranker: Annotated[RankerOption, typer.Option(help="完整排序，或单独一路。")] = (
        RankerOption.DEFAULT
    ),
    run_out: Annotated[Path | None, typer.Option(help="写出 TREC 格式的排序结果。")] = None,
    per_need: Annotated[bool, typer.Option("--per-need", help="列出每条需求的数值。")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")] = False,
) -> None:
    """在带判定的数据上排序并打分；不触动正式数据。"""
    from api.clock import now_at
    from api.exports.writing import check_writable
    from eval.experiment import LabelledStore, Pool, Ranker, collection
    from eval.measures import evaluate, usable_needs
    from eval.qrels import read_qrels, read_texts, write_run
    from eval.report import to_json, to_table
    from matcher.engine import MatchConfig

    if run_out is not None:
        with reported_errors():
            check_writable(run_out)
    with opened() as services, tempfile.TemporaryDirectory(prefix="zhitong-eval-") as folder:
        judgements = read_qrels(qrels)
        labelled = collection(
            read_texts(needs, "need_id"), read_texts(achievements, "achievement_id"), judgements
        )
        with progress() as update:
            services.prepare(update)
            store = LabelledStore(labelled, services.makers, Path(folder), now_at(), update)
            try:
                ranked = store.rank(MatchConfig(), Ranker(ranker), Pool(pool), progress=update)
            finally:
                store.close()
        if run_out is not None:
            write_run(run_out, ranked, f"zhitong-{ranker}")
        usable = usable_needs(judgements, min_candidates=10 if pool is PoolOption.JUDGED else 1)
        evaluation = evaluate(ranked, judgements, usable)
        facts = {
            "ranker": ranker.value,
            "pool": pool.value,
            "encoder": services.makers.encoder.name,
        }
        if as_json:
            shown = {**facts, **to_json(evaluation, per_need=per_need)}
            print_json(shown)
        else:
            head = "排序：{ranker}　范围：{pool}　模型：{encoder}\n".format(**facts)
            out.print(escape(head))
            sys.stdout.write(to_table(evaluation, per_need=per_need))
