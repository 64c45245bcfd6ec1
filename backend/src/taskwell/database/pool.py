"""Runs compiled statements on asyncpg."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import asyncpg

from taskwell.config import Settings
from taskwell.database.connections import Connection, Connections, Usage
from taskwell.database.mishaps import MISHAPS, ConnectionLost, ends_session, reason, tell
from taskwell.database.statement import Statement
from taskwell.database.storage import Storage
from taskwell.database.transaction import Row, Transaction, begun
from taskwell.database.url import CONNECT_SECONDS, target
from taskwell.errors import DatabaseBusy, DatabaseUnavailable, StorageFull
from taskwell.measures.revisions import WRITTEN
from taskwell.measures.stopwatch import Stopwatch

_UNTIMED = nullcontext()


@dataclass(frozen=True, slots=True)
class Patience:
    """For how many seconds a request waits before it is told to come again."""

    connect: float = CONNECT_SECONDS
    # Until one of the connections, all of them at work, becomes free.
    turn: float = 5.0
    statement: float = 10.0


USUAL_PATIENCE = Patience()


class Database:
    def __init__(
        self,
        settings: Settings,
        patience: Patience = USUAL_PATIENCE,
        storage: Storage | None = None,
    ) -> None:
        if settings.database_url is None:
            raise ValueError("the database's URL must be known by now")
        self._target = target(settings.database_url.get_secret_value())
        self._options = {
            **self._target.options,
            "timeout": min(patience.connect, self._target.options["timeout"]),
            "command_timeout": patience.statement,
            "statement_cache_size": 256 if settings.prepared_statements else 0,
        }
        self._size = settings.pool_size
        self._prepares = settings.prepared_statements
        self._patience = patience
        self._storage = storage or Storage()
        self._is_timed = settings.server_timing
        self._waiting_writers = 0

    def connections(self) -> Usage:
        usage = self._connections.usage()
        return replace(usage, waiting=usage.waiting + self._waiting_writers)

    async def open(self) -> None:
        """Connects to nothing yet: the first request does, and a database that is away or asleep
        does not keep the service from starting."""
        self._connections = Connections(self._connect, self._size, self._patience.turn)
        # A disk that stalls keeps every write waiting: some connections are for reads alone.
        self._writers = asyncio.Semaphore(max(1, self._size - max(1, self._size // 5)))

    async def close(self) -> None:
        await self._connections.close()

    def row(self, statement: Statement, **values: object) -> Coroutine[Any, Any, Row | None]:
        """One statement, one round trip; atomic by itself and committed when this returns."""
        return self._row(statement, statement.arguments(values), first=False)

    def first_row(self, statement: Statement) -> Coroutine[Any, Any, Row | None]:
        """The same, before all who wait for a connection: for whoever asks how well it goes."""
        return self._row(statement, statement.arguments({}), first=True)

    async def _row(
        self, statement: Statement, arguments: list[object], *, first: bool
    ) -> Row | None:
        if not statement.reads:
            self._require_room()
        with Stopwatch() if self._is_timed else _UNTIMED:
            try:
                return await self._fetch(statement, arguments, first=first)
            except ConnectionLost:
                if not statement.reads:
                    raise
            return await self._fetch(statement, arguments, first=first)

    async def _take(self, *, writes: bool, first: bool = False) -> Connection:
        """Whoever writes waits for two things, but no longer than for one."""
        if not writes:
            return await self._connections.take(first=first)
        began = time.monotonic()
        if self._writers.locked():
            self._waiting_writers += 1
            try:
                async with asyncio.timeout(self._patience.turn):
                    await self._writers.acquire()
            except TimeoutError:
                raise DatabaseBusy("other writes have all connections that writes get") from None
            finally:
                self._waiting_writers -= 1
        else:
            await self._writers.acquire()
        try:
            return await self._connections.take(self._patience.turn - (time.monotonic() - began))
        except BaseException:
            self._writers.release()
            raise

    def _give_back(self, connection: Connection, *, writes: bool, is_sound: bool) -> None:
        self._connections.give_back(connection, is_sound=is_sound)
        if writes:
            self._writers.release()

    async def _fetch(
        self, statement: Statement, arguments: list[object], *, first: bool
    ) -> Row | None:
        writes = not statement.reads
        connection = await self._take(writes=writes, first=first)
        is_sound = False
        try:
            if self._prepares:
                found: Row | None = await connection.fetchrow(statement.sql, *arguments)
            else:
                # Without names, preparing and running must meet the same server connection.
                async with begun(connection):
                    found = await connection.fetchrow(statement.sql, *arguments)
            is_sound = True
        except MISHAPS as error:
            is_sound = (
                isinstance(error, asyncpg.PostgresError)
                and not ends_session(error)
                and not connection.is_in_transaction()
            )
            self._tell(error)
            raise
        finally:
            self._give_back(connection, writes=writes, is_sound=is_sound)
        return found

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """For writes: what only reads has no need of it."""
        self._require_room()
        with Stopwatch() if self._is_timed else _UNTIMED:
            connection = await self._take(writes=True)
            has_begun = False
            try:
                async with begun(connection):
                    has_begun = True
                    transaction = Transaction(connection)
                    yield transaction
                self.wrote(transaction.revisions)
            except MISHAPS as error:
                self._tell(error)
                raise
            finally:
                # Who gave up on a BEGIN does not know yet whether it was done.
                is_sound = (
                    has_begun and not connection.is_closed() and not connection.is_in_transaction()
                )
                self._give_back(connection, writes=True, is_sound=is_sound)

    def wrote(self, revisions: int) -> None:
        WRITTEN.add(revisions)

    def _tell(self, error: Exception) -> None:
        try:
            tell(error)
        except ConnectionLost:
            # What cut one may have cut them all, and nobody should find that out one by one.
            self._connections.let_idle_go()
            raise

    @property
    def has_room(self) -> bool:
        return not self._storage.is_full

    def _require_room(self) -> None:
        if self._storage.is_full:
            raise StorageFull("the disk of the data folder is almost full")

    async def _connect(self) -> Any:
        try:
            return await asyncpg.connect(self._target.dsn, **self._options)
        except TimeoutError:
            raise DatabaseUnavailable("no connection was made in time") from None
        except MISHAPS as error:
            raise DatabaseUnavailable(reason(error)) from error
