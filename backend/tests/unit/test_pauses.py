from __future__ import annotations

from taskwell.server.pauses import LONGEST_PAUSE, pause_after


def test_pauses_grow_to_a_bound_and_stay_there() -> None:
    assert [pause_after(failures) for failures in range(1, 8)] == [1, 2, 4, 8, 16, 30, 30]
    assert pause_after(1_000_000) == LONGEST_PAUSE
