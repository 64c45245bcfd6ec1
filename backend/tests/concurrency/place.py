"""A crowd around one user, all at once."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg

from concurrency.observed import observed_database
from taskwell.database.pool import Database
from taskwell.errors import RequestRefused
from taskwell.schemas.tasks import TaskCreate
from taskwell.services.tasks import Created, Tasks

CROWD = 48
MOST_TASKS = 1000
_BOOKS = """
    SELECT account.rev, account.live,
           count(*) FILTER (WHERE task.deleted_at IS NULL) AS alive,
           count(*) AS ever, max(task.rev) AS last
    FROM account JOIN task USING (user_id) WHERE user_id = $1 GROUP BY account.user_id
"""


@dataclass(frozen=True, slots=True)
class Place:
    """A user whom nobody knows yet, and the services on as many connections as the crowd has."""

    user_id: str
    tasks: Tasks
    database: Database
    connection: Any

    async def create(self, text: str = "Buy milk", **members: Any) -> Created:
        task = TaskCreate(text=text, **members)
        return await self.tasks.create(self.user_id, task, must_be_new=False)

    async def books(self) -> dict[str, int]:
        return dict(await self.connection.fetchrow(_BOOKS, self.user_id))


@asynccontextmanager
async def place(database_url: str, most_tasks: int = MOST_TASKS) -> AsyncIterator[Place]:
    database = observed_database(database_url, CROWD)
    await database.open()
    connection = await asyncpg.connect(database_url)
    try:
        user_id = f"crowd-{secrets.token_hex(8)}"
        yield Place(user_id, Tasks(database, most_tasks), database, connection)
    finally:
        await connection.close()
        await database.close()


async def all_at_once(
    writes: list[Coroutine[Any, Any, Any]], *refusals: type[RequestRefused]
) -> list[Any]:
    """What each got; a refusal that is not among the expected ones fails the test."""
    results = await asyncio.gather(*writes, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, refusals):
            raise result
    return results


def run(test: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await test()

    asyncio.run(main())
