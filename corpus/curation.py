"""What a person does to single records: withdraw, close, bring back, supplement.

Every act leaves a version. Takes a session's repository and history and never commits.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from corpus.editing import edited
from corpus.history import Action, Change, History
from corpus.model import CorpusError, Kind, Record, Status, StoredRecord
from corpus.repository import CorpusRepository


class CurationError(CorpusError):
    """An act that does not fit where a record stands; the message says why."""


_TARGET: Mapping[Action, Status] = {
    Action.WITHDRAWN: Status.WITHDRAWN,
    Action.EXPIRED: Status.EXPIRED,
    Action.RESTORED: Status.ACTIVE,
}
_FROM: Mapping[Action, frozenset[Status]] = {
    Action.WITHDRAWN: frozenset({Status.ACTIVE, Status.EXPIRED, Status.DELISTED}),
    Action.EXPIRED: frozenset({Status.ACTIVE}),
    Action.RESTORED: frozenset({Status.WITHDRAWN, Status.EXPIRED, Status.DELISTED}),
}


class Curator:
    """One person's acts in one transaction."""

    def __init__(
        self, repository: CorpusRepository, history: History, now_at: datetime, who: str
    ) -> None:
        self._repository = repository
        self._history = history
        self._now_at = now_at
        self._who = who

    def withdraw(self, kind: Kind, key: str, reason: str = "") -> StoredRecord:
        """Take a record out of matching; it and its history stay."""
        return self._move(kind, key, Action.WITHDRAWN, reason)

    def expire(self, kind: Kind, key: str, reason: str = "") -> StoredRecord:
        """Close a record whose time is over, whatever its date says."""
        return self._move(kind, key, Action.EXPIRED, reason)

    def restore(self, kind: Kind, key: str, reason: str = "") -> StoredRecord:
        """Bring a withdrawn, closed or delisted record back."""
        return self._move(kind, key, Action.RESTORED, reason)

    def edit(self, kind: Kind, key: str, changes: Mapping[str, Any], note: str = "") -> Record:
        """Change fields of a record by hand; where nothing differs nothing is noted.

        A later import of its source replaces what was changed; the versions keep it.

        Raises:
            UnknownRecordError: no such record.
            EditError: a field that cannot be edited, or a value that it cannot have.
        """
        stored = self._repository.require(kind, key)
        made = edited(stored.record, changes)
        if made == stored.record:
            return made
        self._repository.put([(made, stored.status)], self._now_at)
        change = Change(kind, key, Action.EDITED, made, stored.status)
        self._history.add([change], self._now_at, self._who, note)
        return made

    def supplement(self, record: Record, note: str = "") -> None:
        """Store a record with new supplements.

        Raises:
            UnknownRecordError: it is not stored.
        """
        status = self._repository.require(record.kind, record.key).status
        self._repository.put([(record, status)], self._now_at)
        change = Change(record.kind, record.key, Action.SUPPLEMENTED, record, status)
        self._history.add([change], self._now_at, self._who, note)

    def _move(self, kind: Kind, key: str, action: Action, reason: str) -> StoredRecord:
        """
        Raises:
            UnknownRecordError: no such record.
            CurationError: it stands where the act makes no sense.
        """
        stored = self._repository.require(kind, key)
        if stored.status not in _FROM[action]:
            hint = "请先取消合并。" if stored.status is Status.MERGED else ""
            raise CurationError(
                f"{kind.label} {key} 现在是“{stored.status.value}”，不能{action.value}。{hint}"
            )
        if action is not Action.RESTORED and (hidden := self._repository.represented_by(kind, key)):
            raise CurationError(
                f"{kind.label} {key} 代表已合并的 {len(hidden)} 条（{'、'.join(hidden[:5])}），"
                f"{action.value}会让它们一起消失。请先取消合并（zhitong duplicates unmerge）。"
            )
        moved = self._repository.set_status(kind, key, _TARGET[action], self._now_at)
        change = Change(kind, key, action, moved.record, moved.status)
        self._history.add([change], self._now_at, self._who, reason)
        return moved
