"""What the look at a database takes for a pooler, and what not."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit

from taskwell.database.diagnosis import Expectations, Finding, examine

EXPECTED = Expectations(connections=1, prepared_statements=True, is_direct=True)
# BackendKeyData: the process, and what it takes to cancel its work.
GREETING = re.compile(rb"K\0\0\0.(.{4})", re.DOTALL)


@asynccontextmanager
async def proxy(url: str) -> AsyncIterator[str]:
    """As Neon's: in front of a process of the client's own, under a number that is made up."""
    where = parse_qs(urlsplit(url).query)
    path = f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}"

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_database, to_database = await asyncio.open_unix_connection(path)
        asking = asyncio.create_task(forward(reader, to_database))
        greeting = await from_database.readuntil(b"Z\0\0\0\5I")
        found = GREETING.search(greeting)
        assert found is not None
        writer.write(greeting[: found.start(1)] + os.urandom(4) + greeting[found.end(1) :])
        await forward(from_database, writer)
        await asking

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    try:
        yield f"postgresql://taskwell@127.0.0.1:{port}{urlsplit(url).path}"
    finally:
        server.close()


async def look(url: str) -> dict[str, Finding]:
    return {finding.check: finding async for finding in examine(url, EXPECTED)}


def test_a_proxy_that_makes_up_numbers_is_no_pooler(database_url: str) -> None:
    async def main() -> dict[str, Finding]:
        async with proxy(database_url) as url:
            return await look(url)

    found = asyncio.run(main())
    assert found["pooler"] == Finding("pooler", True, "none in between")
    assert found["connections"].passed


def test_nothing_in_between_is_no_pooler(database_url: str) -> None:
    assert asyncio.run(look(database_url))["pooler"].passed
