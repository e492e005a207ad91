"""The shipped dictionary with the words that people add."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from corpus.dictionary.model import DictionaryError, Entry, TermKind
from indexer.tokenizer import Lexicon


def extended(lexicon: Lexicon, entries: Iterable[Entry]) -> Lexicon:
    """A lexicon with more words; the order of ``entries`` does not matter.

    A synonym may move a whole group: where its form is the canonical one of others, they follow.

    Raises:
        DictionaryError: an entry says again what is known, or contradicts it or another entry.
    """
    given = list(entries)
    words, forms, stops = (
        {entry.term: entry for entry in given if entry.kind is kind}
        for kind in (TermKind.WORD, TermKind.SYNONYM, TermKind.STOP)
    )
    if len(words) + len(forms) + len(stops) != len(given) or (
        words.keys() & forms.keys() or words.keys() & stops.keys() or forms.keys() & stops.keys()
    ):
        raise DictionaryError("同一个词出现了两次，请只保留一条。")
    for word in sorted(words):
        _check_word(lexicon, word)
    for entry in forms.values():
        _check_form(lexicon, entry)
    said = {*words, *forms, *(entry.canonical for entry in forms.values())}
    for stop in sorted(stops):
        _check_stop(lexicon, stop, said)
    target = {form: entry.canonical for form, entry in forms.items()}
    known = {*lexicon.synonyms, *target, *target.values()}
    return Lexicon(
        lexicon.terms | words.keys(),
        lexicon.stop_words | stops.keys(),
        {form: _root(form, target, lexicon.synonyms) for form in sorted(known)},
    )


def _check_word(lexicon: Lexicon, word: str) -> None:
    if word in lexicon.terms or word in lexicon.synonyms:
        raise DictionaryError(f"词典里已有“{word}”，不必再加。")
    if word in lexicon.stop_words:
        raise DictionaryError(f"“{word}”是随程序提供的停用词，不能再作为新词。")


def _check_form(lexicon: Lexicon, entry: Entry) -> None:
    for word in (entry.term, entry.canonical):
        if word in lexicon.stop_words:
            raise DictionaryError(f"“{word}”是停用词，检索不用它，不能作为同义词。")
    root = lexicon.synonyms.get(entry.term, entry.term)
    if root == entry.term:
        return
    if root == lexicon.synonyms.get(entry.canonical, entry.canonical):
        raise DictionaryError(f"“{entry.term}”已经是“{root}”的同义词，不必再加。")
    raise DictionaryError(
        f"“{entry.term}”已经是“{root}”的同义词。如果“{root}”和“{entry.canonical}”是一个意思，"
        f"请把“{root}”加为同义词。"
    )


def _check_stop(lexicon: Lexicon, stop: str, said: set[str]) -> None:
    if stop in lexicon.stop_words:
        raise DictionaryError(f"“{stop}”已经是停用词，不必再加。")
    if stop in said or stop in lexicon.terms or stop in lexicon.synonyms:
        raise DictionaryError(f"“{stop}”在词典里是技术词，不能又是停用词。")


def _root(form: str, target: Mapping[str, str], shipped: Mapping[str, str]) -> str:
    """The canonical form of a form, however long the way."""
    passed = [form]
    while (following := target.get(form) or shipped.get(form, form)) != form:
        form = following
        if form in passed:
            way = " → ".join([*passed, form])
            raise DictionaryError(f"同义词绕成了圈：{way}。请去掉其中一条。")
        passed.append(form)
    return form


def usable(lexicon: Lexicon, entries: Iterable[Entry]) -> Lexicon:
    """As ``extended``, without the entries that a later release says again or contradicts: what
    was published once must not keep anybody from searching."""
    given = sorted(entries, key=lambda entry: (entry.kind, entry.term, entry.canonical))
    try:
        return extended(lexicon, given)
    except DictionaryError:
        kept: list[Entry] = []
        made = lexicon
        for entry in given:
            try:
                made = extended(lexicon, [*kept, entry])
            except DictionaryError:
                continue
            kept.append(entry)
        return made
