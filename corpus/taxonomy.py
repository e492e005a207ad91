"""Technology fields, regions and Tangshan's counties, read from ``resources/taxonomy.toml``."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any


@functools.cache
def _taxonomy() -> dict[str, Any]:
    return tomllib.loads(
        resources.files("corpus.resources").joinpath("taxonomy.toml").read_text("utf-8")
    )


def technology_fields() -> tuple[str, ...]:
    """Names of the technology fields, in display order."""
    return tuple(_taxonomy()["technology_fields"])


def regions() -> tuple[str, ...]:
    """Regions of institutions, in display order."""
    return tuple(_taxonomy()["regions"])


def counties() -> tuple[str, ...]:
    """Tangshan's 14 counties and districts, then its development zones."""
    return tuple(_taxonomy()["counties"]) + tuple(_taxonomy()["development_zones"])


def technology_field_of(first: str, second: str = "") -> str:
    """Our name of a field, given it or the two levels of a platform's tree; else empty."""
    platform: dict[str, str] = _taxonomy()["platform_fields"]
    # The branch first: 新材料 is a field of ours too, but its 化工新材料 are chemicals.
    if branch := platform.get(f"{first}-{second}"):
        return branch
    return first if first in technology_fields() else platform.get(first, "")
