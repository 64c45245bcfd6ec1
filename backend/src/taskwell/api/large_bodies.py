"""Large bodies of all users: together they have a bound.

Each comes as slowly as its line is, and is held until it has been dealt with. A few users that send
as much as they may would fill the memory in the meantime.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from taskwell.errors import Overloaded

# Two of the largest.
MOST_BYTES = 128 * 1024 * 1024
# What is not larger is not counted.
SMALL = 64 * 1024

_held = 0


class Share:
    """What one request holds of it, until its block ends."""

    __slots__ = ("_size",)

    def __init__(self) -> None:
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._change_to(0)

    def grow_to(self, size: int) -> None:
        if size <= SMALL:
            return
        if _held - self._size + size > MOST_BYTES:
            raise Overloaded("other large bodies take all the memory that there is for them")
        self._change_to(size)

    def _change_to(self, size: int) -> None:
        global _held  # noqa: PLW0603  # of this process, like its memory
        _held += size - self._size
        self._size = size
