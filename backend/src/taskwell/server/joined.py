"""A connection on which what is written at one time leaves in one piece."""

from __future__ import annotations

import asyncio
from typing import Any


class Joined:
    """The head of an answer and its body are written apart: sent apart they would cost the system,
    the network and the client twice as much."""

    __slots__ = ("_loop", "_pieces", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def write_eof(self) -> None:
        self._send()
        self._transport.write_eof()

    def close(self) -> None:
        if self._transport.is_closing():
            return
        self._send()
        self._transport.close()
        if self._transport.get_write_buffer_size():
            protocol: Any = self._transport.get_protocol()
            protocol.await_taking()

    def get_write_buffer_size(self) -> int:
        waiting = self._transport.get_write_buffer_size()
        return waiting + sum(map(len, self._pieces))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def _send(self) -> None:
        if self._pieces:
            joined = b"".join(self._pieces)
            self._pieces.clear()
            if not self._transport.is_closing():
                self._transport.write(joined)
