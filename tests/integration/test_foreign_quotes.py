"""A foreign quote stays as written, with the Chinese names of its words beside it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.clock import now_at
from api.schemas import SpanOut
from corpus.confidentiality import Role
from corpus.model import Achievement, Kind
from corpus.repository import CorpusRepository
from matcher.explain import Span
from matcher.query import Query
from tests.integration.accounts import log_in, services_of
from tests.integration.office import office

TITLE = "触媒を用いた鉄鉱石の焼成"


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[TestClient]:
    with office(monkeypatch, tmp_path) as made:
        services = services_of(made)
        with services.writing() as session:
            CorpusRepository(session).upsert(
                [Achievement(key="J1", title=TITLE, language="ja")], now_at()
            )
        services.refresh_index(Kind.ACHIEVEMENT)
        log_in(made, Role.OFFICER)
        yield made


def test_the_api_and_the_pages_gloss_a_foreign_sentence(client: TestClient) -> None:
    found = client.get(f"/api/v1/search?q={TITLE}&limit=50").json()["matches"]
    [match] = [one for one in found if one["document"]["id"] == "J1"]
    sentence = match["document_sentence"]
    assert sentence["quote"] == TITLE
    assert {"word": "触媒", "chinese": "催化剂"} in sentence["glosses"]
    chinese = next(one for one in found if one["document"]["language"] == "zh")
    assert chinese["document_sentence"]["glosses"] == []
    assert "触媒＝催化剂" in client.get(f"/?q={TITLE}").text


def test_what_is_hidden_has_no_gloss() -> None:
    hidden = SpanOut.sentence(Span("title", 0, 2), Query(TITLE), {"title"})
    assert (hidden.quote, hidden.glosses) == ("（未公开）", [])
    shown = SpanOut.sentence(Span("title", 0, len(TITLE)), Query(TITLE), ())
    assert shown.glossed.startswith(f"{TITLE}（")
    assert "触媒＝催化剂" in shown.glossed
