"""Feedback on pairs: what a rater said of a need and an achievement, and what follows from it.

Feedback is a log. Nothing in it is altered; an entry may be taken back, and then counts as never
given. Three rules are made from it:

*Putting aside.* The office works together, so the last decision (采纳 or 不合适) that anybody gave
on a pair counts for all. A dismissal hides the pair until one side changes: its text, or one of
the facts the reasons are about (``DismissReason.facts``).

*Relevance.* What a judgement says about relevance, on the grades of the qrels (0 无, 1 弱, 2 较强,
3 强), stands in one table: 采纳 is ``ACCEPT_GRADE``, a rater's grade is itself, a dismissal is the
lowest grade of its reasons. Reasons that say nothing about relevance (it is too far away, the two
know each other already …) have none, and a dismissal for such reasons only is left out.

*Several raters.* Each counts once for a pair of texts; the grade is their median, rounded down:
a pair they disagree about is not called relevant.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from statistics import median

from corpus.model import Achievement, Amount, Need
from matcher.errors import MatchError

NOTE_LENGTH = 500
RATER_LENGTH = 100
GRADES = (0, 1, 2, 3)
RELEVANT_FROM = 2
"""Grades from 较强 on are called relevant."""
ACCEPT_GRADE = 2
"""A pair worth talking about is at least 较强; 强 is for a rater who says so."""


class FeedbackError(MatchError):
    """Feedback that cannot be taken; the message says what to do."""


class UnknownFeedbackError(FeedbackError):
    """There is no feedback with that number."""

    @classmethod
    def of(cls, feedback_id: int) -> UnknownFeedbackError:
        """The one for a number."""
        return cls(f"没有编号为 {feedback_id} 的评价。运行 zhitong feedback list 查看。")


class Verdict(StrEnum):
    """What was said of a pair."""

    ACCEPT = "accept"
    DISMISS = "dismiss"
    GRADE = "grade"

    @property
    def label(self) -> str:
        """Shown to people."""
        return {"accept": "采纳", "dismiss": "不合适", "grade": "评级"}[self.value]


class DismissReason(StrEnum):
    """Why a pair is not suitable. Everything about a reason stands in ``_REASONS``."""

    IMMATURE = "成熟度太低"
    NO_ADVANTAGE = "优势不明"
    COST_UNKNOWN = "成本不明"
    WRONG_PROCESS = "工艺不符"
    INDICATORS_MISSED = "指标不满足"
    TOO_FAR = "地域"
    IN_CONTACT = "已对接过"
    REPEATED = "重复"
    OTHER = "其他"

    @property
    def grade(self) -> int | None:
        """The relevance it means; None where it says nothing about relevance."""
        return _REASONS[self][0]

    @property
    def facts(self) -> tuple[str, ...]:
        """Names of the facts it is about: when one of them changes, it no longer holds."""
        return _REASONS[self][1]


_REASONS: Mapping[DismissReason, tuple[int | None, tuple[str, ...]]] = {
    DismissReason.IMMATURE: (None, ("成熟度",)),
    DismissReason.NO_ADVANTAGE: (1, ()),
    DismissReason.COST_UNKNOWN: (None, ("价格", "预算")),
    DismissReason.WRONG_PROCESS: (0, ()),
    DismissReason.INDICATORS_MISSED: (1, ()),
    DismissReason.TOO_FAR: (None, ("成果地区", "需求县区")),
    DismissReason.IN_CONTACT: (None, ()),
    DismissReason.REPEATED: (None, ()),
    DismissReason.OTHER: (None, ()),
}


@dataclass(frozen=True, slots=True, order=True)
class Pair:
    """A need and an achievement, by key."""

    need: str
    achievement: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rater says. Made by ``judgement``, which checks it."""

    verdict: Verdict
    grade: int | None = None
    reasons: tuple[DismissReason, ...] = ()
    note: str = ""

    @property
    def relevance(self) -> int | None:
        """The grade it means, 0 to 3; None where it says nothing about relevance."""
        if self.verdict is Verdict.GRADE:
            return self.grade
        if self.verdict is Verdict.ACCEPT:
            return ACCEPT_GRADE
        return min((r.grade for r in self.reasons if r.grade is not None), default=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One entry of the log. The hashes are those of the texts that were judged."""

    id: int
    pair: Pair
    rater: str
    judgement: Judgement
    given_at: datetime
    need_hash: str
    achievement_hash: str
    facts: Mapping[str, str]
    evidence_id: int | None = None
    undone_at: datetime | None = None
    undone_by: str = ""

    @property
    def verdict(self) -> Verdict:
        return self.judgement.verdict

    @property
    def texts(self) -> tuple[str, str]:
        """Content hashes of the need and the achievement that were judged."""
        return self.need_hash, self.achievement_hash


def judgement(
    verdict: Verdict,
    grade: int | None = None,
    reasons: Iterable[DismissReason] = (),
    note: str = "",
) -> Judgement:
    """A checked judgement; reasons come back each once, in the order of the table.

    Raises:
        FeedbackError: a dismissal without a reason, reasons or a grade where they make no sense,
            a grade that is not 0 to 3, or a note of more than ``NOTE_LENGTH`` characters.
    """
    given = set(reasons)
    ordered = tuple(reason for reason in DismissReason if reason in given)
    if verdict is Verdict.DISMISS and not ordered:
        raise FeedbackError(f"请说明为什么不合适，可多选：{'、'.join(DismissReason)}。")
    if verdict is not Verdict.DISMISS and ordered:
        raise FeedbackError(f"“{verdict.label}”不带不合适的原因。")
    if verdict is Verdict.GRADE and grade not in GRADES:
        raise FeedbackError("等级应是 0（无）、1（弱）、2（较强）、3（强）之一。")
    if verdict is not Verdict.GRADE and grade is not None:
        raise FeedbackError(f"“{verdict.label}”不带等级；要评等级，请用“评级”。")
    return Judgement(verdict, grade, ordered, _storable(note.strip(), NOTE_LENGTH, "说明"))


def rater_name(name: str) -> str:
    """The name without blanks around it.

    Raises:
        FeedbackError: it is empty or longer than ``RATER_LENGTH`` characters.
    """
    stripped = _storable(name.strip(), RATER_LENGTH, "评价人")
    if not stripped:
        raise FeedbackError("请写明是谁的评价。")
    return stripped


def _storable(text: str, length: int, name: str) -> str:
    if len(text) > length:
        raise FeedbackError(f"{name}最多 {length} 个字，现在是 {len(text)} 个。请写短一些。")
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise FeedbackError(f"{name}里有不能识别的字符。请去掉后再试。")
    return text


def stated_facts(
    reasons: Iterable[DismissReason], need: Need, achievement: Achievement
) -> dict[str, str]:
    """What the two records say of the facts that the reasons are about, as text."""
    stated = {
        "成熟度": achievement.maturity.value if achievement.maturity else "",
        "价格": _amount(achievement.price),
        "预算": _amount(need.budget),
        "成果地区": achievement.organisation.region if achievement.organisation else "",
        "需求县区": need.county,
    }
    return {name: stated[name] for reason in reasons for name in reason.facts}


def _amount(amount: Amount | None) -> str:
    return repr((amount.min_wan, amount.max_wan, amount.negotiable)) if amount else ""


# -- what the log says -----------------------------------------------------------------------


def office_decision(log: Iterable[Feedback]) -> Feedback | None:
    """The decision that counts for everybody, of one pair's feedback: the last 采纳 or 不合适."""
    decisions = (f for f in log if f.undone_at is None and f.verdict is not Verdict.GRADE)
    return max(decisions, key=lambda f: f.id, default=None)


def repeats(log: Iterable[Feedback], new: Feedback) -> Feedback | None:
    """The entry of one pair's log that ``new`` only says again, as a retried request does.

    None where it changes something: the rater said something else last, other texts are judged,
    other evidence is named, or somebody else has decided the other way since.
    """
    standing = [f for f in log if f.undone_at is None]
    graded = new.verdict is Verdict.GRADE
    own = [f for f in standing if f.rater == new.rater and (f.verdict is Verdict.GRADE) is graded]
    last = max(own, key=lambda f: f.id, default=None)
    if last is None or (last.judgement, last.texts) != (new.judgement, new.texts):
        return None
    if last.facts != new.facts or new.evidence_id not in (None, last.evidence_id):
        return None
    decided = office_decision(standing)
    if not graded and decided is not None and decided.verdict is not new.verdict:
        return None
    return last


Texts = tuple[Pair, str, str]
"""A pair with the content hashes of its two texts: only the same texts are compared."""


def relevance_by_rater(log: Iterable[Feedback]) -> dict[Texts, dict[str, int]]:
    """For each pair of texts the grade each rater gave it, 0 to 3.

    Of a rater's decisions and of his grades the last one counts; where both say something about
    relevance, the later of the two.
    """
    last: dict[tuple[Texts, str], dict[bool, Feedback]] = defaultdict(dict)
    for entry in sorted(log, key=lambda f: f.id):
        if entry.undone_at is None:
            texts = (entry.pair, *entry.texts)
            last[texts, entry.rater][entry.verdict is Verdict.GRADE] = entry
    grades: dict[Texts, dict[str, int]] = defaultdict(dict)
    for (texts, rater), entries in last.items():
        saying = [f for f in entries.values() if f.judgement.relevance is not None]
        if saying:
            relevance = max(saying, key=lambda f: f.id).judgement.relevance
            if relevance is not None:
                grades[texts][rater] = relevance
    return dict(grades)


def combined_grade(grades: Sequence[int]) -> int:
    """The median of at least one grade, rounded down."""
    return math.floor(median(grades))


def qrels_of(log: Iterable[Feedback], present: Mapping[Pair, tuple[str, str]]) -> Exported:
    """Judgements for evaluation and training: for each need the grade of each judged achievement.

    ``present`` holds the content hashes of today's texts; what was judged on other texts, or of
    a record that is gone, is counted and left out.
    """
    qrels: dict[str, dict[str, int]] = {}
    outdated = 0
    for (pair, *texts), grades in sorted(relevance_by_rater(log).items()):
        if present.get(pair) != tuple(texts):
            outdated += 1
            continue
        qrels.setdefault(pair.need, {})[pair.achievement] = combined_grade(list(grades.values()))
    return Exported(qrels, outdated)


@dataclass(frozen=True, slots=True)
class Exported:
    """Judgements as qrels, and how many judged pairs of texts are no longer today's."""

    qrels: Mapping[str, Mapping[str, int]]
    outdated: int

    @property
    def pairs(self) -> int:
        """How many pairs have a grade."""
        return sum(map(len, self.qrels.values()))
