"""The rules made from the log of feedback."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.model import Achievement, Amount, Maturity, Need, Organisation
from matcher.feedback import (
    ACCEPT_GRADE,
    NOTE_LENGTH,
    RATER_LENGTH,
    DismissReason,
    Feedback,
    FeedbackError,
    Judgement,
    Pair,
    Verdict,
    combined_grade,
    judgement,
    office_decision,
    qrels_of,
    rater_name,
    relevance_by_rater,
    repeats,
    stated_facts,
)
from tests.conftest import NOW_AT

PAIR = Pair("N1", "A1")
ACCEPT = judgement(Verdict.ACCEPT)
WRONG = judgement(Verdict.DISMISS, reasons=[DismissReason.WRONG_PROCESS])
FAR = judgement(Verdict.DISMISS, reasons=[DismissReason.TOO_FAR])


def graded(grade: int) -> Judgement:
    return judgement(Verdict.GRADE, grade)


def entry(number: int, said: Judgement, rater: str = "甲", **values: object) -> Feedback:
    plain = Feedback(
        id=number, pair=PAIR, rater=rater, judgement=said, given_at=NOW_AT,
        need_hash="n", achievement_hash="a", facts={},
    )  # fmt: skip
    return replace(plain, **values)  # type: ignore[arg-type]


def undone(one: Feedback) -> Feedback:
    return replace(one, undone_at=NOW_AT + timedelta(hours=1), undone_by="乙")


@pytest.mark.parametrize(
    ("verdict", "grade", "reasons", "note", "sentence"),
    [
        (Verdict.DISMISS, None, [], "", "请说明为什么不合适"),
        (Verdict.ACCEPT, None, [DismissReason.OTHER], "", "不带不合适的原因"),
        (Verdict.ACCEPT, 2, [], "", "不带等级"),
        (Verdict.DISMISS, 0, [DismissReason.OTHER], "", "不带等级"),
        (Verdict.GRADE, None, [], "", "等级应是 0"),
        (Verdict.GRADE, 4, [], "", "等级应是 0"),
        (Verdict.GRADE, -1, [], "", "等级应是 0"),
        (Verdict.GRADE, 2, [DismissReason.OTHER], "", "不带不合适的原因"),
        (Verdict.ACCEPT, None, [], "长" * (NOTE_LENGTH + 1), "最多 500 个字，现在是 501 个"),
        (Verdict.ACCEPT, None, [], "a\0b", "不能识别的字符"),
        (Verdict.ACCEPT, None, [], "\udc80", "不能识别的字符"),
    ],
)
def test_a_judgement_that_makes_no_sense_is_refused_in_words(
    verdict: Verdict, grade: int | None, reasons: list[DismissReason], note: str, sentence: str
) -> None:
    with pytest.raises(FeedbackError, match=sentence):
        judgement(verdict, grade, reasons, note)


def test_reasons_come_each_once_in_the_order_of_the_table() -> None:
    given = [DismissReason.OTHER, DismissReason.IMMATURE, DismissReason.OTHER]
    said = judgement(Verdict.DISMISS, reasons=given, note="  再看  ")
    assert said.reasons == (DismissReason.IMMATURE, DismissReason.OTHER)
    assert said.note == "再看"
    assert judgement(Verdict.ACCEPT, note="长" * NOTE_LENGTH).note == "长" * NOTE_LENGTH


@pytest.mark.parametrize("name", ["", "  ", "名" * (RATER_LENGTH + 1), "a\0"])
def test_a_rater_has_a_name(name: str) -> None:
    with pytest.raises(FeedbackError):
        rater_name(name)
    assert rater_name(" 李工 ") == "李工"


@pytest.mark.parametrize(
    ("said", "relevance"),
    [
        (ACCEPT, ACCEPT_GRADE), (graded(0), 0), (graded(3), 3), (WRONG, 0), (FAR, None),
        (judgement(Verdict.DISMISS, reasons=[DismissReason.IN_CONTACT]), None),
        (judgement(Verdict.DISMISS, reasons=[DismissReason.COST_UNKNOWN]), None),
        (judgement(Verdict.DISMISS, reasons=[DismissReason.NO_ADVANTAGE]), 1),
        (judgement(Verdict.DISMISS, reasons=[DismissReason.INDICATORS_MISSED]), 1),
        (judgement(Verdict.DISMISS, reasons=[DismissReason.TOO_FAR,
                                             DismissReason.NO_ADVANTAGE]), 1),
        (judgement(Verdict.DISMISS, reasons=[DismissReason.NO_ADVANTAGE,
                                             DismissReason.WRONG_PROCESS]), 0),
    ],
)  # fmt: skip
def test_what_a_judgement_says_about_relevance(said: Judgement, relevance: int | None) -> None:
    assert said.relevance == relevance


def test_every_reason_has_its_row_and_known_facts() -> None:
    need = Need(key="N", title="t", county="迁安市", budget=Amount(1, 2))
    achievement = Achievement(
        key="A", title="t", maturity=Maturity.SAMPLE, organisation=Organisation("所", "北京"),
        price=Amount(negotiable=True),
    )  # fmt: skip
    for reason in DismissReason:
        assert reason.grade in (None, 0, 1)
        assert all(stated_facts([reason], need, achievement).values())
        assert set(stated_facts([reason], need, achievement)) == set(reason.facts)


def test_the_last_decision_counts_for_the_office() -> None:
    log = [entry(1, ACCEPT), entry(2, WRONG, "乙"), entry(3, graded(3), "丙")]
    assert office_decision(log) == log[1]
    assert office_decision([*log, entry(4, ACCEPT, "丙")]) == entry(4, ACCEPT, "丙")
    assert office_decision([log[0], undone(log[1])]) == log[0]
    assert office_decision([undone(log[0])]) is None
    assert office_decision([]) is None


def test_saying_it_again_changes_nothing_until_something_has_changed() -> None:
    first = entry(1, WRONG)
    again = replace(first, id=0)
    assert repeats([first], again) == first
    assert repeats([undone(first)], again) is None
    assert repeats([first, entry(2, WRONG, "乙")], again) == first
    assert repeats([first, entry(2, ACCEPT, "乙")], again) is None  # decided the other way since
    assert repeats([first, entry(2, ACCEPT)], again) is None
    assert repeats([first], replace(again, need_hash="other")) is None
    assert repeats([first], replace(again, facts={"成熟度": "可以量产"})) is None
    assert repeats([first], replace(again, evidence_id=7)) is None
    assert repeats([replace(first, evidence_id=7)], again) == replace(first, evidence_id=7)
    assert repeats([first], replace(again, rater="乙")) is None
    # A grade and a decision are two things.
    assert repeats([entry(1, graded(2)), entry(2, WRONG)], entry(0, graded(2))) is not None
    assert repeats([entry(1, graded(2)), entry(2, graded(1))], entry(0, graded(2))) is None


def test_a_raters_last_word_on_relevance_counts() -> None:
    def of(*log: Feedback) -> dict[str, int]:
        return relevance_by_rater(log).get((PAIR, "n", "a"), {})

    assert of(entry(1, WRONG), entry(2, ACCEPT)) == {"甲": ACCEPT_GRADE}
    # Corrected to a reason that says nothing about relevance.
    assert of(entry(1, WRONG), entry(2, FAR)) == {}
    assert of(entry(1, graded(3)), entry(2, FAR)) == {"甲": 3}
    assert of(entry(1, graded(3)), entry(2, WRONG)) == {"甲": 0}
    assert of(entry(2, graded(3)), entry(1, WRONG)) == {"甲": 3}
    assert of(entry(1, WRONG), undone(entry(2, ACCEPT))) == {"甲": 0}
    assert of(entry(1, WRONG), entry(2, ACCEPT, "乙")) == {"甲": 0, "乙": ACCEPT_GRADE}


@pytest.mark.parametrize(
    ("grades", "median"),
    [([2], 2), ([0, 2], 1), ([1, 2], 1), ([2, 3], 2), ([0, 3], 1), ([0, 2, 2], 2), ([3, 3], 3)],
)
def test_several_raters_give_the_median_rounded_down(grades: list[int], median: int) -> None:
    assert combined_grade(grades) == median


def test_qrels_hold_what_was_judged_on_todays_texts() -> None:
    second, third = Pair("N1", "A2"), Pair("N2", "A1")
    log = [
        entry(1, ACCEPT), entry(2, WRONG, "乙"), entry(3, graded(3), "丙"),
        entry(4, FAR, pair=second), entry(5, ACCEPT, pair=third),
        entry(6, graded(3), pair=third, need_hash="older"),
    ]  # fmt: skip
    found = qrels_of(log, {PAIR: ("n", "a"), second: ("n", "a"), third: ("n", "a")})
    assert (found.qrels, found.outdated, found.pairs) == (
        {"N1": {"A1": 2}, "N2": {"A1": ACCEPT_GRADE}}, 1, 2,
    )  # fmt: skip
    assert qrels_of(log, {}).qrels == {}
    assert qrels_of(log, {}).outdated == 3


said = st.sampled_from([ACCEPT, WRONG, FAR, *map(graded, range(4))])
logs = st.lists(st.tuples(said, st.sampled_from("甲乙丙"), st.booleans()), max_size=12).map(
    lambda rows: [
        undone(entry(number, one, rater)) if back else entry(number, one, rater)
        for number, (one, rater, back) in enumerate(rows, start=1)
    ]
)


@given(logs, st.randoms(use_true_random=False))
def test_the_rules_do_not_depend_on_the_order_in_which_rows_are_read(
    log: list[Feedback], random: object
) -> None:
    shuffled = list(log)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert office_decision(shuffled) == office_decision(log)
    assert relevance_by_rater(shuffled) == relevance_by_rater(log)
    for grades in relevance_by_rater(log).values():
        assert min(grades.values()) <= combined_grade(list(grades.values())) <= max(grades.values())


@given(logs)
def test_what_was_taken_back_counts_as_never_given(log: list[Feedback]) -> None:
    standing = [one for one in log if one.undone_at is None]
    assert office_decision(log) == office_decision(standing)
    assert relevance_by_rater(log) == relevance_by_rater(standing)
