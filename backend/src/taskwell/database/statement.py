"""A statement: its text, and the order in which it takes its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Statement:
    name: str
    sql: str
    parameters: tuple[str, ...]
    # A read may be sent again after its connection broke: it has done nothing.
    reads: bool
    # Whether it may run into a unique key, which its caller then makes something of.
    collides: bool = False

    def arguments(self, values: Mapping[str, object]) -> list[object]:
        return [values[name] for name in self.parameters]
