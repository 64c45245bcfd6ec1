"""The issuer's keys, as they were last read, and when to read them again.

A token of a known key never waits. One read runs at a time, and none starts within the cool-down
after the start of the one before, failed or not; a source on this machine needs none. Nothing is
read while nobody asks. What was read last holds until another read succeeds, or until it is too old
to be trusted.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from taskwell.auth.jwks import KeySetUnusable
from taskwell.auth.keys import Key, KeySet
from taskwell.auth.tokens import Token
from taskwell.errors import KeysUnavailable, TokenInvalid

COOL_DOWN = 5.0
STALE_AFTER = 300.0
TRUSTED_FOR = 24 * 3600.0

NEVER = float("inf")

logger = logging.getLogger("taskwell.auth")


class Source(Protocol):
    name: str
    # Whether it is on this machine, so that nobody is spared by reading it less often.
    is_near: bool

    async def read(self) -> KeySet:
        """Raise KeySetUnusable when it can't be had."""


class Keyring:
    def __init__(
        self, source: Source, *, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.keys = KeySet()
        self._source = source
        self._cool_down = 0.0 if source.is_near else COOL_DOWN
        self._clock = clock
        self._monotonic = monotonic
        # When the read that brought these keys began, by either clock.
        self._began = self._began_at = -NEVER
        self._stale_at = self._cool_until = self._look_at = -NEVER
        self._trusted_until = NEVER
        self._reading: asyncio.Task[None] | None = None
        self._failing = False
        # How often they were read, and how often in vain.
        self.reads = self.failed_reads = 0

    @property
    def read_at(self) -> float:
        """In seconds since 1970; 0 without keys to trust."""
        return max(0.0, self._began_at)

    def current(self) -> KeySet:
        """The keys that count now. Must be called where an event loop runs: it may start a read."""
        if self._monotonic() >= self._look_at:
            self._look()
        return self.keys

    def doubt(self) -> None:
        """A known key did not fit: the issuer may have another one of that name by now."""
        self._start()

    async def seek(self, token: Token, issued_at: int) -> Key:
        """The key of a token that names none of the known ones.

        A read that began after the token came in settles it. So does one that began after the
        token was issued, whole seconds being all that a token says about that.
        """
        arrived = self._monotonic()
        self._start()
        if self._reading is not None:
            # Unlike awaiting it, this leaves the read alone when the one who waits gives up.
            await asyncio.wait([self._reading])
        key = self.keys.find(token)
        if key is not None:
            return key
        if self._began >= arrived or self._began_at >= issued_at + 1:
            raise TokenInvalid("the issuer has no key of this kid")
        raise KeysUnavailable("the issuer's keys could not be read since the token was issued")

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def _look(self) -> None:
        now = self._monotonic()
        if now >= self._trusted_until:
            logger.error("The keys of %s are too old to be trusted any longer.", self._source.name)
            self.keys = KeySet()
            self._began, self._began_at, self._trusted_until = -NEVER, -NEVER, NEVER
        self._start()
        self._plan()

    def _plan(self) -> None:
        self._look_at = min(max(self._stale_at, self._cool_until), self._trusted_until)

    def _start(self) -> None:
        now = self._monotonic()
        if self._reading is None and now >= self._cool_until:
            self._cool_until = now + self._cool_down
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        began, began_at = self._monotonic(), self._clock()
        try:
            keys = await self._source.read()
        except KeySetUnusable as error:
            self._complain(error)
        else:
            self._adopt(keys, began, began_at)
        finally:
            self._reading = None
            self._plan()

    def _adopt(self, keys: KeySet, began: float, began_at: float) -> None:
        self.reads += 1
        self.keys = keys.keeping(self.keys)
        self._began, self._began_at = began, began_at
        self._stale_at, self._trusted_until = began + STALE_AFTER, began + TRUSTED_FOR
        if self._failing:
            self._failing = False
            logger.info("The keys of %s can be read again.", self._source.name)

    def _complain(self, error: KeySetUnusable) -> None:
        """Once per outage, however long it lasts."""
        self.failed_reads += 1
        if not self._failing:
            self._failing = True
            logger.warning("The keys of %s could not be read: %s.", self._source.name, error)
