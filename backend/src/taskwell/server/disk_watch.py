"""Sees to it that writes are refused before the disk is full, and taken again when it isn't."""

from __future__ import annotations

import logging

from taskwell.database.storage import BALLAST, EMERGENCY, ENOUGH, LOWEST, MEBIBYTE, Disk, Storage
from taskwell.logs import MEMBERS

logger = logging.getLogger(__name__)

# The pace of the looks: at no more than so many bytes a second nothing comes as a surprise.
FASTEST_FILLING = 256 * MEBIBYTE
SHORTEST_PAUSE = 0.25
LONGEST_PAUSE = 10.0


class DiskWatch:
    def __init__(self, disk: Disk, storage: Storage) -> None:
        self._disk = disk
        self._storage = storage
        self._usable = 0

    def seconds_until_look(self) -> float:
        margin = self._usable - LOWEST
        return min(max(margin / FASTEST_FILLING, SHORTEST_PAUSE), LONGEST_PAUSE)

    def look(self) -> None:
        """Cheap: called after every wakeup."""
        has_ballast = self._disk.has_ballast
        free = self._disk.free()
        if has_ballast and free < EMERGENCY:
            self._disk.drop_ballast()
            logger.error("the disk is full: the ballast was let go", extra=_told(free))
            has_ballast = False
            free = self._disk.free()
        # Before a write comes the ballast, so what it takes is not for writes.
        self._usable = free if has_ballast else free - BALLAST
        is_full = self._usable < (ENOUGH if self._storage.is_full else LOWEST)
        if not is_full and not has_ballast:
            self._disk.take_ballast()
        self._tell(is_full)

    def _tell(self, is_full: bool) -> None:
        if is_full == self._storage.is_full:
            return
        self._storage.is_full = is_full
        if is_full:
            logger.error(
                "the disk is almost full: writes are refused until there is room",
                extra=_told(self._usable),
            )
        else:
            logger.warning("there is room on the disk: writes are taken", extra=_told(self._usable))


def _told(size: int) -> dict[str, dict[str, int]]:
    return {MEMBERS: {"usable_mib": size // MEBIBYTE}}
