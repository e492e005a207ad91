"""The parts that a command or the web process works with, built once from the settings."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from typing import Literal

from sqlalchemy import Engine
from sqlmodel import Session

from api import migrations
from api.clock import TIME_ZONE, now_at
from api.schemas import IndexState, RankingOut, RecordOut, RecordPage
from api.settings import Settings
from corpus.confidentiality import Role
from corpus.database import open_database, writer
from corpus.model import CorpusError, Kind, Maturity, RecordFilter
from corpus.repository import CorpusRepository
from indexer.build import Makers, Progress, build_index
from indexer.builtin import ensure_builtin_model
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.errors import ShardError
from indexer.shard import Manifest
from indexer.store import ShardStore
from indexer.tokenizer import JiebaTokenizer
from matcher.engine import MatchEngine
from matcher.query import Query

_BATCH = 256


class Services:
    """Opened on first use, so that ``zhitong --help`` stays quick."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._lock = threading.RLock()

    @cached_property
    def database(self) -> Engine:
        """The database, with today's schema.

        Raises:
            CorpusError: it cannot be reached, or belongs to another release.
        """
        engine = open_database(self.settings.resolved_database_url)
        try:
            migrations.prepare(engine)
        except CorpusError:
            engine.dispose()
            raise
        return engine

    @cached_property
    def store(self) -> ShardStore:
        """The indexes on disk."""
        return ShardStore(self.settings.index_folder)

    @cached_property
    def makers(self) -> Makers:
        """Encoder and tokenizer; takes seconds, and longer the first time of all."""
        encoder = SentenceTransformerEncoder(self.encoder_config())
        return Makers(encoder, JiebaTokenizer())

    @cached_property
    def engine(self) -> MatchEngine:
        """The match engine; call ``prepare`` first where several threads may ask."""
        return MatchEngine(self.makers, self.store)

    def encoder_config(self) -> EncoderConfig:
        """The encoder's part of the settings."""
        return EncoderConfig(
            name=self.settings.encoder,
            cache_dir=self.settings.cache,
            query_prompt=self.settings.encoder_query_prompt,
            passage_prompt=self.settings.encoder_passage_prompt,
            threads=self.settings.threads,
        )

    def prepare(self, progress: Progress = lambda _stage, _done, _total: None) -> None:
        """Load model and dictionary once, decoding the default model if need be."""
        with self._lock:
            if self.settings.encoder == "builtin":
                ensure_builtin_model(self.settings.cache, progress)
            _ = self.engine

    @contextmanager
    def writing(self, *, commit: bool = True) -> Iterator[Session]:
        """One transaction of one writer at a time: committed on success, rolled back on error or
        without ``commit``."""
        with writer(self.database) as session:
            yield session
            if commit:
                session.commit()

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """One transaction that sees one state of the database."""
        with Session(self.database) as session:
            yield session

    @contextmanager
    def repository(self) -> Iterator[CorpusRepository]:
        """The records, for reading."""
        with self.reading() as session:
            yield CorpusRepository(session)

    def close(self) -> None:
        """Give back the database connections."""
        if "database" in self.__dict__:
            self.database.dispose()

    # -- reading ---------------------------------------------------------------------------

    def count(self, kind: Kind) -> int:
        """How many records of a kind there are."""
        with self.repository() as repository:
            return repository.count(kind)

    def record(self, kind: Kind, key: str, role: Role) -> RecordOut:
        """One record; UnknownRecordError if there is none."""
        with self.repository() as repository:
            return RecordOut.of(repository.require(kind, key).record, role)

    def page(
        self, kind: Kind, where: RecordFilter, offset: int, limit: int, role: Role
    ) -> RecordPage:
        """Records that pass a filter, in order of entry."""
        with self.repository() as repository:
            total = len(repository.eligible_ids(kind, where))
            stored = repository.page(kind, where, offset, limit)
        records = [RecordOut.of(s.record, role) for s in stored]
        return RecordPage(total=total, offset=offset, limit=limit, records=records)

    # -- matching --------------------------------------------------------------------------

    def record_filter(
        self,
        fields: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        min_maturity: Maturity | None = None,
        include_expired: bool = False,
    ) -> RecordFilter:
        """A filter from what a person chose; by default what is valid today in Tangshan."""
        return RecordFilter(
            technology_fields=frozenset(fields or ()),
            regions=frozenset(regions or ()),
            min_maturity=min_maturity,
            valid_on=None if include_expired else now_at().astimezone(TIME_ZONE).date(),
        )

    def search(
        self, text: str, target: Kind, where: RecordFilter, limit: int, role: Role
    ) -> RankingOut:
        """Matches for free text."""
        with self.repository() as repository:
            [ranking] = self.engine.match(
                repository, [Query(text)], target, _readable(where, role), limit
            )
            return RankingOut.of(ranking, role)

    def match(
        self, kind: Kind, key: str, where: RecordFilter, limit: int, role: Role
    ) -> RankingOut:
        """Matches of one record on the other side; UnknownRecordError if there is none."""
        with self.repository() as repository:
            stored, ranking = self.engine.match_record(
                repository, kind, key, _readable(where, role), limit
            )
            return RankingOut.of(ranking, role, stored.record)

    def match_all(
        self,
        where: RecordFilter,
        limit: int,
        role: Role,
        progress: Progress = lambda _stage, _done, _total: None,
    ) -> list[RankingOut]:
        """Achievements for every need that is still valid, in order of entry."""
        valid = RecordFilter(valid_on=where.valid_on)
        with self.repository() as repository:
            ids = repository.eligible_ids(Kind.NEED, valid)
            found: list[RankingOut] = []
            for start in range(0, len(ids), _BATCH):
                chunk = ids[start : start + _BATCH]
                needs = repository.get_many(Kind.NEED, chunk)
                records = [needs[i].record for i in chunk if i in needs]
                rankings = self.engine.match(
                    repository,
                    [Query.of(record) for record in records],
                    Kind.ACHIEVEMENT,
                    _readable(where, role),
                    limit,
                )
                found += [
                    RankingOut.of(ranking, role, record)
                    for ranking, record in zip(rankings, records, strict=True)
                ]
                progress("match", start + len(chunk), len(ids))
        return found

    # -- the index as a whole --------------------------------------------------------------

    def index_states(self) -> list[IndexState]:
        """How each index stands to the database, in words."""
        return [self._index_state(kind) for kind in Kind]

    def _index_state(self, kind: Kind) -> IndexState:
        hint = "请运行 zhitong index build。"
        with self.repository() as repository:
            count, snapshot = repository.count(kind), repository.snapshot(kind)
        manifest = None
        state: Literal["current", "stale", "missing", "damaged"] = "current"
        try:
            manifest = self.store.manifest(kind)
            if manifest is None:
                state, detail = "missing", f"还没有索引，数据库有 {count} 条记录。{hint}"
            elif problems := self.store.open(kind, self.makers.maker).problems:
                state, detail = "stale", "".join(problems)
            elif manifest.snapshot != snapshot:
                state = "stale"
                detail = f"数据库有改动（{count} 条，索引 {manifest.documents} 条）。{hint}"
            else:
                detail = f"最新，{manifest.documents} 条记录，{manifest.rows} 个向量。"
        except ShardError as error:
            state, detail = "damaged", str(error)
        return IndexState(
            kind=kind,
            state=state,
            detail=detail,
            documents=manifest.documents if manifest else 0,
            rows=manifest.rows if manifest else 0,
            built_at=manifest.built_at if manifest else None,
            encoder=manifest.maker.encoder_name if manifest else None,
        )

    def is_current(self, kind: Kind) -> bool:
        """Whether the index is whole and made from today's corpus by today's makers."""
        return self._index_state(kind).state == "current"

    def build(self, kind: Kind, progress: Progress) -> Manifest:
        """Build and publish the index of a kind from the database."""
        with self.repository() as repository:
            snapshot = repository.snapshot(kind)
            records = list(repository.iterate(kind))
        return build_index(
            self.store, kind, records, snapshot, self.makers, now_at(), progress=progress
        )


def _readable(where: RecordFilter, role: Role) -> RecordFilter:
    """The filter, without records whose text the role may not read."""
    return replace(where, open_to=role.clearance.level)
