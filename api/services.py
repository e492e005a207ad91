"""The parts that a command or the web process works with, built once from the settings."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from functools import cached_property

from sqlalchemy import Engine
from sqlmodel import Session

from api import migrations
from api.answering import Answerer, Asked
from api.clock import TIME_ZONE, now_at
from api.indexing import IndexKeeper
from api.schemas import IndexState, RankingOut, RecordOut, RecordPage
from api.security.accounts import AccountRepository
from api.security.credentials import Lifetimes
from api.security.login import Door
from api.security.oidc import OidcConfig, Provider
from api.settings import Settings
from api.words import Words
from corpus.confidentiality import EVERY_ROW, Role, RowScope
from corpus.database import open_database, writer
from corpus.facets import FacetRepository, KeptCounts
from corpus.model import CorpusError, Kind, Maturity, Record, RecordFilter
from corpus.protection import Protection
from corpus.repository import CorpusRepository
from indexer.build import Makers, Progress, no_progress
from indexer.builtin import ensure_builtin_model
from indexer.compact import compact
from indexer.encoder import EncoderConfig, SentenceTransformerEncoder
from indexer.generation import Maker, Manifest
from indexer.shard import IndexShard
from indexer.store import ShardStore
from indexer.tokenizer import JiebaTokenizer
from indexer.update import IndexUpdate
from matcher.answer import Answer
from matcher.engine import MatchConfig, MatchEngine
from matcher.kept import RankingRepository
from matcher.query import Query
from matcher.repository import FeedbackRepository
from matcher.scoring import ScoringModel, scoring_model, shipped_model

_BATCH = 256
_ATTEMPTS = 5


@dataclass(eq=False)
class _Answering:
    """The engine that answers now; one for all views of the same services."""

    engines: dict[str, MatchEngine] = field(default_factory=dict)
    """By the fingerprint of their dictionary: today's, and that of an index not yet made anew."""
    promoted: tuple[str, ScoringModel] | None = None
    """The promoted model by its hash."""


