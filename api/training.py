"""``zhitong train``: a ranking model from judgements; it answers only after ``ranking promote``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from api.console import out, progress
from api.evaluation import SETS_HELP, Data, open_sets
from api.running import opened
from corpus.model import Kind
from matcher.query import Query
from matcher.repository import FeedbackRepository

if TYPE_CHECKING:
    from api.services import Services
    from eval.labelled import LabelledSet


def train(
    model_out: Annotated[Path, typer.Option("--out", help="写出排序模型（JSON）。")],
    gate_out: Annotated[Path, typer.Option("--gate", help="写出检验结果（JSON）。")],
    sets: Annotated[
        list[str] | None, typer.Argument(help=f"另外学习的{SETS_HELP}不写则只学反馈。")
    ] = None,
    data: Data = None,
    feedback: Annotated[
        bool, typer.Option("--feedback/--no-feedback", help="学不学本系统里给出的反馈。")
    ] = True,
    fresh: Annotated[
        bool,
        typer.Option("--fresh", help="从零开始；不写则从现在启用的模型出发，判定少时只作微调。"),
    ] = False,
) -> None:
    """用判定和反馈训练排序模型，并与现在的比较；通过检验后用 ranking promote 启用。"""
    from api.exports.writing import check_writable, whole_file
    from eval.labelled import SAMPLE, read_set
    from eval.qrels import EvalError
    from eval.training.gate import train as fit_and_judge

    with opened() as services:
        check_writable(model_out)
        check_writable(gate_out)
        learnt = [read_set(name, data) for name in dict.fromkeys(sets or [])]
        given = _feedback(services) if feedback else None
        learnt += [given] if given else []
        if not learnt:
            raise EvalError(
                "没有可以学习的判定：本系统里还没有反馈，也没有写数据集。"
                "可用 zhitong feedback 给出反馈，或写 sample 用随程序带的样例。"
            )
        measured = [] if any(each.name == SAMPLE for each in learnt) else [read_set(SAMPLE)]
        with progress() as update:
            services.prepare(update)
            active = services.ranking_model()
            encoder = services.makers.encoder
            if not fresh and active.encoder != encoder.fingerprint:
                raise EvalError(
                    "现在启用的排序模型是为另一个语义模型训练的，不能从它出发。请加 --fresh。"
                )
            with open_sets([*learnt, *measured], services, update) as stores:
                trained = fit_and_judge(
                    model_out.stem,
                    stores[: len(learnt)],
                    stores[len(learnt) :],
                    active,
                    encoder.name,
                    None if fresh else active,
                    update,
                )
        for path, value in (
            (model_out, trained.model.ranking_model.content),
            (gate_out, trained.report),
        ):
            with whole_file(path) as file:
                file.write(_json(value))
    for verdict in trained.verdicts:
        out.print(escape(verdict.sentence), soft_wrap=True, highlight=False)
    for sentence in trained.left_out:
        out.print(escape(sentence), soft_wrap=True, highlight=False)
    if trained.passed:
        how = f"启用：zhitong ranking promote {model_out} --gate {gate_out} --who 姓名"
    else:
        how = "没有通过检验，不宜启用。"
    out.print(escape(f"模型 {trained.model.ranking_model.hash[:12]} 已写入 {model_out}。{how}"),
              soft_wrap=True, highlight=False)  # fmt: skip


def _feedback(services: Services) -> LabelledSet | None:
    """What was judged in the product, with today's texts; None where nothing was."""
    from eval.training.gate import feedback_set

    with services.reading() as session:
        qrels = FeedbackRepository(session).qrels().qrels
    if not qrels:
        return None
    with services.repository() as repository:
        texts = {
            kind: {
                stored.record.key: Query.of(stored.record)
                for stored in repository.iterate(kind)
                if stored.record.key in keys
            }
            for kind, keys in (
                (Kind.NEED, set(qrels)),
                (Kind.ACHIEVEMENT, {key for grades in qrels.values() for key in grades}),
            )
        }
    return feedback_set(texts[Kind.NEED], texts[Kind.ACHIEVEMENT], qrels)


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
