"""HTTP/1.1 on a connection that is kept open: so light that hundreds of them fit beside the service
that they ask."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from typing import cast

Address = tuple[str, int]

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_END_OF_HEAD = b"\r\n\r\n"


class Unanswered(Exception):
    """No whole answer came."""


class Refused(Unanswered):
    """Nobody listens."""


class Closed(Unanswered):
    """The connection ended before the first byte of an answer."""


class CutOff(Unanswered):
    """The connection ended in the middle of an answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    # In lower case, from the status line on.
    head: bytes
    body: bytes

    def has(self, header: bytes) -> bool:
        """By its beginning: `has(b"connection: close")`."""
        return b"\r\n" + header in self.head


def request(method: str, path: str, token: str, body: bytes = b"", *, key: str = "") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: taskwell.test", f"Authorization: Bearer {token}"]
    if body:
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
    if key:
        lines.append(f"Idempotency-Key: {key}")
    return "\r\n".join([*lines, "\r\n"]).encode() + body


class Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self.is_open = False
        self._received = bytearray()
        self._answer: asyncio.Future[Answer] | None = None

    @classmethod
    async def to(cls, address: Address) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            return (await loop.create_connection(cls, *address))[1]
        except ConnectionRefusedError as error:
            raise Refused from error
        except OSError as error:
            raise Closed from error

    async def ask(self, request: bytes) -> Answer:
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        answer = _complete(bytes(self._received))
        if answer is not None and self._answer is not None:
            self._received.clear()
            if answer.has(b"connection: close"):
                self.close()
            self._answer.set_result(answer)
            self._answer = None

    def eof_received(self) -> None:
        self.is_open = False

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self._answer is not None:
            self._answer.set_exception(CutOff() if self._received else Closed())
            self._answer = None


def _complete(received: bytes) -> Answer | None:
    head, end, body = received.partition(_END_OF_HEAD)
    if not end:
        return None
    length = _LENGTH.search(head)
    if length is not None and len(body) < int(length[1]):
        return None
    return Answer(int(head[9:12]), head.lower(), body)
