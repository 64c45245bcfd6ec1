"""How long to wait before what has failed is tried again."""

from __future__ import annotations

LONGEST_PAUSE = 30.0
# Doubled so often it is longer than that; many thousand times, as in a night, is no number.
_DOUBLINGS = 5


def pause_after(failures: int) -> float:
    """One second after the first, then twice as long each time."""
    return min(LONGEST_PAUSE, 2.0 ** min(failures - 1, _DOUBLINGS))
