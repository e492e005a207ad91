"""What people keep and say, through the client: feedback, shortlists, saved searches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from api.client.http import Http, each
from api.feedback import FeedbackIn, FeedbackOut, FeedbackPage
from api.routes.saved_searches import RenameIn, SavedSearchIn, SavedSearchList, SavedSearchOut
from api.shortlist_schemas import (
    EntryIn,
    EntryOut,
    EntryPatch,
    ShortlistFull,
    ShortlistIn,
    ShortlistOut,
    ShortlistPage,
    ShortlistPatch,
)


class WorkCalls(Http):
    """``once`` is an idempotency key: with it, a request that got no answer may be sent again."""

    # -- feedback --------------------------------------------------------------------------

    def feedback(self, offset: int = 0, limit: int = 50, **where: Any) -> FeedbackPage:
        """The log, the newest first; ``where``: need, achievement, shelved, undone."""
        return self._get(FeedbackPage, "/feedback", {"offset": offset, "limit": limit, **where})

    def all_feedback(self, **where: Any) -> Iterator[FeedbackOut]:
        """The whole log, the newest first."""
        return each(lambda o, n: self.feedback(o, n, **where), lambda page: page.entries)

    def judge(self, judgement: FeedbackIn, *, once: str = "") -> FeedbackOut:
        """Judge a pair in the name of the token's account."""
        return self._post(FeedbackOut, "/feedback", judgement, once)

    def take_back(self, feedback_id: int) -> FeedbackOut:
        """Take a judgement back."""
        return self._send(FeedbackOut, "DELETE", f"/feedback/{feedback_id}")

    # -- shortlists ------------------------------------------------------------------------

    def shortlists(
        self, offset: int = 0, limit: int = 50, *, archived: bool = False
    ) -> ShortlistPage:
        """Lists that one may read, the one changed last first; ``archived``: one's own put away."""
        asked = {"offset": offset, "limit": limit, "archived": archived}
        return self._get(ShortlistPage, "/shortlists", asked)

    def all_shortlists(self, *, archived: bool = False) -> Iterator[ShortlistOut]:
        """Every list that one may read."""
        return each(
            lambda o, n: self.shortlists(o, n, archived=archived), lambda page: page.shortlists
        )

    def shortlist(self, shortlist_id: int) -> ShortlistFull:
        """A list with its entries."""
        return self._get(ShortlistFull, f"/shortlists/{shortlist_id}")

    def create_shortlist(self, wanted: ShortlistIn, *, once: str = "") -> ShortlistFull:
        """A new list, shared with nobody."""
        return self._post(ShortlistFull, "/shortlists", wanted, once)

    def change_shortlist(self, shortlist_id: int, patch: ShortlistPatch) -> ShortlistFull:
        """Rename, note, share or take back; an ApiError 409 if it has changed since."""
        return self._patch(ShortlistFull, f"/shortlists/{shortlist_id}", patch, {})

    def archive_shortlist(self, shortlist_id: int) -> ShortlistOut:
        """Put a list away; nothing is lost."""
        return self._send(ShortlistOut, "DELETE", f"/shortlists/{shortlist_id}")

    def duplicate_shortlist(self, shortlist_id: int, *, once: str = "") -> ShortlistFull:
        """A copy of one's own."""
        return self._post(ShortlistFull, f"/shortlists/{shortlist_id}/duplicate", once=once)

    def add_entry(self, shortlist_id: int, wanted: EntryIn, *, once: str = "") -> EntryOut:
        """Put a pair at the end of a list; one that stands there is answered as it is."""
        return self._post(EntryOut, f"/shortlists/{shortlist_id}/entries", wanted, once)

    def change_entry(self, shortlist_id: int, entry_id: int, patch: EntryPatch) -> ShortlistFull:
        """Another note or place; an ApiError 409 if the list has changed since."""
        return self._patch(ShortlistFull, _entry(shortlist_id, entry_id), patch, {})

    def remove_entry(self, shortlist_id: int, entry_id: int) -> ShortlistFull:
        """Take an entry out."""
        return self._send(ShortlistFull, "DELETE", _entry(shortlist_id, entry_id))

    def restore_entry(self, shortlist_id: int, entry_id: int) -> ShortlistFull:
        """Put an entry back."""
        return self._post(ShortlistFull, f"{_entry(shortlist_id, entry_id)}/restore")

    # -- saved searches --------------------------------------------------------------------

    def saved_searches(self) -> list[SavedSearchOut]:
        """One's own, the newest first."""
        return self._get(SavedSearchList, "/saved-searches").searches

    def saved_search(self, search_id: int) -> SavedSearchOut:
        """One of them."""
        return self._get(SavedSearchOut, f"/saved-searches/{search_id}")

    def save_search(self, wanted: SavedSearchIn, *, once: str = "") -> SavedSearchOut:
        """Keep a search."""
        return self._post(SavedSearchOut, "/saved-searches", wanted, once)

    def rename_search(self, search_id: int, name: str) -> SavedSearchOut:
        """Give it another name."""
        return self._patch(SavedSearchOut, f"/saved-searches/{search_id}", RenameIn(name=name), {})

    def delete_search(self, search_id: int) -> SavedSearchOut:
        """Take it off the list."""
        return self._send(SavedSearchOut, "DELETE", f"/saved-searches/{search_id}")

    def restore_search(self, search_id: int) -> SavedSearchOut:
        """Put a deleted one back."""
        return self._post(SavedSearchOut, f"/saved-searches/{search_id}/restore")


def _entry(shortlist_id: int, entry_id: int) -> str:
    return f"/shortlists/{shortlist_id}/entries/{entry_id}"
