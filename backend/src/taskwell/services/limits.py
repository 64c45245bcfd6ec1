"""What one user, or one address, may take of a process, so that there is enough for the others."""

from __future__ import annotations

import time
from collections.abc import Callable
from math import ceil

from taskwell.errors import RateLimited, TooManyAtOnce
from taskwell.services.turns import House, Turns

# A bucket that was empty is full again after so many seconds: it holds that much of the rate.
FILL_SECONDS = 5
# As many holders as are remembered before the older half is forgotten early.
MOST_HOLDERS = 50_000

# Of one user, besides those that are at work.
MOST_WAITING = 500
PATIENCE = 5.0


class Buckets:
    """A bucket of tokens for each holder, kept as the moment at which it is full again.

    A full bucket need not be kept. So there are two generations, and what the older one has left
    by the end of a generation is full for sure.
    """

    def __init__(
        self,
        name: str,
        rate: int,
        *,
        most_holders: int = MOST_HOLDERS,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.quota = rate * FILL_SECONDS
        self._seconds_of_one = 1 / rate
        # Half a token more than the quota: sums of fractions don't come out even.
        self._depth = FILL_SECONDS + self._seconds_of_one / 2
        self._most_holders = most_holders
        self._monotonic = monotonic
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self._generation_ends = monotonic() + FILL_SECONDS

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def take(self, holder: str) -> None:
        """One token; RateLimited where there is none."""
        now = self._monotonic()
        if now >= self._generation_ends or len(self._young) >= self._most_holders:
            self._old, self._young = self._young, {}
            self._generation_ends = now + FILL_SECONDS
        full_at = self._young.get(holder) or self._old.get(holder) or now
        full_in = (full_at - now if full_at > now else 0.0) + self._seconds_of_one
        if full_in > self._depth:
            wait = ceil(full_in - self._depth)
            raise RateLimited(self.name, self.quota, FILL_SECONDS, retry_after=wait)
        self._young[holder] = now + full_in


def buckets(name: str, rate: int) -> Buckets | None:
    """None where there is no limit."""
    return Buckets(name, rate) if rate else None


class Shares:
    """Of the connections to the database nobody gets more than a share: at most that many requests
    of one user are at work, and the others of that user wait for their turn."""

    def __init__(self, connections: int, *, patience: float = PATIENCE) -> None:
        share = (connections + 1) // 2
        self._house = House(share, MOST_WAITING, patience, TooManyAtOnce)
        self._turns: dict[str, Turns] = {}

    def __len__(self) -> int:
        return len(self._turns)

    def try_take(self, user_id: str) -> bool:
        turns = self._turns.get(user_id)
        if turns is None:
            turns = self._turns[user_id] = Turns(self._house)
        return turns.try_enter()

    async def take(self, user_id: str) -> None:
        turns = self._turns.setdefault(user_id, Turns(self._house))
        try:
            await turns.enter()
        finally:
            self._forget_if_idle(user_id, turns)

    def give_back(self, user_id: str) -> None:
        turns = self._turns[user_id]
        turns.leave()
        self._forget_if_idle(user_id, turns)

    def _forget_if_idle(self, user_id: str, turns: Turns) -> None:
        if not turns.inside and self._turns.get(user_id) is turns:
            del self._turns[user_id]
