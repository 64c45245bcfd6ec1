"""HTTP as bytes on a socket: what no client library would send."""

from __future__ import annotations

import json
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Headers = tuple[tuple[str, str], ...]

_SECONDS = 20.0
_BODILESS = {204, 304}


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) <= 1, f"{name} twice"
        return found[0] if found else None

    def json(self) -> Any:
        return json.loads(self.body)


def render(method: str, target: str, headers: Headers, body: bytes | None = None) -> bytes:
    """A whole request; what `headers` say of the body's length goes."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers)]
    names = {name.lower() for name, _ in headers}
    if body is not None and not names & {"content-length", "transfer-encoding"}:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join(lines) + "\r\n\r\n"
    return head.encode("latin-1") + (body or b"")


def chunked(body: bytes, size: int = 4096) -> bytes:
    pieces = [body[begin : begin + size] for begin in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


def exchange(address: tuple[str, int], request: bytes, *, to_head: bool = False) -> list[Answer]:
    """All that is answered until the service closes the connection."""
    with socket.create_connection(address, timeout=_SECONDS) as connection:
        # It may say no before it has read everything; its answer is there all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        received = bytearray()
        while piece := connection.recv(65536):
            received += piece
    return list(_answers(bytes(received), to_head=to_head))


def _answers(received: bytes, *, to_head: bool) -> list[Answer]:
    found = []
    while received:
        head, _, rest = received.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        match = re.fullmatch(r"HTTP/1\.1 (\d{3}) .*", first)
        assert match, received[:200]
        headers = []
        for line in lines:
            name, colon, value = line.partition(": ")
            assert colon, line
            headers.append((name.lower(), value))
        answer = Answer(int(match[1]), headers, b"")
        length = 0
        if not to_head and answer.status >= 200 and answer.status not in _BODILESS:
            length = int(answer.header("content-length") or "")
        assert len(rest) >= length, "cut off"
        found.append(Answer(answer.status, headers, rest[:length]))
        received = rest[length:]
    return found
