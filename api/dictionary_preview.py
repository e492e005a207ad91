"""What publishing the drafts would change: lists of needs that hold the words, before and after.

Nothing is written. The vectors do not depend on the dictionary; the words of all records that
hold a changed word are cut anew, in memory, and the rest is taken from the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from api.schemas import OtherOut, Wire
from api.services import Services, readable
from corpus.confidentiality import Role
from corpus.dictionary.model import DictionaryError
from corpus.dictionary.repository import DictionaryRepository
from corpus.model import Kind, RecordFilter, StoredRecord
from corpus.repository import CorpusRepository
from indexer.build import Makers
from indexer.dictionary import extended
from indexer.preview import holds_word, perhaps_holding, retokenised
from indexer.shard import IndexShard
from indexer.tokenizer import JiebaTokenizer, default_lexicon
from matcher.query import PreparedQuery, Query, prepare_queries

MOST_NEEDS = 50
TOP = 10


class MoveOut(Wire):
    """An achievement whose place changes; null: not among the first ten."""

    achievement: OtherOut
    before: int | None
    after: int | None


class NeedChangeOut(Wire):
    """A need whose first ten change."""

    need: OtherOut
    entered: list[MoveOut]
    left: list[MoveOut]
    moved: list[MoveOut]


class PreviewOut(Wire):
    """What would change. Lists are by score alone: without the line below which nothing is
    shown, and without putting near copies together."""

    stamp: str
    """Of the drafts as they were compared; publishing takes it back."""
    words: list[str]
    needs: int
    """Valid needs that hold one of the words."""
    achievements: int
    """Achievements that do, and may be proposed."""
    compared: int
    """Needs whose lists were compared: the first of them."""
    changed: int
    changes: list[NeedChangeOut]

    @property
    def is_cut(self) -> bool:
        """Whether not every need was compared."""
        return self.compared < self.needs


@dataclass(frozen=True, slots=True)
class _Drafts:
    """What is to be published."""

    stamp: str
    labels: list[str]
    words: frozenset[str]
    """Words whose texts are cut otherwise, or in another's name."""
    makers: Makers


def preview(services: Services, role: Role) -> PreviewOut:
    """Compare the first ten of needs that hold a changed word, at most 50 of them.

    Raises:
        DictionaryError: nothing is to be published, or the drafts contradict one another.
        ShardError: no index can answer.
    """
    drafts = _drafts(services)
    with services.searching(Kind.ACHIEVEMENT) as (repository, shard, _):
        needs = _holding(services, repository, Kind.NEED, drafts.words, role)
        compared = needs[:MOST_NEEDS]
        other, affected = _after(services, repository, shard, drafts)
        where = readable(services.record_filter(), role)
        open_ids = set(repository.eligible_ids(Kind.ACHIEVEMENT, where))
        before, after = _ranked(services, repository, shard, other, drafts, compared, where)
        changes = [
            (need, found)
            for need, old, new in zip(compared, before, after, strict=True)
            if (found := _difference(old, new))
        ]
        ids = {i for _, found in changes for i, _, _ in found}
        named = repository.get_many(Kind.ACHIEVEMENT, sorted(ids))
        return PreviewOut(
            stamp=drafts.stamp,
            words=drafts.labels,
            needs=len(needs),
            achievements=sum(stored.id in open_ids for stored in affected),
            compared=len(compared),
            changed=len(changes),
            changes=[_change(need, found, named, role) for need, found in changes],
        )


def _drafts(services: Services) -> _Drafts:
    with services.reading() as session:
        dictionary = DictionaryRepository(session)
        pending, wanted, stamp = dictionary.pending(), dictionary.wanted(), dictionary.stamp()
    if not pending:
        raise DictionaryError("没有草稿，也没有待撤下的词，没有可以比较的。请先添加词。")
    entries = [term.entry for term in pending]
    words = {word for entry in entries for word in (entry.term, entry.canonical) if word}
    extended(default_lexicon(), wanted)
    makers = services.words.with_entries(wanted)
    words |= _same_as(services.words.today(), words) | _same_as(makers, words)
    return _Drafts(stamp, [entry.label for entry in entries], frozenset(words), makers)


