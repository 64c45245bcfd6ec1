from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

from taskwell.database.url import target

_DUMP = """
SELECT (SELECT row_to_json(account)::text FROM account WHERE user_id = $1) AS account,
       (SELECT json_agg(task ORDER BY id)::text FROM task WHERE user_id = $1) AS tasks
"""


class Rows:
    """What the database has of a user, as it is stored."""

    def __init__(self, database_url: str) -> None:
        self._target = target(database_url)

    def of(self, *user_ids: str) -> dict[str, tuple[Any, Any]]:
        return asyncio.run(self._read(user_ids))

    async def _read(self, user_ids: tuple[str, ...]) -> dict[str, tuple[Any, Any]]:
        connection = await asyncpg.connect(self._target.dsn, **self._target.options)
        try:
            found = {}
            for user_id in user_ids:
                row = await connection.fetchrow(_DUMP, user_id)
                found[user_id] = (row["account"], row["tasks"])
            return found
        finally:
            await connection.close()
