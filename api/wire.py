"""The base of all wire schemas."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Wire(BaseModel):
    """Unknown fields are an error, values are never changed after the conversion."""

    model_config = ConfigDict(extra="forbid", frozen=True)
