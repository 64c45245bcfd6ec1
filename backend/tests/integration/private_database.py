"""Folders that PostgreSQL's unprivileged user can reach, and services that get killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import asyncpg

import taskwell
from taskwell.database.postmaster import find_running

SOURCES = Path(taskwell.__file__).parents[1]

SERVICE = """
import sys
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.database.folder import DataFolder
from taskwell.errors import DatabaseNotStarted

try:
    folder = DataFolder(sys.argv[1])
    folder.lock()
    database = EmbeddedPostgres(folder, max_connections=int(sys.argv[2]))
    database.start()
except DatabaseNotStarted as error:
    sys.exit(f"refused: {error}")
print("running", database.pid, flush=True)
sys.stdin.read()
database.stop()
"""


@contextmanager
def reachable_folder() -> Iterator[Path]:
    """Fails when a test leaves a PostgreSQL behind in it."""
    path = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    path.chmod(0o755)
    try:
        yield path
        clusters = [place.parent for place in path.rglob("PG_VERSION")]
        left = [running for cluster in clusters if (running := find_running(cluster))]
        for running in left:
            running.shut_down()
        assert left == []
    finally:
        for place, folders, _ in os.walk(path):
            for name in folders:
                if not Path(place, name).is_symlink():
                    Path(place, name).chmod(0o700)
        shutil.rmtree(path)


def service(
    folder: Path, max_connections: int = 100, before: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """`before` is a program that starts it, with its arguments."""
    return subprocess.Popen(
        [*before, sys.executable, "-c", SERVICE, str(folder), str(max_connections)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCES), *sys.path])},
    )


def killed_service(folder: Path) -> int:
    """Gives back the pid of the PostgreSQL that goes on running."""
    with service(folder) as process:
        assert process.stdout is not None
        said = process.stdout.readline().split()
        process.kill()
    assert said[0] == "running"
    return int(said[1])


def ask(url: str, *statements: str) -> object:
    """The only value of the last statement."""

    async def talk() -> object:
        connection = await asyncpg.connect(url)
        try:
            values: list[object] = [await connection.fetchval(text) for text in statements]
            return values[-1]
        finally:
            await connection.close()

    return asyncio.run(talk())
