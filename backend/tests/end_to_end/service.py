"""Taskwell as its users run it: `python -m taskwell serve`, with a data folder of its own."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

import taskwell
from end_to_end.issuer import bare_environment
from end_to_end.program import Program

SOURCES = Path(taskwell.__file__).parents[1]
SERVE = (sys.executable, "-m", "taskwell", "serve")


def service_environment() -> dict[str, str]:
    return bare_environment() | {
        # The tests ask more often than a person does.
        "TASKWELL_RATE_LIMIT": "0",
        "PYTHONPATH": str(SOURCES),
        "TASKWELL_PORT": "0",
        "TASKWELL_WORKERS": "1",
        "TASKWELL_LOG_LEVEL": "warning",
    }


@contextmanager
def running_service(**settings: str) -> Iterator[str]:
    """Its address. Pytest's own folder won't do: PostgreSQL's unprivileged user can't reach it."""
    folder = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    try:
        environment = service_environment() | {"TASKWELL_DATA": str(folder)} | settings
        with Program(SERVE, environment, folder) as program:
            yield program.wait_for(r"Taskwell listens on (http://\S+)")[1]
        assert program.process.returncode == 0, program.output
    finally:
        shutil.rmtree(folder)


def caller(url: str, token: str) -> httpx2.Client:
    return httpx2.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=30)
