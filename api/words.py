"""The words that texts are cut into: what ships, and what people published since.

An index goes on being asked with the dictionary that made it, until it has been made anew.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager

from sqlmodel import Session

from corpus.dictionary.model import Entry
from corpus.dictionary.repository import DictionaryRepository, contents
from indexer.build import Makers, words_fingerprint
from indexer.dictionary import usable
from indexer.tokenizer import JiebaTokenizer, default_lexicon, jieba_fingerprint

# Tokenizers at hand: today's, that of an index not yet made anew, that of a preview. Each takes
# some 100 MB.
_KEPT = 3


class Words:
    """Makers with the dictionary of each version. Safe for threads."""

    def __init__(
        self,
        shipped: Callable[[], Makers],
        reading: Callable[[], AbstractContextManager[Session]],
    ) -> None:
        self._shipped = shipped
        self._reading = reading
        self._lock = threading.Lock()
        self._building = threading.Lock()
        """Held for seconds, where ``_lock`` is for an instant: a preview keeps nobody waiting."""
        self._today: tuple[int, Makers] | None = None
        self._made: OrderedDict[str, Makers] = OrderedDict()
        self._names: dict[int, str] = {}
        """How an index names a version; what was published once never changes."""

    def today(self) -> Makers:
        """With the version that acts; another process may have published it."""
        with self._reading() as session:
            dictionary = DictionaryRepository(session)
            number, known = dictionary.number(), self._today
            if number == 0:
                return self._shipped()
            if known is not None and known[0] == number:
                return known[1]
            entries = dictionary.content(number)
        made = self.with_entries(entries)
        self._today = number, made
        return made

    def with_entries(self, entries: Sequence[Entry]) -> Makers:
        """With the shipped dictionary and these, as far as they do not contradict it."""
        if not entries:
            return self._shipped()
        lexicon = usable(default_lexicon(), entries)
        named = jieba_fingerprint(lexicon)
        found = self._kept(named)
        if found is None:
            with self._building:
                found = self._kept(named)  # somebody may have made it meanwhile
                if found is None:
                    found = Makers(self._shipped().encoder, JiebaTokenizer(lexicon))
                    self._keep(named, found)
        return found

    def _kept(self, named: str) -> Makers | None:
        with self._lock:
            if named in self._made:
                self._made.move_to_end(named)
            return self._made.get(named)

    def _keep(self, named: str, made: Makers) -> None:
        with self._lock:
            self._made[named] = made
            while len(self._made) > _KEPT:
                self._made.popitem(last=False)

    def fitting(self, made_with: str) -> Makers | None:
        """With the dictionary that an index names as its maker's; None: it is none of ours."""
        with self._lock:
            made = list(self._made.values())
        for makers in (self.today(), self._shipped(), *made):
            if makers.maker.tokenizer_fingerprint == made_with:
                return makers
        return next(
            (
                self.with_entries(entries)
                for number, entries in self._versions()
                if self._named(number, entries) == made_with
            ),
            None,
        )

    def number_of(self, made_with: str) -> int | None:
        """The newest version with the dictionary that an index names; None: none of ours."""
        return next(
            (n for n, entries in self._versions() if self._named(n, entries) == made_with), None
        )

    def _versions(self) -> list[tuple[int, list[Entry]]]:
        with self._reading() as session:
            dictionary = DictionaryRepository(session)
            found = contents(dictionary.versions(), dictionary.terms())
        return sorted(found.items(), reverse=True)

    def _named(self, number: int, entries: Sequence[Entry]) -> str:
        if not entries:
            return self._shipped().maker.tokenizer_fingerprint
        if number not in self._names:
            lexicon = usable(default_lexicon(), entries)
            self._names[number] = words_fingerprint(jieba_fingerprint(lexicon))
        return self._names[number]
