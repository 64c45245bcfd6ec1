"""What it costs to move a task in a list of 10,000.

    python benchmarks/moves.py

One client, one request after the other: 2,000 moves of random tasks to random places; 2,000 moves
of random tasks into always the same gap, which is the worst that a list can meet; and the same gap
in a list without any room between its tasks. Times are those of the whole request. CPU is that of
the worker and of the database. A move that finds no room renumbers neighbours; how many, the
revisions tell, since each changed task takes one. It prints what it found and writes
benchmarks/results/moves.json; it fails where a move takes more than 5 ms of CPU on average.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

import asyncpg
import httpx2
from observed import Place, cpu_seconds, keep, services

from taskwell.database.url import target

TASKS = 10_000
MOVES = 2_000
BATCH = 500
BAR_MILLISECONDS = 5.0

Route = Callable[[int], tuple[str, dict[str, str]]]

IDS = [str(UUID(int=nth << 64 | 1)) for nth in range(TASKS)]


def fill(client: httpx2.Client, *, crowded: bool) -> None:
    for begin in range(0, TASKS, BATCH):
        operations = [
            {
                "op_id": str(UUID(int=nth + 1)),
                "type": "create",
                "id": IDS[nth],
                "set": {"text": f"Task {nth}"} | ({"order": nth} if crowded else {}),
            }
            for nth in range(begin, begin + BATCH)
        ]
        answer = client.post("/sync", json={"operations": operations, "limit": 1})
        answer.raise_for_status()


async def analyze(place: Place) -> None:
    """What the database does by itself a minute after so many tasks were made."""
    where = target(place.database_url)
    connection = await asyncpg.connect(where.dsn, **where.options)
    await connection.execute("ANALYZE task, account")
    await connection.close()


def anywhere() -> Route:
    chance = random.Random(1)

    def route(_: int) -> tuple[str, dict[str, str]]:
        moved, anchor = chance.sample(IDS, 2)
        return moved, {chance.choice(["before", "after"]): anchor}

    return route


def always_the_same_gap() -> Route:
    chance = random.Random(2)
    anchor, *others = chance.sample(IDS, TASKS)
    return lambda nth: (others[nth], {"after": anchor})


def moves(place: Place, user: str, route: Route, *, crowded: bool = False) -> dict[str, Any]:
    service = place.services[0]
    headers = {"authorization": place.authorization(user)}
    with httpx2.Client(base_url=service.url, headers=headers, timeout=60) as client:
        fill(client, crowded=crowded)
        asyncio.run(analyze(place))
        rev = TASKS
        times, touched = [], []
        worker, database = place.workers(service)[0], place.database
        cpu = cpu_seconds(worker), cpu_seconds(database)
        for nth in range(MOVES):
            moved, where = route(nth)
            began = time.perf_counter()
            answer = client.post(f"/tasks/{moved}/move", json=where)
            times.append((time.perf_counter() - began) * 1000)
            answer.raise_for_status()
            # The moved task is the last one that is changed. One in its place already is not.
            newest = max(rev, answer.json()["rev"])
            touched.append(newest - rev)
            rev = newest
        spent = cpu_seconds(worker) - cpu[0], cpu_seconds(database) - cpu[1]
    renumbered = [each - 1 for each in touched if each > 1]
    return {
        "milliseconds": {
            "mean": round(statistics.fmean(times), 2),
            "median": round(statistics.median(times), 2),
            "max": round(max(times), 2),
        },
        "CPU milliseconds of a move": {
            "worker": round(spent[0] / MOVES * 1000, 2),
            "database": round(spent[1] / MOVES * 1000, 2),
        },
        "moves that renumbered": len(renumbered),
        "neighbours of those": {
            "median": statistics.median(renumbered) if renumbered else 0,
            "max": max(renumbered, default=0),
        },
        "tasks changed by a move, on average": round(sum(touched) / MOVES, 2),
    }


def main() -> int:
    with services(1) as place:
        lists = {
            "to random places": moves(place, "anywhere", anywhere()),
            "into one gap": moves(place, "one-gap", always_the_same_gap()),
            "into one gap of a crowded list": moves(
                place, "crowded", always_the_same_gap(), crowded=True
            ),
        }
    keep("moves", {"tasks": TASKS, "moves": MOVES, **lists})
    costs = [sum(each["CPU milliseconds of a move"].values()) for each in lists.values()]
    return 1 if max(costs) > BAR_MILLISECONDS else 0


if __name__ == "__main__":
    sys.exit(main())
