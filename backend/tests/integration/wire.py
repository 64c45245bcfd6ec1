"""HTTP as bytes on a socket, for what no client library would send."""

from __future__ import annotations

import json
import re
import select
import socket
import struct
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# The beginning of any request, behind its method and path.
HEAD = " HTTP/1.1\r\nHost: taskwell.test\r\n"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> str:
        """Its code, once it is certain that it is a problem like any other."""
        assert self.headers["content-type"] == "application/problem+json"
        problem = json.loads(self.body)
        assert problem["status"] == self.status
        assert problem["type"] == f"/problems/{problem['code']}"
        assert problem["request_id"] == self.headers["x-request-id"]
        assert {"title", "detail"} < problem.keys()
        return str(problem["code"])


class Wire:
    """One connection, as a client has it."""

    def __init__(self, port: int, system_takes: int | None = None) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(30)
        if system_takes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, system_takes)
        try:
            self.socket.connect(("127.0.0.1", port))
        except OSError:
            self.socket.close()
            raise
        self._unread = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.socket.close()

    def send(self, text: str | bytes) -> Self:
        self.socket.sendall(text.encode("latin-1") if isinstance(text, str) else text)
        return self

    def send_no_more(self) -> Self:
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def reset(self) -> None:
        """As a client that crashes leaves its connection."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def drip(self, piece: str, seconds: float = 0.05) -> Self:
        """One piece after the other, until something comes back."""
        for _ in range(1000):
            if not self.waits(seconds):
                return self
            self.send(piece)
        raise AssertionError("it could go on for ever")

    def can_flood(self, pieces: int = 1_000_000) -> bool:
        """False once the other side has had enough."""
        piece = b"x" * 65536
        try:
            for _ in range(pieces):
                self.socket.sendall(piece)
        except ConnectionError:
            return False
        return True

    def waits(self, seconds: float) -> bool:
        """True when nothing came back in this time."""
        return not select.select([self.socket], [], [], seconds)[0]

    def answer(self) -> Answer:
        line, *fields = self.read_until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        found = re.match(r"HTTP/1\.1 (\d{3}) ", line)
        assert found is not None
        headers = dict(field.split(": ", 1) for field in fields)
        return Answer(int(found[1]), headers, self.take(int(headers.get("content-length", 0))))

    def size_of_the_rest(self) -> int:
        """How much still comes until the end, which may be a reset."""
        size = len(self._unread)
        try:
            while received := self.socket.recv(65536):
                size += len(received)
        except ConnectionResetError:
            return size
        return size

    def is_closed(self) -> bool:
        """Waits for the end; False when something else comes."""
        return self._unread == b"" and self.socket.recv(1) == b""

    def read_until(self, mark: bytes) -> bytes:
        while mark not in self._unread:
            self._unread += self._received()
        found, _, self._unread = self._unread.partition(mark)
        return found

    def take(self, size: int) -> bytes:
        pieces, missing = [self._unread], size - len(self._unread)
        while missing > 0:
            pieces.append(self._received())
            missing -= len(pieces[-1])
        joined = b"".join(pieces)
        self._unread = joined[size:]
        return joined[:size]

    def _received(self) -> bytes:
        received = self.socket.recv(65536)
        assert received, f"closed after {self._unread[:200]!r}"
        return received
