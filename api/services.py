"""What is asked of records and indexes: reading, matching, keeping the indexes in step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import date

from sqlalchemy.exc import SQLAlchemyError

from api.answering import Answerer, Asked
from api.clock import TIME_ZONE, now_at
from api.parts import Parts
from api.schemas import IndexState, RankingOut, RecordOut, RecordPage
from corpus.confidentiality import Role
from corpus.facets import FacetRepository
from corpus.model import CorpusError, Kind, Maturity, Record, RecordFilter
from corpus.protection import Protection
from corpus.repository import CorpusRepository
from indexer.build import Progress, no_progress
from indexer.compact import compact
from indexer.errors import IndexerError
from indexer.generation import Manifest
from indexer.shard import IndexShard
from indexer.update import IndexUpdate
from matcher.answer import Answer
from matcher.query import Query
from matcher.ranking_models import RankingError
from matcher.repository import FeedbackRepository

_BATCH = 256
_ATTEMPTS = 5


class Services(Parts):
    """The parts, and what is done with them."""

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

    def warm(self) -> None:
        """Answer a question to either side before anybody asks one: model and indexes are loaded
        then. What is missing is no fault here; who asks is told."""
        for kind in Kind:
            with suppress(IndexerError, RankingError, CorpusError, SQLAlchemyError):
                self.search("预热", kind, self.record_filter(), 1, Role.ADMINISTRATOR)

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
