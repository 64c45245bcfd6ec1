"""Clearing the completed tasks while others write: every task is counted once."""

from __future__ import annotations

from concurrency.place import CROWD, all_at_once, place, run
from taskwell.errors import TaskNotFound
from taskwell.services.tasks import Rendered


def test_clearing_beside_toggles_and_creates_keeps_the_books(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            made = await all_at_once([at.create(completed=n % 2 == 0) for n in range(CROWD)])
            toggles = [at.tasks.toggle(at.user_id, one.id, None) for one in made]
            clears = [at.tasks.clear_completed(at.user_id, None) for _ in range(8)]
            creates = [at.create(completed=True) for _ in range(8)]
            results = await all_at_once([*toggles, *clears, *creates], TaskNotFound)
            toggled = sum(isinstance(got, Rendered) for got in results)
            cleared = sum(got for got in results if isinstance(got, int))
            books = await at.books()
            assert books["live"] == books["alive"] == CROWD + 8 - cleared
            assert books["rev"] == books["last"] == CROWD + 8 + toggled + cleared

    run(race)


def test_of_clears_that_race_each_task_is_counted_once(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            await all_at_once([at.create(completed=True) for _ in range(CROWD)])
            clears = [at.tasks.clear_completed(at.user_id, None) for _ in range(8)]
            assert sum(await all_at_once(clears)) == CROWD
            books = await at.books()
            assert (books["rev"], books["live"], books["alive"]) == (2 * CROWD, 0, 0)

    run(race)


def test_a_first_write_and_a_clear_of_nothing_do_not_meet(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            creates = [at.create(completed=True) for _ in range(CROWD // 2)]
            clears = [at.tasks.clear_completed(at.user_id, None) for _ in creates]
            results = await all_at_once([*creates, *clears])
            cleared = sum(got for got in results if isinstance(got, int))
            books = await at.books()
            assert books["live"] == books["alive"] == CROWD // 2 - cleared
            assert books["rev"] == CROWD // 2 + cleared

    run(race)
