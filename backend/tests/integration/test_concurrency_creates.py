"""Everybody creates at the same time: no id, no order and no place in the limit is given twice."""

from __future__ import annotations

import json

from concurrency.place import CROWD, all_at_once, place, run
from taskwell.errors import PreconditionFailed, TaskDeleted, TaskIdTaken, TaskLimitReached
from taskwell.models.limits import ORDER_STEP
from taskwell.schemas.tasks import TaskCreate
from taskwell.services.identifiers import new_task_id
from taskwell.services.tasks import Created


def test_of_a_crowd_that_creates_one_id_one_makes_it(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            task_id = new_task_id()
            same = [at.create(id=task_id) for _ in range(CROWD)]
            results = await all_at_once(same)
            assert [made.is_new for made in results].count(True) == 1
            assert len({made.task.body for made in results}) == 1
            assert await at.books() == {"rev": 1, "live": 1, "alive": 1, "ever": 1, "last": 1}

    run(race)


def test_creates_of_one_id_that_differ_are_told_what_they_ran_into(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            task_id = new_task_id()
            others = [at.create(f"version {n}", id=task_id) for n in range(CROWD // 2)]
            only_new = [
                at.tasks.create(at.user_id, TaskCreate(id=task_id, text="new"), must_be_new=True)
                for _ in range(CROWD // 2)
            ]
            results = await all_at_once([*others, *only_new], TaskIdTaken, PreconditionFailed)
            (winner,) = [made for made in results if isinstance(made, Created)]
            currents = {
                refusal.current for refusal in results if isinstance(refusal, PreconditionFailed)
            }
            assert currents == {winner.task.body}
            assert await at.books() == {"rev": 1, "live": 1, "alive": 1, "ever": 1, "last": 1}

    run(race)


def test_an_id_that_is_being_deleted_is_never_made_again(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            made = await at.create(id=new_task_id())
            writes = [at.create(id=made.id) for _ in range(CROWD - 1)]
            results = await all_at_once(
                [*writes, at.tasks.delete(at.user_id, made.id, None)], TaskDeleted
            )
            assert not any(isinstance(got, Created) and got.is_new for got in results)
            assert await at.books() == {"rev": 2, "live": 0, "alive": 0, "ever": 1, "last": 2}

    run(race)


def test_the_default_order_is_never_given_twice(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            made = await all_at_once([at.create() for _ in range(CROWD)])
            tasks = sorted(
                (json.loads(one.task.body) for one in made), key=lambda task: task["rev"]
            )
            assert [task["rev"] for task in tasks] == list(range(1, CROWD + 1))
            assert [task["order"] for task in tasks] == [
                ORDER_STEP * rev for rev in range(1, CROWD + 1)
            ]

    run(race)


def test_racing_creates_stop_at_the_limit_exactly(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url, most_tasks=10) as at:
            results = await all_at_once([at.create() for _ in range(CROWD)], TaskLimitReached)
            assert sum(isinstance(got, Created) for got in results) == 10
            assert await at.books() == {
                "rev": 10, "live": 10, "alive": 10, "ever": 10, "last": 10
            }  # fmt: skip

    run(race)
