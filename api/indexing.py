"""Keeping the published indexes in step with the database, in every process."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime
from typing import Literal

from api.schemas import IndexState
from corpus.model import Kind, Status, StoredRecord
from corpus.repository import CorpusRepository
from indexer.build import Makers, Progress, no_progress
from indexer.compact import compact
from indexer.errors import IndexBusyError, ShardError
from indexer.generation import Manifest
from indexer.shard import Generation, IndexShard
from indexer.store import ShardStore
from indexer.update import (
    Difference,
    IndexUpdate,
    Stale,
    Wanted,
    difference,
    update_index,
)

# What a reader brings into the index by itself before it answers: a second or two of embedding.
_FEW = 64
# How long a reader waits for another that is at work, and how long a writer does.
_READER_WAIT_S = 3.0
_WRITER_WAIT_S = 60.0
# What a reader copies at most to merge segments; more is left to whoever writes.
_READER_COPIES = 5_000
_HINT = "请运行 zhitong index build。"

Repositories = Callable[[], AbstractContextManager[CorpusRepository]]


class IndexKeeper:
    """Safe for threads. A file lock decides which process writes."""

    def __init__(
        self,
        repositories: Repositories,
        store: ShardStore,
        makers: Callable[[], Makers],
        clock: Callable[[], datetime],
    ) -> None:
        """``makers`` gives those of today: another dictionary may have been published."""
        self._repositories = repositories
        self._store = store
        self._makers = makers
        self._clock = clock
        # For each kind the last (generation, revision) that was compared, and how many records
        # were found missing that a reader does not add: so it is compared once.
        self._compared: dict[Kind, tuple[tuple[str, int], int]] = {}
        self._waited: dict[Kind, tuple[str, int]] = {}
        # For each kind the last (generation, revision) whose lag was counted, and the lag.
        self._lags: dict[Kind, tuple[tuple[str, int], int]] = {}

    # -- writing ---------------------------------------------------------------------------

    def refresh(
        self,
        kind: Kind,
        progress: Progress = no_progress,
        wait_s: float = _WRITER_WAIT_S,
        most_copied: int | None = None,
        anew: bool = False,
    ) -> IndexUpdate:
        """Bring an index up to date with what is committed, and merge segments when due.

        Args:
            wait_s: how long to wait for another writer.
            most_copied: leave merging when more documents would have to be copied.
            anew: build from nothing.

        Raises:
            IndexBusyError: another process is still at work after ``wait_s`` seconds.
        """
        done = update_index(
            self._store,
            kind,
            lambda: replace(self._wanted(kind), makers=self._makers()),
            lambda ids: self._load(kind, ids),
            self._makers(),
            self._clock(),
            progress=progress,
            wait_s=wait_s,
            anew=anew,
        )
        if not done.published:
            return done
        try:
            merged = compact(self._store, kind, self._clock(), most_documents=most_copied)
        except IndexBusyError:
            merged = None  # the next writer is there already, and merges after its own update
        return done if merged is None else replace(done, manifest=merged)

    def _wanted(self, kind: Kind) -> Wanted:
        with self._repositories() as repository:
            return _wanted(repository, kind)

    def _load(self, kind: Kind, ids: Sequence[int]) -> list[StoredRecord]:
        with self._repositories() as repository:
            found = repository.get_many(kind, ids)
        return [stored for stored in found.values() if stored.status is Status.ACTIVE]

    # -- reading ---------------------------------------------------------------------------

    def freshen(self, repository: CorpusRepository, kind: Kind) -> tuple[str, ...]:
        """Before a query: bring in what is new if it is little; say what is not in if it is much.

        What was withdrawn is never shown in any case: the database filters.
        """
        try:
            generation = self._store.generation(kind)
        except ShardError:
            self._begin(repository, kind)
            return ()  # the query itself will say so if there still is none
        now = (generation.name, repository.revision())
        if generation.manifest.revision == now[1]:
            return ()
        known, missing = self._compared.get(kind, (None, 0))
        if known == now:
            return _lag(missing, _HINT)
        found = difference(generation, _wanted(repository, kind).pairs)
        missing = len(found.missing)
        if found.is_empty or missing > _FEW or self._made_by_others(generation):
            self._compared[kind] = now, missing
            return _lag(missing, _HINT)
        wait_s = 0.0 if self._waited.get(kind) == now else _READER_WAIT_S
        try:
            self.refresh(kind, wait_s=wait_s, most_copied=_READER_COPIES)
        except IndexBusyError:
            self._waited[kind] = now  # once is enough: the other may take long
            return _lag(missing, "另一个程序正在更新索引，请稍后再查。")
        except OSError as error:
            return _lag(missing, f"索引无法写入（{error}）。{_HINT}")
        return ()

    def _begin(self, repository: CorpusRepository, kind: Kind) -> None:
        """An empty index where there are no records yet: before the first import of one side, the
        other side's pages are no failure."""
        if self._store.current_name(kind) is not None or _wanted(repository, kind).pairs:
            return
        with contextlib.suppress(IndexBusyError, OSError):  # the query says that there is none
            self.refresh(kind, wait_s=_READER_WAIT_S)

    def agrees(self, repository: CorpusRepository, kind: Kind, shard: IndexShard) -> bool:
        """Whether an index was made from the state that ``repository`` sees."""
        revision = repository.revision()
        known, _ = self._compared.get(kind, (None, 0))
        return shard.manifest.revision == revision or known == (shard.name, revision)

    def _made_by_others(self, generation: Generation) -> bool:
        stale = Stale.of(generation.manifest, self._makers().maker)
        return stale.terms or stale.vectors

    # -- the index as a whole --------------------------------------------------------------

    def lag(self, kind: Kind) -> int:
        """How many records an index does not hold as they are; counted once for each state of
        index and database, so that it may be asked often."""
        with self._repositories() as repository:
            revision = repository.revision()
            try:
                name = self._store.current_name(kind)
                generation = self._store.generation(kind) if name is not None else None
            except ShardError:
                generation = None
            known = self._lags.get(kind)
            now = (generation.name if generation else "", revision)
            if known is not None and known[0] == now:
                return known[1]
            wanted = _wanted(repository, kind)
        if generation is None:
            lag = len(wanted.pairs)
        else:
            found = difference(generation, wanted.pairs)
            lag = len(found.missing) + found.vanished
        self._lags[kind] = now, lag
        return lag

    def state(self, kind: Kind) -> IndexState:
        """How an index stands to the database, in words."""
        with self._repositories() as repository:
            wanted = _wanted(repository, kind)
        manifest = found = None
        stale = 0
        try:
            if self._store.current_name(kind) is None:
                state: Literal["current", "stale", "missing", "damaged"] = "missing"
                detail = f"还没有索引，数据库有 {len(wanted.pairs)} 条有效记录。{_HINT}"
                if not wanted.pairs:
                    state, detail = "current", "还没有有效记录，也就还没有索引。"
            else:
                generation = self._store.generation(kind)
                manifest = generation.manifest
                found = difference(generation, wanted.pairs)
                if self._made_by_others(generation):
                    stale = manifest.documents
                    state, detail = "stale", self._stale_detail(generation)
                else:
                    state, detail = _compared_detail(manifest, found)
        except ShardError as error:
            state, detail = "damaged", str(error)
        return IndexState(
            kind=kind,
            state=state,
            detail=detail,
            documents=manifest.documents if manifest else 0,
            rows=manifest.rows if manifest else 0,
            segments=len(manifest.segments) if manifest else 0,
            tombstones=manifest.tombstones if manifest else 0,
            stale=stale,
            lag=len(found.missing) + found.vanished if found else len(wanted.pairs),
            built_at=manifest.built_at if manifest else None,
            encoder=manifest.maker.encoder_name if manifest else None,
        )

    def _stale_detail(self, generation: Generation) -> str:
        manifest = generation.manifest
        stale = Stale.of(manifest, self._makers().maker)
        halves = [
            *(["词语部分由另一版词典生成"] if stale.terms else []),
            *(
                [f"向量部分由另一模型（{manifest.maker.encoder_name}）生成"]
                if stale.vectors
                else []
            ),
        ]
        return f"{'，'.join(halves)}，{manifest.documents} 条记录需要更新。{_HINT}"


def _wanted(repository: CorpusRepository, kind: Kind) -> Wanted:
    # The revision first: what is read afterwards is at least as new.
    return Wanted(repository.revision(), list(repository.content_hashes(kind)))


def _lag(missing: int, advice: str) -> tuple[str, ...]:
    return (f"有 {missing} 条新记录尚未进入索引。{advice}",) if missing else ()


def _compared_detail(
    manifest: Manifest, found: Difference
) -> tuple[Literal["current", "stale"], str]:
    facts = (
        f"{manifest.documents} 条记录，{manifest.rows} 个向量，{len(manifest.segments)} 段，"
        f"待清理 {manifest.tombstones} 条"
    )
    if found.is_empty:
        return "current", f"最新，{facts}。"
    changes = f"{len(found.missing)} 条新增或修改、{found.vanished} 条移除尚未进入索引"
    if len(found.missing) <= _FEW:
        return "current", f"{facts}；{changes}，下一次查询时自动进入。"
    return "stale", f"数据库有改动：{changes}（索引有{facts}）。{_HINT}"
