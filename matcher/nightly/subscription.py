"""Who is told of what, how often. When a subscription is due is decided here, and only here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from corpus.model import Kind
from matcher.nightly.delta import Limits


class Subscriber(StrEnum):
    """Who subscribes; it decides which pairs a subscription is about."""

    OFFICER = "招商干部"  # needs of counties and fields, or what a saved search finds
    ENTERPRISE = "企业"  # its own needs
    INSTITUTION = "机构"  # interest in its own achievements
    COMMISSIONER = "科技特派员"  # the needs of his firms


class Frequency(StrEnum):
    """How often a mail comes."""

    DAILY = "每个工作日"
    WEEKLY = "每周"
    WHEN_NEW = "有新内容时"


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscription is about; an empty set means that anything goes.

    ``owners`` are enterprises where needs are asked for, institutions where achievements are.
    """

    counties: frozenset[str] = frozenset()
    technology_fields: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    text: str = ""
    """Of a saved search; empty: none."""
    target: Kind = Kind.ACHIEVEMENT
    """What that search looks for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One person's wish to be told."""

    id: int
    address: str
    name: str
    subscriber: Subscriber
    interest: Interest
    frequency: Frequency = Frequency.WHEN_NEW
    weekday: int = 0
    """For a weekly one: 0 is Monday. Where that is no working day, the next one that is."""
    on_holidays: bool = False
    limits: Limits = field(default_factory=Limits)
    says_nothing_new: bool = False
    """Where nothing is new: a short line that says so, instead of no mail."""
    held: bool = False
    """Mails wait until an officer approves them."""
    paused_until_on: date | None = None
    """No mail before this day: a pause, or an absence."""
    stopped: bool = False


IsWorkday = Callable[[date], bool]


def is_due(one: Subscription, on: date, last_on: date | None, is_workday: IsWorkday) -> bool:
    """Whether a subscription has its night on a day. ``last_on``: its last night before.

    A night that was missed (the machine was off) is made up for by the next: a weekly
    subscription is due on the first day it can be, from its weekday on, within the same week.
    """
    if one.stopped or (one.paused_until_on is not None and on < one.paused_until_on):
        return False
    if last_on is not None and last_on >= on:
        return False
    if not one.on_holidays and not is_workday(on):
        return False
    if one.frequency is not Frequency.WEEKLY:
        return True
    day = on - timedelta(days=(on.weekday() - one.weekday) % 7)
    return last_on is None or last_on < day


def is_told(one: Subscription, nothing_new: bool, waiting: int) -> bool:
    """Whether a night becomes a mail."""
    if not nothing_new:
        return True
    if one.frequency is Frequency.WHEN_NEW:
        return False
    return one.says_nothing_new or (one.frequency is Frequency.WEEKLY and waiting > 0)
