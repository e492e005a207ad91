"""Take the enterprise's answers into the record."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date

from corpus.cleaning.contacts import extract_contacts
from corpus.cleaning.dates import parse_period
from corpus.cleaning.errors import CleaningError
from corpus.cleaning.money import parse_amount
from corpus.cleaning.values import COOPERATION_MODES
from corpus.model import Amount, CorpusError, Need, Supplement
from corpus.quality.aspects import Aspect
from corpus.text import excerpt

MAX_ANSWER = 2_000
"""Characters of an answer."""

_SAYS_NOTHING = re.compile(
    r"(?:不(?:知道|清楚|详|明|明确|确定|了解)|暂(?:不|未)(?:确定|知|明确|定)|待定|没想好|未知|"
    r"说不[清准]|[-—/.。?？、,，…\s])*"
)
_CUT = re.compile(r"[,，。;；\n]")
_BEFORE_MONEY = re.compile(
    r"^(?:我们|项目|总|研发|拟)?(?:预算|经费|资金|投入|投资)[是为在约:：\s]{0,4}"
)
_AFTER_DATE = re.compile(r"(?:完成|投产|上线|交付|见效|用上|试用|验收|解决|建成|达产|投用)+$")
_YEAR = re.compile(r"(?:19|20|21)[0-9]{2}")
_NEGATED = re.compile("[不非除无没]")
# Words of a form that name no mode.
_NO_MODES = frozenset({"面议", "其他", "其它", "不限"})


class AnswerError(CorpusError):
    """An answer that cannot be taken; the message says which and what to do."""


def apply_answers(need: Need, answers: Mapping[Aspect, str]) -> Need:
    """``need`` with the answers as supplements under the aspects' names.

    An answer replaces the former one of its aspect and keeps its place. Contacts in it go to the
    need's contacts. Text stays as given but
    for blanks around it and control characters, which no database keeps. An amount, a day or
    modes of cooperation that are recognised without doubt also fill ``budget``,
    ``valid_until_on`` and ``cooperation``; what is not recognised leaves them as they are.
    Applying the same answers twice changes nothing more.

    Raises:
        AnswerError: an answer is empty, says nothing (不清楚) or is longer than ``MAX_ANSWER``.
    """
    given: dict[Aspect, str] = {}
    contacts = list(need.contacts)
    for aspect in Aspect:
        if aspect in answers:
            # What is told on the telephone holds numbers and names as often as a sheet does.
            text, found = extract_contacts(_checked(aspect, answers[aspect]))
            contacts += found
            given[aspect] = _checked(aspect, text)
    supplements = {s.aspect: s for s in need.supplements}
    supplements.update((a.value, Supplement(a.value, text)) for a, text in given.items())
    need = replace(
        need,
        supplements=tuple(supplements.values()),
        contacts=tuple(dict.fromkeys(contacts)),
    )
    if Aspect.BUDGET in given and (amount := _amount(given[Aspect.BUDGET])):
        need = replace(need, budget=amount)
    if Aspect.DEADLINE in given and (day := _last_day(given[Aspect.DEADLINE], need)):
        need = replace(need, valid_until_on=day)
    if Aspect.COOPERATION in given and (modes := _modes(given[Aspect.COOPERATION])):
        need = replace(need, cooperation=modes)
    return need


def answers_of(need: Need) -> dict[Aspect, str]:
    """The answers that a record holds, as ``apply_answers`` takes them.

    An importer applies those of the stored record to the row it reads before it compares the two:
    fields that were filled from answers then stay filled, and are no change.
    """
    names = set(Aspect)
    return {Aspect(s.aspect): s.text for s in need.supplements if s.aspect in names}


def _checked(aspect: Aspect, answer: str) -> str:
    kept = (c for c in answer if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs"))
    text = "".join(kept).strip()
    if len(text) > MAX_ANSWER:
        raise AnswerError(
            f"“{aspect}”的回答有 {len(text)} 个字，超过 {MAX_ANSWER} 个字；请只写要点。"
        )
    if not text:
        raise AnswerError(f"“{aspect}”的回答是空的；请填写内容，还不知道就不要提交这一项。")
    if _SAYS_NOTHING.fullmatch(text):
        raise AnswerError(
            f"“{aspect}”的回答“{excerpt(text, 20)}”没有内容；请向企业问清后再填，或不提交这一项。"
        )
    return text


def _amount(answer: str) -> Amount | None:
    for piece in _pieces(answer):
        try:
            amount = parse_amount(_BEFORE_MONEY.sub("", piece))
        except CleaningError:
            continue  # a sentence, not an amount: it stays a supplement
        if amount is not None:
            return amount
    return None


def _last_day(answer: str, need: Need) -> date | None:
    started = max(filter(None, (need.published_on, need.valid_from_on)), default=None)
    for piece in _pieces(answer):
        if not _YEAR.search(piece):
            continue  # a bare number would be read as a serial day
        try:
            _, day = parse_period(_AFTER_DATE.sub("", piece))
        except CleaningError:
            continue  # a sentence, not a day
        # A day before the need began is about something else, and would take it out of use.
        if day is not None and (started is None or day >= started):
            return day
    return None


def _modes(answer: str) -> tuple[str, ...]:
    if _NEGATED.search(answer):
        return ()  # 不考虑技术入股: only a person can tell what that leaves
    found: dict[int, str] = {}
    for mode in sorted(COOPERATION_MODES, key=len, reverse=True):
        place = answer.find(mode)
        inside = any(s <= place < s + len(other) for s, other in found.items())
        if place >= 0 and mode not in _NO_MODES and not inside:
            found[place] = mode
    return tuple(found[place] for place in sorted(found))


def _pieces(answer: str) -> Iterator[str]:
    """The answer, then its clauses; each without blanks around it."""
    yield answer
    yield from (piece.strip() for piece in _CUT.split(answer) if piece.strip())
