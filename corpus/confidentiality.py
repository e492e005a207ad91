"""Who may see what: the one function that makes the view of a record for a role, and which
records there are for an account at all.

Matching may use the full text; whatever is shown, exported or mailed goes through ``masked``, and
whatever is derived from a text (a quote, a highlight, a shared word) is left out where
``hidden_fields`` names that text. Contacts are never shown by level alone: they need a right of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any

from corpus.model import Confidentiality, Record

HIDDEN = "（未公开）"

# Facts that stay visible on a record that is closed as a whole: what an officer needs to know
# whom to ask for access. Nothing in them comes from the text.
ALWAYS_SHOWN = frozenset(
    {
        "key",
        "language",
        "published_on",
        "valid_from_on",
        "valid_until_on",
        "confidentiality",
        "field_levels",
        "technology_field",
        "county",
        "maturity",
    }
)


# Without these nobody could say which record is hidden, and how.
_TELLS_APART = frozenset({"key", "language", "confidentiality", "field_levels"})


class Role(StrEnum):
    """Who is looking. The names are those of the accounts."""

    ADMINISTRATOR = "管理员"
    OFFICER = "招商干部"
    ORGANISER = "活动组织者"
    COMMISSIONER = "科技特派员"
    COUNTY = "县区查看"
    INSTITUTION = "机构"
    GUEST = "访客"  # nobody is logged in

    @property
    def clearance(self) -> Clearance:
        """What the role may see."""
        return _CLEARANCES[self]


@dataclass(frozen=True, slots=True)
class Clearance:
    """The most closed level that is shown, and whether contacts are."""

    level: Confidentiality
    contacts: bool = False


_CLEARANCES: Mapping[Role, Clearance] = {
    Role.ADMINISTRATOR: Clearance(Confidentiality.CONFIDENTIAL, contacts=True),
    Role.OFFICER: Clearance(Confidentiality.INTERNAL, contacts=True),
    Role.ORGANISER: Clearance(Confidentiality.INTERNAL, contacts=True),
    Role.COMMISSIONER: Clearance(Confidentiality.INTERNAL),
    Role.COUNTY: Clearance(Confidentiality.INTERNAL),
    Role.INSTITUTION: Clearance(Confidentiality.PUBLIC),
    Role.GUEST: Clearance(Confidentiality.PUBLIC),
}


@dataclass(frozen=True, slots=True)
class RowScope:
    """Which records are there at all for whoever looks; the others are as if they were not.

    A value that is closed to the one who looks puts no record into a scope: else the list of a
    county would tell which county it is.
    """

    counties: frozenset[str] | None = None
    """Needs of these only; None: of all."""
    owners: frozenset[str] | None = None
    """Achievements of these organisations only; None: of all."""
    asked_at: Confidentiality = Confidentiality.CONFIDENTIAL
    """County and owner count where they are open at this level."""


EVERY_ROW = RowScope()
NO_ROW = RowScope(frozenset(), frozenset())


def row_scope(role: Role, county: str = "", organisation: str = "") -> RowScope:
    """The records of an account: those of one county or of one institution, or all.

    Such a role without a county or an institution has none.
    """
    level = role.clearance.level
    if role is Role.COUNTY:
        return RowScope(frozenset({county} - {""}), None, level)
    if role is Role.INSTITUTION:
        return RowScope(None, frozenset({organisation} - {""}), level)
    return NO_ROW if role is Role.GUEST else EVERY_ROW


def hidden_fields(record: Record, role: Role) -> frozenset[str]:
    """Names of the record's fields that the role may not see.

    ``text`` stands for the text and its supplements. A field without a level of its own has
    that of the record; a level below the record's does not open it.
    """
    clearance = role.clearance
    closed = record.confidentiality.rank > clearance.level.rank
    hidden = {
        name
        for name, level in record.field_levels.items()
        if level.rank > clearance.level.rank and name not in _TELLS_APART
    }
    if closed:
        hidden |= {f.name for f in fields(record)} - ALWAYS_SHOWN
    if "text" in hidden:
        hidden.add("supplements")
    if hidden & {"title", "text"}:
        hidden.add("suggested")  # guessed from them
    if "organisation" in hidden:
        # A region with one institution of a kind would name it.
        hidden.add("source")
    if not clearance.contacts:
        hidden.add("contacts")
    if clearance.level is Confidentiality.PUBLIC:
        hidden.add("extra")  # columns that nobody looked at
    return frozenset(hidden)


def masked(record: Record, role: Role) -> Record:
    """The record as the role may see it: hidden texts say so, other hidden values are empty."""
    return _without(record, hidden_fields(record, role))


def masked_version(record: Record, latest: Record, role: Role) -> Record:
    """A former version as the role may see it: what is closed today was not open before."""
    hidden = hidden_fields(record, role) | hidden_fields(latest, role)
    return _without(record, hidden)


def _without(record: Record, hidden: frozenset[str]) -> Record:
    values = {f.name: _empty(f.name, record) for f in fields(record) if f.name in hidden}
    return replace(record, **values) if values else record


def _empty(name: str, record: Record) -> Any:
    if name == "title":
        # Two closed records must still be told apart.
        return f"{HIDDEN}{record.kind.label} {record.key}"
    if name == "text":
        return HIDDEN
    value = getattr(record, name)
    if isinstance(value, str):
        return ""
    if isinstance(value, tuple):
        return ()
    return {} if isinstance(value, Mapping) else None
