"""Requests of the client, and what it says when the server refuses."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import quote

import httpx
from pydantic import BaseModel, TypeAdapter

from api.schemas import Problem
from corpus.model import Kind

_PAGE = 100
_Model = TypeVar("_Model", bound=BaseModel)
_Page = TypeVar("_Page", bound=BaseModel)
_Row = TypeVar("_Row")


class ApiError(Exception):
    """The server refused; ``problem`` says why, as it is shown to people."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.status} {problem.title}: {problem.detail}")
        self.problem = problem


class Http:
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

    def _get(
        self, model: type[_Model], place: str, asked: Mapping[str, Any] | None = None
    ) -> _Model:
        return model.model_validate_json(self._answered("GET", place, params=asked).content)

    def _all(self, model: type[_Model], method: str, place: str, **sent: Any) -> list[_Model]:
        content = self._answered(method, place, **sent).content
        return TypeAdapter(list[model]).validate_json(content)  # type: ignore[valid-type]

    def _send(self, model: type[_Model], method: str, place: str, **sent: Any) -> _Model:
        return model.model_validate_json(self._answered(method, place, **sent).content)

    def _post(
        self, model: type[_Model], place: str, body: BaseModel | None = None, once: str = ""
    ) -> _Model:
        sent = {} if body is None else {"json": body.model_dump(mode="json")}
        headers = {"Idempotency-Key": once} if once else {}
        return self._send(model, "POST", place, headers=headers, **sent)

    def _patch(
        self, model: type[_Model], place: str, body: BaseModel, headers: Mapping[str, str]
    ) -> _Model:
        # What was not set stays as it is; None empties a field.
        sent = body.model_dump(mode="json", exclude_unset=True)
        return self._send(model, "PATCH", place, json=sent, headers=headers)

    def _answered(
        self, method: str, place: str, *, params: Mapping[str, Any] | None = None, **sent: Any
    ) -> httpx.Response:
        """
        Raises:
            ApiError: the server refused.
            httpx.HTTPError: it could not be reached, or did not answer in time.
        """
        given = {name: value for name, value in (params or {}).items() if value is not None}
        answer = self._http.request(method, f"/api/v1{place}", params=given, **sent)
        if answer.is_error:
            raise ApiError(Problem.model_validate_json(answer.content))
        return answer


def each(
    page: Callable[[int, int], _Page], rows: Callable[[_Page], Sequence[_Row]]
) -> Iterator[_Row]:
    """Every row, page by page. ``page`` takes an offset and a limit.

    What others add meanwhile to a list that begins with the newest makes a row come twice.
    """
    offset = 0
    while found := rows(page(offset, _PAGE)):
        yield from found
        offset += len(found)


def record_place(kind: Kind, key: str) -> str:
    """Path of a record below ``/api/v1``."""
    return f"/{kind.value}s/{quote(key)}"
