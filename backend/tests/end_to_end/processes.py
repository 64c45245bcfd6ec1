"""The processes of a running service, as the system tells of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

# As long as it takes, but not for ever.
PATIENCE = 60.0
GLANCE = 0.02


def workers_of(parent: int) -> set[int]:
    """Its children but for PostgreSQL, and but for those that only wait to be buried."""
    found = set()
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            state, ancestor = _state_and_parent(folder)
            if ancestor == parent and state != "Z" and not _is_postgres(folder):
                found.add(int(folder.name))
    return found


def is_running(pid: int) -> bool:
    return _state_and_parent(Path("/proc", str(pid)))[0] not in ("", "Z")


def await_that(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(GLANCE)


def megabytes_of_files(pid: int) -> float:
    """What of the files that it has mapped, such as its code, it has in memory."""
    lines = Path("/proc", str(pid), "status").read_text().splitlines()
    found = next(line for line in lines if line.startswith("RssFile:"))
    return int(found.split()[1]) / 1000


def _state_and_parent(folder: Path) -> tuple[str, int]:
    try:
        fields = (folder / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return "", 0
    return fields[0], int(fields[1])


def _is_postgres(folder: Path) -> bool:
    try:
        program = (folder / "cmdline").read_bytes().partition(b"\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return program.endswith(b"/postgres") or program.startswith(b"postgres:")