def _same_as(makers: Makers, words: set[str]) -> set[str]:
    """Every form of the groups that some words are of: they get another name together."""
    tokenizer = makers.tokenizer
    if not isinstance(tokenizer, JiebaTokenizer):
        return set()
    roots = {tokenizer.lexicon.synonyms.get(word, word) for word in words}
    return {form for form, root in tokenizer.lexicon.synonyms.items() if root in roots}


def _holding(
    services: Services,
    repository: CorpusRepository,
    kind: Kind,
    words: frozenset[str],
    role: Role,
) -> list[StoredRecord]:
    """Records that hold one of the words and that the role may read, in order of id."""
    where = readable(services.record_filter(), role)
    perhaps = set(perhaps_holding(services.shard(kind), words).tolist())
    ids = [i for i in repository.eligible_ids(kind, where) if i in perhaps]
    found = repository.get_many(kind, ids)
    return [found[i] for i in ids if i in found and holds_word(found[i], words)]


def _after(
    services: Services, repository: CorpusRepository, shard: IndexShard, drafts: _Drafts
) -> tuple[IndexShard, list[StoredRecord]]:
    """The index as it would be, and the records that are cut anew for it."""
    ids = perhaps_holding(shard, drafts.words).tolist()
    found = repository.get_many(Kind.ACHIEVEMENT, ids)
    affected = [found[i] for i in ids if i in found and holds_word(found[i], drafts.words)]
    generation = services.store.generation(Kind.ACHIEVEMENT)
    return retokenised(generation, shard, affected, drafts.makers.tokenizer), affected


def _ranked(
    services: Services,
    repository: CorpusRepository,
    shard: IndexShard,
    other: IndexShard,
    drafts: _Drafts,
    needs: Sequence[StoredRecord],
    where: RecordFilter,
) -> tuple[list[list[int]], list[list[int]]]:
    """Ids of the first ten of each need, now and then."""
    now = services.engine_for(shard.manifest.maker)
    then = services.engine_with(drafts.makers)
    queries = [Query.of(need.record) for need in needs]
    asked = prepare_queries(
        queries, now.makers, now.config.query, dense=shard.dense is not None
    )  # fmt: skip
    cut = prepare_queries(queries, drafts.makers, now.config.query, dense=False)
    again: list[PreparedQuery] = [
        replace(new, vector=old.vector) for old, new in zip(asked, cut, strict=True)
    ]
    before = now.rank(repository, asked, Kind.ACHIEVEMENT, where, TOP, shard)
    after = then.rank(repository, again, Kind.ACHIEVEMENT, where, TOP, other)
    return [[d.id for d in one] for one in before], [[d.id for d in one] for one in after]


def _difference(old: list[int], new: list[int]) -> list[tuple[int, int | None, int | None]]:
    """(id, place before, place after) of what is not where it was, in order of place."""
    before = {doc: place for place, doc in enumerate(old, start=1)}
    after = {doc: place for place, doc in enumerate(new, start=1)}
    return [
        (doc, before.get(doc), after.get(doc))
        for doc in dict.fromkeys([*new, *old])
        if before.get(doc) != after.get(doc)
    ]


def _change(
    need: StoredRecord,
    found: Sequence[tuple[int, int | None, int | None]],
    named: dict[int, StoredRecord],
    role: Role,
) -> NeedChangeOut:
    moves = [
        MoveOut(achievement=OtherOut.of(named[i].record, role), before=old, after=new)
        for i, old, new in found
        if i in named
    ]
    return NeedChangeOut(
        need=OtherOut.of(need.record, role),
        entered=[move for move in moves if move.before is None],
        left=[move for move in moves if move.after is None],
        moved=[move for move in moves if move.before is not None and move.after is not None],
    )
