"""From SQLAlchemy's expression language to the driver's own text."""

from __future__ import annotations

from sqlalchemy import ClauseElement, Dialect
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler

from taskwell.database.statement import Statement

_DIALECT: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy left it untyped


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
    # The compiler breaks lines after some words and leaves a space before the break.
    text = "\n".join(line.strip() for line in str(compiled).splitlines())
    return Statement(name, text, tuple(compiled.positiontup or ()), reads, collides)
