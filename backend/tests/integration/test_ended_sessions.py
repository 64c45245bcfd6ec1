"""The database ends a session and says so, and its socket stays open for a moment longer."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit, urlunsplit

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from taskwell.config import Settings
from taskwell.database.mishaps import ConnectionLost
from taskwell.database.pool import Database
from taskwell.queries.compiling import reading

NOW = reading("NOW", select(func.now().label("moment")))
PATIENCE = 20.0
LAST_WORDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


class Way:
    """Between the service and a real PostgreSQL."""

    def __init__(self, database_url: str) -> None:
        self._url = urlsplit(database_url)
        self._clients: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        place = f"{self._url.username}@127.0.0.1:{port}"
        return urlunsplit(self._url._replace(netloc=place, query="sslmode=disable"))

    async def close(self) -> None:
        self._server.close()
        for client in self._clients:
            client.close()
        await asyncio.gather(*self._tasks)

    async def end_sessions(self) -> None:
        said = b"E" + struct.pack("!I", len(LAST_WORDS) + 4) + LAST_WORDS
        for client in self._clients:
            client.write(said)
            await client.drain()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.append(writer)
        where = parse_qs(self._url.query)
        path = f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}"
        from_database, to_database = await asyncio.open_unix_connection(path)
        for source, sink in ((reader, to_database), (from_database, writer)):
            task = asyncio.create_task(_carry(source, sink))
            self._tasks.add(task)


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
    sink.close()


@asynccontextmanager
async def ended(database_url: str, settings: Settings, connections: int) -> AsyncIterator[Database]:
    """One whose idle connections were told that they are over."""
    way = Way(database_url)
    url = await way.open()
    database = Database(
        settings.model_copy(update={"database_url": SecretStr(url), "pool_size": connections})
    )
    await database.open()
    await asyncio.gather(*(database.row(NOW) for _ in range(connections)))
    assert database.connections().idle == connections
    await way.end_sessions()
    # Whatever was sent before this has arrived.
    await (await asyncpg.connect(url)).close()
    try:
        yield database
    finally:
        await database.close()
        await way.close()


Scene = Callable[[Database], Awaitable[None]]


def play(database_url: str, settings: Settings, scene: Scene, connections: int = 1) -> None:
    async def main() -> None:
        async with ended(database_url, settings, connections) as database:
            await scene(database)
            async with asyncio.timeout(PATIENCE):
                # Those that have ended are let go in the background.
                while database.connections().busy:  # noqa: ASYNC110  # nobody tells
                    await asyncio.sleep(0)
            assert database.connections().idle == 1

    asyncio.run(main())


def test_a_read_gets_another_session(database_url: str, settings: Settings) -> None:
    async def scene(database: Database) -> None:
        assert await database.row(NOW) is not None

    play(database_url, settings, scene)


def test_a_read_does_not_meet_the_next_one_that_was_ended(
    database_url: str, settings: Settings
) -> None:
    async def scene(database: Database) -> None:
        assert await database.row(NOW) is not None

    play(database_url, settings, scene, connections=4)


def test_a_transaction_is_told_and_the_next_one_is_well(
    database_url: str, settings: Settings
) -> None:
    async def scene(database: Database) -> None:
        with pytest.raises(ConnectionLost):
            async with database.transaction() as transaction:
                await transaction.row(NOW)
        async with database.transaction() as transaction:
            assert await transaction.row(NOW) is not None

    play(database_url, settings, scene)
