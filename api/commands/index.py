"""``zhitong index``: bring up to date, look at, check and compact the indexes."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from api.commands.options import JsonOption
from api.console import out, print_json, progress
from api.running import opened
from corpus.model import Kind

if TYPE_CHECKING:
    from indexer.update import IndexUpdate

index_app = typer.Typer(help="更新、查看、检查、合并检索索引。", no_args_is_help=True)


def with_kind(
    update: Callable[[str, int, int], None], kind: Kind
) -> Callable[[str, int, int], None]:
    """Progress that says which index it is about."""
    return lambda stage, done, total: update(f"{stage}:{kind.label}", done, total)


@index_app.command("build")
def build(
    full: Annotated[
        bool, typer.Option("--full", "--force", help="不沿用已有的索引，全部重建。")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """由数据库更新索引，只计算新增和修改的记录；完成之前旧索引照常工作。"""
    built: list[tuple[Kind, IndexUpdate, float]] = []
    with opened() as services, progress() as update:
        services.prepare(update)
        for kind in Kind:
            started = time.perf_counter()
            done = services.refresh_index(kind, with_kind(update, kind), anew=full)
            built.append((kind, done, time.perf_counter() - started))
    peak_mib = _peak_memory_mib()
    if as_json:
        print_json([_facts(kind, done, took, peak_mib) for kind, done, took in built])
        return
    for kind, done, took in built:
        manifest = done.manifest
        out.print(
            f"{kind.label}索引：{manifest.documents} 条记录，{manifest.rows} 个向量，"
            f"{len(manifest.segments)} 段；新增 {done.added}，修改 {done.changed}，"
            f"移除 {done.removed}，沿用 {done.reused}；用时 {took:.1f} 秒",
            highlight=False,
        )
        if done.resegmented or done.reembedded:
            out.print(f"  其中重新分词 {done.resegmented} 条，重新计算向量 {done.reembedded} 条")
    out.print(f"内存峰值 {peak_mib:.0f} MiB", highlight=False)
    if not any(done.manifest.documents for _, done, _ in built):
        out.print("还没有记录，索引是空的。先导入：zhitong import 成果.xlsx")
    elif not any(done.published for _, done, _ in built):
        out.print("索引已是最新。")


@index_app.command("status")
def status(as_json: JsonOption = False) -> None:
    """索引与数据库是否一致：段数、待清理、过时、未进入索引的条数。不能完整回答时退出码为 1。"""
    with opened() as services:
        states = services.index_states()
    if as_json:
        print_json([state.model_dump(mode="json") for state in states])
    else:
        for state in states:
            out.print(f"{state.kind.label}：{state.detail}", highlight=False)
    if any(state.state != "current" for state in states):
        raise typer.Exit(1)


@index_app.command("verify")
def verify() -> None:
    """逐字节核对索引文件的校验和。"""
    with opened() as services:
        for kind in Kind:
            manifest = services.store.verify(kind)
            out.print(f"{kind.label}索引完好：{len(manifest.files)} 个文件，{manifest.rows} 个向量")


@index_app.command("compact")
def compact() -> None:
    """把各段合并为一段，清理已移除的记录；不重新分词，不重新计算向量。"""
    with opened() as services:
        for kind in Kind:
            manifest = services.compact_index(kind)
            if manifest is None:
                out.print(f"{kind.label}索引不需要合并。")
            else:
                out.print(f"{kind.label}索引已合并：{manifest.documents} 条记录，1 段")


def _facts(kind: Kind, done: IndexUpdate, took_s: float, peak_mib: float) -> dict[str, object]:
    return {
        "kind": kind.value,
        "published": done.published,
        "documents": done.manifest.documents,
        "vectors": done.manifest.rows,
        "segments": len(done.manifest.segments),
        "added": done.added,
        "changed": done.changed,
        "removed": done.removed,
        "reused": done.reused,
        "resegmented": done.resegmented,
        "reembedded": done.reembedded,
        "elapsed_s": round(took_s, 3),
        "peak_memory_mib": round(peak_mib, 1),
    }


def _peak_memory_mib() -> float:
    """Most memory the process has had resident so far."""
    unit = 1024**2 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit
