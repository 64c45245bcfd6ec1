"""A row of numbers for each process, in memory that they share.

Only its own process writes to a row, so nothing needs a lock. A row outlives its process: the one
that takes its place goes on counting in it, and no count is lost or begins anew. The first row is
the parent's.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
from collections.abc import Iterator
from typing import Self

from taskwell.measures.layout import MEASURES, Layout

# Two crews of the most workers, and more, for reloads that follow each other quickly.
ROWS = 256
_NUMBER = 8
_PARENT = 0
_DEATHS = next(
    place for place, each in enumerate(MEASURES) if each.name == "taskwell_worker_deaths_total"
)


class Ledger:
    """The file behind it has no name, takes room only where it was written to, and can be handed
    to another program."""

    def __init__(self, file: int, layout: Layout) -> None:
        self.file = file
        self.layout = layout
        # In front of the row: whether it was ever taken.
        self._stride = layout.width + 1
        memory = mmap.mmap(file, self._size(layout))
        self._numbers = memoryview(memory).cast("Q")
        self._own: int | None = None

    @classmethod
    def new(cls, layout: Layout) -> Self:
        file = nameless_file(cls._size(layout))
        ledger = cls(file, layout)
        ledger._numbers[0] = layout.fingerprint
        ledger._numbers[1] = 1
        return ledger

    @classmethod
    def inherited(cls, file: int, layout: Layout) -> Self:
        """With all that was counted so far, if that was counted in the same way."""
        if os.fstat(file).st_size == cls._size(layout):
            ledger = cls(file, layout)
            if ledger._numbers[0] == layout.fingerprint:
                return ledger
        os.close(file)
        return cls.new(layout)

    @staticmethod
    def _size(layout: Layout) -> int:
        return _NUMBER * (1 + ROWS * (layout.width + 1))

    def take_row(self) -> memoryview | None:
        """One that no living process has; the lock on it ends with this process. None where all
        are taken, which leaves this process uncounted."""
        for row in range(1, ROWS):
            if self._lock(row):
                self._own = row
                begin = 1 + row * self._stride
                self._numbers[begin] = 1
                return self._numbers[begin + 1 : begin + self._stride]
        return None

    def count_death(self) -> None:
        """In the parent only."""
        self._numbers[2 + _DEATHS] += 1

    def rows(self) -> Iterator[tuple[memoryview, bool]]:
        """Each with whether its process is alive; what has ended counts, but has nothing open."""
        for row in range(ROWS):
            begin = 1 + row * self._stride
            if self._numbers[begin]:
                is_alive = row not in (_PARENT, self._own) and not self._can_lock(row)
                yield (
                    self._numbers[begin + 1 : begin + self._stride],
                    is_alive or row == self._own,
                )

    def _can_lock(self, row: int) -> bool:
        if not self._lock(row):
            return False
        fcntl.lockf(self.file, fcntl.LOCK_UN, 1, row)
        return True

    def _lock(self, row: int) -> bool:
        try:
            fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
        except OSError:
            return False
        return True


def nameless_file(size: int) -> int:
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("taskwell")
    else:
        with tempfile.TemporaryFile() as file:
            descriptor = os.dup(file.fileno())
    os.ftruncate(descriptor, size)
    return descriptor
