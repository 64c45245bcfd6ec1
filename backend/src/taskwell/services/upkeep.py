"""What the service asks of the database on its own behalf, and what its operators tell it."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable

from taskwell.database.mishaps import SchemaIncomplete
from taskwell.database.pool import Database
from taskwell.database.statement import Statement
from taskwell.errors import Unavailable
from taskwell.statements.upkeep import (
    NEW_EPOCHS,
    NUDGE,
    PURGE_LOCK,
    PURGE_OPERATIONS,
    PURGE_RECEIPTS,
    PURGE_TASKS,
    REVISIONS,
    SCHEMA,
    SCHEMA_VERSION,
)

logger = logging.getLogger(__name__)

# How often a process that serves looks for what has been kept long enough.
_PURGE_EVERY_SECONDS = 3600.0


class Upkeep:
    def __init__(self, database: Database, schema_head: str) -> None:
        self._database = database
        self._head = schema_head

    async def flaw(self) -> str | None:
        """One look at the database: None if it is as this version needs it, else what is wrong.

        Raises Unavailable where it can't be reached.
        """
        found, oldest = await self._schema()
        if found is None or found < self._head:
            return f"the schema is at {found}, not at {self._head}: run taskwell migrate"
        if found > self._head and (oldest is None or oldest > self._head):
            return (
                f"the schema is at {found} and may be served from {oldest or found} on, "
                f"not by {self._head}: run a newer version of Taskwell"
            )
        return None

    @property
    def has_room(self) -> bool:
        return self._database.has_room

    async def _schema(self) -> tuple[str | None, str | None]:
        """Where it is, and the oldest that may serve it."""
        try:
            row = await self._database.first_row(SCHEMA)
            return (None, None) if row is None else (row["version_num"], row["oldest"])
        except SchemaIncomplete:
            pass
        try:
            row = await self._database.first_row(SCHEMA_VERSION)
        except SchemaIncomplete:
            return None, None
        return (None if row is None else row["version_num"]), None


class Revisions:
    """How far users have come, and word of it to the other processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, users: set[str]) -> dict[str, str]:
        """The tags of the accounts; who has never written anything is not in it."""
        row = await self._database.row(REVISIONS, users=list(users))
        if row is None or row["users"] is None:
            return {}
        return dict(zip(row["users"], row["tags"], strict=True))

    async def notify(self, channel: str, payload: str) -> None:
        await self._database.row(NUDGE, channel=channel, payload=payload)


class Epochs:
    """Every account begins another life: no tag and no cursor from before matches again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def renew(self) -> int:
        """How many accounts there are."""
        row = await self._database.row(NEW_EPOCHS, salt=secrets.token_bytes(16))
        assert row is not None
        return int(row["accounts"])


class Purge:
    """Lets go of what has been kept long enough: in small batches, in one process at a time."""

    def __init__(
        self,
        database: Database,
        retention_days: int,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._database = database
        self._days = retention_days
        self._monotonic = monotonic
        self._due_at = monotonic() + _PURGE_EVERY_SECONDS
        self._running: asyncio.Task[None] | None = None

    def begin_if_due(self) -> None:
        """Asked by requests, so that nothing wakes the database while there are none."""
        if self._monotonic() >= self._due_at:
            self._due_at = self._monotonic() + _PURGE_EVERY_SECONDS
            self._running = asyncio.create_task(self._run_quietly())

    async def ended(self) -> bool:
        """Waits for the purge under way; False if there is none."""
        if self._running is None:
            return False
        await self._running
        self._running = None
        return True

    async def run(self) -> int:
        """How many rows are gone; 0 too where another process is at it."""
        total = 0
        for statement in (PURGE_TASKS, PURGE_RECEIPTS, PURGE_OPERATIONS):
            while purged := await self._batch(statement):
                total += purged
        return total

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _batch(self, statement: Statement) -> int:
        async with self._database.transaction() as transaction:
            lock = await transaction.row(PURGE_LOCK)
            if lock is None or not lock["is_mine"]:
                return 0
            row = await transaction.row(statement, days=self._days)
        return 0 if row is None else int(row["purged"])

    async def _run_quietly(self) -> None:
        try:
            purged = await self.run()
        except Unavailable as error:
            logger.warning("the purge was put off: %s", error.reason)
        else:
            logger.info("purged %d rows that were kept long enough", purged)
