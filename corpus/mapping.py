"""Records to columns of their tables and back."""

from __future__ import annotations

from datetime import datetime
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
    Supplement,
)
from corpus.tables import AchievementTable, NeedTable, OrganisationTable

TABLES: dict[Kind, type[AchievementTable] | type[NeedTable]] = {
    Kind.ACHIEVEMENT: AchievementTable,
    Kind.NEED: NeedTable,
}
SUGGESTED = ("technology_field", "industry")
"""Fields whose empty value may be replaced by a suggestion."""


def to_columns(record: Record, organisations: dict[str, int], now_at: datetime) -> dict[str, Any]:
    """Values for the columns of a record's table; ``organisations`` are ids by name."""
    values: dict[str, Any] = {
        "key": record.key,
        "title": record.title,
        "text": record.text,
        # Filters and counts take a suggestion for the value; ``suggested`` tells them apart.
        **{name: getattr(record, name) or record.suggested.get(name, "") for name in SUGGESTED},
        "organisation_id": organisations[record.organisation.name] if record.organisation else None,
        "language": record.language,
        "cooperation": list(record.cooperation),
        "published_on": record.published_on,
        "valid_from_on": record.valid_from_on,
        "valid_until_on": record.valid_until_on,
        "source": record.source,
        "contacts": [[c.kind.value, c.value] for c in record.contacts],
        "confidentiality": record.confidentiality.value,
        "text_rank": record.text_level.rank,
        "field_levels": {name: level.value for name, level in record.field_levels.items()},
        "suggested": {
            name: value for name, value in record.suggested.items() if not getattr(record, name)
        },
        "supplements": [[s.aspect, s.text] for s in record.supplements],
        "extra": dict(record.extra),
        "content_hash": record.content_hash,
        "record_hash": record.record_hash,
        "updated_at": now_at,
    }
    if isinstance(record, Achievement):
        values["maturity"] = record.maturity.value if record.maturity else None
        values["intellectual_property"] = record.intellectual_property
        values |= _amount_columns("price", record.price)
    else:
        values["county"] = record.county
        values |= _amount_columns("budget", record.budget)
    return values


def _amount_columns(name: str, amount: Amount | None) -> dict[str, Any]:
    return {
        f"{name}_min_wan": amount.min_wan if amount else None,
        f"{name}_max_wan": amount.max_wan if amount else None,
        f"{name}_negotiable": amount.negotiable if amount else None,
    }


def _amount(low: float | None, high: float | None, negotiable: bool | None) -> Amount | None:
    return None if negotiable is None else Amount(low, high, negotiable)


def from_row(row: AchievementTable | NeedTable, owner: OrganisationTable | None) -> Record:
    """The record that a row and its owner hold."""
    shared: dict[str, Any] = {
        "key": row.key,
        "title": row.title,
        "text": row.text,
        **{name: "" if name in row.suggested else getattr(row, name) for name in SUGGESTED},
        "organisation": Organisation(owner.name, owner.region) if owner else None,
        "language": row.language,
        "cooperation": tuple(row.cooperation),
        "published_on": row.published_on,
        "valid_from_on": row.valid_from_on,
        "valid_until_on": row.valid_until_on,
        "source": row.source,
        "contacts": tuple(Contact(ContactKind(kind), value) for kind, value in row.contacts),
        "confidentiality": Confidentiality(row.confidentiality),
        "field_levels": {n: Confidentiality(level) for n, level in row.field_levels.items()},
        "suggested": row.suggested,
        "supplements": tuple(Supplement(aspect, text) for aspect, text in row.supplements),
        "extra": row.extra,
    }
    if isinstance(row, AchievementTable):
        maturity = Maturity(row.maturity) if row.maturity else None
        price = _amount(row.price_min_wan, row.price_max_wan, row.price_negotiable)
        return Achievement(
            **shared,
            maturity=maturity,
            intellectual_property=row.intellectual_property,
            price=price,
        )
    budget = _amount(row.budget_min_wan, row.budget_max_wan, row.budget_negotiable)
    return Need(**shared, county=row.county, budget=budget)
