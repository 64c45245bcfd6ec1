"""A service of one's own to measure, and what its processes take."""

from __future__ import annotations

import asyncio
import json
import os
import platform
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "backend" / "src"), str(ROOT / "backend" / "tests")]

from end_to_end.serving import Serving, data_folder, database_url, postgres_pid, serving  # noqa: E402  # the path comes first
from taskwell.auth.gate import development_issuer  # noqa: E402  # the path comes first
from taskwell.configuring import load_settings  # noqa: E402  # the path comes first

TICKS = os.sysconf("SC_CLK_TCK")
ONE_WORKER = {"TASKWELL_RATE_LIMIT": "0", "TASKWELL_LOG_LEVEL": "error"}


@dataclass(frozen=True)
class Place:
    """A data folder with services on it, all on one database and with one issuer."""

    folder: Path
    services: list[Serving]

    @property
    def database_url(self) -> str:
        return database_url(self.folder)

    @property
    def database(self) -> int:
        return postgres_pid(self.folder)

    def authorization(self, user_id: str) -> str:
        issuer = development_issuer(load_settings(data=self.folder))
        return f"Bearer {issuer.token(user_id)}"

    def workers(self, service: Serving) -> list[int]:
        """The processes that answer requests: neither their supervisor nor the database."""
        return [each for each in children_of(service.pid) if each != self.database]


@contextmanager
def services(many: int, **settings: str) -> Iterator[Place]:
    with data_folder() as folder, ExitStack() as stack:
        running: list[Serving] = []
        for _ in range(many):
            shared = {"DATABASE_URL": database_url(folder)} if running else {}
            one = serving(folder, **ONE_WORKER, **shared, **settings)
            running.append(stack.enter_context(one))
        yield Place(folder, running)


def children_of(pid: int) -> list[int]:
    return [each for each in _processes() if _stat(each)[1] == str(pid)]


def pss(pid: int) -> int:
    """Bytes of memory, with its share of what it has in common with others."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    raise ValueError("this kernel tells no Pss")


def cpu_seconds(*pids: int) -> float:
    """Of these processes and all below them, those that have ended included."""
    total = 0
    for pid in pids:
        total += sum(int(ticks) for ticks in _stat(pid)[11:15])
        total += sum(round(cpu_seconds(child) * TICKS) for child in children_of(pid))
    return total / TICKS


def _processes() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _stat(pid: int) -> list[str]:
    """From the state on; the name before it, in parentheses, may hold anything."""
    try:
        line = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ["", "", *["0"] * 20]
    return line[line.rindex(")") + 2 :].split()


@asynccontextmanager
async def event_stream(service: Serving, authorization: str) -> AsyncIterator[asyncio.StreamReader]:
    """A connection of a client's own, past the headers of the answer."""
    host, port = service.address
    reader, writer = await asyncio.open_connection(host, port)
    try:
        head = f"GET /events HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n\r\n"
        writer.write(head.encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in answer.splitlines()[0]:
            raise ValueError(f"no stream: {answer.decode()}")
        yield reader
    finally:
        writer.close()


async def next_rev(reader: asyncio.StreamReader) -> int:
    """The revision of the next event."""
    while True:
        line = await reader.readline()
        if not line:
            raise ValueError("the stream has ended")
        if line.startswith(b"data: "):
            rev: int = json.loads(line[6:])["rev"]
            return rev


def middle_and_worst(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(ordered[len(ordered) // 2], 2),
        "p95": round(ordered[int(len(ordered) * 0.95)], 2),
        "max": round(ordered[-1], 2),
    }


def keep(name: str, figures: dict[str, Any]) -> None:
    """Printed, and beside the other results."""
    machine = {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "load when it ended": round(os.getloadavg()[0], 1),
    }
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    text = json.dumps({**machine, "figures": figures}, indent=2)
    (results / f"{name}.json").write_text(text + "\n")
    sys.stdout.write(text + "\n")
