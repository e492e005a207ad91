"""What a person does on the pages of the import, for tests."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from corpus.model import Kind
from tests.integration.accounts import services_of


def send(client: TestClient, path: Path, kind: str = "", name: str = "") -> Any:
    with path.open("rb") as file:
        return client.post(
            "/imports", files={"file": (name or path.name, file)}, data={"kind": kind}
        )


def sent(client: TestClient, path: Path, kind: str = "", name: str = "") -> str:
    """The address of an upload."""
    answer = send(client, path, kind, name)
    assert answer.status_code == 303, text(answer)
    place = answer.headers["location"]
    assert place.endswith("/columns")
    return str(place.removesuffix("/columns"))


def text(answer: Any) -> str:
    """A page without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text))


def fields(page: str) -> dict[str, str]:
    """The last form of a page that posts columns, as a browser would send it."""
    form = page[page.index('method="post"') :]
    found = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
    for name, options in re.findall(r'<select name="(\w+)"[^>]*>(.*?)</select>', form, re.S):
        chosen = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', options)
        found[name] = (chosen[1] if chosen[1] is not None else chosen[2]) if chosen else ""
    return found


def settle(client: TestClient, place: str, **changed: str) -> Any:
    """Take the columns as they are recognised."""
    page = client.get(f"{place}/columns")
    assert page.status_code == 200, text(page)
    answer = client.post(f"{place}/columns", data={**fields(page.text), **changed})
    assert answer.status_code == 303, text(answer)
    return client.get(answer.headers["location"])


def loaded(client: TestClient, place: str) -> Any:
    """Start, wait for the worker, and look at the report."""
    answer = client.post(f"{place}/run")
    assert answer.status_code == 303, text(answer)
    wait(client)
    report = client.get(place)
    assert report.status_code == 200
    return report


def wait(client: TestClient) -> None:
    """Until the worker has nothing to do: it works through what it is given in order."""
    client.app.state.imports._worker().submit(lambda: None).result()  # type: ignore[attr-defined]


TITLE = {"c2": "title"}
"""The column of names in the messy workbook, which nothing recognises."""


def keys(client: TestClient) -> set[str]:
    with services_of(client).repository() as repository:
        found = repository.iterate(Kind.NEED)
        return {one.record.key for one in found}


def form_of(page: str, number: int) -> dict[str, str]:
    """The fields of a refused row, as a browser would send them."""
    form = page[page.index(f'id="row-{number}"') :]
    form = form[: form.index("</form>")]
    found = dict(re.findall(r'<input id="\w+" name="(c\d+)" value="([^"]*)"', form))
    found |= dict(
        re.findall(r'<textarea id="\w+" name="(c\d+)"[^>]*>\n(.*?)</textarea>', form, re.S)
    )
    return {name: html.unescape(value) for name, value in found.items()}
