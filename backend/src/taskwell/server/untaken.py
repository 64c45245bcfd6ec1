"""Answers that their clients have not taken yet: all together they have a bound.

Each client has its time for that. But a thousand that ask for all they have, and never read it,
would fill the memory in the meantime.
"""

from __future__ import annotations

import asyncio

MOST_BYTES = 16 * 1024 * 1024


class Untaken:
    def __init__(self) -> None:
        # In the order in which they began to wait.
        self._waiting: dict[asyncio.Transport, None] = {}

    def add(self, transport: asyncio.Transport) -> None:
        """Where there are too many bytes by now, who has waited longest goes first."""
        self._waiting[transport] = None
        size = sum(each.get_write_buffer_size() for each in self._waiting)
        while size > MOST_BYTES and len(self._waiting) > 1:
            first = next(iter(self._waiting))
            size -= first.get_write_buffer_size()
            self.discard(first)
            first.abort()

    def discard(self, transport: asyncio.Transport) -> None:
        self._waiting.pop(transport, None)
