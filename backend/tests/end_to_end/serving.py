"""A service with a folder of its own, which a test may treat as badly as it likes."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2

from end_to_end.program import Program
from end_to_end.service import SERVE, service_environment
from taskwell.database.cluster import CLUSTER
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.database.folder import DataFolder
from taskwell.database.postmaster import find_running

COMMAND = (sys.executable, "-m", "taskwell")


class Serving:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.pid = program.process.pid
        self.url = program.wait_for(r"listens on (http://\S+)")[1]
        token = program.wait_for(r"Bearer ([^']+)'")[1]
        headers = {"authorization": f"Bearer {token}"}
        self.http = httpx2.Client(base_url=self.url, headers=headers, timeout=60)

    @property
    def address(self) -> tuple[str, int]:
        url = httpx2.URL(self.url)
        return url.host, url.port or 80


@contextmanager
def data_folder() -> Iterator[Path]:
    """Fails when a test leaves a PostgreSQL behind in it."""
    folder = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    try:
        yield folder
        left = find_running(folder / CLUSTER)
        if left is not None:
            left.shut_down()
        assert left is None
    finally:
        shutil.rmtree(folder)


@contextmanager
def serving(folder: Path, *arguments: str, **settings: str) -> Iterator[Serving]:
    environment = service_environment() | {"TASKWELL_DATA": str(folder)} | settings
    with Program((*SERVE, *arguments), environment, folder) as program:
        service = Serving(program)
        with service.http:
            yield service


def run(
    *words: str, folder: Path, given: str = "", **settings: str
) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself; `given` is its standard input."""
    environment = service_environment() | {"TASKWELL_DATA": str(folder / "data")} | settings
    return subprocess.run(
        [*COMMAND, *words],
        env=environment,
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def database_url(folder: Path) -> str:
    return EmbeddedPostgres(DataFolder(folder)).url


def postgres_pid(folder: Path) -> int:
    running = find_running(folder / CLUSTER)
    assert running is not None
    return running.pid


def is_one_sentence(text: str) -> bool:
    return re.fullmatch(r"[^\n]+\.\n", text) is not None
