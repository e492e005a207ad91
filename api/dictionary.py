"""The dictionary at the edge: drafting words, publishing them, going back, and its wire schemas."""

from __future__ import annotations

from datetime import datetime

from pydantic import Field
from sqlmodel import Session

from api.clock import now_at
from api.deps import Name
from api.schemas import Wire
from api.security.audit import Action, Actor, AuditLog
from api.services import Services
from corpus.dictionary.model import (
    DictionaryError,
    DictionaryVersion,
    Entry,
    Term,
    TermKind,
    TermState,
    VersionAction,
    active_stack,
    checked_entry,
    checked_note,
)
from corpus.dictionary.repository import DictionaryRepository
from corpus.model import Kind
from indexer.dictionary import extended
from indexer.errors import IndexBusyError, ShardError
from indexer.tokenizer import Tokenizer, default_lexicon


class TermIn(Wire):
    """A word to add."""

    kind: TermKind = Field(examples=["新词"])
    term: Name = Field(examples=["氢基竖窑炉"])
    canonical: Name = Field(default="", description="For 同义词: the word it is the same as.")
    note: Name = Field(default="", description="Why; at most 200 characters.")


class TermOut(Wire):
    """A word that people added."""

    id: int
    kind: TermKind
    term: str = Field(description="As the search reads it: half width, simplified, lower case.")
    canonical: str
    note: str
    state: TermState
    created_by: str
    created_at: datetime

    @classmethod
    def of(cls, term: Term) -> TermOut:
        return cls(
            id=term.id,
            kind=term.entry.kind,
            term=term.entry.term,
            canonical=term.entry.canonical,
            note=term.note,
            state=term.state,
            created_by=term.created_by,
            created_at=term.created_at,
        )


class VersionOut(Wire):
    """A version of the dictionary."""

    number: int
    action: VersionAction
    restores: int | None = Field(description="Of a rollback: what acts again; 0: what ships.")
    who: str
    note: str
    happened_at: datetime
    terms: int = Field(description="How many words it holds beyond the shipped dictionary.")

    @classmethod
    def of(cls, version: DictionaryVersion) -> VersionOut:
        return cls(
            number=version.number,
            action=version.action,
            restores=version.restores,
            who=version.who,
            note=version.note,
            happened_at=version.happened_at,
            terms=len(version.term_ids),
        )


class DecisionIn(Wire):
    """Publishing, or going back."""

    stamp: Name = Field(
        default="",
        description="Of the dictionary as it was read; another one is refused with 409.",
        examples=["5b1d0c94e2a7f386"],
    )
    note: Name = Field(
        default="", description="Why; at most 200 characters.", examples=["企业常用的说法"]
    )


class IndexWords(Wire):
    """With which version an index was made."""

    kind: Kind
    number: int | None = Field(description="Null: there is no index, or none of ours made it.")


class DictionaryOut(Wire):
    """The words that people added, and what acts."""

    stamp: str
    number: int = Field(description="Of the version that acts; 0: what ships.")
    can_go_back: bool
    indexes: list[IndexWords]
    terms: list[TermOut]
    versions: list[VersionOut] = Field(description="The newest first.")

    @property
    def pending(self) -> list[TermOut]:
        """What the next version would change."""
        return [t for t in self.terms if t.state in {TermState.DRAFT, TermState.LEAVING}]

    @property
    def is_indexed(self) -> bool:
        """Whether every index was made with what acts."""
        return all(one.number == self.number for one in self.indexes)


def overview(services: Services) -> DictionaryOut:
    """Everything there is to see."""
    with services.reading() as session:
        dictionary = DictionaryRepository(session)
        versions = dictionary.versions()
        terms = [TermOut.of(term) for term in dictionary.terms()]
        stamp, number = dictionary.stamp(), dictionary.number()
    return DictionaryOut(
        stamp=stamp,
        number=number,
        can_go_back=bool(active_stack(versions)),
        indexes=[IndexWords(kind=kind, number=_made_with(services, kind)) for kind in Kind],
        terms=terms,
        versions=[VersionOut.of(version) for version in reversed(versions)],
    )


