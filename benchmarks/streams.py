"""What open event streams cost: memory of a worker with none and with 1,000, and CPU while idle.

    python benchmarks/streams.py

It starts the service with one worker, lets 1,000 users write and read once, looks at the worker's
memory (PSS), opens a stream for each of them, looks again, and then does nothing for a minute. It
prints what it found and writes benchmarks/results/streams.json; it fails at more than 30 KB a
stream. Only Linux tells PSS.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import AsyncExitStack

import httpx2
from observed import Place, cpu_seconds, event_stream, keep, next_rev, pss, services

STREAMS = 1_000
IDLE_SECONDS = 60.0
BAR_BYTES = 30 * 1024
# Opened so many at a time.
SLICE = 50


async def settle(place: Place, worker: int) -> int:
    """The memory once it does not change any more, or after some time."""
    before = 0
    for _ in range(10):
        await asyncio.sleep(1)
        now = pss(worker)
        if abs(now - before) < 64 * 1024:
            break
        before = now
    return now


async def come_and_go(place: Place, headers: list[dict[str, str]]) -> None:
    """Every user has an account, a remembered token and has been answered once."""
    limits = httpx2.Limits(max_connections=16)
    url = place.services[0].url
    async with httpx2.AsyncClient(base_url=url, timeout=60, limits=limits) as client:

        async def one(header: dict[str, str]) -> None:
            for answer in (
                await client.post("/tasks", headers=header, json={"text": "One"}),
                await client.get("/tasks", headers=header),
            ):
                answer.raise_for_status()

        for begin in range(0, len(headers), SLICE):
            await asyncio.gather(*(one(each) for each in headers[begin : begin + SLICE]))


async def idle(place: Place, worker: int) -> dict[str, float]:
    began, cpu, database = time.monotonic(), cpu_seconds(worker), cpu_seconds(place.database)
    await asyncio.sleep(IDLE_SECONDS)
    seconds = time.monotonic() - began
    return {
        "worker": round((cpu_seconds(worker) - cpu) / seconds * 100, 2),
        "database": round((cpu_seconds(place.database) - database) / seconds * 100, 2),
    }


async def measure(place: Place) -> dict[str, object]:
    (worker,) = place.workers(place.services[0])
    users = [place.authorization(f"streams-{nth}") for nth in range(STREAMS)]
    await come_and_go(place, [{"authorization": each} for each in users])
    without = await settle(place, worker)
    quiet = await idle(place, worker)
    async with AsyncExitStack() as stack:
        for begin in range(0, STREAMS, SLICE):
            opened = [
                stack.enter_async_context(event_stream(place.services[0], each))
                for each in users[begin : begin + SLICE]
            ]
            await asyncio.gather(*(next_rev(each) for each in await asyncio.gather(*opened)))
        within = await settle(place, worker)
        listening = await idle(place, worker)
    return {
        "streams": STREAMS,
        "memory without streams, MB": round(without / 1e6, 1),
        "memory with streams, MB": round(within / 1e6, 1),
        "memory of a stream, KB": round((within - without) / STREAMS / 1024, 1),
        "CPU without streams, % of a core": quiet,
        "CPU with idle streams, % of a core": listening,
    }


def main() -> int:
    with services(1) as place:
        figures = asyncio.run(measure(place))
    keep("streams", figures)
    of_one = figures["memory of a stream, KB"]
    assert isinstance(of_one, float)
    return 1 if of_one * 1024 > BAR_BYTES else 0


if __name__ == "__main__":
    sys.exit(main())
