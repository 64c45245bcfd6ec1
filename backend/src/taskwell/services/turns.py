"""Room for a few at once; the others wait for their turn, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from taskwell.errors import RequestRefused


@dataclass(frozen=True, slots=True)
class House:
    """How many are let in at once, how many may wait, for how many seconds, and what is said to
    those who waited in vain."""

    room: int
    most_waiting: int
    patience: float
    refusal: Callable[[], RequestRefused]


class Turns:
    __slots__ = ("_house", "_waiting", "inside")

    def __init__(self, house: House) -> None:
        self._house = house
        self.inside = 0
        self._waiting: deque[asyncio.Future[None]] | None = None

    @property
    def waiting(self) -> int:
        return len(self._waiting) if self._waiting else 0

    def try_enter(self) -> bool:
        """Without waiting, and without asking whether anybody waits: nobody does while there is
        room."""
        if self.inside < self._house.room:
            self.inside += 1
            return True
        return False

    async def enter(self) -> None:
        if not self.try_enter():
            await self._wait()

    def leave(self) -> None:
        """The place goes from hand to hand, so that nobody who comes just now takes it."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self.inside -= 1

    async def _wait(self) -> None:
        if self.waiting >= self._house.most_waiting:
            raise self._house.refusal()
        if self._waiting is None:
            self._waiting = deque()
        loop = asyncio.get_running_loop()
        turn = loop.create_future()
        self._waiting.append(turn)
        end = loop.call_later(self._house.patience, self._send_away, turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                # Whoever left in the same moment has passed over it, and it waits no more.
                if turn in self._waiting:
                    self._waiting.remove(turn)
            elif turn.exception() is None:
                # Its turn had come in the same moment: the place is the next one's.
                self.leave()
            raise
        finally:
            end.cancel()
            # What it may end with leads here again.
            del turn

    def _send_away(self, turn: asyncio.Future[None]) -> None:
        if not turn.done():
            assert self._waiting is not None
            self._waiting.remove(turn)
            turn.set_exception(self._house.refusal())
