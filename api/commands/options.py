"""Options that several commands share."""

from __future__ import annotations

import getpass
from enum import StrEnum
from typing import Annotated

import typer

from corpus.confidentiality import Role
from corpus.model import Kind

MOST_ROWS = 2**63 - 1
"""The largest number that a row of the database can have."""


class KindOption(StrEnum):
    """Kinds as they are typed."""

    ACHIEVEMENTS = "achievements"
    NEEDS = "needs"

    @property
    def kind(self) -> Kind:
        return Kind.ACHIEVEMENT if self is KindOption.ACHIEVEMENTS else Kind.NEED


def current_user() -> str:
    """Name of the person at the terminal, for the history."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no such user in this container
        return ""


JsonOption = Annotated[bool, typer.Option("--json", help="输出 JSON，供程序读取。")]
LimitOption = Annotated[int, typer.Option("--limit", "-n", min=1, max=100, help="最多几条。")]
RoleChoice = Annotated[Role, typer.Option("--role", help="按谁的权限显示。")]
WhoOption = Annotated[
    str, typer.Option("--who", help="记入历史的姓名。", default_factory=current_user)
]
