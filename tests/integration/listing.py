"""One office for all tests of a module: made once, as it was at the beginning of each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import delete

from api.clock import now_at
from api.tables import AuditTable
from corpus.confidentiality import Role
from corpus.model import Status
from corpus.repository import CorpusRepository
from matcher.tables import (
    FeedbackTable,
    ShortlistEntryTable,
    ShortlistShareTable,
    ShortlistTable,
)
from tests.integration.accounts import log_in, services_of
from tests.integration.office import RECORDS, SCOPES, office


@contextmanager
def one_office(folder: Path) -> Iterator[TestClient]:
    """An office that outlives a test."""
    with pytest.MonkeyPatch.context() as patch, office(patch, folder) as made:
        yield made


def as_it_was(client: TestClient) -> TestClient:
    """Nothing kept, nothing judged, the records as they were; an officer is logged in."""
    with services_of(client).writing() as session:
        for table in (ShortlistEntryTable, ShortlistShareTable, ShortlistTable, FeedbackTable,
                      AuditTable):  # fmt: skip
            session.exec(delete(table))
        CorpusRepository(session).put([(r, Status.ACTIVE) for r in RECORDS], now_at())
    client.headers.pop("X-CSRF-Token", None)
    log_in(client, Role.OFFICER)
    return client


@contextmanager
def somebody(client: TestClient, role: Role) -> Iterator[TestClient]:
    """Another browser, of somebody of a role."""
    with TestClient(client.app, base_url="https://testserver", follow_redirects=False) as other:
        log_in(other, role, **SCOPES.get(role, {}))
        yield other
