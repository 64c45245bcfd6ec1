from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

from taskwell.services.identifiers import new_task_id


def test_they_are_uuids_of_version_7_in_canonical_form() -> None:
    for _ in range(1000):
        made = new_task_id()
        number = UUID(made)
        assert str(number) == made
        assert (number.version, number.variant) == (7, "specified in RFC 4122")


def test_they_carry_the_time_of_their_making() -> None:
    before = time.time_ns() // 1_000_000
    carried = UUID(new_task_id()).int >> 80
    assert before <= carried <= time.time_ns() // 1_000_000


def test_they_sort_by_the_time_of_their_making() -> None:
    earlier = new_task_id()
    now = time.time_ns()
    # The fraction tells moments apart that lie a quarter of a microsecond from each other.
    while time.time_ns() < now + 1000:
        pass
    assert earlier < new_task_id()


def test_no_two_are_the_same_even_if_made_at_once() -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: new_task_id(), range(5000)))
    assert len(set(made)) == len(made)
