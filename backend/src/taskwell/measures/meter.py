"""What one process counts, in its row."""

from __future__ import annotations

import asyncio
from array import array
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from taskwell.measures.layout import BUCKETS, MEASURES, OTHER, Layout

# Counts of requests are written at once, all else this much later at most.
SOON = 1.0
# While something is open that may end by itself.
LATER = 5.0


@dataclass(slots=True)
class _Source:
    place: int
    value: Callable[[], float]
    # What others have counted in this row before us; None for what is no count.
    before: int | None


class Meter:
    """Works in a row of its own until it is given one that others can see."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self._row = memoryview(array("Q", bytes(8 * layout.width)))
        self._sources: list[_Source] = []
        self._blocks = {
            operation: layout.block(number) for number, operation in enumerate(layout.operations)
        }
        self._offsets = {status: offset for offset, status in enumerate(layout.statuses)}
        self._other_status = len(layout.statuses)
        self._timer: asyncio.TimerHandle | None = None
        self._is_seen = False

    @property
    def row(self) -> memoryview:
        return self._row

    def watch(self, name: str, value: Callable[[], float], **labels: str) -> None:
        """This measure is what the function says: of a count, what this process has counted."""
        wanted = (name, tuple(labels.items()))
        place = next(i for i, each in enumerate(MEASURES) if (each.name, each.labels) == wanted)
        counts = MEASURES[place].kind == "counter"
        self._sources.append(_Source(place, value, 0 if counts else None))

    def move_to(self, row: memoryview) -> None:
        """What was counted there goes on; what was open in the process before is no more."""
        self._row = row
        self._is_seen = True
        for source in self._sources:
            if source.before is not None:
                source.before = row[source.place]
        self.publish()

    def count(self, method: str, route: str | None, status: int, seconds: float) -> None:
        block = self._blocks.get((method, route or ""))
        if block is None:
            known = self._blocks.get((method, ""))
            block = self._blocks[OTHER, ""] if known is None else known
        row, layout = self._row, self.layout
        row[block + self._offsets.get(status, self._other_status)] += 1
        row[block + layout.first_bucket + bisect_left(BUCKETS, seconds)] += 1
        row[block + layout.sum] += int(seconds * 1_000_000)

    def wake(self) -> None:
        """Something happens: soon the row is brought up to date, and as long as need be."""
        if self._timer is None and self._is_seen:
            self._timer = asyncio.get_running_loop().call_later(SOON, self._go_on)

    def publish(self) -> bool:
        """True while there is anything open."""
        is_open = False
        for source in self._sources:
            value = int(source.value())
            if source.before is None:
                is_open = is_open or (value != 0 and source.place in _ENDING)
                self._row[source.place] = value
            else:
                self._row[source.place] = source.before + value
        return is_open

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.publish()

    def _go_on(self) -> None:
        self._timer = None
        if self.publish():
            self._timer = asyncio.get_running_loop().call_later(LATER, self._go_on)


# What goes back to nought by itself, without a request that would wake us.
_ENDING = frozenset(
    place
    for place, each in enumerate(MEASURES)
    if each.kind == "gauge" and each.name != "taskwell_pool_connections_limit"
)
