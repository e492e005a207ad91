"""The parts that a command or the web process works with, built once from the settings."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import Self

from sqlalchemy import Engine
from sqlmodel import Session

from api import migrations
from api.clock import now_at
from api.indexing import IndexKeeper
from api.security.accounts import AccountRepository
from api.security.lifetimes import Lifetimes
from api.security.login import Door
from api.security.oidc import OidcConfig, Provider
from api.settings import Settings
from api.words import Words
from corpus.confidentiality import EVERY_ROW, RowScope
from corpus.database import open_database, writer
from corpus.facets import KeptCounts
from corpus.model import CorpusError, Kind
from corpus.repository import CorpusRepository
from indexer.build import Makers, Progress, no_progress
from indexer.builtin import ensure_builtin_model
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.generation import Maker
from indexer.shard import IndexShard
from indexer.store import ShardStore
from indexer.tokenizer import JiebaTokenizer
from matcher.engine import MatchConfig, MatchEngine
from matcher.kept import RankingRepository
from matcher.scoring import ScoringModel, scoring_model, shipped_model

_ATTEMPTS = 5


@dataclass(eq=False)
class _Answering:
    """The engine that answers now; one for all views of the same services."""

    engines: dict[str, MatchEngine] = field(default_factory=dict)
    """By the fingerprint of their dictionary: today's, and that of an index not yet made anew."""
    promoted: tuple[str, ScoringModel] | None = None
    """The promoted model by its hash."""


class Parts:
    """Opened on first use, so that ``zhitong --help`` stays quick."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.scope: RowScope = EVERY_ROW
        """The records that are there for whoever works with these services."""
        self.facet_counts = KeptCounts()
        self._lock = threading.RLock()
        self._answering = _Answering()

    def seen_by(self, scope: RowScope) -> Self:
        """The same parts, for somebody for whom only some records are there."""
        if scope == self.scope:
            return self
        with self._lock:
            _ = self.database, self.words, self.indexing  # shared, not made for each
            view = copy.copy(self)
        view.scope = scope
        return view

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
        """Encoder and tokenizer as they ship; takes seconds, and longer the first time of all.

        What was published since is in ``words``.
        """
        encoder = SentenceTransformerEncoder(self.encoder_config())
        return Makers(encoder, JiebaTokenizer())

    @property
    def engine(self) -> MatchEngine:
        """The match engine with the ranking model and the dictionary that answer now; another
        process may have promoted or published them. Call ``prepare`` first where several threads
        may ask.

        Raises:
            RankingError: the promoted model does not fit this release.
        """
        return self.engine_with(self.words.today())

    def engine_with(self, makers: Makers) -> MatchEngine:
        """As ``engine``, with a dictionary that need not be today's."""
        model = self.ranking_model()
        engines, named = self._answering.engines, makers.maker.tokenizer_fingerprint
        with self._lock:
            known = engines.get(named)
            if known is None or known.config.model is not model or known.makers is not makers:
                engines.pop(named, None)
                while len(engines) > 1:
                    del engines[next(iter(engines))]
                engines[named] = MatchEngine(makers, self.store, MatchConfig(model=model))
            return engines[named]

    def engine_for(self, maker: Maker) -> MatchEngine:
        """The engine whose dictionary is that of an index; today's where none of ours made it."""
        today = self.engine
        if today.makers.maker.tokenizer_fingerprint == maker.tokenizer_fingerprint:
            return today
        former = self.words.fitting(maker.tokenizer_fingerprint)
        return today if former is None else self.engine_with(former)

    def shard(self, kind: Kind) -> IndexShard:
        """The index that answers for a kind, with the dictionary that made it.

        Raises:
            ShardError: missing, damaged, or made with something else.
        """
        for _ in range(_ATTEMPTS):
            maker = self.store.generation(kind).manifest.maker
            shard = self.engine_for(maker).shard(kind)
            if shard.manifest.maker == maker:
                break
        return shard

    def ranking_model(self) -> ScoringModel:
        """The promoted model, or that which ships; the same object until another is promoted.

        Raises:
            RankingError: it does not fit this release.
        """
        with self.reading() as session:
            active = RankingRepository(session).active()
        if active is None:
            return shipped_model()
        now = self._answering
        with self._lock:
            if now.promoted is None or now.promoted[0] != active.model.hash:
                now.promoted = (active.model.hash, scoring_model(active.model))
            return now.promoted[1]

    def encoder_config(self) -> EncoderConfig:
        """The encoder's part of the settings."""
        return EncoderConfig(
            name=self.settings.encoder,
            adapter=self.settings.adapter,
            cache_dir=self.settings.cache,
            query_prompt=self.settings.encoder_query_prompt,
            passage_prompt=self.settings.encoder_passage_prompt,
            threads=self.settings.threads,
        )

    def prepare(self, progress: Progress = no_progress) -> None:
        """Load model and dictionary once, decoding the default model if need be."""
        with self._lock:
            self.decode_model(progress)
            _ = self.makers, self.indexing

    def decode_model(self, progress: Progress = no_progress) -> None:
        """Decode the default model, if it is wanted and not there yet, without loading it."""
        if self.settings.encoder == "builtin":
            ensure_builtin_model(self.settings.cache, progress)

    @cached_property
    def words(self) -> Words:
        """The dictionary: what ships, and what was published since."""
        return Words(lambda: self.makers, self.reading)

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
        """The records within the scope, for reading."""
        with self.reading() as session:
            yield CorpusRepository(session, self.scope)

    @contextmanager
    def _whole(self) -> Iterator[CorpusRepository]:
        with self.reading() as session:
            yield CorpusRepository(session)

    @property
    def lifetimes(self) -> Lifetimes:
        """How long a login lasts."""
        settings = self.settings
        return Lifetimes(
            timedelta(minutes=settings.session_idle_minutes),
            timedelta(hours=settings.session_hours),
        )

    def has_administrator(self) -> bool:
        """Whether anybody can let others in."""
        with self.reading() as session:
            return AccountRepository(session).has_administrator()

    @cached_property
    def oidc(self) -> Provider | None:
        """Who vouches for people besides their passwords; None: nobody is set."""
        settings = self.settings
        if not settings.oidc_issuer:
            return None
        config = OidcConfig(
            issuer=settings.oidc_issuer,
            client_id=settings.oidc_client_id,
            client_secret=settings.oidc_client_secret.get_secret_value(),
            claim=settings.oidc_claim,
        )
        return Provider(config, now_at)

    @property
    def door(self) -> Door:
        """Where people log in."""
        return Door(self.writing, self.lifetimes, now_at)

    def close(self) -> None:
        """Give back the database connections."""
        if "database" in self.__dict__:
            self.database.dispose()

    @cached_property
    def indexing(self) -> IndexKeeper:
        """Keeps the indexes in step with the database."""
        return IndexKeeper(self._whole, self.store, self.words.today, now_at)