class Services:
    """Opened on first use, so that ``zhitong --help`` stays quick."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.scope: RowScope = EVERY_ROW
        """The records that are there for whoever works with these services."""
        self.facet_counts = KeptCounts()
        self._lock = threading.RLock()
        self._answering = _Answering()

    def seen_by(self, scope: RowScope) -> Services:
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
        self,
        kind: Kind,
        where: RecordFilter,
        offset: int,
        limit: int,
        role: Role,
        *,
        newest: bool = False,
    ) -> RecordPage:
        """Records that pass a filter, in order of entry, or those published last first."""
        with self.reading() as session:
            where = replace(where, asked_at=role.clearance.level)
            total = FacetRepository(session, self.scope).total(kind, where)
            stored = CorpusRepository(session, self.scope).page(
                kind, where, offset, limit, newest=newest
            )
        records = [RecordOut.of(s.record, role) for s in stored]
        return RecordPage(total=total, offset=offset, limit=limit, records=records)

    # -- matching --------------------------------------------------------------------------

    def record_filter(
        self,
        fields: Sequence[str] | None = None,
        regions: Sequence[str] | None = None,
        min_maturity: Maturity | None = None,
        include_expired: bool = False,
        *,
        industries: Sequence[str] = (),
        maturities: Sequence[Maturity] = (),
        protections: Sequence[Protection] = (),
    ) -> RecordFilter:
        """A filter from what a person chose; by default what is valid today in Tangshan."""
        return RecordFilter(
            technology_fields=frozenset(fields or ()),
            regions=frozenset(regions or ()),
            industries=frozenset(industries),
            maturities=frozenset(level.value for level in maturities),
            protections=frozenset(state.value for state in protections),
            min_maturity=min_maturity,
            valid_on=None if include_expired else self.today(),
        )

    def today(self) -> date:
        """The day in Tangshan."""
        return now_at().astimezone(TIME_ZONE).date()

    @contextmanager
    def searching(
        self, target: Kind
    ) -> Iterator[tuple[CorpusRepository, IndexShard, tuple[str, ...]]]:
        """One state of the database, an index that agrees with it, and what is not in it yet.

        While somebody writes without a pause the two may not agree after some attempts; then
        what has changed in between is left out of the answer.
        """
        for left in reversed(range(_ATTEMPTS)):
            with self.repository() as repository:
                lag = self.indexing.freshen(repository, target)
            # Read again: what was just brought into the index is not in the state seen before.
            with self.repository() as repository:
                shard = self.shard(target)
                if not left or lag or self.indexing.agrees(repository, target, shard):
                    yield repository, shard, lag
                    return

    def search(
        self, text: str, target: Kind, where: RecordFilter, limit: int, role: Role
    ) -> RankingOut:
        """Matches for free text."""
        with self.searching(target) as (repository, shard, lag):
            answerer = self.answerer(repository, shard, where, role)
            [answer] = answerer.answers([Asked(Query(text))], target, limit)
            return RankingOut.of(_with_problems(answer, lag), role)

    def match(
        self, kind: Kind, key: str, where: RecordFilter, limit: int, role: Role
    ) -> RankingOut:
        """Matches of one record on the other side; UnknownRecordError if there is none."""
        with self.searching(kind.other) as (repository, shard, lag):
            record = repository.require(kind, key).record
            [asked] = self.asked([record])
            answerer = self.answerer(repository, shard, where, role)
            [answer] = answerer.answers([asked], kind.other, limit)
            return RankingOut.of(_with_problems(answer, lag), role, record)

    def match_all(
        self,
        where: RecordFilter,
        limit: int,
        role: Role,
        progress: Progress = no_progress,
    ) -> list[RankingOut]:
        """Achievements for every need that is still valid, in order of entry."""
        valid = RecordFilter(valid_on=where.valid_on)
        with self.searching(Kind.ACHIEVEMENT) as (repository, shard, lag):
            ids = repository.eligible_ids(Kind.NEED, valid)
            answerer = self.answerer(repository, shard, where, role)
            found: list[RankingOut] = []
            for start in range(0, len(ids), _BATCH):
                chunk = ids[start : start + _BATCH]
                needs = repository.get_many(Kind.NEED, chunk)
                records = [needs[i].record for i in chunk if i in needs]
                answers = answerer.answers(self.asked(records), Kind.ACHIEVEMENT, limit)
                found += [
                    RankingOut.of(_with_problems(answer, lag), role, record)
                    for answer, record in zip(answers, records, strict=True)
                ]
                progress("match", start + len(chunk), len(ids))
        return found

    def answerer(
        self, repository: CorpusRepository, shard: IndexShard, where: RecordFilter, role: Role
    ) -> Answerer:
        """Answers from one state of the database, as ``role`` may see them."""
        open_to_role = readable(where, role)
        engine = self.engine_for(shard.manifest.maker)
        return Answerer(engine, repository, self.reading, shard, open_to_role, role, self.today())

    def asked(self, records: Sequence[Record]) -> list[Asked]:
        """What records of one kind ask, without what is put aside for them."""
        kind = records[0].kind if records else Kind.NEED
        shelved = self._shelved(kind, [record.key for record in records])
        return [
            Asked(Query.of(record), record, shelved.get(record.key, frozenset()))
            for record in records
        ]

    def _shelved(self, kind: Kind, keys: Sequence[str]) -> dict[str, frozenset[int]]:
        """By key, the ids on the other side with which it was dismissed and nothing changed."""
        with self.reading() as session:
            pairs = FeedbackRepository(session).dismissed_pairs(kind, keys)
        return {
            key: frozenset(
                one.achievement_id if kind is Kind.NEED else one.need_id for one in dismissed
            )
            for key, dismissed in pairs.items()
        }

    # -- the index as a whole --------------------------------------------------------------

    @cached_property
    def indexing(self) -> IndexKeeper:
        """Keeps the indexes in step with the database."""
        return IndexKeeper(self._whole, self.store, self.words.today, now_at)

    def index_states(self) -> list[IndexState]:
        """How each index stands to the database, in words."""
        return [self.indexing.state(kind) for kind in Kind]

    def refresh_index(
        self, kind: Kind, progress: Progress = no_progress, *, anew: bool = False
    ) -> IndexUpdate:
        """Bring an index up to date with what is committed; whoever writes calls this afterwards.

        Readers do it themselves where little has changed. ``anew``: use nothing of what is there.

        Raises:
            IndexBusyError: another process is at work on this index, and goes on being.
        """
        return self.indexing.refresh(kind, progress, anew=anew)

    def compact_index(self, kind: Kind) -> Manifest | None:
        """Merge all segments of an index into one; None when there is nothing to merge.

        Raises:
            IndexBusyError: another process is at work on this index.
            ShardError: there is none, or it is damaged.
        """
        return compact(self.store, kind, now_at(), everything=True)


def _with_problems(answer: Answer, problems: tuple[str, ...]) -> Answer:
    ranking = replace(answer.ranking, problems=(*answer.ranking.problems, *problems))
    return replace(answer, ranking=ranking)


def readable(where: RecordFilter, role: Role) -> RecordFilter:
    """The filter, without records whose text the role may not read."""
    level = role.clearance.level
    return replace(where, open_to=level, asked_at=level)
