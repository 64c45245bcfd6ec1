"""The database ends a session and says so, and its socket stays open for a moment longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from integration.database_way import Way
from taskwell.config import Settings
from taskwell.database.mishaps import ConnectionLost
from taskwell.database.pool import Database
from taskwell.queries.compiling import reading

NOW = reading("NOW", select(func.now().label("moment")))
PATIENCE = 20.0


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
