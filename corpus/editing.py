"""A record with some fields changed by hand, cleaned as an import cleans them. No storage here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from corpus.cleaning.contacts import extract_contacts
from corpus.cleaning.text import clean_text, clean_title
from corpus.fields import suggest_fields
from corpus.importing.rows import TITLE_LIMIT
from corpus.languages import language_of
from corpus.mapping import SUGGESTED
from corpus.model import CorpusError, Kind, Record
from corpus.taxonomy import counties, technology_fields

EDITABLE: Mapping[Kind, frozenset[str]] = {
    kind: frozenset(
        {
            "title", "text", "technology_field", "industry", "cooperation", "published_on",
            "valid_until_on", "confidentiality",
        }
    )
    | own
    for kind, own in (
        (Kind.ACHIEVEMENT, frozenset({"maturity", "intellectual_property", "price"})),
        (Kind.NEED, frozenset({"county", "budget"})),
    )
}  # fmt: skip
"""Fields that a person may change. Owners, sources and keys come from the source alone."""
_CHOICES: Mapping[str, tuple[str, Any]] = {
    "technology_field": ("技术领域", technology_fields),
    "county": ("县区", counties),
}


class EditError(CorpusError):
    """A change that cannot be made; the message says why."""


def edited(record: Record, changes: Mapping[str, Any]) -> Record:
    """The record with ``changes``, values of its own fields by name.

    Contacts that are typed into a title or text move to the contacts, as on import, and fields
    left empty get new suggestions.

    Raises:
        EditError: a field that cannot be edited, or a value that it cannot have.
    """
    if unknown := sorted(set(changes) - EDITABLE[record.kind]):
        raise EditError(f"{record.kind.label}的这些内容不能修改：{'、'.join(unknown)}。")
    values = dict(changes)
    contacts = list(record.contacts)
    if "title" in values:
        title, found = extract_contacts(clean_title(values["title"]))
        values["title"] = _title(title.strip(), record.kind)
        contacts += found
    if "text" in values:
        values["text"], found = extract_contacts(clean_text(values["text"]))
        contacts += found
    for name in ("industry", "intellectual_property"):
        if name in values:
            values[name] = clean_title(values[name])
    for name, (label, known) in _CHOICES.items():
        if values.get(name) and values[name] not in known():
            raise EditError(f"没有“{values[name][:20]}”这个{label}，可用：{'、'.join(known())}。")
    values["contacts"] = tuple(dict.fromkeys(contacts))
    made = replace(record, **values)
    if {"title", "text"} & set(changes):
        made = replace(made, language=language_of(f"{made.title}\n{made.text}"))
    if {"title", "text", *SUGGESTED} & set(changes):
        made = replace(made, suggested=_suggested(made))
    return made


def _suggested(record: Record) -> dict[str, str]:
    guess = suggest_fields(record.title, record.text)
    return {
        name: value
        for name in SUGGESTED
        if not getattr(record, name) and (value := getattr(guess, name))
    }


def _title(title: str, kind: Kind) -> str:
    if not title:
        raise EditError(f"{kind.label}名称不能为空。")
    if len(title) > TITLE_LIMIT:
        raise EditError(f"名称有 {len(title)} 字，超过 {TITLE_LIMIT} 字；正文请写在正文里。")
    return title
