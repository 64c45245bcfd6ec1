"""Load in a closed loop: wrk, a process of its own, sends requests that were made beforehand."""

from __future__ import annotations

import json
import resource
import shutil
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from comparison.contender import Request, Unavailable

SCRIPT = Path(__file__).with_name("load.lua")
# For an answer; what takes longer is an error.
PATIENCE = 5
MANY_FILES = 16384

Quantiles = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Outcome:
    requests: int
    # Those too that were on their way at the end: most of their work had been done.
    sent: int
    seconds: float
    # Of an answer, with its headers.
    bytes: float
    # Percentiles and milliseconds.
    quantiles: Quantiles
    errors: dict[str, int]
    # Whether some request was sent twice, since there were too few.
    repeated: bool

    @property
    def rate(self) -> float:
        return self.requests / self.seconds

    @property
    def failed(self) -> int:
        return sum(self.errors.values())


def require_wrk() -> None:
    if shutil.which("wrk") is None:
        raise Unavailable(
            'The load comes from wrk: install it, for example with "apt install wrk".'
        )


def encode(request: Request, port: int) -> bytes:
    headers = {"Host": f"127.0.0.1:{port}", **request.headers}
    if request.body is not None:
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {request.path} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + (request.body or b"")


def write_requests(path: Path, requests: Iterable[tuple[str, bytes]]) -> int:
    """Each with the kind that its latency is counted under; how many there were."""
    written = 0
    with path.open("wb") as file:
        for kind, request in requests:
            file.write(b"%s %d\n%s" % (kind.encode(), len(request), request))
            written += 1
    return written


def closed_loop(port: int, requests: Path, many: int, connections: int, seconds: float) -> Outcome:
    """Each connection sends its next request as soon as it has its answer."""
    command = ["wrk", "--threads=1", f"--connections={connections}", f"--timeout={PATIENCE}s"]
    command += [f"--duration={max(1, round(seconds))}s", f"--script={SCRIPT}"]
    command += [f"http://127.0.0.1:{port}", "--", str(requests)]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    report = json.loads(told.stdout.splitlines()[-1])
    return Outcome(
        requests=report["requests"],
        sent=report["sent"],
        seconds=report["seconds"],
        bytes=report["bytes"] / max(1, report["requests"]),
        # Of no answer at all it would tell zeros.
        quantiles=[tuple(pair) for pair in report["quantiles"] if report["requests"]],
        errors=report["errors"],
        repeated=report["sent"] > many,
    )


def ask(port: int, request: bytes) -> tuple[int, bytes]:
    """Once, on a connection of its own: the status and the whole answer."""
    head, _, rest = request.partition(b"\r\n")
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        connection.sendall(head + b"\r\nConnection: close\r\n" + rest)
        answer = b""
        while block := connection.recv(65536):
            answer += block
    return int(answer.split(b" ", 2)[1]), answer


def allow_many_files() -> None:
    """A thousand connections need as many files, in wrk and in the contenders."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MANY_FILES if most == resource.RLIM_INFINITY else min(most, MANY_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
