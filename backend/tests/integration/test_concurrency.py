"""Many writers at once on one user, readers beside them, and the books balance to the last digit.

TASKWELL_TEST_OPERATIONS says how many operations each writer does, for a longer run.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import secrets
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

import asyncpg

from concurrency.events import Event
from concurrency.processes import run_writers
from concurrency.readers import Reader
from concurrency.replay import replay
from concurrency.writers import Storm

OPERATIONS = int(os.environ.get("TASKWELL_TEST_OPERATIONS", "30"))
CROWD = 32


def test_writers_and_readers_agree_on_one_history(database_url: str) -> None:
    """A crowd on one user, and others beside it who use the same ids and share nothing."""
    crowded, *others = (f"storm-{secrets.token_hex(8)}" for _ in range(4))
    storm = Storm(
        url=database_url,
        users=(crowded,) * CROWD + tuple(others) * 4,
        operations=OPERATIONS,
        most_tasks=25,
        processes=2,
        seed=secrets.randbits(32),
    )
    counts = asyncio.run(_weather(storm))
    assert counts.total() == len(storm.users) * OPERATIONS
    # What the test is about did happen.
    for met in ("patch: stale", "patch: same", "toggle: changed", "create: same", "create: full"):
        assert counts[met], f"no {met} in {counts}"


async def _weather(storm: Storm) -> Counter[str]:
    readers = [Reader(storm.url, user, storm.most_tasks) for user in set(storm.users)]
    writers_are_done = asyncio.Event()
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(
        storm.processes, mp_context=multiprocessing.get_context("spawn")
    ) as executor:
        async with asyncio.TaskGroup() as group:
            for reader in readers:
                group.create_task(reader.follow(writers_are_done))
            try:
                reports = await asyncio.gather(
                    *(
                        loop.run_in_executor(executor, run_writers, storm, process)
                        for process in range(storm.processes)
                    )
                )
            finally:
                writers_are_done.set()
    assert all(reader.examinations > 1 for reader in readers)
    events = [entry for report in reports for entry in report]
    return await _balance(storm, events)


async def _balance(storm: Storm, events: list[tuple[str, Event]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    connection = await asyncpg.connect(storm.url)
    try:
        for user in set(storm.users):
            stored = await connection.fetch("SELECT * FROM task WHERE user_id = $1", user)
            account = await connection.fetchrow("SELECT * FROM account WHERE user_id = $1", user)
            assert account is not None
            own = [event for owner, event in events if owner == user]
            counts += replay(user, own, [dict(task) for task in stored], dict(account))
    finally:
        await connection.close()
    return counts
