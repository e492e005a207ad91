"""Records, matching and organisations through the client."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from api.api_route import entity_tag
from api.client.http import Http, each, record_place
from api.contacts import ConsentIn, ContactsOut, ContactsState
from api.editing import AchievementPatch, NeedPatch
from api.explaining import ExplainOut
from api.facets import FacetsOut
from api.routes.organisations import OrganisationDetail, OrganisationOut, OrganisationPage
from api.schemas import RankingOut, RecordOut, RecordPage
from corpus.model import Kind, Maturity


class RecordCalls(Http):
    """``where`` is a filter: see ``search``; further: title, industry, maturity, protection."""

    # -- records ---------------------------------------------------------------------------

    def records(self, kind: Kind, offset: int = 0, limit: int = 50, **where: Any) -> RecordPage:
        """A page of records that pass a filter, in order of entry (``sort="newest"``: or not)."""
        asked = {"offset": offset, "limit": limit, **where}
        return self._get(RecordPage, f"/{kind.value}s", asked)

    def all_records(self, kind: Kind, **where: Any) -> Iterator[RecordOut]:
        """Every record that passes a filter."""
        return each(lambda o, n: self.records(kind, o, n, **where), lambda page: page.records)

    def record(self, kind: Kind, key: str) -> RecordOut:
        """One record."""
        return self._get(RecordOut, record_place(kind, key))

    def change(self, record: RecordOut, patch: NeedPatch | AchievementPatch) -> RecordOut:
        """Change fields of a record as it was read; an ApiError 412 if it is another now."""
        headers = {"If-Match": entity_tag(record.model_dump(mode="json"))}
        return self._patch(RecordOut, record_place(record.kind, record.id), patch, headers)

    def facets(self, kind: Kind, **where: Any) -> FacetsOut:
        """What can be filtered by, with counts given the filter."""
        return self._get(FacetsOut, "/facets", {"kind": kind.value, **where})

    # -- matching --------------------------------------------------------------------------

    def search(
        self,
        text: str,
        kind: Kind = Kind.ACHIEVEMENT,
        limit: int = 10,
        *,
        field: Sequence[str] = (),
        region: Sequence[str] = (),
        min_maturity: Maturity | None = None,
        include_expired: bool = False,
        **where: Any,
    ) -> RankingOut:
        """Achievements (or needs) for free text."""
        asked: dict[str, Any] = {
            "q": text, "kind": kind.value, "limit": limit, "field": list(field),
            "region": list(region), "min_maturity": min_maturity,
            "include_expired": include_expired, **where,
        }  # fmt: skip
        return self._get(RankingOut, "/search", asked)

    def matches(self, kind: Kind, key: str, limit: int = 10, **where: Any) -> RankingOut:
        """What fits a record on the other side; no match means that nothing is good enough."""
        asked = {"limit": limit, **where}
        return self._get(RankingOut, f"{record_place(kind, key)}/matches", asked)

    def explain(self, need: str, achievement: str, limit: int = 10, **where: Any) -> ExplainOut:
        """Where a pair stands, or what keeps it out."""
        asked = {"need": need, "achievement": achievement, "limit": limit, **where}
        return self._get(ExplainOut, "/explain", asked)

    # -- owners ----------------------------------------------------------------------------

    def organisations(self, offset: int = 0, limit: int = 50, name: str = "") -> OrganisationPage:
        """A page of organisations whose name holds ``name``, in order of entry."""
        asked = {"offset": offset, "limit": limit, "name": name}
        return self._get(OrganisationPage, "/organisations", asked)

    def all_organisations(self, name: str = "") -> Iterator[OrganisationOut]:
        """Every organisation whose name holds ``name``."""
        return each(lambda o, n: self.organisations(o, n, name), lambda page: page.organisations)

    def organisation(self, organisation_id: int) -> OrganisationDetail:
        """One organisation with what it offers and what it needs."""
        return self._get(OrganisationDetail, f"/organisations/{organisation_id}")

    def contacts(self, kind: Kind, key: str) -> ContactsOut:
        """How to reach the owner; an ApiError 403 until the owner has agreed. It is noted."""
        return self._get(ContactsOut, "/contacts", {"kind": kind.value, "id": key})

    def note_consent(self, kind: Kind, key: str, how: str, *, once: str = "") -> ContactsState:
        """Note that the owner of a record agreed to be called."""
        body = ConsentIn(kind=kind, id=key, how=how)
        return self._post(ContactsState, "/contacts/consent", body, once)

    def withdraw_consent(self, kind: Kind, key: str) -> ContactsState:
        """Take the consent back."""
        asked = {"kind": kind.value, "id": key}
        return self._send(ContactsState, "DELETE", "/contacts/consent", params=asked)
