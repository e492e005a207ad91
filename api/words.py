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
        self._lock = threading.RLock()
        self._today: tuple[int, Makers] | None = None
        self._made: OrderedDict[str, Makers] = OrderedDict()

    def today(self) -> Makers:
        """With the version that acts; another process may have published it."""
        with self._reading() as session:
            dictionary = DictionaryRepository(session)
            number = dictionary.number()
            if number == 0:
                return self._shipped()
            with self._lock:
                if self._today is None or self._today[0] != number:
                    self._today = number, self.with_entries(dictionary.content(number))
                return self._today[1]

    def with_entries(self, entries: Sequence[Entry]) -> Makers:
        """With the shipped dictionary and these, as far as they do not contradict it."""
        if not entries:
            return self._shipped()
        lexicon = usable(default_lexicon(), entries)
        named = jieba_fingerprint(lexicon)
        with self._lock:
            if named not in self._made:
                self._made[named] = Makers(self._shipped().encoder, JiebaTokenizer(lexicon))
                while len(self._made) > _KEPT:
                    self._made.popitem(last=False)
            self._made.move_to_end(named)
            return self._made[named]

    def fitting(self, made_with: str) -> Makers | None:
        """With the dictionary that an index names as its maker's; None: it is none of ours."""
        today = self.today()
        if today.maker.tokenizer_fingerprint == made_with:
            return today
        for number, entries in self._versions():
            if self._named(entries) == made_with:
                return self.with_entries(entries) if number else self._shipped()
        return None

    def number_of(self, made_with: str) -> int | None:
        """The newest version with the dictionary that an index names; None: none of ours."""
        return next(
            (n for n, entries in self._versions() if self._named(entries) == made_with), None
        )

    def _versions(self) -> list[tuple[int, list[Entry]]]:
        with self._reading() as session:
            dictionary = DictionaryRepository(session)
            found = contents(dictionary.versions(), dictionary.terms())
        return sorted(found.items(), reverse=True)

    def _named(self, entries: Sequence[Entry]) -> str:
        if not entries:
            return self._shipped().maker.tokenizer_fingerprint
        return words_fingerprint(jieba_fingerprint(usable(default_lexicon(), entries)))
