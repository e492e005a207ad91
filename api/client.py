"""A typed client of the API, for programs of the same network.

    with Client("https://zhitong.example", token="zt_…") as client:
        for match in client.search("钢渣用作水泥掺合料").matches:
            print(match.level, match.document.title, match.in_favour)

Values are those of the schema (``api/schemas.py`` and beside it); a test asks every route of the
schema through it, so that neither runs ahead of the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from api.api_route import entity_tag
from api.contacts import ContactsOut, ContactsState
from api.editing import AchievementPatch, NeedPatch
from api.explaining import ExplainOut
from api.feedback import FeedbackIn, FeedbackOut, FeedbackPage
from api.schemas import IndexState, Problem, RankingOut, RecordOut, RecordPage
from corpus.model import Kind, Maturity

_PAGE = 200
_Model = TypeVar("_Model", bound=BaseModel)


class ApiError(Exception):
    """The server refused; ``problem`` says why, as it is shown to people."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem


class Client:
    """One server and one personal token. Use it as a context manager, or ``close`` it."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout_s: float = 30.0,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=base_url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=timeout_s,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back the connections."""
        self._http.close()

    # -- records ---------------------------------------------------------------------------

    def records(self, kind: Kind, offset: int = 0, limit: int = 50, **where: Any) -> RecordPage:
        """A page of records that pass a filter (``where``: see ``search``), in order of entry."""
        asked = {"offset": offset, "limit": limit, **where}
        return self._get(RecordPage, f"/{kind.value}s", asked)

    def all_records(self, kind: Kind, **where: Any) -> Iterator[RecordOut]:
        """Every record that passes a filter, page by page."""
        offset = 0
        while page := self.records(kind, offset, _PAGE, **where).records:
            yield from page
            offset += len(page)

    def record(self, kind: Kind, key: str) -> RecordOut:
        """One record."""
        return self._get(RecordOut, _place(kind, key))

    def change(self, record: RecordOut, patch: NeedPatch | AchievementPatch) -> RecordOut:
        """Change fields of a record as it was read; an ApiError 412 if it is another now."""
        headers = {"If-Match": entity_tag(record.model_dump(mode="json"))}
        body = patch.model_dump(mode="json", exclude_unset=True)
        place = _place(record.kind, record.id)
        return self._send(RecordOut, "PATCH", place, json=body, headers=headers)

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
    ) -> RankingOut:
        """Achievements (or needs) for free text."""
        asked: dict[str, Any] = {
            "q": text, "kind": kind.value, "limit": limit, "field": list(field),
            "region": list(region), "min_maturity": min_maturity,
            "include_expired": include_expired,
        }  # fmt: skip
        return self._get(RankingOut, "/search", asked)

    def matches(self, kind: Kind, key: str, limit: int = 10, **where: Any) -> RankingOut:
        """What fits a record on the other side; no match means that nothing is good enough."""
        return self._get(RankingOut, f"{_place(kind, key)}/matches", {"limit": limit, **where})

    def explain(self, need: str, achievement: str, limit: int = 10, **where: Any) -> ExplainOut:
        """Where a pair stands, or what keeps it out."""
        asked = {"need": need, "achievement": achievement, "limit": limit, **where}
        return self._get(ExplainOut, "/explain", asked)

    # -- feedback --------------------------------------------------------------------------

    def feedback(self, offset: int = 0, limit: int = 50, **where: Any) -> FeedbackPage:
        """The log, the newest first; ``where``: need, achievement, shelved, undone."""
        return self._get(FeedbackPage, "/feedback", {"offset": offset, "limit": limit, **where})

    def judge(self, judgement: FeedbackIn, *, once: str = "") -> FeedbackOut:
        """Judge a pair in the name of the token's account. ``once``: an idempotency key."""
        body = judgement.model_dump(mode="json")
        headers = {"Idempotency-Key": once} if once else {}
        return self._send(FeedbackOut, "POST", "/feedback", json=body, headers=headers)

    def take_back(self, feedback_id: int) -> FeedbackOut:
        """Take a judgement back."""
        return self._send(FeedbackOut, "DELETE", f"/feedback/{feedback_id}")

    # -- contacts --------------------------------------------------------------------------

    def contacts(self, kind: Kind, key: str) -> ContactsOut:
        """How to reach the owner; an ApiError 403 until the owner has agreed. It is noted."""
        return self._get(ContactsOut, "/contacts", {"kind": kind.value, "id": key})

    def note_consent(self, kind: Kind, key: str, how: str) -> ContactsState:
        """Note that the owner of a record agreed to be called."""
        body = {"kind": kind.value, "id": key, "how": how}
        return self._send(ContactsState, "POST", "/contacts/consent", json=body)

    def withdraw_consent(self, kind: Kind, key: str) -> ContactsState:
        """Take the consent back."""
        asked = {"kind": kind.value, "id": key}
        return self._send(ContactsState, "DELETE", "/contacts/consent", params=asked)

    # -- the system ------------------------------------------------------------------------

    def indexes(self) -> list[IndexState]:
        """How each index stands to the database."""
        answer = self._answered("GET", "/system/indexes")
        return [IndexState.model_validate(one) for one in answer.json()]

    # --------------------------------------------------------------------------------------

    def _get(
        self, model: type[_Model], place: str, asked: Mapping[str, Any] | None = None
    ) -> _Model:
        params = {name: value for name, value in (asked or {}).items() if value is not None}
        return model.model_validate_json(self._answered("GET", place, params=params).content)

    def _send(self, model: type[_Model], method: str, place: str, **options: Any) -> _Model:
        return model.model_validate_json(self._answered(method, place, **options).content)

    def _answered(self, method: str, place: str, **options: Any) -> httpx.Response:
        """
        Raises:
            ApiError: the server refused.
            httpx.HTTPError: it could not be reached, or did not answer in time.
        """
        answer = self._http.request(method, f"/api/v1{place}", **options)
        if answer.is_error:
            raise ApiError(Problem.model_validate_json(answer.content))
        return answer


def _place(kind: Kind, key: str) -> str:
    return f"/{kind.value}s/{quote(key)}"
