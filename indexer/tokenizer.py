"""Words out of text, with exact places in the original.

Chinese is cut by jieba in search mode with a dictionary of technical terms; Japanese kana and
Korean hangul, which jieba does not know, become overlapping character pairs. Whole words are
kept beside their parts, so that 钢渣 finds 转炉钢渣微粉 and the whole word still scores higher.
"""

from __future__ import annotations

import hashlib
import re
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Protocol

with warnings.catch_warnings():
    # jieba 0.42.1 is its last release; these two come from its source, not from its use.
    warnings.filterwarnings("ignore", message="invalid escape sequence")
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    import jieba

from corpus.text import fold

# Counts up when the code below changes what comes out for the same dictionary.
_CODE_VERSION = 3

_RUN = re.compile(
    r"(?P<word>[\u3400-\u4dbf\u4e00-\u9fff\u2e80-\u2fdf\U00020000-\U0003134f\u3007"
    r"a-z0-9\u00b5\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff+#&._%-]+)"
    r"|(?P<syllables>[\u3040-\u30ff\u31f0-\u31ff\uac00-\ud7a3]+)"
)
# Words of alphabets that stand whole. jieba cuts them at letters it does not know (größe) and at
# terms within (controlled, by the term led).
_LETTERS = re.compile(r"[a-z0-9\u00b5\u00df-\u00f6\u00f8-\u024f\u0370-\u03ff]+")
_NUMBER = re.compile(r"[\d.,%+#&_-]+")
# One-character technical words. A compound that ends in one also yields it (Chinese compounds
# are head-final), so that 膜 finds 反渗透膜.
_HEADS = frozenset(
    "膜烯钢铁铝铜锌钛镁锂钠酸碱盐醇醛酮酯醚胺泵阀炉窑釉瓷砖渣灰泥油煤焦气氢氧氮氨胶漆纱布丝线管板轴轮机车船"
)
_MAX_SYLLABLES = 12


@dataclass(frozen=True, slots=True)
class Token:
    """A searchable term and its span ``[start, end)`` in the original text."""

    term: str
    start: int
    end: int


class Tokenizer(Protocol):
    """Text to terms; the same text gives the same terms in every process."""

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) of everything that decides the output: dictionary, code version."""
        ...

    def tokenize(self, text: str) -> list[Token]:
        """Terms in order of their start, stop words and bare numbers left out."""
        ...


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Technical terms, stop words and synonyms (every form → its first, canonical form)."""

    terms: frozenset[str]
    stop_words: frozenset[str]
    synonyms: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the three lists."""
        digest = hashlib.sha256()
        for part in (
            sorted(self.terms),
            sorted(self.stop_words),
            sorted(f"{form}={canonical}" for form, canonical in self.synonyms.items()),
        ):
            digest.update("\n".join(part).encode() + b"\x00")
        return digest.hexdigest()


@cache
def default_lexicon() -> Lexicon:
    """The lexicon shipped in ``corpus/resources``."""
    terms = {_folded(line.split("\t")[0]) for line in _resource_lines("terms.tsv")}
    groups = [line.split(",") for line in _resource_lines("synonyms.txt")]
    synonyms = {
        _folded(form): _folded(group[0]) for group in groups for form in group if form.strip()
    }
    stop_words = {_folded(line) for line in _resource_lines("stopwords.txt")}
    return Lexicon(frozenset(terms), frozenset(stop_words), synonyms)


class JiebaTokenizer:
    """jieba in search mode over folded text, with its own dictionary object.

    The module-level ``jieba`` functions share one global tokenizer, which anyone in the process
    may change; this class never touches it.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self._lexicon = lexicon or default_lexicon()
        self._jieba = _load_jieba()
        for term in sorted({*self._lexicon.terms, *self._lexicon.synonyms}):
            if len(term) > 1 and _RUN.fullmatch(term):
                self._jieba.add_word(term)
        self._longest_synonym = max(map(len, self._lexicon.synonyms), default=0)
        # Forms of two scripts (リチウムイオン電池), which no run of one script holds.
        mixed = (form for form in self._lexicon.synonyms if not _RUN.fullmatch(form))
        longest_first = sorted(mixed, key=lambda form: (-len(form), form))
        self._mixed = re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")
        self.fingerprint = jieba_fingerprint(self._lexicon)

    @property
    def lexicon(self) -> Lexicon:
        """Its words."""
        return self._lexicon

    def tokenize(self, text: str) -> list[Token]:
        """See ``Tokenizer.tokenize``."""
        folded = fold(text)
        tokens: list[Token] = []
        for run in _RUN.finditer(folded.text):
            cut = self._words if run.lastgroup == "word" else self._syllables
            for word, offset in cut(run.group()):
                if not _useful(word, self._lexicon.stop_words):
                    continue
                start = run.start() + offset
                span = folded.span(start, start + len(word))
                tokens.append(Token(self._lexicon.synonyms.get(word, word), *span))
        for match in self._mixed.finditer(folded.text):
            tokens.append(Token(self._lexicon.synonyms[match.group()], *folded.span(*match.span())))
        # Words within words end in the same head: one of each.
        return sorted(dict.fromkeys(tokens), key=lambda token: (token.start, token.end))

    def _words(self, run: str) -> Iterator[tuple[str, int]]:
        whole = [match.span() for match in _LETTERS.finditer(run)]
        yield from ((run[start:end], start) for start, end in whole)
        inside = {place for start, end in whole for place in range(start + 1, end)}
        for word, start, end in self._jieba.tokenize(run, mode="search", HMM=False):
            if start in inside or end in inside:
                continue
            stripped = word.strip("+#&._%-")
            if stripped:
                yield stripped, start + word.index(stripped)
            if end - start > 1 and word[-1] in _HEADS:
                yield word[-1], end - 1

    def _syllables(self, run: str) -> Iterator[tuple[str, int]]:
        if len(run) <= _MAX_SYLLABLES:
            yield run, 0
        if len(run) > 2:
            for start in range(len(run) - 1):
                yield run[start : start + 2], start
        # Compounds are written together: 수소연료전지 holds 수소 and 연료전지.
        for length in range(3, min(len(run), self._longest_synonym) + 1):
            for start in range(len(run) - length + 1):
                if run[start : start + length] in self._lexicon.synonyms:
                    yield run[start : start + length], start


def jieba_fingerprint(lexicon: Lexicon) -> str:
    """Fingerprint of the ``JiebaTokenizer`` with a lexicon, without making it."""
    stamp = f"jieba {jieba.__version__} code {_CODE_VERSION} {lexicon.fingerprint}"
    return hashlib.sha256(stamp.encode()).hexdigest()


def _load_jieba() -> Any:
    # Not initialize(): that reads and writes a cache in the shared temporary folder.
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return tokenizer


def _useful(word: str, stop_words: frozenset[str]) -> bool:
    return word not in stop_words and not _NUMBER.fullmatch(word)


def _folded(entry: str) -> str:
    return fold(entry.strip()).text


def _resource_lines(name: str) -> Iterable[str]:
    text = resources.files("corpus.resources").joinpath(name).read_text("utf-8")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("#"))
