"""The writers of one process."""

from __future__ import annotations

import asyncio

from concurrency.events import Event
from concurrency.observed import observed_database
from concurrency.writers import Storm, Writer


def run_writers(storm: Storm, process: int) -> list[tuple[str, Event]]:
    """What one process does, and what came of it, with the user it was done for."""
    return asyncio.run(_run_writers(storm, process))


async def _run_writers(storm: Storm, process: int) -> list[tuple[str, Event]]:
    numbers = range(process, len(storm.users), storm.processes)
    database = observed_database(storm.url, len(numbers))
    await database.open()
    try:
        boards: dict[str, dict[str, str]] = {user: {} for user in storm.users}
        writers = [Writer(storm, database, number, boards) for number in numbers]
        async with asyncio.TaskGroup() as group:
            for writer in writers:
                group.create_task(writer.work())
    finally:
        await database.close()
    return [(writer.user_id, event) for writer in writers for event in writer.events]
