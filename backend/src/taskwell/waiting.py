"""Those who wait for the same thing: it goes from hand to hand, in the order in which they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Handed = TypeVar("Handed")


class Waiting(Generic[Handed]):
    __slots__ = ("_turns",)

    def __init__(self) -> None:
        self._turns: deque[asyncio.Future[Handed]] = deque()

    def __len__(self) -> int:
        return len(self._turns)

    def hand(self, thing: Handed) -> bool:
        """To the first of them; False if there is nobody to take it."""
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(thing)
                return True
        return False

    async def wait(
        self,
        seconds: float,
        refusal: Callable[[], Exception],
        hand_on: Callable[[Handed], None],
        *,
        first: bool = False,
    ) -> Handed:
        """Who gives up in the moment in which they are handed it hands it on.

        Not asyncio's timeout: nearly every request of a busy service comes by here.
        """
        loop = asyncio.get_running_loop()
        turn: asyncio.Future[Handed] = loop.create_future()
        queue_up = self._turns.appendleft if first else self._turns.append
        queue_up(turn)
        end = loop.call_later(seconds, self._send_away, turn, refusal)
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.cancelled():
                # Whoever handed something on in the same moment has passed over it.
                if turn in self._turns:
                    self._turns.remove(turn)
            elif turn.exception() is None:
                hand_on(turn.result())
            raise
        finally:
            end.cancel()
            # It ends with a refusal that came by here, perhaps: neither should keep the other.
            del turn

    def _send_away(self, turn: asyncio.Future[Handed], refusal: Callable[[], Exception]) -> None:
        if not turn.done():
            self._turns.remove(turn)
            turn.set_exception(refusal())
