"""A connection that is kept, over which requests are sent as bytes, any number ahead."""

from __future__ import annotations

import re
import socket
from types import TracebackType
from typing import Self

from contract.wire import Answer

PATIENCE = 60.0
BODILESS = frozenset({204, 304})
_STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [\w '-]+")


class NotHttp(AssertionError):
    """What came back can't be read."""


class Line:
    def __init__(self, address: tuple[str, int], patience: float = PATIENCE) -> None:
        self.socket = socket.create_connection(address, timeout=patience)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def ask(self, request: bytes, *, to_head: bool = False) -> Answer:
        self.socket.sendall(request)
        answer = self.answer(to_head=to_head)
        assert answer is not None, "closed without an answer"
        return answer

    def answer(self, *, to_head: bool = False) -> Answer | None:
        """The next one that is final; None at the end of the connection."""
        while True:
            head = self._head()
            if head is None:
                return None
            answer = self._read(head, to_head=to_head)
            if answer.status >= 200:
                return answer

    def _head(self) -> bytes | None:
        while (end := self._unread.find(b"\r\n\r\n")) < 0:
            if not self._receive():
                if self._unread:
                    raise NotHttp("the connection ended within a head")
                return None
        head = bytes(self._unread[:end])
        del self._unread[: end + 4]
        return head

    def _read(self, head: bytes, *, to_head: bool) -> Answer:
        first, *lines = head.split(b"\r\n")
        found = _STATUS.fullmatch(first)
        if found is None:
            raise NotHttp(f"{first!r} is no status")
        status = int(found[1])
        headers = []
        for line in lines:
            name, colon, value = line.partition(b": ")
            if not colon:
                raise NotHttp(f"{line!r} is no header")
            headers.append((name.decode("latin-1"), value.decode("latin-1")))
        lengths = [value for name, value in headers if name == "content-length"]
        if status < 200 or status in BODILESS or to_head:
            return Answer(status, headers, b"")
        if len(lengths) != 1 or not lengths[0].isdecimal():
            raise NotHttp(f"the length of an answer is {lengths}")
        return Answer(status, headers, self._body(int(lengths[0])))

    def _body(self, length: int) -> bytes:
        while len(self._unread) < length:
            if not self._receive():
                raise NotHttp("the connection ended within a body")
        body = bytes(self._unread[:length])
        del self._unread[:length]
        return body

    def _receive(self) -> bool:
        try:
            received = self.socket.recv(262_144)
        except ConnectionResetError:
            return False
        self._unread += received
        return bool(received)
