"""``zhitong eval``: the one place of the edge that loads the evaluation package."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from api.console import err, out, print_json, progress
from api.running import opened, reported_errors

if TYPE_CHECKING:
    from api.services import Services
    from eval.labelled import LabelledSet, OpenSet
    from eval.rankers import RunFile

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


Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        envvar="ZHITONG_DATA",
        help="放数据集的文件夹，按名称在这里找（如 graded-pairs）。",
    ),
]
SETS_HELP = "数据集：sample（随程序带的样例）、--data 里的名称，或一个文件夹。"


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


@eval_app.command("experiment")
def experiment(
    sets: Annotated[list[str], typer.Argument(help=SETS_HELP)],
    report_out: Annotated[Path, typer.Option("--out", help="写出 Markdown 报告。")],
    data: Data = None,
    runs: Annotated[
        list[str] | None,
        typer.Option("--run", help="别处做好的排序，名称=TREC文件；可多次给出。"),
    ] = None,
) -> None:
    """在几个带判定的数据集上比较各种排序，写出报告；不触动正式数据。"""
    from api.clock import now_at
    from api.exports.writing import check_writable, whole_file
    from eval.folds import FOLDS, SEED
    from eval.labelled import read_set
    from eval.markdown import Head, experiment_report
    from eval.rankers import RANKERS
    from eval.table import run_table

    with opened() as services:
        check_writable(report_out)
        table = {**RANKERS, **_runs(runs or [], set(RANKERS))}
        labelled = [read_set(name, data) for name in dict.fromkeys(sets)]
        with (
            progress() as update,
            open_sets(labelled, services, update) as stores,
        ):
            results = run_table(stores, table, progress=update)
        head = Head(services.makers.encoder.name, f"{now_at():%Y-%m-%d}", FOLDS, SEED)
        report = experiment_report(results, head)
        with whole_file(report_out) as file:
            file.write(report.encode())
    sys.stdout.write(report)


@eval_app.command("gate")
def gate(
    sets: Annotated[list[str] | None, typer.Argument(help=f"{SETS_HELP}默认：有基线的。")] = None,
    data: Data = None,
    update: Annotated[bool, typer.Option("--update", help="把现在的数值存为新的基线。")] = False,
) -> None:
    """默认排序的质量比基线差且超出偶然波动时，退出码为 1。"""
    from eval.baseline import judge, measure_now, read_baseline, stored_names, write_baseline
    from eval.labelled import find_set, read_set

    with opened() as services:
        names = list(dict.fromkeys(sets or stored_names()))
        absent = [] if sets else [name for name in names if find_set(name, data) is None]
        for name in absent:
            place = data or "没有给出 --data 或 ZHITONG_DATA"
            sentence = f"跳过 {name}：这里没有它的数据（{place}），它的质量这次没有检查。"
            err.print(f"[yellow]{escape(sentence)}[/yellow]", soft_wrap=True, highlight=False)
        labelled = [read_set(name, data) for name in names if name not in absent]
        before = {} if update else {each.name: read_baseline(each.name) for each in labelled}
        failed = False
        with progress() as shown, open_sets(labelled, services, shown) as stores:
            encoder = services.makers.encoder.name
            found = [measure_now(each, encoder, stores, progress=shown) for each in stores]
        for now in found:
            if update:
                out.print(escape(f"已写入基线 {write_baseline(now)}"), soft_wrap=True)
                continue
            verdict = judge(now, before[now.set_name])
            failed = failed or not verdict.passed
            console = out if verdict.passed else err
            console.print(escape(verdict.sentence), soft_wrap=True, highlight=False)
    if failed:
        raise typer.Exit(1)


@contextmanager
def open_sets(
    labelled: Sequence[LabelledSet], services: Services, update: Callable[[str, int, int], None]
) -> Iterator[list[OpenSet]]:
    """Each set indexed in a temporary store of its own."""
    from api.clock import now_at
    from eval.experiment import LabelledStore
    from eval.labelled import OpenSet

    with ExitStack() as stack:
        services.prepare(update)
        stores = []
        for each in labelled:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="zhitong-eval-"))

            def named(stage: str, done: int, total: int, name: str = each.name) -> None:
                update(f"{stage}:{name}", done, total)

            store = LabelledStore(each.collection, services.makers, Path(folder), now_at(), named)
            stack.callback(store.close)
            stores.append(OpenSet(each, store))
        yield stores


def _runs(given: Sequence[str], taken: set[str]) -> dict[str, RunFile]:
    """The options ``NAME=FILE``, read."""
    from eval.qrels import EvalError, read_run
    from eval.rankers import RunFile

    found: dict[str, RunFile] = {}
    for each in given:
        name, mark, path = each.partition("=")
        if not (name.strip() and mark and path):
            raise EvalError(f"--run {each}：应写成 名称=文件。")
        if name in taken or name in found:
            raise EvalError(f"--run {each}：名称 {name} 已经有了，请换一个。")
        found[name] = RunFile(read_run(Path(path)))
    return found
