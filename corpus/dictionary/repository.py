"""Words in the database: drafts, versions, what acts now. Takes a session and never commits;
whoever writes holds ``corpus.database.writer``, so that what was checked is still so."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from corpus.dictionary.model import (
    DictionaryError,
    DictionaryVersion,
    Entry,
    StaleDictionaryError,
    Term,
    TermKind,
    TermState,
    UnknownTermError,
    VersionAction,
    active_stack,
)
from corpus.dictionary.tables import DictionaryTermTable, DictionaryVersionTable
from corpus.tables import aware, stored_id

_ACTING = frozenset({TermState.PUBLISHED, TermState.LEAVING})
_WANTED = frozenset({TermState.PUBLISHED, TermState.DRAFT})
_PENDING = frozenset({TermState.DRAFT, TermState.LEAVING})
_CHANGED = "你打开页面之后，词典有了变化，所以没有执行你的操作。请看过现在的内容再决定。"


class DictionaryRepository:
    """The dictionary of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    # -- reading ---------------------------------------------------------------------------

    def terms(self, states: Collection[TermState] = tuple(TermState)) -> list[Term]:
        """Terms in some states, in order of entry."""
        statement = (
            select(DictionaryTermTable)
            .where(col(DictionaryTermTable.state).in_(sorted(states)))
            .order_by(col(DictionaryTermTable.id))
        )
        return [_term(row) for row in self._session.exec(statement)]

    def pending(self) -> list[Term]:
        """What the next version will change: drafts, and terms that leave."""
        return self.terms(_PENDING)

    def wanted(self) -> list[Entry]:
        """What the next version will hold."""
        return [term.entry for term in self.terms(_WANTED)]

    def require(self, term_id: int) -> Term:
        """One term.

        Raises:
            UnknownTermError: there is none with that number.
        """
        return _term(self._row(term_id))

    def versions(self) -> list[DictionaryVersion]:
        """Every version, the oldest first."""
        statement = select(DictionaryVersionTable).order_by(col(DictionaryVersionTable.id))
        return [_version(row) for row in self._session.exec(statement)]

    def number(self) -> int:
        """Number of the version that acts; 0: nothing was ever published."""
        newest = select(func.max(col(DictionaryVersionTable.id)))
        return int(self._session.exec(newest).one() or 0)

    def content(self, number: int) -> list[Entry]:
        """What a version holds beyond the shipped dictionary; 0 holds nothing.

        Raises:
            UnknownTermError: there is no such version.
        """
        if number == 0:
            return []
        row = self._session.get(DictionaryVersionTable, number)
        if row is None:
            raise UnknownTermError(f"没有第 {number} 版词典。")
        wanted = set(row.term_ids)
        return [term.entry for term in self.terms() if term.id in wanted]

    def stamp(self) -> str:
        """Changes with every draft, withdrawal and version: what somebody saw before deciding."""
        seen = [f"{term.id} {term.state}" for term in self.terms()]
        digest = hashlib.sha256("\n".join([str(self.number()), *seen]).encode())
        return digest.hexdigest()[:16]

    # -- drafting --------------------------------------------------------------------------

    def add(self, entry: Entry, note: str, who: str, now_at: datetime) -> Term:
        """A draft. Conflicts with the words of the shipped dictionary are not seen here.

        Raises:
            DictionaryError: the same is drafted or published already.
        """
        self._check_new(entry)
        row = DictionaryTermTable(
            kind=entry.kind.value,
            term=entry.term,
            canonical=entry.canonical,
            note=note,
            state=TermState.DRAFT.value,
            created_by=who,
            created_at=now_at,
        )
        self._session.add(row)
        self._session.flush()
        return _term(row)

    def withdraw(self, term_id: int) -> Term:
        """Drop a draft; let a published term leave with the next version. Again: no change."""
        moves = {
            TermState.DRAFT: TermState.WITHDRAWN,
            TermState.PUBLISHED: TermState.LEAVING,
        }
        return self._moved(term_id, moves)

    def restore(self, term_id: int) -> Term:
        """Take a withdrawal back: what was leaving stays, what was dropped is a draft again.

        Raises:
            DictionaryError: the same was drafted anew meanwhile.
        """
        term = self.require(term_id)
        if term.state is TermState.WITHDRAWN:
            self._check_new(term.entry)
        moves = {
            TermState.WITHDRAWN: TermState.DRAFT,
            TermState.LEAVING: TermState.PUBLISHED,
        }
        return self._moved(term_id, moves)

    # -- publishing ------------------------------------------------------------------------

    def publish(
        self, who: str, note: str, now_at: datetime, stamp: str = ""
    ) -> DictionaryVersion:  # fmt: skip
        """Let the drafts act and the leaving ones leave, from now on.

        Raises:
            DictionaryError: there is nothing to publish.
            StaleDictionaryError: ``stamp`` is given and no longer so.
        """
        self._check_stamp(stamp)
        if not self.pending():
            raise DictionaryError("没有草稿，也没有待撤下的词，不需要发布。请先添加词。")
        self._settle({term.id for term in self.terms(_WANTED)})
        return self._append(VersionAction.PUBLISHED, None, who, note, now_at)

    def rollback(
        self, who: str, note: str, now_at: datetime, stamp: str = ""
    ) -> DictionaryVersion:  # fmt: skip
        """Bring back what acted before the version that acts now. What only that version had is
        draft again.

        Raises:
            DictionaryError: nothing of ours acts.
            StaleDictionaryError: ``stamp`` is given and no longer so.
        """
        self._check_stamp(stamp)
        versions = self.versions()
        stack = active_stack(versions)
        if not stack:
            raise DictionaryError("现在用的就是随程序提供的词典，没有可以退回的版本。")
        target = stack[-2] if len(stack) > 1 else 0
        held = next((one.term_ids for one in versions if one.number == target), ())
        self._settle(set(held))
        return self._append(VersionAction.ROLLED_BACK, target, who, note, now_at)

    def _settle(self, acting: set[int]) -> None:
        """Terms with these ids act; of the others those that acted are drafts (taken back) or,
        where they were leaving, withdrawn."""
        for row in self._session.exec(select(DictionaryTermTable)):
            state = TermState(row.state)
            if stored_id(row) in acting:
                row.state = TermState.PUBLISHED.value
            elif state is TermState.LEAVING:
                row.state = TermState.WITHDRAWN.value
            elif state is TermState.PUBLISHED:
                row.state = TermState.DRAFT.value
            self._session.add(row)
        self._session.flush()

    def _append(
        self,
        action: VersionAction,
        restores: int | None,
        who: str,
        note: str,
        now_at: datetime,
    ) -> DictionaryVersion:
        row = DictionaryVersionTable(
            action=action.value,
            restores=restores,
            who=who,
            note=note,
            happened_at=now_at,
            term_ids=[term.id for term in self.terms(_ACTING)],
        )
        self._session.add(row)
        self._session.flush()
        return _version(row)

    def _check_stamp(self, stamp: str) -> None:
        if stamp and stamp != self.stamp():
            raise StaleDictionaryError(_CHANGED)

    def _check_new(self, entry: Entry) -> None:
        for term in self.terms(_ACTING | _PENDING):
            if term.entry.term == entry.term:
                what = f"{term.entry.kind}（{term.state}）"
                raise DictionaryError(f"“{entry.term}”已经是{what}，请先处理那一条。")

    def _moved(self, term_id: int, moves: dict[TermState, TermState]) -> Term:
        row = self._row(term_id)
        row.state = moves.get(TermState(row.state), TermState(row.state)).value
        self._session.add(row)
        self._session.flush()
        return _term(row)

    def _row(self, term_id: int) -> DictionaryTermTable:
        row = self._session.get(DictionaryTermTable, term_id)
        if row is None:
            raise UnknownTermError(f"没有编号为 {term_id} 的词。请刷新页面查看。")
        return row


def contents(
    versions: Sequence[DictionaryVersion], terms: Sequence[Term]
) -> dict[int, list[Entry]]:
    """By number, what each version holds; 0 holds nothing."""
    entries = {term.id: term.entry for term in terms}
    found = {one.number: [entries[i] for i in one.term_ids] for one in versions}
    return {0: [], **found}


def _term(row: DictionaryTermTable) -> Term:
    return Term(
        id=stored_id(row),
        entry=Entry(TermKind(row.kind), row.term, row.canonical),
        note=row.note,
        state=TermState(row.state),
        created_by=row.created_by,
        created_at=aware(row.created_at),
    )


def _version(row: DictionaryVersionTable) -> DictionaryVersion:
    return DictionaryVersion(
        number=stored_id(row),
        action=VersionAction(row.action),
        restores=row.restores,
        who=row.who,
        note=row.note,
        happened_at=aware(row.happened_at),
        term_ids=tuple(row.term_ids),
    )
