"""Everybody at the same task at the same time: one wins, and the others are told the truth."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from concurrency.place import CROWD, Place, all_at_once, place, run
from taskwell.errors import PreconditionFailed, TaskNotFound
from taskwell.schemas.tasks import TaskPatch, TaskReplace
from taskwell.services.tasks import Rendered

Write = Callable[[Place, str, str, list[str] | None], Coroutine[Any, Any, Any]]

WRITES: dict[str, Write] = {
    "patch": lambda at, task_id, text, match: at.tasks.patch(
        at.user_id, task_id, TaskPatch(text=text), match
    ),
    "replace": lambda at, task_id, text, match: at.tasks.replace(
        at.user_id, task_id, TaskReplace(text=text, completed=True), match
    ),
    "toggle": lambda at, task_id, _, match: at.tasks.toggle(at.user_id, task_id, match),
}


@pytest.mark.parametrize("name", WRITES)
def test_of_a_crowd_with_one_tag_one_wins_and_the_others_see_the_winner(
    database_url: str, name: str
) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            made = await at.create()
            tag = made.task.tag
            for _ in range(5):
                writes = [WRITES[name](at, made.id, f"{tag} {n}", [tag]) for n in range(CROWD)]
                results = await all_at_once(writes, PreconditionFailed)
                (winner,) = [result for result in results if isinstance(result, Rendered)]
                losers = [result for result in results if isinstance(result, PreconditionFailed)]
                assert len(losers) == CROWD - 1
                assert {(loser.current, loser.tag) for loser in losers} == {
                    (winner.body, winner.tag)
                }
                tag = winner.tag
            assert await at.books() == {"rev": 6, "live": 1, "alive": 1, "ever": 1, "last": 6}

    run(race)


def test_every_write_counts_when_nobody_names_a_tag(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            made = await at.create()
            toggles = [at.tasks.toggle(at.user_id, made.id, None) for _ in range(CROWD)]
            tasks = [json.loads(task.body) for task in await all_at_once(toggles)]
            tasks.sort(key=lambda task: task["rev"])
            assert [task["rev"] for task in tasks] == list(range(2, CROWD + 2))
            assert [task["completed"] for task in tasks] == [True, False] * (CROWD // 2)

    run(race)


def test_a_crowd_that_completes_one_task_makes_one_revision(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            made = await at.create()
            writes = [at.tasks.complete(at.user_id, made.id, True, None) for _ in range(CROWD)]
            assert len({task.body for task in await all_at_once(writes)}) == 1
            assert await at.books() == {"rev": 2, "live": 1, "alive": 1, "ever": 1, "last": 2}

    run(race)


def test_a_crowd_that_deletes_one_task_deletes_it_once(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            await at.create()
            made = await at.create()
            deletes = [at.tasks.delete(at.user_id, made.id, None) for _ in range(CROWD)]
            results = await all_at_once(deletes, TaskNotFound)
            assert results.count(None) == 1
            assert await at.books() == {"rev": 3, "live": 1, "alive": 1, "ever": 2, "last": 3}

    run(race)


def test_a_delete_and_edits_of_the_same_tag_have_one_winner(database_url: str) -> None:
    async def race() -> None:
        async with place(database_url) as at:
            for round_number in range(5):
                made = await at.create()
                match = [made.task.tag]
                writes = [WRITES["patch"](at, made.id, f"{n}", match) for n in range(CROWD // 2)]
                writes += [at.tasks.delete(at.user_id, made.id, match) for _ in writes]
                results = await all_at_once(writes, PreconditionFailed, TaskNotFound)
                winners = [got for got in results if got is None or isinstance(got, Rendered)]
                assert len(winners) == 1
                deleted = winners == [None]
                told = {type(got) for got in results} - {Rendered, type(None)}
                assert told == ({TaskNotFound} if deleted else {PreconditionFailed})
                books = await at.books()
                assert books["rev"] == 2 * (round_number + 1)
                assert books["live"] == books["alive"]

    run(race)
