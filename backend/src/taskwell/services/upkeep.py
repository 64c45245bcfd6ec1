"""What the service asks of the database on its own behalf, and what its operators tell it."""

from __future__ import annotations

import asyncio
import logging
import math
import secrets
import time
from collections.abc import Callable
from datetime import datetime

from taskwell.database.mishaps import SchemaIncomplete
from taskwell.database.pool import Database
from taskwell.database.statement import Statement
from taskwell.errors import DatabaseUnavailable, TokenInvalid, Unavailable
from taskwell.models.limits import Denied
from taskwell.statements.upkeep import (
    ALLOW,
    DENY,
    DENY_LIST,
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

# An older list is read again beside the requests; one past the limit, before the next request.
_REFRESH_SECONDS = 2.0
_LIMIT_SECONDS = 4.0
# Who has waited that long for a reading in vain is not made to wait for the database once more.
_LONG_SECONDS = 1.0


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


class DenyList:
    """Who has been cut off before their tokens expire: in memory, a few seconds old at most.

    Read only while requests arrive. Where the database is away, the last list goes on to hold; who
    has read none yet tries twice, and lets nobody in.
    """

    def __init__(self, database: Database, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._users: dict[str, int] = {}
        self._keys: frozenset[str] = frozenset()
        self._read_at = self._tried_at = float("-inf")
        self._reading: asyncio.Task[Unavailable | None] | None = None

    async def check(
        self, user_id: str, issued_at: int, kid: str | None, limit: float = _LIMIT_SECONDS
    ) -> None:
        """By a list that is at most so old, where it can be read."""
        now = self._monotonic()
        if now - self._read_at > _REFRESH_SECONDS:
            reading = self._begin_reading(now)
            if reading is not None and now - self._read_at > limit:
                failure = await _outcome_of(reading)
                if failure is not None and self._is_unread and not self._took_long(now):
                    failure = await _outcome_of(self._reading or self._read_anew(now))
                if failure is not None and (self._is_unread or self._took_long(now)):
                    raise failure
        if issued_at < self._users.get(user_id, 0):
            raise TokenInvalid("the user was cut off after the token was issued")
        if kid in self._keys:
            raise TokenInvalid("the key was cut off")

    async def deny(self, kind: Denied, name: str, issued_before: datetime | None = None) -> int:
        """The moment before which tokens are refused, as `everyone` tells it."""
        row = await self._database.row(DENY, kind=kind, name=name, issued_before=issued_before)
        assert row is not None
        moment: datetime = row["issued_before"]
        return math.ceil(moment.timestamp())

    async def allow(self, kind: Denied, name: str) -> bool:
        """False if there was nothing to take back."""
        return await self._database.row(ALLOW, kind=kind, name=name) is not None

    async def everyone(self) -> tuple[dict[str, int], frozenset[str]]:
        """The users with the moment before which their tokens are refused, and the keys."""
        await self._read()
        return self._users, self._keys

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    def _begin_reading(self, now: float) -> asyncio.Task[Unavailable | None] | None:
        """The reading under way, or a new one; None shortly after one that failed."""
        is_due = self._is_unread or now - self._tried_at > _REFRESH_SECONDS
        if self._reading is None and is_due:
            return self._read_anew(now)
        return self._reading

    def _read_anew(self, now: float) -> asyncio.Task[Unavailable | None]:
        self._tried_at = now
        self._reading = asyncio.create_task(self._read_again())
        return self._reading

    @property
    def _is_unread(self) -> bool:
        return self._read_at == float("-inf")

    def _took_long(self, begun: float) -> bool:
        return self._monotonic() - begun > _LONG_SECONDS

    async def _read_again(self) -> Unavailable | None:
        try:
            await self._read()
        except Unavailable as error:
            logger.warning("the deny list could not be read: %s", error.reason)
            return error
        else:
            return None
        finally:
            self._reading = None

    async def _read(self) -> None:
        asked_at = self._monotonic()
        row = await self._database.row(DENY_LIST)
        assert row is not None
        self._users = dict(zip(row["users"] or (), row["moments"] or (), strict=True))
        self._keys = frozenset(row["keys"] or ())
        self._read_at = asked_at


async def _outcome_of(reading: asyncio.Task[Unavailable | None]) -> Unavailable | None:
    # Unlike awaiting it, this leaves both alone when one of them is cancelled.
    await asyncio.wait([reading])
    if reading.cancelled():
        raise DatabaseUnavailable("the process ends, and read no list of who is cut off")
    return reading.result()
