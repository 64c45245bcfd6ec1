"""For how long the request under way has been in the database."""

from __future__ import annotations

import time
from contextvars import ContextVar

_SPENT: ContextVar[list[float] | None] = ContextVar("taskwell_spent", default=None)


def start() -> list[float]:
    """Whatever the request under way does counts from now on, in the list that is given back."""
    spent = [0.0]
    _SPENT.set(spent)
    return spent


class Stopwatch:
    """Around anything that waits for the database; within another one it does not count twice."""

    __slots__ = ("_began", "_spent")

    def __enter__(self) -> None:
        self._spent = _SPENT.get()
        if self._spent is not None:
            _SPENT.set(None)
            self._began = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._spent is not None:
            self._spent[0] += time.perf_counter() - self._began
            _SPENT.set(self._spent)
