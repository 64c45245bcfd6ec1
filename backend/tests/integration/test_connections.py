"""How connections are kept: with real ones, and no service around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.connections import Connections, Usage
from taskwell.database.pool import Database
from taskwell.database.server_settings import is_server_setting
from taskwell.database.statement import Statement
from taskwell.database.url import target
from taskwell.errors import DatabaseBusy
from taskwell.statements.upkeep import SCHEMA

Scene = Callable[[Connections], Awaitable[None]]


def play(url: str, scene: Scene, *, limit: int = 1, turn: float = 10.0, rest: float = 60.0) -> None:
    """The scene begins without a connection, and leaves none behind."""

    async def connect() -> Any:
        where = target(url)
        return await asyncpg.connect(where.dsn, **where.options)

    async def main() -> None:
        connections = Connections(connect, limit, turn, rest)
        await scene(connections)
        await connections.close()
        assert connections.usage() == Usage(0, 0, limit, 0)

    asyncio.run(main())


@asynccontextmanager
async def taken(connections: Connections, *, first: bool = False) -> AsyncIterator[Any]:
    connection = await connections.take(first=first)
    try:
        yield connection
    finally:
        connections.give_back(connection, is_sound=True)


async def queued(connections: Connections, waiting: int) -> None:
    while connections.usage().waiting < waiting:  # noqa: ASYNC110  # only the tasks need a turn
        await asyncio.sleep(0)


def test_the_last_one_used_goes_out_first(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        first, second = await connections.take(), await connections.take()
        connections.give_back(second, is_sound=True)
        connections.give_back(first, is_sound=True)
        for _ in range(3):
            async with taken(connections) as connection:
                assert connection is first
        assert connections.usage() == Usage(0, 2, 5, 0)

    play(database_url, scene, limit=5)


def test_who_waits_is_served_in_turn(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        served: list[int] = []

        async def ask(number: int) -> None:
            async with taken(connections, first=number == 3):
                served.append(number)

        async with taken(connections):
            asking = []
            for number in range(4):
                asking.append(asyncio.create_task(ask(number)))
                await queued(connections, number + 1)
            assert served == []
        await asyncio.gather(*asking)
        # The last one was to be the first.
        assert served == [3, 0, 1, 2]

    play(database_url, scene)


@pytest.mark.parametrize(("turn", "end"), [(10.0, "served"), (0.3, "sent away")])
def test_who_finds_the_room_taken_waits_no_longer_than_if_it_were_not(
    database_url: str, turn: float, end: str
) -> None:
    """Somebody else comes for it before the first of those who wait is awake."""

    async def scene(connections: Connections) -> None:
        ended: list[tuple[str, str]] = []

        async def ask(name: str) -> None:
            try:
                async with taken(connections):
                    ended.append((name, "served"))
            except DatabaseBusy:
                ended.append((name, "sent away"))

        broken = await connections.take()
        asking = []
        for name in ("first", "second"):
            asking.append(asyncio.create_task(ask(name)))
            await queued(connections, len(asking))
        broken.terminate()
        connections.give_back(broken, is_sound=True)
        async with taken(connections):
            if end == "sent away":
                await asyncio.gather(*asking)
        await asyncio.gather(*asking)
        assert ended == [("first", end), ("second", end)]

    play(database_url, scene, turn=turn)


def test_who_gives_up_is_passed_over(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        mine = await connections.take()
        leaves_early = asyncio.create_task(connections.take())
        leaves_late = asyncio.create_task(connections.take())
        stays = asyncio.create_task(connections.take())
        await queued(connections, 3)
        leaves_early.cancel()
        await queued(connections, 3)
        connections.give_back(mine, is_sound=True)
        # It has been handed over already, and still nobody took it.
        leaves_late.cancel()
        assert await stays is mine
        connections.give_back(mine, is_sound=True)
        for task in (leaves_early, leaves_late):
            with pytest.raises(asyncio.CancelledError):
                await task

    play(database_url, scene)


def test_nobody_waits_for_ever(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        async with taken(connections):
            with pytest.raises(DatabaseBusy):
                await connections.take(0.05)
            assert connections.usage() == Usage(1, 0, 1, 0)

    play(database_url, scene)


def test_one_that_is_not_sound_is_closed_and_replaced(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        async with taken(connections) as connection:
            spoilt = connection
            former = connection.get_server_pid()
        assert await connections.take() is spoilt
        connections.give_back(spoilt, is_sound=False)
        # Until it is gone it counts: there is never one more than the limit.
        assert connections.usage() == Usage(1, 0, 1, 0)
        async with taken(connections) as connection:
            assert spoilt.is_closed()
            left = await connection.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND pid <> pg_backend_pid()",
                former,
            )
            assert (connection is spoilt, left) == (False, 0)

    play(database_url, scene)


def test_one_that_broke_while_it_was_idle_is_replaced(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        async with taken(connections) as connection:
            broken = connection
        broken.terminate()
        async with taken(connections) as connection:
            assert await connection.fetchval("SELECT 1") == 1
        assert connections.usage() == Usage(0, 1, 1, 0)

    play(database_url, scene)


def test_one_that_ends_beneath_another_is_not_kept(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        async with taken(connections) as upper:
            async with taken(connections) as lower:
                process = lower.get_server_pid()
            await upper.fetchval("SELECT pg_terminate_backend($1, 5000)", process)
        async with asyncio.timeout(30):
            while connections.usage() != Usage(0, 1, 2, 0):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        async with taken(connections) as left:
            assert left is upper

    play(database_url, scene, limit=2)


def test_one_that_could_not_be_made_leaves_its_place_to_the_next() -> None:
    async def main() -> None:
        attempts = 0

        async def connect() -> Any:
            nonlocal attempts
            attempts += 1
            await asyncio.sleep(0)
            raise OSError("nobody is there")

        connections = Connections(connect, 1, 10.0)
        asking = [asyncio.create_task(connections.take()) for _ in range(3)]
        refused = await asyncio.gather(*asking, return_exceptions=True)
        assert [type(error) for error in refused] == [OSError] * 3
        assert (attempts, connections.usage()) == (3, Usage(0, 0, 1, 0))
        await connections.close()

    asyncio.run(main())


def test_idle_ones_are_let_go(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        async with taken(connections) as one, taken(connections) as other:
            idle = (one, other)
        assert connections.usage().idle == 2
        async with asyncio.timeout(30):
            while connections.usage() != Usage(0, 0, 2, 0):  # noqa: ASYNC110  # nobody tells
                await asyncio.sleep(0.01)
        assert [connection.is_closed() for connection in idle] == [True, True]

    play(database_url, scene, limit=2, rest=0.05)


def test_at_the_end_those_at_work_are_waited_for(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        connection = await connections.take()
        closing = asyncio.create_task(connections.close())
        assert await connection.fetchval("SELECT 1") == 1
        assert not closing.done()
        connections.give_back(connection, is_sound=True)
        await closing
        assert connection.is_closed()

    play(database_url, scene)


def test_in_the_end_those_at_work_are_cut_off(database_url: str) -> None:
    async def scene(connections: Connections) -> None:
        connection = await connections.take()
        await connections.close()
        assert connection.is_closed()
        connections.give_back(connection, is_sound=False)

    play(database_url, scene, turn=0.05)


def test_who_asks_how_well_it_goes_is_served_first(settings: Settings) -> None:
    served: list[str] = []

    async def main() -> None:
        database = Database(settings.model_copy(update={"pool_size": 1}))
        await database.open()

        async def ask(name: str, look: Callable[[Statement], Awaitable[object]]) -> None:
            await look(SCHEMA)
            served.append(name)

        async with database.transaction():
            asking = []
            looks = [("task", database.row), ("list", database.row), ("health", database.first_row)]
            for number, (name, look) in enumerate(looks):
                asking.append(asyncio.create_task(ask(name, look)))
                while database.connections().waiting <= number:  # noqa: ASYNC110  # as above
                    await asyncio.sleep(0)
        await asyncio.gather(*asking)
        await database.close()

    asyncio.run(main())
    assert served == ["health", "task", "list"]


def test_each_setting_that_a_session_may_set_may_be_in_the_url(database_url: str) -> None:
    by_sessions = ("user", "superuser", "backend", "superuser-backend")
    with SecondConnection(database_url) as database:
        found = database.rows(
            "SELECT name FROM pg_settings WHERE context = ANY($1::text[])", by_sessions
        )
    assert len(found) > 100
    assert [row["name"] for row in found if not is_server_setting(row["name"])] == []


def test_a_setting_of_the_url_gets_to_postgresql(database_url: str) -> None:
    with SecondConnection(f"{database_url}&statement_timeout=4321&connect_timeout=10") as database:
        assert database.value("SHOW statement_timeout") == "4321ms"
