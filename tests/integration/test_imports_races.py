"""Two windows on one upload: what was seen before somebody loaded the file is no longer so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.security.audit import Actor
from api.security.visitor import Visitor
from api.uploads.desk import Desk
from api.uploads.model import State, UnknownUploadError, Upload, UploadError
from corpus.confidentiality import EVERY_ROW, Role
from tests.integration import messy_workbook
from tests.integration.accounts import log_in, services_of
from tests.integration.import_pages import TITLE, loaded, sent, settle
from tests.integration.office import office


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path / "home") as made:
        yield made


@pytest.fixture
def desk(client: TestClient) -> Desk:
    account = log_in(client, Role.OFFICER)
    visitor = Visitor(account.role, EVERY_ROW, Actor(user_id=account.id), account.name)
    return Desk(services_of(client), client.app.state.imports, visitor)  # type: ignore[attr-defined]


@pytest.fixture
def place(client: TestClient, desk: Desk, tmp_path: Path) -> str:
    """The address of an upload that is ready to be loaded."""
    found = sent(client, messy_workbook.write(tmp_path / "a.xlsx"))
    settle(client, found, **TITLE)
    return found


def test_what_was_loaded_meanwhile_stays_loaded(client: TestClient, desk: Desk, place: str) -> None:
    before = desk.upload(1)
    loaded(client, place)
    assert before.profile is not None
    with pytest.raises(UploadError, match="已经导入"):
        desk.choose(before, before.profile, before.sheet, split=before.split)
    with pytest.raises(UploadError, match="已经导入"):
        desk.discard(before)
    now = desk.upload(1)
    assert (now.state, now.import_id) == (State.DONE, 1)


def test_of_two_corrections_at_once_both_are_kept(
    client: TestClient, desk: Desk, place: str
) -> None:
    before = desk.upload(1)
    desk.fix(before, 6, {6: "100-200"})
    desk.fix(before, 7, {2: "废钢分拣"})
    assert set(desk.upload(1).fixes) == {6, 7}


def test_what_is_gone_is_not_brought_back(client: TestClient, desk: Desk, place: str) -> None:
    before = desk.upload(1)
    desk.discard(before)
    assert before.profile is not None
    with pytest.raises(UnknownUploadError):
        desk.choose(before, before.profile, before.sheet, split=before.split)


def test_tidying_up_goes_on_where_somebody_was_quicker(
    desk: Desk, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two workers take in a file at once, and both find the same old one."""
    monkeypatch.setattr("api.uploads.desk.KEPT_DAYS", -1)
    quicker = desk.discard

    def late(upload: Upload) -> None:
        quicker(upload)
        quicker(replace(upload))

    monkeypatch.setattr(desk, "discard", late)
    desk.tidy()
    with pytest.raises(UnknownUploadError):
        desk.upload(1)
