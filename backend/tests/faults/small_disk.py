"""A disk of our own that is soon full: a file system in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from end_to_end.node_packages import cannot_run
from taskwell.database.cluster import CLUSTER
from taskwell.database.postmaster import find_running

MEBIBYTE = 1024 * 1024
# For the database, its log, the ballast, and some room.
SIZE = 320 * MEBIBYTE

FILLER = "filler"


class SmallDisk:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"

    @property
    def free(self) -> int:
        found = os.statvfs(self.path)
        return found.f_bavail * found.f_frsize

    def leave(self, size: int) -> None:
        """Fills it up by a file of somebody else's."""
        filler = self.path / FILLER
        taken = filler.stat().st_size if filler.exists() else 0
        with filler.open("ab") as file:
            wanted = max(taken + self.free - size, 0)
            if wanted > taken:
                os.posix_fallocate(file.fileno(), taken, wanted - taken)
            else:
                os.truncate(filler, wanted)

    def make_room(self) -> None:
        (self.path / FILLER).unlink()


@contextmanager
def small_disk() -> Iterator[SmallDisk]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a file system")
    path = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0755", "tmpfs", str(path)]
    try:
        if subprocess.run(mount, check=False, capture_output=True, timeout=60).returncode != 0:
            cannot_run("this machine does not let root mount a tmpfs")
        try:
            yield SmallDisk(path)
            left = find_running(path / "data" / CLUSTER)
            if left is not None:
                left.shut_down()
            assert left is None
        finally:
            subprocess.run(["umount", "--lazy", path], check=True, timeout=60)
    finally:
        shutil.rmtree(path)
