"""Room for a few at once; the others wait for their turn, in the order in which they came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from taskwell.errors import RequestRefused
from taskwell.waiting import Waiting


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
        self._waiting: Waiting[None] | None = None

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
        if self.try_enter():
            return
        house = self._house
        if self.waiting >= house.most_waiting:
            raise house.refusal()
        if self._waiting is None:
            self._waiting = Waiting()
        await self._waiting.wait(house.patience, house.refusal, lambda _: self.leave())

    def leave(self) -> None:
        """The place goes from hand to hand, so that nobody who comes just now takes it."""
        if not self._hand_on():
            self.inside -= 1

    def _hand_on(self) -> bool:
        """False where nobody waits for it."""
        return self._waiting is not None and self._waiting.hand(None)
