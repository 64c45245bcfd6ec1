"""From the command to the first answered request, with the database there already."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from comparison import data
from comparison.contender import Request, Scale
from comparison.load import encode
from comparison.postgres import OwnPostgres
from comparison.serving import free_port
from comparison.taskwell import environment
from comparison.tokens import Tokens
from taskwell.auth.development import DevelopmentIssuer

GLANCE = 0.001
PATIENCE = 60.0


class NeverAnswered(Exception):
    """The service did not answer in time, or ended; the message says where its log is."""


def own_database_restarts(home: Path, scale: Scale, workers: int, starts: int) -> list[float]:
    """The service starts its private PostgreSQL."""
    folder = data.folder_of(home, "taskwell", scale)
    return [_start(home, folder, workers, {}) for _ in range(starts)]


def database_runs(home: Path, scale: Scale, workers: int, starts: int) -> list[float]:
    """The service finds PostgreSQL running."""
    postgres = OwnPostgres(data.folder_of(home, "taskwell", scale))
    folder = home / "starting"
    folder.mkdir(mode=0o700, exist_ok=True)
    postgres.start()
    try:
        there = {"DATABASE_URL": postgres.url}
        return [_start(home, folder, workers, there) for _ in range(starts)]
    finally:
        postgres.stop()


def _start(home: Path, folder: Path, workers: int, settings: dict[str, str]) -> float:
    port = free_port()
    request = encode(Request("GET", "/tasks", Tokens(DevelopmentIssuer(folder)).header_of(0)), port)
    began = time.perf_counter()
    with _serving(home, folder, port, workers, settings) as process:
        answered = _first_answer(process, port, request)
    return round(answered - began, 3)


@contextmanager
def _serving(
    home: Path, folder: Path, port: int, workers: int, settings: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-P", "-m", "taskwell", "serve", f"--port={port}"]
    command += [f"--workers={workers}", f"--data={folder}"]
    paths = {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    with (home / "starting.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            env=environment() | paths | settings,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(PATIENCE)


def _first_answer(process: subprocess.Popen[bytes], port: int, request: bytes) -> float:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
                connection.sendall(request)
                if connection.recv(65536).startswith(b"HTTP/1.1 200 "):
                    return time.perf_counter()
        except ConnectionError:
            pass  # It does not listen yet.
        time.sleep(GLANCE)
    raise NeverAnswered(
        "The service did not answer: see starting.log in the home of the benchmark."
    )
