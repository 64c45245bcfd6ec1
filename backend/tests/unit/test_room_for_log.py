"""How large the log of PostgreSQL may become: on a small disk no larger than it is anyway."""

from __future__ import annotations

import pytest

from taskwell.database.cluster import GIBIBYTE, room_for_log


@pytest.mark.parametrize(
    ("disk", "room"), [(1, 1), (16, 1), (20, 1.25), (40, 2.5), (64, 4), (16_000, 4)]
)
def test_it_is_a_part_of_the_disk(disk: int, room: float) -> None:
    assert room_for_log(disk * GIBIBYTE) == room * GIBIBYTE
