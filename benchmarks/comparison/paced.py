"""Load at a planned pace, in a process of its own: `python -m comparison.paced --help`.

Latency counts from the moment at which a request was planned, so that a service that falls behind
is not spared the requests that it keeps waiting. Without a pace each connection sends its next
request as soon as it has its answer.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import sys
import time
from collections import deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import cast

import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked", re.IGNORECASE)
WITHOUT_BODY = (204, 304)
PERCENTILES = (1, 5, 10, 25, 50, 75, 90, 95, 97.5, 99, 99.5, 99.9, 100)
# After the last planned request, for the answers that are still on their way.
FAREWELL = 10.0
LOOK_EVERY = 0.02
CONNECTS_AT_ONCE = 100

Planned = tuple[str, bytes]

# The loop's own clock counts whole milliseconds.
now = time.monotonic


class Ledger:
    def __init__(self) -> None:
        # Kind, seconds from the begin to the plan, seconds from the plan to the answer.
        self.answered: list[tuple[str, float, float]] = []
        self.errors = {"connect": 0, "lost": 0, "status": 0, "unanswered": 0}


class Connection(asyncio.Protocol):
    """One request after the other; what is due meanwhile waits here."""

    def __init__(self, ledger: Ledger, began: float) -> None:
        self._ledger = ledger
        self._began = began
        self._waiting: deque[tuple[float, Planned]] = deque()
        self._current: tuple[float, Planned] | None = None
        self._received = b""
        self._transport: asyncio.Transport | None = None
        self.endless: Iterator[Planned] | None = None

    @property
    def unanswered(self) -> int:
        return len(self._waiting) + (self._current is not None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's is one too, but does not say so.
        self._transport = cast(asyncio.Transport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if self.unanswered:
            self._ledger.errors["lost"] += self.unanswered
            self._waiting.clear()
            self._current = None

    def close(self) -> None:
        self._ledger.errors["unanswered"] += self.unanswered
        self._waiting.clear()
        self._current = None
        if self._transport is not None:
            self._transport.abort()

    def plan(self, due: float, planned: Planned) -> None:
        # A timer may be early, by less than a millisecond.
        self._waiting.append((min(due, now()), planned))
        if self._current is None:
            self._send()

    def _send(self) -> None:
        if self._transport is None:
            self._ledger.errors["lost"] += len(self._waiting)
            self._waiting.clear()
        elif self._waiting:
            self._current = self._waiting.popleft()
            self._transport.write(self._current[1][1])
        elif self.endless is not None:
            planned = next(self.endless)
            self._current = now(), planned
            self._transport.write(planned[1])

    def data_received(self, data: bytes) -> None:
        self._received += data
        status = _whole(self._received)
        if status is None or self._current is None:
            return
        due, (kind, _) = self._current
        self._ledger.answered.append((kind, due - self._began, now() - due))
        if not (200 <= status < 300 or status == 304):
            self._ledger.errors["status"] += 1
        self._received, self._current = b"", None
        self._send()


def _whole(received: bytes) -> int | None:
    """The status of an answer that is there to its end."""
    head = received.find(b"\r\n\r\n")
    if head < 0:
        return None
    status = int(received[9:12])
    length = LENGTH.search(received, 0, head)
    if length is not None:
        complete = status in WITHOUT_BODY or len(received) >= head + 4 + int(length[1])
    elif CHUNKED.search(received, 0, head):
        complete = received.endswith(b"\r\n0\r\n\r\n")
    else:
        complete = status in WITHOUT_BODY
        assert complete, "an answer without a length"
    return status if complete else None


def read_requests(path: Path) -> Iterator[Planned]:
    with path.open("rb") as file:
        while line := file.readline():
            kind, length = line.split()
            yield kind.decode(), file.read(int(length))


async def _connect(port: int, many: int, ledger: Ledger) -> list[Connection]:
    loop = asyncio.get_running_loop()
    began = now()
    connections: list[Connection] = []
    for begin in range(0, many, CONNECTS_AT_ONCE):
        wanted = range(begin, min(many, begin + CONNECTS_AT_ONCE))
        attempts = [
            loop.create_connection(lambda: Connection(ledger, began), "127.0.0.1", port)
            for _ in wanted
        ]
        for made in await asyncio.gather(*attempts, return_exceptions=True):
            if isinstance(made, OSError):
                ledger.errors["connect"] += 1
            elif isinstance(made, BaseException):
                raise made
            else:
                connections.append(made[1])
    return connections


async def at_pace(
    connections: list[Connection], requests: Iterator[Planned], rate: float, seconds: float
) -> None:
    """`rate` a second on each connection, which begin at moments drawn at random."""
    draw = random.Random(0)
    began = now() + 0.5
    begins = sorted((began + draw.random() / rate, number) for number in range(len(connections)))
    for turn in range(max(1, round(seconds * rate))):
        for begin, number in begins:
            due = begin + turn / rate
            await asyncio.sleep(max(0.0, due - now()))
            connections[number].plan(due, next(requests))


async def as_fast_as_it_goes(
    connections: list[Connection], requests: Iterator[Planned], seconds: float
) -> None:
    for connection in connections:
        connection.plan(now(), next(requests))
        connection.endless = requests
    await asyncio.sleep(seconds)
    for connection in connections:
        connection.endless = None


async def farewell(connections: list[Connection]) -> None:
    for _ in range(int(FAREWELL / LOOK_EVERY)):
        if not any(connection.unanswered for connection in connections):
            break
        await asyncio.sleep(LOOK_EVERY)
    for connection in connections:
        connection.close()


def summary(latencies: list[float]) -> list[tuple[float, float]]:
    """Percentiles, in milliseconds."""
    ranked = sorted(latencies)
    last = len(ranked) - 1
    return [
        (percent, round(ranked[min(last, int(len(ranked) * percent / 100))] * 1000, 3))
        for percent in PERCENTILES
        if ranked
    ]


def by_second(answered: list[tuple[str, float, float]]) -> list[float]:
    """The 95th percentile of each second, in milliseconds."""
    seconds: dict[int, list[float]] = {}
    begin = min((due for _, due, _ in answered), default=0.0)
    for _, due, latency in answered:
        seconds.setdefault(int(due - begin), []).append(latency)
    return [dict(summary(latencies))[95] for _, latencies in sorted(seconds.items())]


def _duration(answered: list[tuple[str, float, float]]) -> float:
    """From the first request that was planned to the last answer."""
    begin = min((due for _, due, _ in answered), default=0.0)
    end = max((due + latency for _, due, latency in answered), default=0.0)
    return round(end - begin, 3)


async def run(arguments: argparse.Namespace) -> dict[str, object]:
    ledger = Ledger()
    connections = await _connect(arguments.port, arguments.connections, ledger)
    if arguments.rate:
        requests = cycle(read_requests(arguments.requests))
        await at_pace(connections, requests, arguments.rate, arguments.seconds)
    else:
        # In memory before it begins.
        requests = cycle(list(read_requests(arguments.requests)))
        await as_fast_as_it_goes(connections, requests, arguments.seconds)
    await farewell(connections)
    return {
        "requests": len(ledger.answered),
        "seconds": _duration(ledger.answered),
        "quantiles": {
            kind: summary([one[2] for one in ledger.answered if kind in ("all", one[0])])
            for kind in ("all", "read", "write")
        },
        "p95_by_second": by_second(ledger.answered),
        "errors": ledger.errors,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m comparison.paced", description=__doc__)
    parser.add_argument("port", type=int)
    parser.add_argument("requests", type=Path, help="a file that load.write_requests() has made")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--rate", type=float, help="requests a second on each connection")
    json.dump(uvloop.run(run(parser.parse_args())), sys.stdout)


if __name__ == "__main__":
    main()
