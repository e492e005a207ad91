"""A record as JSON and back, without loss: what a version keeps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from corpus.model import (
    Achievement,
    Amount,
    Confidentiality,
    Contact,
    ContactKind,
    Kind,
    Maturity,
    Need,
    Organisation,
    Record,
    Status,
    Supplement,
)

_DATES = ("published_on", "valid_from_on", "valid_until_on")


def to_json(record: Record, status: Status) -> dict[str, Any]:
    """Values that ``json.dumps`` takes."""
    values = asdict(record)
    for name in _DATES:
        values[name] = values[name].isoformat() if values[name] else None
    values["field_levels"] = dict(record.field_levels)
    values["suggested"] = dict(record.suggested)
    values["extra"] = dict(record.extra)
    return {**values, "status": status.value}


def from_json(kind: Kind, raw: Mapping[str, Any]) -> tuple[Record, Status]:
    """What ``to_json`` was given. Fields that a later release added get their defaults.

    Raises:
        KeyError, TypeError, ValueError: it is not such a value.
    """
    values = dict(raw)
    status = Status(values.pop("status"))
    for name in _DATES:
        values[name] = date.fromisoformat(values[name]) if values.get(name) else None
    owner = values.get("organisation")
    values["organisation"] = Organisation(**owner) if owner else None
    values["cooperation"] = tuple(values.get("cooperation", ()))
    values["contacts"] = tuple(
        Contact(ContactKind(c["kind"]), c["value"]) for c in values.get("contacts", ())
    )
    values["confidentiality"] = Confidentiality(values["confidentiality"])
    values["field_levels"] = {
        name: Confidentiality(level) for name, level in values.get("field_levels", {}).items()
    }
    values["supplements"] = tuple(Supplement(**s) for s in values.get("supplements", ()))
    amount = "price" if kind is Kind.ACHIEVEMENT else "budget"
    values[amount] = Amount(**values[amount]) if values.get(amount) else None
    if kind is Kind.ACHIEVEMENT:
        values["maturity"] = Maturity(values["maturity"]) if values.get("maturity") else None
        return Achievement(**values), status
    return Need(**values), status
