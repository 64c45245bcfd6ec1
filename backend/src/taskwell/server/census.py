"""How many connections each worker has, in memory that all of them share.

Only its own worker writes to a place, but for the parent, once the worker has ended.
"""

from __future__ import annotations

import mmap

_NUMBER = 4
_NOBODY = 2**32 - 1


class Census:
    def __init__(self, size: int) -> None:
        self._counts = memoryview(mmap.mmap(-1, size * _NUMBER)).cast("I")
        for place in range(size):
            self.vacate(place)

    def vacate(self, place: int) -> None:
        self._counts[place] = _NOBODY

    def seat(self, place: int) -> Seat:
        return Seat(self._counts, place)


class Seat:
    """A worker's own place."""

    __slots__ = ("_counts", "_has_left", "_own")

    def __init__(self, counts: memoryview, own: int) -> None:
        self._counts = counts
        self._own = own
        self._has_left = False

    def tell(self, connections: int) -> None:
        if not self._has_left:
            self._counts[self._own] = connections

    def leave(self) -> None:
        """Takes no more: nobody waits for it to take its share."""
        self._has_left = True
        self._counts[self._own] = _NOBODY

    @property
    def has_more_than_others(self) -> bool:
        """By a little more than what one could make up for at once."""
        own, fewest = self._counts[self._own], min(self._counts)
        return own > fewest + 1 + fewest // 8
