"""The connections of one process: made when they are needed, kept at hand, let go when idle."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from taskwell.database.mishaps import MISHAPS
from taskwell.errors import DatabaseBusy
from taskwell.waiting import Waiting

# Neon suspends a database that was idle for five minutes; let go before it does.
IDLE_SECONDS = 240.0

Connection = Any


@dataclass(frozen=True, slots=True)
class Usage:
    """How many there are, may be, and are waited for."""

    busy: int
    idle: int
    limit: int
    waiting: int


def _busy() -> DatabaseBusy:
    return DatabaseBusy("no connection became free in time")


class Connections:
    """The one that was used last goes out first, so that those that aren't needed grow old.

    Whoever waits for one is given it in turn, straight from whoever had it.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[Connection]],
        limit: int,
        turn: float,
        rest: float = IDLE_SECONDS,
    ) -> None:
        self._connect = connect
        self._limit = limit
        # For how long one waits for it.
        self._turn = turn
        # After which an idle one is let go.
        self._rest = rest
        self._open = 0
        self._busy: set[Connection] = set()
        # With the time at which they came back, the last one last.
        self._idle: deque[tuple[Connection, float]] = deque()
        # They are handed one, or None: there is room for another one, or one to be had.
        self._waiting: Waiting[Connection | None] = Waiting()
        self._farewells: set[asyncio.Task[None]] = set()
        self._clock: asyncio.TimerHandle | None = None
        self._is_closed = False
        self._all_gone = asyncio.Event()

    def usage(self) -> Usage:
        idle = len(self._idle)
        return Usage(self._open - idle, idle, self._limit, len(self._waiting))

    async def take(self, turn: float | None = None, *, first: bool = False) -> Connection:
        """Waits for the usual time, or for less; if need be before all others who wait."""
        connection = await self._find(self._turn if turn is None else turn, first)
        self._busy.add(connection)
        return connection

    async def _find(self, turn: float, first: bool) -> Connection:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + turn
        while True:
            while self._idle:
                connection, _ = self._idle.pop()
                if not connection.is_closed():
                    return connection
                self._open -= 1
            if self._open < self._limit:
                return await self._make()
            left = deadline - loop.time()
            handed = await self._waiting.wait(left, _busy, self._pass_on, first=first)
            if handed is not None:
                return handed
            # Somebody who came just now may have taken the room: it is still this one's turn.
            first = True

    def give_back(self, connection: Connection, *, is_sound: bool) -> None:
        """A sound one waits for nothing, and is in no transaction."""
        self._busy.discard(connection)
        if connection.is_closed():
            self._lose()
        elif not is_sound or self._is_closed:
            self._dismiss(connection)
        elif not self._waiting.hand(connection):
            loop = asyncio.get_running_loop()
            self._idle.append((connection, loop.time()))
            if self._clock is None:
                self._clock = loop.call_later(self._rest, self._let_go)

    def let_idle_go(self) -> None:
        while self._idle:
            self._dismiss(self._idle.pop()[0])

    async def close(self) -> None:
        """Those at work are waited for; in the end they are cut off."""
        self._is_closed = True
        if self._clock is not None:
            self._clock.cancel()
        self.let_idle_go()
        if self._open:
            try:
                async with asyncio.timeout(self._turn):
                    await self._all_gone.wait()
            except TimeoutError:
                for connection in self._busy:
                    connection.terminate()

    async def _make(self) -> Connection:
        self._open += 1
        try:
            connection = await self._connect()
        except BaseException:
            self._lose()
            raise
        connection.add_termination_listener(self._forget)
        return connection

    def _forget(self, ended: Connection) -> None:
        """One that was idle when the database ended it: beneath others nobody would find out."""
        kept = [idle for idle in self._idle if idle[0] is not ended]
        if len(kept) < len(self._idle):
            self._idle = deque(kept)
            self._lose()

    def _pass_on(self, handed: Connection | None) -> None:
        if handed is None:
            self._waiting.hand(None)
        else:
            self.give_back(handed, is_sound=True)

    def _lose(self) -> None:
        self._open -= 1
        if self._open == 0 and self._is_closed:
            self._all_gone.set()
        self._waiting.hand(None)

    def _dismiss(self, connection: Connection) -> None:
        """Its place is free once it is gone: there are never more than the limit."""
        farewell = asyncio.get_running_loop().create_task(self._end(connection))
        self._farewells.add(farewell)
        farewell.add_done_callback(self._farewells.discard)

    async def _end(self, connection: Connection) -> None:
        try:
            await connection.close(timeout=self._turn)
        except MISHAPS:
            connection.terminate()
        finally:
            self._lose()

    def _let_go(self) -> None:
        loop = asyncio.get_running_loop()
        while self._idle and self._idle[0][1] <= loop.time() - self._rest:
            self._dismiss(self._idle.popleft()[0])
        self._clock = None
        if self._idle:
            self._clock = loop.call_at(self._idle[0][1] + self._rest, self._let_go)
