"""Who has been cut off: told by the operators, and known to every process."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import Callable
from datetime import datetime

from taskwell.database.pool import Database
from taskwell.errors import DatabaseUnavailable, TokenInvalid, Unavailable
from taskwell.models.limits import Denied
from taskwell.statements.upkeep import ALLOW, DENY, DENY_LIST

logger = logging.getLogger(__name__)

# An older list is read again beside the requests; one past the limit, before the next request.
_REFRESH_SECONDS = 2.0
_LIMIT_SECONDS = 4.0
# Who has waited that long for a reading in vain is not made to wait for the database once more.
_LONG_SECONDS = 1.0


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
