"""Contacts hidden in free text: taken out of it and returned beside it.

A number counts as a phone number by its shape where the shape is unmistakable (a mobile, an area
code with a separator, an international prefix), and else only behind a label. Patent numbers,
standards, project numbers and quantities are told apart by what stands around them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from corpus.cleaning import contact_patterns as patterns
from corpus.model import Contact, ContactKind

_MAX_ROUNDS = 4
_SEPARATORS = " \u00a0，,、；;/：:|"
_STRENGTH = {c: n for n, c in enumerate("|/ ：:、,，;；")}
_OPENING = dict(zip("(（[【<“", ")）]】>”", strict=True))
_ENDS = "。！？!?.\n)）]】"


@dataclass(frozen=True, slots=True)
class _Found:
    start: int
    end: int
    contacts: tuple[Contact, ...] = ()


def extract_contacts(text: str) -> tuple[str, tuple[Contact, ...]]:
    """``text`` without the contacts in it, and these, each once, in the order written.

    Taken out with their labels and now empty brackets: phone numbers (mainland, international
    with their prefix), mail addresses, QQ and 微信 accounts and contact persons where labelled or
    beside a number, and masks such as ``<contact>``. A text without any comes back unchanged.
    """
    contacts: list[Contact] = []
    # Taking something out can bring the halves of another together.
    for _ in range(_MAX_ROUNDS):
        found = _merged(sorted(_scan(text), key=lambda f: (f.start, -f.end)))
        if not found:
            break
        contacts += [c for f in found for c in f.contacts]
        text = _cut(text, found)
    return text, tuple(dict.fromkeys(contacts))


def _scan(text: str) -> Iterator[_Found]:
    # The tests in front say cheaply that a pattern cannot match: most texts need none of them.
    numbered = patterns.MAY_BE_PHONE.search(text) is not None
    for match in patterns.LABELLED_PHONE.finditer(text) if numbered else ():
        numbers = patterns.ANY_NUMBER.finditer(match["numbers"])
        yield _with_neighbours(text, match.span(), [_phone(n) for n in numbers])
    for match in patterns.PHONE.finditer(text) if numbered else ():
        if not patterns.IDENTIFIER_BEFORE.search(_window(text, match.start())):
            yield _with_neighbours(text, match.span(), [_phone(match)])
    for match in patterns.MAIL.finditer(text) if "@" in text else ():
        yield _with_neighbours(text, match.span(), [Contact(ContactKind.MAIL, match.group())])
    for pattern, signs in patterns.ACCOUNTS:
        for match in pattern.finditer(text) if _holds_any(text, signs) else ():
            other = Contact(ContactKind.OTHER, f"{match['label']}：{match['value']}")
            yield _Found(match.start(), match.end(), (other,))
    for match in patterns.PERSON.finditer(text) if _holds_any(text, patterns.PERSON_SIGNS) else ():
        people = (Contact(ContactKind.PERSON, n) for n in re.split("[、/]", match["value"]))
        start = _start_of(patterns.INVITATION_BEFORE, text, match.start())
        yield _Found(start, match.end(), tuple(people))
    for match in patterns.MASK.finditer(text) if "<" in text else ():
        # A sign of comparison before a mask has lost what it compared with, and goes too. An
        # <id> may have been an ordinary word: its label stays.
        labelled = match.group() != "<id>"
        start = _start_of(patterns.LABEL_BEFORE, text, match.start()) if labelled else match.start()
        yield _Found(start, match.end())


def _holds_any(text: str, signs: Sequence[str]) -> bool:
    return any(sign in text for sign in signs)


def _with_neighbours(text: str, span: tuple[int, int], contacts: list[Contact]) -> _Found:
    """The span with its label, a name on either side and a remark like （微信同号）."""
    start, end = span
    if remark := patterns.SAME_NUMBER.match(text, end):
        end = remark.end()
    if after := patterns.NAME_AFTER.match(text, end):
        name = after["bracketed"] or after["titled"] or after["plain"]
        contacts = [*contacts, Contact(ContactKind.PERSON, name)]
        end = after.end()
    start = _start_of(patterns.LABEL_BEFORE, text, start)
    if before := patterns.NAME_BEFORE.search(_window(text, start)):
        contacts = [Contact(ContactKind.PERSON, before["value"]), *contacts]
        start = _start_of(patterns.LABEL_BEFORE, text, start - len(before.group()))
    return _Found(start, end, tuple(contacts))


def _start_of(pattern: re.Pattern[str], text: str, start: int) -> int:
    """Where a match of ``pattern`` that ends at ``start`` begins; ``start`` if there is none."""
    found = pattern.search(_window(text, start))
    return start - len(found.group()) if found else start


def _window(text: str, end: int, width: int = 28) -> str:
    return text[max(0, end - width) : end]


def _phone(match: re.Match[str]) -> Contact:
    return Contact(ContactKind.PHONE, " ".join(match.group().split()))


def _merged(found: list[_Found]) -> list[_Found]:
    merged: list[_Found] = []
    for one in found:
        if merged and one.start < merged[-1].end:
            last = merged[-1]
            # A number found twice is kept as the wider match has it.
            known = "".join(c.value for c in last.contacts)
            new = tuple(c for c in one.contacts if c.value not in known)
            merged[-1] = _Found(last.start, max(last.end, one.end), last.contacts + new)
        else:
            merged.append(one)
    return merged


def _cut(text: str, found: list[_Found]) -> str:
    """``text`` without the spans, with what stood around them joined readably."""
    kept: list[str] = []
    position = 0
    for one in found:
        kept.extend(text[position : one.start])
        position = one.end
        position = _drop_empty_brackets(kept, text, position)
        position = _join(kept, text, position)
    kept.extend(text[position:])
    return "".join(kept)


def _drop_empty_brackets(kept: list[str], text: str, position: int) -> int:
    while kept and position < len(text) and _OPENING.get(kept[-1]) == text[position]:
        kept.pop()
        position += 1
    return position


def _join(kept: list[str], text: str, position: int) -> int:
    """Settle the separators on both sides of a cut; returns where ``text`` goes on."""
    removed: list[str] = []
    while kept and kept[-1] in _SEPARATORS:
        removed.append(kept.pop())
    while position < len(text) and text[position] in _SEPARATORS:
        removed.append(text[position])
        position += 1
    left = kept[-1] if kept else "\n"
    right = text[position] if position < len(text) else "\n"
    if (left in "\n。！？!?" and right in "。.！？!?") or left == right == "\n":
        return position + 1
    if left in "\n。！？!?(（[【" or right in _ENDS:
        return position
    strongest = max(removed, key=lambda c: _STRENGTH.get(c, 2), default="")
    if strongest:
        kept.append(strongest)
    elif left.isascii() and left.isalnum() and right.isascii() and right.isalnum():
        kept.append(" ")
    return position
