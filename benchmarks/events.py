"""How soon a write on one process is heard on a stream that another process holds.

    python benchmarks/events.py

Two instances of the service on one database; one client writes to the first and listens at the
second. What is measured is the time from the answer to the write until the event is there: 400
times as it is, and 12 times right after the second one's listening connection was ended, which
leaves the look that it takes every few seconds. It prints what it found and writes
benchmarks/results/events.json; it fails where the 95th percentile is above 200 ms, or one without
its connection above 5 s.
"""

from __future__ import annotations

import asyncio
import random
import sys
import time

import asyncpg
import httpx2
from observed import Place, event_stream, keep, middle_and_worst, next_rev, services

from taskwell.database.url import target

WRITES = 400
BREAKS = 12
BAR_MILLISECONDS = 200.0
BAR_AFTER_A_BREAK = 5_000.0
END_LISTENING = """
    SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'
"""


class Pair:
    """Somebody who writes here and listens there."""

    def __init__(self, client: httpx2.AsyncClient, reader: asyncio.StreamReader) -> None:
        self._client = client
        self._reader = reader
        self._chance = random.Random(4)

    async def milliseconds(self) -> float:
        await asyncio.sleep(self._chance.uniform(0.06, 0.2))
        answer = await self._client.post("/tasks", json={"text": "Heard?"})
        answered = time.perf_counter()
        answer.raise_for_status()
        while await next_rev(self._reader) < answer.json()["rev"]:
            pass
        return max(0.0, time.perf_counter() - answered) * 1000


async def measure(place: Place) -> dict[str, object]:
    here, there = place.services
    authorization = place.authorization("listener")
    client = httpx2.AsyncClient(
        base_url=here.url, headers={"authorization": authorization}, timeout=60
    )
    async with client, event_stream(there, authorization) as reader:
        await next_rev(reader)
        pair = Pair(client, reader)
        as_it_is = [await pair.milliseconds() for _ in range(WRITES)]
        where = target(place.database_url)
        second = await asyncpg.connect(where.dsn, **where.options)
        after_a_break = []
        for nth in range(BREAKS):
            # At any time between two looks, and with the connection there again.
            await asyncio.sleep(4.5 + nth * 0.35)
            ended = await second.fetchval(END_LISTENING)
            assert ended == 1, f"{ended} connections listened"
            after_a_break.append(await pair.milliseconds())
        await second.close()
    return {
        "writes": WRITES,
        "milliseconds": middle_and_worst(as_it_is),
        "listening connections ended": BREAKS,
        "milliseconds after that": middle_and_worst(after_a_break),
    }


def main() -> int:
    with services(2) as place:
        figures = asyncio.run(measure(place))
    keep("events", figures)
    usual, broken = figures["milliseconds"], figures["milliseconds after that"]
    assert isinstance(usual, dict)
    assert isinstance(broken, dict)
    missed = usual["p95"] > BAR_MILLISECONDS or broken["max"] > BAR_AFTER_A_BREAK
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
