"""How many revisions this process has written."""

from __future__ import annotations


class Tally:
    """Of the whole process: whoever writes adds to it, and need not know who asks."""

    def __init__(self) -> None:
        self.total = 0

    def add(self, number: int) -> None:
        self.total += number


WRITTEN = Tally()
