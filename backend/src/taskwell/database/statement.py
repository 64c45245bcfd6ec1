"""A statement: written in SQLAlchemy's expression language, compiled to text once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

_DIALECT: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped


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


def reading(name: str, clause: ClauseElement) -> Statement:
    return _compile(name, clause, reads=True)


def writing(name: str, clause: ClauseElement, *, collides: bool = False) -> Statement:
    return _compile(name, clause, reads=False, collides=collides)


def _compile(name: str, clause: ClauseElement, *, reads: bool, collides: bool = False) -> Statement:
    compiled = clause.compile(dialect=_DIALECT)
    assert isinstance(compiled, SQLCompiler)
    filled = sorted(key for key, value in compiled.params.items() if value is not None)
    if filled:
        # A literal became a parameter that nobody would fill.
        raise ValueError(f"{name} carries values of its own: {', '.join(filled)}")
    return Statement(name, str(compiled), tuple(compiled.positiontup or ()), reads, collides)
