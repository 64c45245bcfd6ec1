"""The service as it runs for everybody: a process, a port, and a log on standard error."""

from __future__ import annotations

import json
import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import taskwell
from contract import wire
from end_to_end.program import Program


class Running:
    def __init__(self, program: Program, url: str) -> None:
        self._program = program
        self.url = url
        host, _, port = url.removeprefix("http://").partition(":")
        self.address = (host, int(port))

    def lines_since(self, before: int) -> list[dict[str, Any]]:
        """What was logged from that length of the log on, each line being one JSON object."""
        marker = f"marker-{secrets.token_hex(8)}"
        headers = (("Host", "x"), ("X-Request-ID", marker), ("Connection", "close"))
        (answer,) = wire.exchange(self.address, wire.render("GET", "/health/live", headers))
        assert answer.status == 200
        self._program.wait_for(marker)
        lines = [json.loads(line) for line in self._program.output[before:].splitlines()]
        return [line for line in lines if line.get("request_id") != marker]

    def wait_for(self, words: str) -> None:
        self._program.wait_for(words)

    @property
    def log_length(self) -> int:
        return len(self._program.output)


@contextmanager
def running(database_url: str, data_folder: Path) -> Iterator[Running]:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url,
        # Whoever looks for gaps asks more often than anybody else.
        "TASKWELL_RATE_LIMIT": "0",
        "PYTHONPATH": str(Path(taskwell.__file__).parents[1]),
    }
    flags = ["--port", "0", "--workers", "1", "--data", str(data_folder)]
    command = [sys.executable, "-m", "taskwell", "serve", *flags]
    with Program(command, environment, data_folder) as program:
        url = program.wait_for(r"listens on (http://\S+)")[1]
        # The rest of the banner, so that what follows is the log alone.
        program.wait_for("Ctrl-C")
        yield Running(program, url)
