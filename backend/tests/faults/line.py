"""The line between the service and PostgreSQL, which goes through our hands."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from end_to_end.processes import await_that
from faults.messages import Call
from faults.passage import Cut, Passage
from taskwell.queries.upkeep import DENY_LIST, NUDGE, REVISIONS

# For the threads to end; each is woken by the end of its sockets.
SECONDS_TO_END = 20.0
# These the service asks on its own behalf, beside any request.
BESIDE = frozenset({DENY_LIST.sql, NUDGE.sql, REVISIONS.sql})

Mischief = Callable[[Passage, Call], None]


def belongs_to_request(sql: str) -> bool:
    return sql not in BESIDE


class Line:
    def __init__(self, database_url: str) -> None:
        self._parts = urlsplit(database_url)
        self._query = dict(parse_qsl(self._parts.query))
        self._far = f"{self._query['host']}/.s.PGSQL.{self._query['port']}"
        # Of the calls that the mischief is meant for: those that came so far.
        self.seen: list[str] = []
        # How often somebody has come to connect.
        self.attempts = 0
        self.seconds_per_byte = 0.0
        self.flows = threading.Event()
        self.flows.set()
        self.has_ended = threading.Event()
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._mischief: Mischief | None = None
        self._nth = 0
        self._is_meant: Callable[[str], bool] = belongs_to_request
        self.port = 0
        self.accept()

    @property
    def url(self) -> str:
        query = urlencode({**self._query, "host": "127.0.0.1", "port": self.port})
        return urlunsplit(self._parts._replace(query=query))

    @property
    def open_connections(self) -> int:
        with self._lock:
            return len(self._open)

    def trip(
        self, mischief: Mischief, nth: int = 0, is_meant: Callable[[str], bool] = belongs_to_request
    ) -> None:
        """Do this to the nth from now of the calls that are meant; with the others, nothing."""
        with self._lock:
            self._mischief, self._nth, self._is_meant = mischief, nth, is_meant
            self.seen = []

    @property
    def has_tripped(self) -> bool:
        return self._mischief is None

    def treat(self, passage: Passage, call: Call) -> None:
        with self._lock:
            mischief: Mischief | None = None
            if call.sql is not None and self._is_meant(call.sql):
                self.seen.append(call.sql)
                if len(self.seen) == self._nth + 1:
                    mischief, self._mischief = self._mischief, None
        if mischief is None:
            passage.pass_on(call)
        else:
            mischief(passage, call)

    def carry(self, sink: socket.socket, data: bytes) -> None:
        """At the pace that the line has just now."""
        self.flows.wait()
        while self.seconds_per_byte and len(data) > 1:
            sink.sendall(data[:1])
            data = data[1:]
            self.has_ended.wait(self.seconds_per_byte)
        sink.sendall(data)

    def cut_all(self, *, is_reset: bool = False) -> None:
        with self._lock:
            for near in self._open:
                with suppress(OSError):
                    if is_reset:
                        # With nothing to wait for, closing sends RST instead of FIN.
                        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1" + b"\0" * 7)
                        near.shutdown(socket.SHUT_RD)
                    else:
                        near.shutdown(socket.SHUT_RDWR)

    def cut_until_none_is_open(self) -> None:
        """What the service asks on its own behalf may just have opened another one."""

        def is_none_open() -> bool:
            self.cut_all()
            return self.open_connections == 0

        await_that(is_none_open)

    def refuse(self) -> None:
        # Wakes the one who waits for a connection; closing alone would not.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join(SECONDS_TO_END)
        self._listener.close()

    def accept(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def end(self) -> None:
        self.has_ended.set()
        self.flows.set()
        self.refuse()
        self.cut_all()
        for thread in self._threads:
            thread.join(SECONDS_TO_END)
            assert not thread.is_alive()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                near.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.attempts += 1
                thread = threading.Thread(target=self._serve, args=(near,))
                self._threads = [each for each in self._threads if each.is_alive()] + [thread]
                thread.start()

    def _serve(self, near: socket.socket) -> None:
        with self._lock:
            self._open.add(near)
        try:
            with near, socket.socket(socket.AF_UNIX) as far, suppress(OSError, Cut):
                self.flows.wait()
                far.connect(self._far)
                Passage(self, near, far).serve()
        finally:
            with self._lock:
                self._open.discard(near)


@contextmanager
def line_to(database_url: str) -> Iterator[Line]:
    line = Line(database_url)
    try:
        yield line
    finally:
        line.end()
