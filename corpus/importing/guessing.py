"""Which column is which, where no profile is given: names first, then what stands in the cells.

A guess that is not sure asks. The questions are data: a terminal asks them one by one, a page
shows them as a form, anybody else is refused and told what to write into a profile.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from corpus.cleaning.dates import parse_date, parse_deadline, parse_period
from corpus.cleaning.errors import CleaningError
from corpus.cleaning.money import parse_amount
from corpus.cleaning.values import parse_maturity
from corpus.importing.headers import Meaning, meanings, normal, unit
from corpus.importing.profiles import MANY, ColumnRule, Profile, ProfileError, unknown_column
from corpus.model import Kind

_NEAR = 0.75  # difflib ratio from which a name is near a known one
_HALF = 0.5  # share of sample cells that must look right
_MEASURE = re.compile(
    r"(?:吨|公斤|千克|kg|件|台|套|个|米|m|元|万元|升|℃|%|天|年|月|小时)", re.IGNORECASE
)
_LABELS = {
    "key": "编号", "title": "名称", "text": "正文", "technology_field": "技术领域",
    "industry": "行业", "language": "语言", "cooperation": "合作方式",
    "published_on": "发布日期", "valid_until_on": "截止日期", "period": "有效期",
    "organisation": "单位", "region": "地区", "address": "地址", "confidentiality": "密级",
    "maturity": "成熟度", "intellectual_property": "知识产权", "price": "价格",
    "county": "县区", "budget": "拟投入资金", "contact_person": "联系人", "phone": "联系电话",
    "mail": "邮箱", "extra": "原样保留", "ignore": "不读",
}  # fmt: skip


class Confidence(StrEnum):
    """How sure a guess is."""

    CERTAIN = "确定"
    UNSURE = "待确认"
    UNKNOWN = "原样保留"


@dataclass(frozen=True, slots=True)
class ColumnGuess:
    """What a column seems to hold, how sure that is, and why."""

    column: str
    rule: ColumnRule
    confidence: Confidence
    why: str
    alternatives: tuple[ColumnRule, ...] = ()


@dataclass(frozen=True, slots=True)
class Question:
    """Something to be asked; ``choices`` are (what to answer, rule), the likeliest first.

    A question without a column asks which column holds the names; its choices are columns.
    """

    column: str
    text: str
    choices: tuple[tuple[str, ColumnRule], ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """A guess at a whole header."""

    kind: Kind
    columns: tuple[ColumnGuess, ...]

    @property
    def questions(self) -> tuple[Question, ...]:
        """What has to be asked before anything is loaded."""
        asked = [
            _question(guess) for guess in self.columns if guess.confidence is Confidence.UNSURE
        ]
        if not any(guess.rule.target == "title" for guess in self.columns):
            rule = ColumnRule("title")
            choices = tuple((guess.column, rule) for guess in self.columns)
            asked.insert(0, Question("", f"哪一列是{self.kind.label}名称？", choices))
        return tuple(asked)

    def resolve(self, answers: Mapping[str, str]) -> Profile:
        """The profile, once every question is answered: column → answer, '' → column of names.

        Raises:
            ProfileError: an answer is missing or not among the choices.
        """
        # What nobody knows is kept as read without being named: then the import can say so.
        rules = {
            guess.column: guess.rule
            for guess in self.columns
            if guess.confidence is not Confidence.UNKNOWN
        }
        for question in self.questions:
            answer = answers.get(question.column, "")
            rule = dict(question.choices).get(answer)
            if rule is None:
                options = " / ".join(choice for choice, _ in question.choices)
                raise ProfileError(f"{question.text}请回答：{options}")
            rules[question.column or answer] = rule
        if [rule.target for rule in rules.values()].count("title") != 1:
            raise ProfileError(f"应恰好有一列是{self.kind.label}名称。")
        return Profile("自动识别", self.kind, rules)


def rule_label(rule: ColumnRule) -> str:
    """A rule in words: 正文（技术指标）."""
    label = _LABELS[rule.target]
    return f"{label}（{rule.heading}）" if rule.heading else label


def guess_kind(header: Sequence[str]) -> Kind | None:
    """Achievements or needs, from names that only one of them has; None where that is open."""
    names = {normal(name) for name in header}
    counts = {}
    for kind in Kind:
        own, other = meanings(kind), meanings(kind.other)
        counts[kind] = sum(name in own and name not in other for name in names)
    best = max(Kind, key=lambda kind: counts[kind])
    return best if counts[best] > counts[best.other] else None


def guess_profile(kind: Kind, header: Sequence[str], sample: Sequence[Mapping[str, Any]]) -> Guess:
    """Guess from the names of the columns and some of the rows."""
    known = meanings(kind)
    guesses = [_guess_column(column, known, _cells(sample, column)) for column in header]
    return Guess(kind, tuple(_one_for_each(guesses)))


def _guess_column(column: str, known: Mapping[str, Meaning], cells: Sequence[str]) -> ColumnGuess:
    meaning = known.get(normal(column))
    if meaning is not None:
        rule = _rule(meaning, column)
        if problem := _contradiction(rule.target, cells):
            extra = ColumnRule("extra")
            return ColumnGuess(column, rule, Confidence.UNSURE, problem, (rule, extra))
        return ColumnGuess(column, rule, Confidence.CERTAIN, "列名是已知的说法")
    near = difflib.get_close_matches(normal(column), known, n=3, cutoff=_NEAR)
    rules = tuple(dict.fromkeys(_rule(known[name], column) for name in near))
    likely = [rule for rule in rules if not _contradiction(rule.target, cells)]
    if not likely:
        rule = unknown_column(column)
        if rule.target != "extra":
            return ColumnGuess(column, rule, Confidence.CERTAIN, "列名像是联系方式")
        return ColumnGuess(column, rule, Confidence.UNKNOWN, "不认识的列")
    why = f"列名与“{near[0]}”相近"
    return ColumnGuess(column, likely[0], Confidence.UNSURE, why, (*likely, ColumnRule("extra")))


def _one_for_each(guesses: Sequence[ColumnGuess]) -> list[ColumnGuess]:
    """Where two columns claim what only one can be, ask for each of them."""
    claimed = [guess.rule.target for guess in guesses]
    result = []
    for guess in guesses:
        target = guess.rule.target
        if target in MANY or claimed.count(target) == 1:
            result.append(guess)
            continue
        others = [g.column for g in guesses if g.rule.target == target and g is not guess]
        why = f"“{'”“'.join(others)}”也像是{_LABELS[target]}"
        choices = (guess.rule, ColumnRule("extra"))
        result.append(ColumnGuess(guess.column, guess.rule, Confidence.UNSURE, why, choices))
    return result


def _question(guess: ColumnGuess) -> Question:
    choices = tuple((rule_label(rule), rule) for rule in guess.alternatives)
    return Question(guess.column, f"列“{guess.column}”是什么？（{guess.why}）", choices)


def _rule(meaning: Meaning, column: str) -> ColumnRule:
    money = meaning.target in ("budget", "price")
    return ColumnRule(meaning.target, meaning.heading, unit(column) if money else "")


def _cells(sample: Sequence[Mapping[str, Any]], column: str) -> list[str]:
    values = (row.get(column) for row in sample)
    return [text for value in values if value is not None and (text := str(value).strip())]


def _contradiction(target: str, cells: Sequence[str]) -> str:
    """Why the cells do not look like what the name says; empty if they do."""
    checks = {
        "published_on": _is_date,
        "valid_until_on": _is_deadline,
        "period": _is_period,
        "budget": _is_amount,
        "price": _is_amount,
        "maturity": _is_maturity,
        "organisation": lambda cell: not _MEASURE.fullmatch(cell),
        "title": lambda cell: not cell.replace(".", "").isdigit(),
    }
    check = checks.get(target)
    if check is None or not cells:
        return ""
    share = sum(map(check, cells)) / len(cells)
    return "" if share >= _HALF else f"内容不像{_LABELS[target]}，例如“{cells[0][:20]}”"


def _is_date(cell: str) -> bool:
    return _parses(lambda: parse_date(cell))


def _is_deadline(cell: str) -> bool:
    return _parses(lambda: parse_deadline(cell))


def _is_period(cell: str) -> bool:
    return _parses(lambda: parse_period(cell))


def _is_amount(cell: str) -> bool:
    return _parses(lambda: parse_amount(cell))


def _is_maturity(cell: str) -> bool:
    return _parses(lambda: parse_maturity(cell))


def _parses(parse: Any) -> bool:
    try:
        parse()
    except CleaningError:
        return False
    return True
