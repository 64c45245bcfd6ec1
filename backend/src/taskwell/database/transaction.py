"""Statements that take effect together, and what services need of a database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Any, Protocol

import asyncpg

from taskwell.database.mishaps import MISHAPS, UniqueViolation
from taskwell.database.statement import Statement

_ROLLBACK_SECONDS = 1.0

# A record of the driver's, by the names of its columns.
Row = Mapping[str, Any]


class Runner(Protocol):
    """What services need of a database: the pool, or a transaction that is open already."""

    async def row(self, statement: Statement, **values: object) -> Row | None: ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...

    def wrote(self, revisions: int) -> None:
        """So many, which count once they are committed."""


class Transaction:
    """A few statements that take effect together."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self.revisions = 0

    async def row(self, statement: Statement, **values: object) -> Row | None:
        arguments = statement.arguments(values)
        if not statement.collides:
            return await self._fetch(statement, arguments)
        # A statement that runs into a key of another's must not spoil what came before it.
        savepoint = self._connection.transaction()
        await savepoint.start()
        try:
            found = await self._fetch(statement, arguments)
        except asyncpg.UniqueViolationError as error:
            await savepoint.rollback()
            raise UniqueViolation from error
        await savepoint.commit()
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """This one: what is done within it takes effect with the rest."""
        yield self

    def wrote(self, revisions: int) -> None:
        self.revisions += revisions

    async def _fetch(self, statement: Statement, arguments: list[object]) -> Row | None:
        found: Row | None = await self._connection.fetchrow(statement.sql, *arguments)
        return found


@asynccontextmanager
async def begun(connection: Any) -> AsyncIterator[None]:
    """Who waited in vain for a statement does not wait as long again for its ROLLBACK: the end of
    the connection does the same."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    except asyncio.CancelledError:
        with suppress(*MISHAPS):
            await _roll_back(transaction)
        raise
    except BaseException:
        # A database that does not answer this either is what is told.
        await _roll_back(transaction)
        raise
    await transaction.commit()


async def _roll_back(transaction: Any) -> None:
    async with asyncio.timeout(_ROLLBACK_SECONDS):
        await transaction.rollback()
