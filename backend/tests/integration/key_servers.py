"""Issuers of every temper: real sockets on 127.0.0.1 that answer as they are told to."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

Behaviour = Callable[[socket.socket, "KeyServer"], None]


class KeyServer:
    """Takes a request, counts it, and lets its behaviour answer. Behaviours may change any time."""

    def __init__(
        self,
        behaviour: Behaviour,
        context: ssl.SSLContext | None = None,
        *,
        is_hasty: bool = False,
        port: int = 0,
    ) -> None:
        self.behaviour = behaviour
        # One that speaks without having listened.
        self.is_hasty = is_hasty
        self.requests: list[bytes] = []
        self.ended = threading.Event()
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}"
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def end(self) -> None:
        self.ended.set()
        # Wakes the one who waits for a connection; closing alone would not.
        with suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=5).close()
        for thread in self._threads:
            thread.join(20)
        self._listener.close()

    def _listen(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self.ended.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        # The client breaks off when it has had enough: that is what is tested.
        with suppress(OSError), connection:
            connection.settimeout(20)
            secured = (
                self._context.wrap_socket(connection, server_side=True)
                if self._context
                else connection
            )
            with secured:
                request = b""
                while not self.is_hasty and b"\r\n\r\n" not in request:
                    data = secured.recv(65536)
                    if not data:
                        return
                    request += data
                self.requests.append(request)
                self.behaviour(secured, self)


def answering(
    body: bytes, status: str = "200 OK", *headers: str, version: str = "HTTP/1.1"
) -> Behaviour:
    head = [f"{version} {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return saying("\r\n".join(head).encode() + body)


def saying(data: bytes) -> Behaviour:
    def behave(connection: socket.socket, _: KeyServer) -> None:
        connection.sendall(data)

    return behave


def silent(connection: socket.socket, server: KeyServer) -> None:
    """Takes the request and never answers."""
    server.ended.wait(20)


def dripping(connection: socket.socket, server: KeyServer) -> None:
    """Keeps every single read happy, and never comes to an end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not server.ended.wait(0.01):
        connection.sendall(b" ")


def dripping_headers(connection: socket.socket, server: KeyServer) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
    while not server.ended.wait(0.01):
        connection.sendall(b"x")


def endless(connection: socket.socket, server: KeyServer) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not server.ended.is_set():
        connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")


def waiting(gate: threading.Event, behaviour: Behaviour) -> Behaviour:
    """Answers when the gate is opened."""

    def behave(connection: socket.socket, server: KeyServer) -> None:
        gate.wait(20)
        behaviour(connection, server)

    return behave


@contextmanager
def key_server(
    behaviour: Behaviour,
    context: ssl.SSLContext | None = None,
    *,
    is_hasty: bool = False,
    port: int = 0,
) -> Iterator[KeyServer]:
    server = KeyServer(behaviour, context, is_hasty=is_hasty, port=port)
    try:
        yield server
    finally:
        server.end()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
