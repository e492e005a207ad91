"""The rules of shortlists: who may do what, orders, names."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.shortlist import (
    MOST_PEOPLE,
    NAME_LENGTH,
    NOTE_LENGTH,
    Access,
    ClosedShortlistError,
    Reader,
    Sharing,
    Shortlist,
    ShortlistError,
    StaleShortlistError,
    UnknownShortlistError,
    check_access,
    check_version,
    checked_name,
    checked_note,
    copy_name,
    moved,
    sharing,
)

DAY = datetime(2026, 11, 25, 8, tzinfo=UTC)


def shortlist(rights: Sharing, *, archived: bool = False) -> Shortlist:
    return Shortlist(
        id=7, owner="ligong", name="走访", note="", sharing=rights, version=3, created_at=DAY,
        changed_at=DAY, archived_at=DAY if archived else None,
    )  # fmt: skip


OWNER, OFFICER = Reader("ligong", True), Reader("wang", True)
COUNTY = Reader("qianan", False)


@pytest.mark.parametrize(
    ("rights", "reader", "expected"),
    [
        (Sharing(), OWNER, Access.OWN),
        (Sharing(), OFFICER, Access.NONE),
        (Sharing(Access.READ), OFFICER, Access.READ),
        (Sharing(Access.EDIT), COUNTY, Access.NONE),  # it does not see everything
        (Sharing(Access.READ, {"qianan": Access.READ}), COUNTY, Access.READ),
        (Sharing(Access.READ, {"wang": Access.EDIT}), OFFICER, Access.EDIT),
        (Sharing(Access.EDIT, {"wang": Access.READ}), OFFICER, Access.EDIT),
    ],
)
def test_who_may_do_what(rights: Sharing, reader: Reader, expected: Access) -> None:
    assert shortlist(rights).access(reader) is expected


def test_an_archived_list_is_there_for_its_owner_alone() -> None:
    away = shortlist(Sharing(Access.EDIT, {"wang": Access.EDIT}), archived=True)
    check_access(away, OWNER, Access.OWN)
    with pytest.raises(ClosedShortlistError, match="先恢复"):
        check_access(away, OWNER, Access.EDIT)
    with pytest.raises(UnknownShortlistError):
        check_access(away, OFFICER, Access.READ)


def test_who_may_read_is_told_whom_to_ask() -> None:
    found = shortlist(Sharing(Access.READ))
    with pytest.raises(ClosedShortlistError, match="ligong"):
        check_access(found, OFFICER, Access.EDIT)
    with pytest.raises(ClosedShortlistError, match="复制"):
        check_access(found, OFFICER, Access.OWN)
    with pytest.raises(StaleShortlistError, match="没有保存"):
        check_version(found, 2)
    check_version(found, 3)


def test_names_and_notes_are_checked() -> None:
    assert checked_name("  走访\n 十二月 ") == "走访 十二月"
    assert checked_note(" a\r\nb ") == "a\nb"
    for wrong in ("", "  ", "长" * (NAME_LENGTH + 1), "a\0b", "a\ud800"):
        with pytest.raises(ShortlistError):
            checked_name(wrong)
    with pytest.raises(ShortlistError, match=str(NOTE_LENGTH)):
        checked_note("长" * (NOTE_LENGTH + 1))


def test_sharing_leaves_out_the_owner_and_who_gets_nothing() -> None:
    people = {"ligong": Access.EDIT, "wang": Access.READ, "zhao": Access.NONE}
    assert sharing(Access.NONE, people, "ligong") == Sharing(Access.NONE, {"wang": Access.READ})
    with pytest.raises(ShortlistError, match="只读"):
        sharing(Access.OWN, {}, "ligong")
    with pytest.raises(ShortlistError, match=str(MOST_PEOPLE)):
        sharing(Access.NONE, {f"u{n}": Access.READ for n in range(MOST_PEOPLE + 1)}, "ligong")


def test_copies_get_names_that_are_free() -> None:
    first = copy_name("走访", [])
    second = copy_name("走访", [first])
    assert (first, second) == ("走访（副本）", "走访（副本 2）")
    assert len(copy_name("长" * NAME_LENGTH, [])) <= NAME_LENGTH


orders = st.lists(st.integers(1, 10**6), min_size=1, max_size=30, unique=True)


@given(st.data(), orders)
def test_moving_is_a_permutation_that_leaves_hidden_entries_where_they_are(
    data: st.DataObject, order: list[int]
) -> None:
    shown = [one for one in order if data.draw(st.booleans())] or order[:1]
    for _ in range(data.draw(st.integers(1, 5))):
        entry, place = data.draw(st.sampled_from(shown)), data.draw(st.integers(-3, 40))
        after = moved(order, shown, entry, place)
        assert sorted(after) == sorted(order)
        hidden = {at: one for at, one in enumerate(order) if one not in shown}
        assert all(after[at] == one for at, one in hidden.items())
        now_shown = [one for one in after if one in shown]
        assert now_shown.index(entry) == min(max(place, 1), len(shown)) - 1
        others = [one for one in shown if one != entry]
        assert [one for one in now_shown if one != entry] == others
        order, shown = after, now_shown


@given(orders, st.data())
def test_up_then_down_changes_nothing(order: list[int], data: st.DataObject) -> None:
    place = data.draw(st.integers(1, len(order)))
    entry = order[place - 1]
    up = moved(order, order, entry, place - 1)
    assert moved(up, up, entry, place) == order


def test_what_is_not_shown_cannot_be_moved() -> None:
    with pytest.raises(UnknownShortlistError):
        moved([1, 2, 3], [1, 3], 2, 1)
