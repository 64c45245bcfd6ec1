"""A reader that follows a user's changes by revision, as a device that synchronizes does."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg

_PAGE = 40
# Leaves the machine to the writers.
_PACE = 0.002
_CHANGES = """
    SELECT id, rev, deleted_at IS NOT NULL AS deleted FROM task
    WHERE user_id = $1 AND rev > $2 ORDER BY rev LIMIT $3
"""
_ALL = "SELECT id, rev, deleted_at IS NOT NULL AS deleted FROM task WHERE user_id = $1"
_ACCOUNT = "SELECT rev, live FROM account WHERE user_id = $1"


class Reader:
    def __init__(self, url: str, user_id: str, most_tasks: int) -> None:
        self._url = url
        self._user_id = user_id
        self._most_tasks = most_tasks
        self._cursor = 0
        self._mirror: dict[Any, tuple[int, bool]] = {}
        self._examined = 0
        self.examinations = 0

    async def follow(self, writers_are_done: asyncio.Event) -> None:
        connection = await asyncpg.connect(self._url)
        try:
            while not writers_are_done.is_set():
                await self._pull(connection)
                # The whole table is seldom worth a look, the longer it is.
                if self._cursor >= 1.2 * self._examined:
                    await self._examine(connection)
                await asyncio.sleep(_PACE)
            await self._examine(connection)
        finally:
            await connection.close()

    async def _pull(self, connection: Any) -> int:
        """A page in a snapshot of its own; the cursor is the revision of the last row read."""
        changes = await connection.fetch(_CHANGES, self._user_id, self._cursor, _PAGE)
        for change in changes:
            before = self._mirror.get(change["id"], (0, False))
            assert change["rev"] > before[0], "the same revision came twice"
            assert not before[1], "a deleted task changed"
            self._mirror[change["id"]] = (change["rev"], change["deleted"])
            self._cursor = change["rev"]
        return len(changes)

    async def _examine(self, connection: Any) -> None:
        """In one snapshot, at any moment: the counters are exact, and nothing was missed."""
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            while await self._pull(connection):
                pass
            tasks = await connection.fetch(_ALL, self._user_id)
            account = await connection.fetchrow(_ACCOUNT, self._user_id)
        stored = {task["id"]: (task["rev"], task["deleted"]) for task in tasks}
        assert self._mirror == stored
        if account is not None:
            alive = sum(not deleted for _, deleted in stored.values())
            assert account["live"] == alive
            assert account["live"] <= self._most_tasks
            assert account["rev"] == max((rev for rev, _ in stored.values()), default=0)
        self.examinations += 1
        self._examined = self._cursor
