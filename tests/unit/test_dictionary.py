"""The shipped dictionary with more words: conflicts, groups that move, and which texts change."""

from __future__ import annotations

import functools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.dictionary.model import (
    DictionaryError,
    DictionaryVersion,
    Entry,
    TermKind,
    VersionAction,
    active_stack,
    checked_entry,
)
from indexer.dictionary import extended, usable
from indexer.tokenizer import JiebaTokenizer, Lexicon, default_lexicon, jieba_fingerprint
from tests.conftest import NOW_AT
from tests.integration.faked import shipped_tokenizer

SMALL = Lexicon(
    frozenset({"甲钢", "乙泵"}),
    frozenset({"以及"}),
    {"丙窑": "丙窑", "丁窑": "丙窑", "cfb": "丙窑"},
)
NAMES = ("丙窑", "丁窑", "cfb", "戊炉", "己炉", "庚炉", "辛炉")


def synonym(term: str, canonical: str) -> Entry:
    return Entry(TermKind.SYNONYM, term, canonical)


def test_a_moved_group_takes_its_forms_along() -> None:
    moved = extended(SMALL, [synonym("丙窑", "戊炉"), synonym("己炉", "丙窑")]).synonyms
    assert moved == dict.fromkeys(("丙窑", "丁窑", "cfb", "戊炉", "己炉"), "戊炉")


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=6))
def test_every_form_has_one_name_whatever_the_order_or_it_is_refused(
    pairs: list[tuple[str, str]],
) -> None:
    entries = [synonym(*pair) for pair in pairs if pair[0] != pair[1]]
    try:
        made = extended(SMALL, entries).synonyms
    except DictionaryError:
        with pytest.raises(DictionaryError):
            extended(SMALL, reversed(entries))
        return
    assert made == extended(SMALL, reversed(entries)).synonyms
    assert {made[root] == root for root in made.values()} <= {True}
    assert all(made[one.term] == made[one.canonical] for one in entries)
    assert made["丁窑"] == made["丙窑"] == made["cfb"]


@pytest.mark.parametrize(
    "entries",
    [
        [Entry(TermKind.WORD, "甲钢")],
        [Entry(TermKind.WORD, "丁窑")],
        [Entry(TermKind.WORD, "以及")],
        [Entry(TermKind.STOP, "以及")],
        [Entry(TermKind.STOP, "乙泵")],
        [Entry(TermKind.STOP, "丁窑")],
        [Entry(TermKind.STOP, "戊炉"), Entry(TermKind.WORD, "戊炉")],
        [Entry(TermKind.STOP, "戊炉"), synonym("己炉", "戊炉")],
        [synonym("戊炉", "以及")],
        [synonym("丁窑", "戊炉")],
        [synonym("丁窑", "丙窑")],
        [synonym("戊炉", "己炉"), synonym("己炉", "戊炉")],
    ],
)
def test_contradictions_are_refused(entries: list[Entry]) -> None:
    with pytest.raises(DictionaryError):
        extended(SMALL, entries)


def test_what_a_later_release_says_itself_is_left_out_and_the_rest_acts() -> None:
    entries = [Entry(TermKind.WORD, "甲钢"), synonym("丁窑", "戊炉"), Entry(TermKind.WORD, "己炉")]
    assert usable(SMALL, entries) == extended(SMALL, entries[2:])
    assert usable(SMALL, entries[2:]) == extended(SMALL, entries[2:])


def test_nothing_more_is_what_ships_and_more_is_another() -> None:
    assert extended(SMALL, []).fingerprint == SMALL.fingerprint
    for entry in (
        Entry(TermKind.WORD, "戊炉"),
        Entry(TermKind.STOP, "戊炉"),
        synonym("戊炉", "丙窑"),
    ):
        more = extended(SMALL, [entry])
        assert more.fingerprint != SMALL.fingerprint
        assert jieba_fingerprint(more) != jieba_fingerprint(SMALL)


@functools.cache
def longer() -> JiebaTokenizer:
    entries = [
        Entry(TermKind.WORD, "氢基竖窑炉"),
        Entry(TermKind.STOP, "施工"),
        synonym("炉墙热补料", "窑衬喷补料"),
    ]
    return JiebaTokenizer(extended(default_lexicon(), entries))


def terms(tokenizer: JiebaTokenizer, text: str) -> list[str]:
    return [token.term for token in tokenizer.tokenize(text)]


def test_words_synonyms_and_stop_words_act() -> None:
    assert longer().fingerprint == jieba_fingerprint(longer().lexicon)
    text = "氢基竖窑炉的炉墙热补料施工"
    assert "氢基竖窑炉" not in terms(shipped_tokenizer(), text)
    assert "施工" in terms(shipped_tokenizer(), text)
    found = terms(longer(), text)
    assert {"氢基竖窑炉", "窑衬喷补料"} <= set(found)
    assert "施工" not in found


@settings(max_examples=200)
@given(st.lists(st.sampled_from("氢基竖窑炉墙热补料衬喷施工的和a1 ，"), max_size=40).map("".join))
def test_a_text_without_a_changed_word_is_cut_as_before(text: str) -> None:
    if any(word in text for word in ("氢基竖窑炉", "施工", "炉墙热补料", "窑衬喷补料")):
        return
    assert longer().tokenize(text) == shipped_tokenizer().tokenize(text)


@given(st.text(max_size=200))
def test_whatever_is_typed_is_an_entry_or_refused(typed: str) -> None:
    for kind in TermKind:
        try:
            entry = checked_entry(kind, typed, "窑衬" if kind is TermKind.SYNONYM else "")
        except DictionaryError:
            continue
        else:
            assert 1 <= len(entry.term) <= 30
            assert checked_entry(kind, entry.term, entry.canonical) == entry


@given(st.lists(st.booleans(), max_size=12))
def test_going_back_is_the_end_of_the_last_version_that_still_acts(acts: list[bool]) -> None:
    stack: list[int] = []
    versions = []
    for number, publishes in enumerate(acts, start=1):
        if not publishes and not stack:
            continue
        action = VersionAction.PUBLISHED if publishes else VersionAction.ROLLED_BACK
        versions.append(DictionaryVersion(number, action, None, "", "", NOW_AT, ()))
        if publishes:
            stack.append(number)
        else:
            stack.pop()
    assert active_stack(versions) == stack