def _made_with(services: Services, kind: Kind) -> int | None:
    try:
        maker = services.store.generation(kind).manifest.maker
    except ShardError:
        return None
    return services.words.number_of(maker.tokenizer_fingerprint)


def add(services: Services, given: TermIn, who: str, actor: Actor) -> TermOut:
    """Draft a word; nothing acts before it is published.

    Raises:
        DictionaryError: it cannot be a word, is known, or contradicts another.
    """
    entry = checked_entry(given.kind, given.term, given.canonical)
    note = checked_note(given.note)
    _check_useful(entry, services.words.today().tokenizer)
    with services.writing() as session:
        dictionary = DictionaryRepository(session)
        term = dictionary.add(entry, note, who, now_at())
        extended(default_lexicon(), dictionary.wanted())
        _note(session, Action.WORD_DRAFTED, actor, f"dictionary_term:{term.id}")
        return TermOut.of(term)


def withdraw(services: Services, term_id: int, actor: Actor) -> TermOut:
    """Drop a draft, or let a published word leave with the next version. Again: no change."""
    with services.writing() as session:
        term = DictionaryRepository(session).withdraw(term_id)
        _note(session, Action.WORD_WITHDRAWN, actor, f"dictionary_term:{term.id}")
        return TermOut.of(term)


def restore(services: Services, term_id: int, actor: Actor) -> TermOut:
    """Take a withdrawal back.

    Raises:
        DictionaryError: the word was drafted anew meanwhile, or contradicts another.
    """
    with services.writing() as session:
        dictionary = DictionaryRepository(session)
        term = dictionary.restore(term_id)
        extended(default_lexicon(), dictionary.wanted())
        _note(session, Action.WORD_RESTORED, actor, f"dictionary_term:{term.id}")
        return TermOut.of(term)


def publish(services: Services, given: DecisionIn, who: str, actor: Actor) -> VersionOut:
    """Let the drafts act, in every process from its next query on. Call ``refresh`` afterwards:
    until then the indexes are asked with the dictionary that made them.

    Raises:
        DictionaryError: there is nothing to publish, or the words contradict one another.
        StaleDictionaryError: the drafts are not those that were looked at.
    """
    note = checked_note(given.note)
    with services.writing() as session:
        dictionary = DictionaryRepository(session)
        extended(default_lexicon(), dictionary.wanted())
        version = dictionary.publish(who, note, now_at(), given.stamp)
        _note(session, Action.DICTIONARY_PUBLISHED, actor, f"dictionary:{version.number}")
        return VersionOut.of(version)


def rollback(services: Services, given: DecisionIn, who: str, actor: Actor) -> VersionOut:
    """Bring back what acted before; otherwise as ``publish``."""
    note = checked_note(given.note)
    with services.writing() as session:
        version = DictionaryRepository(session).rollback(who, note, now_at(), given.stamp)
        _note(session, Action.DICTIONARY_ROLLED_BACK, actor, f"dictionary:{version.number}")
        return VersionOut.of(version)


def refresh(services: Services) -> bool:
    """Cut the words of both indexes anew where another dictionary did; False: somebody else is
    at work on one, and brings it up to date or is to be followed by this again."""
    for kind in Kind:
        try:
            services.refresh_index(kind)
        except IndexBusyError:
            return False
    return True


def _check_useful(entry: Entry, tokenizer: Tokenizer) -> None:
    """Refuse what changes nothing: a word that is one already, a stop word that is never cut."""
    whole = {t.term for t in tokenizer.tokenize(entry.term) if t.end - t.start == len(entry.term)}
    if entry.kind is TermKind.WORD and entry.term in whole:
        raise DictionaryError(f"检索已经把“{entry.term}”当作一个词，不必再加。")
    if entry.kind is TermKind.STOP and not whole:
        raise DictionaryError(f"检索不会切出“{entry.term}”这个词，停用它不起作用。")


def _note(session: Session, action: Action, actor: Actor, subject: str) -> None:
    AuditLog(session).note(action, actor, subject, now_at())
