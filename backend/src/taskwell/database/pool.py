"""Runs compiled statements on asyncpg, and says in our words what went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import asyncpg

from taskwell.config import Settings
from taskwell.database.statement import Statement
from taskwell.database.url import CONNECT_SECONDS, target
from taskwell.errors import DatabaseBusy, DatabaseUnavailable

# Neon suspends a database that was idle for five minutes; let go before it does.
_IDLE_SECONDS = 240.0
_FOREVER = 2**31 - 1

# SQLSTATE classes and codes after which the same request may well succeed later: connections,
# resources, rolled back transactions, operators at work, disks, locks.
_PASSING = ("08", "25", "28", "40", "53", "55", "57", "58")

# What a statement meets when its connection ends, or has ended already.
_BROKEN = (asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, asyncpg.InterfaceError)

# A record of the driver's, by the names of its columns.
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds a request waits before it is told to come again."""

    connect: float = CONNECT_SECONDS
    # Until one of the connections, all of them at work, becomes free.
    turn: float = 5.0
    statement: float = 10.0


USUAL_PATIENCE = Patience()


class UniqueViolation(Exception):
    """A key exists already. Which one isn't told: some databases don't know."""


class ConnectionLost(DatabaseUnavailable):
    """Broke under a statement: nobody can say whether the statement was done."""


class SchemaIncomplete(DatabaseUnavailable):
    """A table or a column is not there (yet)."""


class _Connection(asyncpg.Connection):
    def get_reset_query(self) -> str:
        # No statement of ours leaves anything behind in a session: nothing to reset, and a
        # round trip less for each request.
        return ""


class Runner(Protocol):
    """What services need of a database: the pool, or a transaction that is open already."""

    async def row(self, statement: Statement, **values: object) -> Row | None: ...

    def transaction(self) -> AbstractAsyncContextManager[Transaction]: ...


class Transaction:
    """A few statements that take effect together."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def row(self, statement: Statement, **values: object) -> Row | None:
        arguments = statement.arguments(values)
        if not statement.collides:
            return await self._fetch(statement, arguments)
        try:
            # A statement that may run into a key of another's must not spoil what came before it.
            async with self._connection.transaction():
                return await self._fetch(statement, arguments)
        except asyncpg.UniqueViolationError as error:
            raise UniqueViolation from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """This one: what is done within it takes effect with the rest."""
        yield self

    async def _fetch(self, statement: Statement, arguments: list[object]) -> Row | None:
        found: Row | None = await self._connection.fetchrow(statement.sql, *arguments)
        return found


class Database:
    def __init__(self, settings: Settings, patience: Patience = USUAL_PATIENCE) -> None:
        if settings.database_url is None:
            raise ValueError("the database's URL must be known by now")
        self._target = target(settings.database_url.get_secret_value())
        self._size = settings.pool_size
        self._prepares = settings.prepared_statements
        self._patience = patience

    async def open(self) -> None:
        """Connects to nothing yet: the first request does, and a database that is away or asleep
        does not keep the service from starting."""
        self._pool = await asyncpg.create_pool(
            self._target.dsn,
            min_size=0,
            max_size=self._size,
            max_queries=_FOREVER,
            max_inactive_connection_lifetime=_IDLE_SECONDS,
            command_timeout=self._patience.statement,
            statement_cache_size=256 if self._prepares else 0,
            connection_class=_Connection,
            **self._target.options,
        )

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._patience.turn):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()

    async def row(self, statement: Statement, **values: object) -> Row | None:
        """One statement, one round trip; atomic by itself and committed when this returns."""
        arguments = statement.arguments(values)
        try:
            return await self._fetch(statement, arguments)
        except ConnectionLost:
            if not statement.reads:
                raise
        return await self._fetch(statement, arguments)

    async def _fetch(self, statement: Statement, arguments: list[object]) -> Row | None:
        found: Row | None
        async with self._connection() as connection:
            if self._prepares:
                found = await connection.fetchrow(statement.sql, *arguments)
            else:
                # Without names, preparing and running must meet the same server connection.
                async with connection.transaction():
                    found = await connection.fetchrow(statement.sql, *arguments)
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with self._connection() as connection, connection.transaction():
            yield Transaction(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        full = self._pool.get_idle_size() == 0 and self._pool.get_size() >= self._size
        try:
            connection = await self._pool.acquire(
                timeout=self._patience.turn if full else self._patience.connect
            )
        except TimeoutError:
            if full:
                raise DatabaseBusy("no connection became free in time") from None
            raise DatabaseUnavailable("no connection was made in time") from None
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise DatabaseUnavailable(_reason(error)) from error
        with _translated():
            try:
                yield connection
            finally:
                await self._pool.release(connection, timeout=self._patience.turn)


@contextmanager
def _translated() -> Iterator[None]:
    """Anything that is not named here is a defect of ours, and stays one."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise UniqueViolation from error
    except TimeoutError as error:
        raise DatabaseUnavailable("the statement took too long") from error
    except (OSError, *_BROKEN) as error:
        raise ConnectionLost(_reason(error)) from error
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError) as error:
        raise SchemaIncomplete(_reason(error)) from error
    except asyncpg.PostgresError as error:
        if not str(error.sqlstate).startswith(_PASSING):
            raise
        raise DatabaseUnavailable(_reason(error)) from error


def _reason(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__
