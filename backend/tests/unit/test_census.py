from __future__ import annotations

import pytest

from taskwell.server.census import Census


@pytest.mark.parametrize(
    ("own", "other", "has_more"),
    [
        (0, 0, False),
        (1, 0, False),
        (2, 0, True),
        (2, 1, False),
        (3, 1, True),
        (0, 9, False),
        (113, 100, False),
        (114, 100, True),
    ],
)
def test_who_has_more_than_one_could_make_up_for(own: int, other: int, has_more: bool) -> None:
    census = Census(2)
    seat = census.seat(0)
    seat.tell(own)
    census.seat(1).tell(other)
    assert seat.has_more_than_others is has_more


def test_nobody_is_compared_with_who_is_not_there() -> None:
    census = Census(3)
    seat = census.seat(1)
    seat.tell(1000)
    assert not seat.has_more_than_others
    census.seat(2).tell(3)
    assert seat.has_more_than_others
    census.vacate(2)
    assert not seat.has_more_than_others


def test_who_takes_no_more_is_waited_for_by_nobody() -> None:
    census = Census(2)
    seat, other = census.seat(0), census.seat(1)
    seat.tell(1000)
    other.tell(3)
    other.leave()
    other.tell(2)
    assert not seat.has_more_than_others
