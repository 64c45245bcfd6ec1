"""What the look at a database takes for a pooler, and what not."""

from __future__ import annotations

import asyncio
import os
import re

from integration.database_way import Way
from taskwell.database.diagnosis import Expectations, Finding, examine

EXPECTED = Expectations(connections=1, prepared_statements=True, is_direct=True)
# BackendKeyData: the process, and what it takes to cancel its work.
GREETING = re.compile(rb"K\0\0\0.(.{4})", re.DOTALL)


class MadeUpNumbers(Way):
    """As Neon's: in front of a process of the client's own, under a number that is made up."""

    async def greet(self, database: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        greeting = await database.readuntil(b"Z\0\0\0\5I")
        found = GREETING.search(greeting)
        assert found is not None
        client.write(greeting[: found.start(1)] + os.urandom(4) + greeting[found.end(1) :])


async def look(url: str) -> dict[str, Finding]:
    return {finding.check: finding async for finding in examine(url, EXPECTED)}


def test_a_proxy_that_makes_up_numbers_is_no_pooler(database_url: str) -> None:
    async def main() -> dict[str, Finding]:
        way = MadeUpNumbers(database_url)
        found = await look(await way.open())
        await way.close()
        return found

    found = asyncio.run(main())
    assert found["pooler"] == Finding("pooler", True, "none in between")
    assert found["connections"].passed


def test_nothing_in_between_is_no_pooler(database_url: str) -> None:
    assert asyncio.run(look(database_url))["pooler"].passed
