"""Clients that take their time, each in a way of its own, driven by one thread."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

# Something is said once in so many beats, which are a second.
BEAT, BEATS = 0.1, 10
# So that little of an answer fits in between.
SMALL_BUFFER = 4096
FLOOD = b"8000\r\n" + b"x" * 0x8000 + b"\r\n"


@dataclass(frozen=True)
class Way:
    begin: bytes
    # What follows each second, or as soon as there is room for it.
    then: bytes = b""
    floods: bool = False
    reads: bool = True


def _head(method: str, path: str, *more: str) -> bytes:
    return "\r\n".join((f"{method} {path} HTTP/1.1", "Host: x", *more, "")).encode()


def ways(token: str, reader: str) -> dict[str, Way]:
    """The reader is somebody else, so that who holds their share with half a body is not in the
    way of those who never take their answers."""
    known = f"Authorization: Bearer {token}"
    kind = "Content-Type: application/json"
    sized, parted = "Content-Length: 100000\r\n", "Transfer-Encoding: chunked\r\n"
    large = _head("GET", "/tasks", f"Authorization: Bearer {reader}", "")
    return {
        "silence": Way(b""),
        "empty lines": Way(b"", b"\r\n"),
        "a head, byte by byte": Way(b"", b"G"),
        "a header, byte by byte": Way(_head("GET", "/tasks", known) + b"A: ", b"a"),
        "headers without end": Way(_head("GET", "/tasks", known), b"a: b\r\n"),
        "a header as fast as it is taken": Way(b"GET / HTTP/1.1\r\nA: ", b"a" * 4096, floods=True),
        "a body, byte by byte": Way(_head("POST", "/tasks", known, kind, sized), b"x"),
        "a body of nobody": Way(_head("POST", "/tasks", kind, sized), b"x"),
        "chunks, byte by byte": Way(_head("POST", "/tasks", known, kind, parted), b"1\r\nx\r\n"),
        "a chunk that never begins": Way(_head("POST", "/sync", known, kind, parted) + b"1;", b"x"),
        "chunks without end": Way(_head("POST", "/tasks", known, kind, parted), FLOOD, floods=True),
        "chunks of nobody": Way(_head("POST", "/tasks", kind, parted), FLOOD, floods=True),
        # More than the systems take in between: what they do, the service is rid of.
        "answers that nobody takes": Way(large * 15, reads=False),
    }


class Client:
    """Goes on until the service has closed the connection by itself, whatever it answers."""

    def __init__(self, address: tuple[str, int], way: Way) -> None:
        self.way = way
        # How long after the beginning; those who read nothing never hear of it.
        self.closed_after: float | None = None
        self._said = 0
        self.socket = socket.socket()
        if not way.reads:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
        self.socket.connect(address)
        self.socket.sendall(way.begin)
        self.socket.setblocking(False)
        self._began = time.monotonic()

    def go_on(self, *, is_time_to_speak: bool) -> bool:
        """False once nothing more can be sent."""
        try:
            self._read_and_say(is_time_to_speak=is_time_to_speak)
        except ConnectionError:
            self._note_the_end()
            return False
        return True

    def _note_the_end(self) -> None:
        if self.closed_after is None:
            self.closed_after = time.monotonic() - self._began

    def _read_and_say(self, *, is_time_to_speak: bool) -> None:
        with suppress(BlockingIOError):
            if self.way.reads and self.socket.recv(65536) == b"":
                self._note_the_end()
        with suppress(BlockingIOError):
            if self.way.then and (self.way.floods or is_time_to_speak):
                place = self._said % len(self.way.then)
                self._said += self.socket.send(self.way.then[place:])


class Crowd:
    def __init__(self, address: tuple[str, int], ways: Iterable[Way]) -> None:
        self._clients = [Client(address, way) for way in ways]
        self._listening = [client for client in self._clients if client.way.reads]
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join()
        for client in self._clients:
            client.socket.close()

    @property
    def are_told(self) -> bool:
        """Whether all who listen have met the end of their connection."""
        return all(client.closed_after is not None for client in self._listening)

    @property
    def longest(self) -> float:
        return max(client.closed_after or 0.0 for client in self._listening)

    def _work(self) -> None:
        beats = 0
        going_on = list(self._clients)
        while not self._end.wait(BEAT):
            beats += 1
            is_time_to_speak = beats % BEATS == 0
            going_on = [
                client for client in going_on if client.go_on(is_time_to_speak=is_time_to_speak)
            ]
