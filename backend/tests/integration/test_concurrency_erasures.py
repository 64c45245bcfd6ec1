"""Users who erase everything while other devices of theirs still write."""

from __future__ import annotations

import asyncio
import secrets

from concurrency.place import CROWD, place, run
from taskwell.schemas.tasks import TaskCreate
from taskwell.services.belongings import Belongings

USERS = 600
# What an erasure left behind of an account that it took away.
_ORPHANS = """
    SELECT count(*) FROM task
    WHERE user_id LIKE $1 || '%' AND user_id NOT IN (SELECT user_id FROM account)
"""


def test_an_erasure_leaves_no_task_without_its_account(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            belongings = Belongings(at.database, most_tasks=100)
            crowd = asyncio.Semaphore(CROWD // 4)
            name = f"leaving-{secrets.token_hex(4)}"

            async def create(user_id: str) -> None:
                await at.tasks.create(user_id, TaskCreate(text="Late"), must_be_new=False)

            async def leave(user_id: str) -> None:
                async with crowd:
                    erasures = [belongings.erase(user_id) for _ in range(2)]
                    await asyncio.gather(*erasures, create(user_id), create(user_id))

            await asyncio.gather(*(leave(f"{name}-{number}") for number in range(USERS)))
            assert await at.connection.fetchval(_ORPHANS, name) == 0

    run(race)
