"""Which dictionary answers, while others are being made."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from api import words as module
from api.words import Words
from corpus.database import writer
from corpus.dictionary.model import Entry, TermKind
from corpus.dictionary.repository import DictionaryRepository
from indexer.build import Makers
from indexer.testing import CharTokenizer, FakeEncoder
from indexer.tokenizer import Lexicon, jieba_fingerprint
from tests.conftest import NOW_AT

FIRST, SECOND = (Entry(TermKind.WORD, word, "") for word in ("窑衬喷补料", "炉墙热补料"))


class Named(CharTokenizer):
    """Cuts nothing by words, but is named as the dictionary is."""

    made: int = 0

    def __init__(self, lexicon: Lexicon) -> None:
        type(self).made += 1
        self.fingerprint = jieba_fingerprint(lexicon)


@pytest.fixture
def tokenizers(monkeypatch: pytest.MonkeyPatch) -> type[Named]:
    class Fresh(Named):
        pass

    monkeypatch.setattr(module, "JiebaTokenizer", Fresh)
    return Fresh


def words_of(engine: Engine) -> Words:
    @contextmanager
    def reading() -> Iterator[Session]:
        with Session(engine) as session:
            yield session

    shipped = Makers(FakeEncoder(), CharTokenizer())
    return Words(lambda: shipped, reading)


def publish(engine: Engine, entry: Entry) -> None:
    with writer(engine) as session:
        dictionary = DictionaryRepository(session)
        dictionary.add(entry, "", "李工", NOW_AT)
        dictionary.publish("李工", "", NOW_AT)
        session.commit()


def test_nobody_waits_while_the_dictionary_of_a_preview_is_made(
    engine: Engine, tokenizers: type[Named], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(engine)
    publish(engine, FIRST)
    today = words.today()
    begun, go_on = threading.Event(), threading.Event()

    def slow(lexicon: Lexicon) -> Named:
        begun.set()
        assert go_on.wait(30)
        return tokenizers(lexicon)

    monkeypatch.setattr(module, "JiebaTokenizer", slow)
    preview = threading.Thread(target=words.with_entries, args=([FIRST, SECOND],))
    preview.start()
    assert begun.wait(30)
    found: list[Makers] = []
    asking = threading.Thread(target=lambda: found.append(words.today()))
    asking.start()
    asking.join(5)
    had_to_wait = asking.is_alive()
    go_on.set()
    asking.join()
    preview.join()
    assert (had_to_wait, found) == (False, [today])


def test_two_that_want_the_same_dictionary_make_it_once(
    engine: Engine, tokenizers: type[Named]
) -> None:
    words = words_of(engine)
    publish(engine, FIRST)
    found: list[Makers] = []
    asking = [threading.Thread(target=lambda: found.append(words.today())) for _ in range(4)]
    for one in asking:
        one.start()
    for one in asking:
        one.join()
    assert tokenizers.made == 1
    assert {id(one) for one in found} == {id(found[0])}


def test_an_index_finds_its_version_without_naming_all_of_them_again(
    engine: Engine, tokenizers: type[Named], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = words_of(engine)
    publish(engine, FIRST)
    before = words.today().maker.tokenizer_fingerprint
    publish(engine, SECOND)
    named: list[int] = []
    usable: Any = module.usable  # type: ignore[attr-defined]

    def counted(*given: Any) -> Any:
        named.append(1)
        return usable(*given)

    monkeypatch.setattr(module, "usable", counted)
    former = words.fitting(before)
    assert former is not None
    assert former.maker.tokenizer_fingerprint == before
    assert words.fitting("another's") is None
    named.clear()
    assert words.fitting(before) is former
    assert words.fitting("another's") is None
    assert words.number_of(before) == 1
    assert named == []
