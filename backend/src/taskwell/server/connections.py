"""What all connections of a process share."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from email.utils import formatdate
from typing import Any

from uvicorn.server import ServerState

from taskwell.server.census import Census, Seat
from taskwell.server.untaken import Untaken

Server = tuple[str, int | None] | None


class Connections(ServerState):
    """The Date header is made when it is asked for, and the end of the last connection is told: so
    nothing has to tick while nothing is asked."""

    def __init__(self, origins: Iterable[str] = (), seat: Seat | None = None) -> None:
        # Whose pages may read what the protocol refuses by itself.
        self.origins = frozenset(origin.encode("latin-1") for origin in origins)
        self._second = 0
        self._default_headers: list[tuple[bytes, bytes]] = []
        super().__init__()
        self.untaken = Untaken()
        self._server: Server = None
        # They have been taken, and are connections from the loop's next round on.
        self.arriving: set[asyncio.Task[Any]] = set()
        self.seat = seat or Census(1).seat(0)
        self.all_closed = asyncio.Event()
        self.all_closed.set()

    def tell(self) -> None:
        """The other workers how many there are."""
        self.seat.tell(len(self.connections) + len(self.arriving))

    def only_one(self, server: Server) -> Server:
        """Our end of a connection, which is nearly always the same one."""
        if server != self._server:
            self._server = server
        return self._server

    @property
    def default_headers(self) -> list[tuple[bytes, bytes]]:
        now = int(time.time())
        if now != self._second:
            self._second = now
            self._default_headers = [(b"date", formatdate(now, usegmt=True).encode())]
        return self._default_headers

    @default_headers.setter
    def default_headers(self, value: list[tuple[bytes, bytes]]) -> None:
        self._default_headers = value
