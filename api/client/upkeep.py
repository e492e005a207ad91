"""Keeping the data and the service in order, through the client."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import httpx

from api import dictionary, duplicates
from api.administration import AuditOut, UserChange, UserOut, UserPage
from api.client.http import Http, each
from api.dictionary import DictionaryOut, TermIn, TermOut, VersionOut
from api.dictionary_preview import PreviewOut as WordsPreview
from api.duplicate_search import SearchOut
from api.duplicates import GroupDetail, GroupOut, GroupPage, MergeIn
from api.routes.audit import AuditPage
from api.routes.duplicates import SearchIn
from api.routes.imports import ImportOut, ImportPage, PreviewOut
from api.routes.users import UserIn, UserWithPassword
from api.schemas import IndexState
from api.security.audit import Action
from api.system import SystemState
from corpus.duplicates.stored import GroupState
from corpus.model import Kind


class UpkeepCalls(Http):
    """Each call may be made by the roles that may make it in the pages."""

    # -- imports ---------------------------------------------------------------------------

    def imports(self, offset: int = 0, limit: int = 20) -> ImportPage:
        """One's own imports, the newest first; an administrator's are all."""
        return self._get(ImportPage, "/imports", {"offset": offset, "limit": limit})

    def all_imports(self) -> Iterator[ImportOut]:
        """All of them."""
        return each(self.imports, lambda page: page.imports)

    def import_state(self, upload_id: int) -> ImportOut:
        """How far an import is, and what it did."""
        return self._get(ImportOut, f"/imports/{upload_id}")

    def load(
        self,
        path: Path,
        kind: Kind | None = None,
        *,
        profile: Mapping[str, Any] | None = None,
        sheet: str = "",
        split: bool = False,
    ) -> ImportOut:
        """Load a file in the background; ask ``import_state`` until it is done.

        ``profile``: which column is what; else it is recognised. ``split``: cut rows that hold
        several needs.
        """
        answer = self._file(path, kind, profile, sheet, split=split, dry_run=False)
        return ImportOut.model_validate_json(answer.content)

    def preview(
        self,
        path: Path,
        kind: Kind | None = None,
        *,
        profile: Mapping[str, Any] | None = None,
        sheet: str = "",
        split: bool = False,
    ) -> PreviewOut:
        """What ``load`` would read; nothing is kept."""
        answer = self._file(path, kind, profile, sheet, split=split, dry_run=True)
        return PreviewOut.model_validate_json(answer.content)

    def _file(
        self,
        path: Path,
        kind: Kind | None,
        profile: Mapping[str, Any] | None,
        sheet: str,
        *,
        split: bool,
        dry_run: bool,
    ) -> httpx.Response:
        form: dict[str, Any] = {"sheet": sheet, "split": split, "dry_run": dry_run}
        if kind is not None:
            form["kind"] = kind.value
        if profile is not None:
            form["profile"] = json.dumps(profile, ensure_ascii=False)
        with path.open("rb") as file:
            return self._answered("POST", "/imports", data=form, files={"file": (path.name, file)})

    def failed_rows(self, upload_id: int, to: Path) -> Path:
        """Write the refused rows, with a reason each, to a workbook; its path."""
        to.write_bytes(self._answered("GET", f"/imports/{upload_id}/failed-rows").content)
        return to

    def undo_import(self, upload_id: int) -> ImportOut:
        """Take an import back."""
        return self._post(ImportOut, f"/imports/{upload_id}/undo")

    # -- duplicates ------------------------------------------------------------------------

    def duplicate_groups(
        self,
        kind: Kind = Kind.ACHIEVEMENT,
        state: GroupState = GroupState.OPEN,
        offset: int = 0,
        limit: int = 50,
    ) -> GroupPage:
        """Groups of records that seem to be one thing, the oldest first."""
        asked = {"kind": kind.value, "state": state.value, "offset": offset, "limit": limit}
        return self._get(GroupPage, "/duplicates", asked)

    def all_duplicate_groups(
        self, kind: Kind = Kind.ACHIEVEMENT, state: GroupState = GroupState.OPEN
    ) -> Iterator[GroupOut]:
        """Every group of a kind in a state. Deciding on them meanwhile moves the pages: take a
        list first."""
        return each(lambda o, n: self.duplicate_groups(kind, state, o, n), lambda page: page.groups)

    def duplicate_group(self, group_id: int) -> GroupDetail:
        """One group, whole."""
        return self._get(GroupDetail, f"/duplicates/{group_id}")

    def duplicate_searches(self) -> list[SearchOut]:
        """The last search for duplicates of each kind."""
        return self._all(SearchOut, "GET", "/duplicates/searches")

    def search_duplicates(self, kind: Kind) -> list[SearchOut]:
        """Start a search; it goes on after the answer."""
        body = SearchIn(kind=kind).model_dump(mode="json")
        return self._all(SearchOut, "POST", "/duplicates/searches", json=body)

    def merge(self, group: GroupOut, keep: str = "") -> GroupDetail:
        """Let ``keep`` (empty: the one proposed) stand for a group as it was read."""
        body = MergeIn(version=group.version, keep=keep)
        return self._post(GroupDetail, f"/duplicates/{group.id}/merge", body)

    def unmerge(self, group: GroupOut) -> GroupDetail:
        """Take a merge back."""
        return self._decide(group, "unmerge")

    def dismiss(self, group: GroupOut) -> GroupDetail:
        """They are different things."""
        return self._decide(group, "dismiss")

    def reopen(self, group: GroupOut) -> GroupDetail:
        """Take a dismissal back."""
        return self._decide(group, "reopen")

    def _decide(self, group: GroupOut, what: str) -> GroupDetail:
        body = duplicates.DecisionIn(version=group.version)
        return self._post(GroupDetail, f"/duplicates/{group.id}/{what}", body)

    # -- dictionary ------------------------------------------------------------------------

    def dictionary(self) -> DictionaryOut:
        """Every word that people added, and what acts now."""
        return self._get(DictionaryOut, "/dictionary/terms")

    def dictionary_versions(self) -> list[VersionOut]:
        """Every version, the newest first."""
        return self._all(VersionOut, "GET", "/dictionary/versions")

    def add_term(self, wanted: TermIn, *, once: str = "") -> TermOut:
        """Draft a word."""
        return self._post(TermOut, "/dictionary/terms", wanted, once)

    def withdraw_term(self, term_id: int) -> TermOut:
        """Drop a draft; a published word leaves with the next version."""
        return self._send(TermOut, "DELETE", f"/dictionary/terms/{term_id}")

    def restore_term(self, term_id: int) -> TermOut:
        """Take a withdrawal back."""
        return self._post(TermOut, f"/dictionary/terms/{term_id}/restore")

    def preview_dictionary(self) -> WordsPreview:
        """What publishing would change."""
        return self._post(WordsPreview, "/dictionary/preview")

    def publish_dictionary(self, stamp: str, note: str = "", *, once: str = "") -> VersionOut:
        """Let the drafts act; ``stamp`` of the dictionary as it was read."""
        body = dictionary.DecisionIn(stamp=stamp, note=note)
        return self._post(VersionOut, "/dictionary/publish", body, once)

    def roll_back_dictionary(self, stamp: str, note: str = "", *, once: str = "") -> VersionOut:
        """Bring back what acted before."""
        body = dictionary.DecisionIn(stamp=stamp, note=note)
        return self._post(VersionOut, "/dictionary/rollback", body, once)

    # -- accounts and the log --------------------------------------------------------------

    def users(self, offset: int = 0, limit: int = 100) -> UserPage:
        """Accounts, in order of creation."""
        return self._get(UserPage, "/users", {"offset": offset, "limit": limit})

    def all_users(self) -> Iterator[UserOut]:
        """Every account."""
        return each(self.users, lambda page: page.users)

    def user(self, user_id: int) -> UserOut:
        """One account."""
        return self._get(UserOut, f"/users/{user_id}")

    def create_user(self, wanted: UserIn) -> UserWithPassword:
        """A new account with a password for one login, told this once."""
        return self._post(UserWithPassword, "/users", wanted)

    def change_user(self, user_id: int, change: UserChange) -> UserOut:
        """Another role or scope, disabled or not; an ApiError 409 if it has changed since."""
        return self._patch(UserOut, f"/users/{user_id}", change, {})

    def reset_password(self, user_id: int) -> UserWithPassword:
        """A password for one login; every login and token of the account ends."""
        return self._post(UserWithPassword, f"/users/{user_id}/password")

    def end_sessions(self, user_id: int) -> None:
        """Every login of the account ends."""
        self._answered("DELETE", f"/users/{user_id}/sessions")

    def audit(
        self,
        offset: int = 0,
        limit: int = 100,
        *,
        action: Action | None = None,
        user: str | None = None,
        since: date | None = None,
        until: date | None = None,
    ) -> AuditPage:
        """The log, the newest first; days in Tangshan, both included."""
        asked = {
            "offset": offset, "limit": limit, "action": action.value if action else None,
            "user": user, "since": since.isoformat() if since else None,
            "until": until.isoformat() if until else None,
        }  # fmt: skip
        return self._get(AuditPage, "/audit", asked)

    def all_audit(self, **where: Any) -> Iterator[AuditOut]:
        """The whole log; ``where``: see ``audit``."""
        return each(lambda o, n: self.audit(o, n, **where), lambda page: page.entries)

    # -- the system ------------------------------------------------------------------------

    def system(self) -> SystemState:
        """Indexes, ranking model, database, disk, backups, settings made."""
        return self._get(SystemState, "/system")

    def indexes(self) -> list[IndexState]:
        """How each index stands to the database."""
        return self._all(IndexState, "GET", "/system/indexes")
