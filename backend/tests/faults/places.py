"""Where clients send their requests: as a balancer does, to an instance that says it is ready."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from itertools import count

from end_to_end.processes import await_that
from faults.http_connection import Address, Connection, Unanswered, request

EVERY = 0.2
_READY = request("GET", "/health/ready", "nobody")


class Places:
    """A single one is never left: there is no other."""

    def __init__(self, *addresses: Address) -> None:
        self._addresses = addresses
        self._ready = list(addresses)
        self._turns = count()

    def await_ready(self, many: int) -> None:
        await_that(lambda: len(self._ready) == many)

    def pick(self) -> Address:
        ready = self._ready or self._addresses
        return ready[next(self._turns) % len(ready)]

    async def follow(self, ended: asyncio.Event) -> None:
        while len(self._addresses) > 1 and not ended.is_set():
            answers = await asyncio.gather(*map(_is_ready, self._addresses))
            told = zip(self._addresses, answers, strict=True)
            self._ready = [address for address, is_ready in told if is_ready]
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY):
                    await ended.wait()


async def _is_ready(address: Address) -> bool:
    try:
        connection = await Connection.to(address)
        answer = await connection.ask(_READY)
    except Unanswered:
        return False
    connection.close()
    return answer.status == 200
