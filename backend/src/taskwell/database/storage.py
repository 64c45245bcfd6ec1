"""Room on the disk of the data folder: measured by the parent, known to every worker.

PostgreSQL ends when it can't write its log. So writes are refused before that, while there is
still room for the little that reading writes; and a file that holds nothing, the ballast, gives
PostgreSQL room to come back should the disk be filled by somebody else.
"""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from taskwell.database.folder import PRIVATE_FILE

MEBIBYTE = 1024 * 1024

# PostgreSQL's log grows by 16 MiB at a time; these leave room for a few of its files.
LOWEST = 64 * MEBIBYTE
# Writes come back only when there is some more, so that they don't come and go.
ENOUGH = 96 * MEBIBYTE
BALLAST = 64 * MEBIBYTE
# Below this the ballast is needed.
EMERGENCY = 16 * MEBIBYTE

BALLAST_FILE = "ballast"


class Storage:
    """Whether there is no room for writes: one byte, shared with all processes forked later, and
    with those of another program that gets the file."""

    def __init__(self, file: int = -1) -> None:
        self.file = file
        self._byte = mmap.mmap(file, 1)

    @property
    def is_full(self) -> bool:
        return self._byte[0] != 0

    @is_full.setter
    def is_full(self, value: bool) -> None:
        self._byte[0] = value


class Disk:
    """The file system of the data folder, and the ballast in it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ballast = folder / BALLAST_FILE

    def free(self) -> int:
        """For an ordinary user, which PostgreSQL is."""
        found = os.statvfs(self._folder)
        return found.f_bavail * found.f_frsize

    @property
    def has_ballast(self) -> bool:
        return self._ballast.exists()

    def take_ballast(self) -> bool:
        """False where it can't be had."""
        draft = self._ballast.with_suffix(".unfinished")
        try:
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE)
            try:
                _occupy(descriptor)
            finally:
                os.close(descriptor)
            draft.rename(self._ballast)
        except OSError:
            draft.unlink(missing_ok=True)
            return False
        return True

    def drop_ballast(self) -> None:
        self._ballast.unlink(missing_ok=True)


def _occupy(descriptor: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, BALLAST)
        return
    for _ in range(BALLAST // MEBIBYTE):  # pragma: no cover - on macOS
        os.write(descriptor, b"\0" * MEBIBYTE)
