"""What may lie between the service and its database."""

from __future__ import annotations

import asyncio
import struct
from urllib.parse import parse_qs, urlsplit, urlunsplit

LAST_WORDS = b"SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"


class Way:
    """Between the service and a real PostgreSQL."""

    def __init__(self, database_url: str) -> None:
        self._url = urlsplit(database_url)
        self._clients: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        place = f"{self._url.username}@127.0.0.1:{port}"
        return urlunsplit(self._url._replace(netloc=place, query="sslmode=disable"))

    async def close(self) -> None:
        self._server.close()
        for client in self._clients:
            client.close()
        await asyncio.gather(*self._tasks)

    async def end_sessions(self) -> None:
        said = b"E" + struct.pack("!I", len(LAST_WORDS) + 4) + LAST_WORDS
        for client in self._clients:
            client.write(said)
            await client.drain()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.append(writer)
        where = parse_qs(self._url.query)
        path = f"{where['host'][0]}/.s.PGSQL.{where['port'][0]}"
        from_database, to_database = await asyncio.open_unix_connection(path)
        self._tasks.add(asyncio.create_task(_carry(reader, to_database)))
        await self.greet(from_database, writer)
        self._tasks.add(asyncio.create_task(_carry(from_database, writer)))

    async def greet(self, database: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        """What comes first may be changed on the way."""


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
    sink.close()
