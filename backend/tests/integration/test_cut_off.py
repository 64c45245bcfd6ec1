"""Work that is given up in the middle leaves a connection behind that the next one can trust."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import func, select

from taskwell.config import Settings
from taskwell.database.pool import Database
from taskwell.queries.compiling import reading

# The same within a transaction, and later with each statement outside of one.
NOW = reading("NOW", select(func.now().label("moment")))
ROUNDS = 5


async def _two_statements(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.row(NOW)
        await transaction.row(NOW)


async def _moment(database: Database) -> object:
    row = await database.row(NOW)
    assert row is not None
    return row["moment"]


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 6, 8, 12, 16])
def test_the_next_one_is_in_no_transaction(settings: Settings, steps: int) -> None:
    async def main() -> None:
        database = Database(settings.model_copy(update={"pool_size": 1}))
        await database.open()
        # So that there is a connection at hand, and the first thing to wait for is BEGIN.
        await database.row(NOW)
        for _ in range(ROUNDS):
            given_up = asyncio.create_task(_two_statements(database))
            for _ in range(steps):
                await asyncio.sleep(0)
            given_up.cancel()
            await asyncio.gather(given_up, return_exceptions=True)
            assert await _moment(database) != await _moment(database)
        await database.close()

    asyncio.run(main())
