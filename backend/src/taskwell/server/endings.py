"""The connection as a request sees it that may have to end before it is answered in full."""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Lingering(Protocol):
    transport: asyncio.Transport

    @property
    def part(self) -> str: ...

    def linger(self) -> None: ...


class Unfinished:
    """Its body has not wholly arrived."""

    def __init__(self, protocol: Lingering) -> None:
        self._protocol = protocol
        self.write = protocol.transport.write
        self.is_closing = protocol.transport.is_closing

    def close(self) -> None:
        if self._protocol.part == "body":
            self._protocol.linger()
        else:
            self._protocol.transport.close()


class _Last:
    """Its client sends no more."""

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._transport = cycle.transport
        self.is_closing = cycle.transport.is_closing
        self.close = cycle.transport.close

    def write(self, data: bytes) -> None:
        self._transport.write(data)
        self.end_if_no_length_is_told()

    def end_if_no_length_is_told(self) -> None:
        if self._cycle.chunked_encoding:
            let_go(self._cycle)
            self.close()


def let_go(cycle: RequestResponseCycle) -> None:
    """Tells the application that its client has gone, unless it has been served."""
    if not cycle.response_complete:
        cycle.disconnected = True
        # Nobody reads it any more, and one that waits for its turn may keep it for a while.
        cycle.body = bytearray()
    cycle.message_event.set()


def answer_as_the_last(cycle: RequestResponseCycle) -> None:
    """An answer without a length goes on for as long as somebody listens, and a client that sends
    no more can't be told from one that has gone: so it ends at once, or as it begins."""
    last = _Last(cycle)
    cycle.transport = cast("asyncio.Transport", last)
    last.end_if_no_length_is_told()
