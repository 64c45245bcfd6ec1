"""Large bodies of all users: together they have a bound, and those of one user half of it.

Each comes as slowly as its line is, and is held until it has been dealt with. A few users that send
as much as they may would fill the memory in the meantime.
"""

from __future__ import annotations

from collections import Counter
from typing import Self

from taskwell.errors import Overloaded

# Two of the largest.
MOST_BYTES = 128 * 1024 * 1024
# What is not larger is not counted.
SMALL = 64 * 1024

# By user, in this process, like its memory.
_held: Counter[str] = Counter()


class Share:
    """What one request holds of it, until its block ends."""

    __slots__ = ("_size", "_user_id")

    def __init__(self, user_id: str) -> None:
        self._user_id = user_id
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._change_to(0)

    def grow_to(self, size: int) -> None:
        if size <= SMALL:
            return
        # By itself a body may be as large as its path allows.
        for others, most in (
            (_held.total() - self._size, MOST_BYTES),
            (_held[self._user_id] - self._size, MOST_BYTES // 2),
        ):
            if others and others + size > most:
                raise Overloaded("other large bodies take all the memory that there is for them")
        self._change_to(size)

    def _change_to(self, size: int) -> None:
        _held[self._user_id] += size - self._size
        self._size = size
        if not _held[self._user_id]:
            del _held[self._user_id]
