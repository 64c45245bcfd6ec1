"""What all that is on its way may take together."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from api_user import ApiUser
from expectations import expect_problem
from taskwell.api import large_bodies
from taskwell.api.large_bodies import SMALL, Share
from taskwell.errors import Overloaded


@pytest.fixture(autouse=True)
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large_bodies, "MOST_BYTES", 3 * SMALL)


def batch(size: int) -> dict[str, Any]:
    """Of about so many bytes."""
    sets = [{"text": "x" * 500} for _ in range(size // 600)]
    return {
        "operations": [
            {"op_id": str(uuid4()), "type": "create", "id": str(uuid4()), "set": each}
            for each in sets
        ]
    }


def test_who_comes_when_there_is_no_room_is_told_to_come_again(alice: ApiUser) -> None:
    with Share("other") as other:
        other.grow_to(2 * SMALL)
        refused = alice.post("/sync", batch(2 * SMALL))
        expect_problem(refused, 503, "overloaded")
        assert int(refused.headers["retry-after"]) >= 1
        assert alice.get("/tasks").json() == []
        assert alice.post("/sync", batch(SMALL // 2)).status_code == 200
    assert alice.post("/sync", batch(2 * SMALL)).status_code == 200


def test_room_is_given_back_whatever_happens(alice: ApiUser) -> None:
    imported = alice.get("/me/export").json()
    imported["tasks"] = ["x" * 2 * SMALL]
    for _ in range(3):
        assert alice.post("/me/import", imported).status_code == 422
        with Share("other") as other:
            other.grow_to(2 * SMALL)
            expect_problem(alice.post("/sync", batch(2 * SMALL)), 503, "overloaded")
    expect_all_of_it_free()


def expect_all_of_it_free() -> None:
    """Two users may take half of it each, and then there is none for a third."""
    with Share("one") as one, Share("other") as other, Share("third") as third:
        one.grow_to(3 * SMALL // 2)
        other.grow_to(3 * SMALL // 2)
        with pytest.raises(Overloaded):
            third.grow_to(SMALL + 1)


def test_shares_are_counted_together() -> None:
    with Share("one") as one, Share("other") as other:
        one.grow_to(SMALL + 1)
        one.grow_to(2 * SMALL)
        with pytest.raises(Overloaded):
            other.grow_to(SMALL + 1)
        # Small ones are for everybody.
        other.grow_to(SMALL)
    expect_all_of_it_free()


def test_one_user_takes_no_more_than_half() -> None:
    with Share("one") as one, Share("one") as more, Share("other") as other:
        one.grow_to(SMALL + 1)
        with pytest.raises(Overloaded):
            more.grow_to(SMALL + 1)
        other.grow_to(SMALL + 1)


def test_alone_a_body_may_be_as_large_as_its_path_allows() -> None:
    with Share("one") as one:
        one.grow_to(9 * SMALL)
    expect_all_of_it_free()


def test_a_share_ends_with_a_request_that_is_given_up() -> None:
    async def upload() -> None:
        with Share("one") as share:
            share.grow_to(3 * SMALL)
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(upload())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(main())
    expect_all_of_it_free()
