from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Input(BaseModel):
    """Says no to members it does not know and to values of another type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Output(BaseModel):
    """No member has a default: what is declared is what is sent."""

    model_config = ConfigDict(extra="forbid")
