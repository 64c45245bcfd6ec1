"""When writes are refused and taken again, and what becomes of the ballast."""

from __future__ import annotations

import logging
import os
import stat
from pathlib import Path

import pytest

from taskwell.database.storage import (
    BALLAST,
    BALLAST_FILE,
    EMERGENCY,
    ENOUGH,
    LOWEST,
    MEBIBYTE,
    Disk,
    Storage,
)
from taskwell.server.disk_watch import LONGEST_PAUSE, SHORTEST_PAUSE, DiskWatch


class MeasuredDisk(Disk):
    """A real folder with a real ballast, of a size that the test chooses."""

    def __init__(self, folder: Path, room: int) -> None:
        super().__init__(folder)
        self.room = room

    def free(self) -> int:
        return self.room - BALLAST if self.has_ballast else self.room


@pytest.fixture
def disk(tmp_path: Path) -> MeasuredDisk:
    return MeasuredDisk(tmp_path, 10 * ENOUGH + BALLAST)


@pytest.fixture
def storage() -> Storage:
    return Storage()


@pytest.fixture
def watch(disk: MeasuredDisk, storage: Storage) -> DiskWatch:
    watch = DiskWatch(disk, storage)
    watch.look()
    return watch


def test_the_ballast_takes_its_place_for_real(tmp_path: Path, watch: DiskWatch) -> None:
    ballast = tmp_path / BALLAST_FILE
    state = ballast.stat()
    assert state.st_size == BALLAST
    assert state.st_blocks * 512 >= BALLAST
    assert stat.S_IMODE(state.st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [ballast]


@pytest.mark.parametrize(
    ("usable", "was_full", "is_full"),
    [
        (LOWEST, False, False),
        (LOWEST - 1, False, True),
        (ENOUGH - 1, True, True),
        (ENOUGH, True, False),
    ],
)
def test_writes_do_not_come_and_go(
    usable: int,
    was_full: bool,
    is_full: bool,
    disk: MeasuredDisk,
    storage: Storage,
    watch: DiskWatch,
) -> None:
    storage.is_full = was_full
    disk.room = usable + BALLAST
    watch.look()
    assert storage.is_full is is_full


def test_the_ballast_goes_last_and_comes_back_first(
    disk: MeasuredDisk, storage: Storage, watch: DiskWatch
) -> None:
    disk.room = EMERGENCY + BALLAST
    watch.look()
    assert (storage.is_full, disk.has_ballast) == (True, True)
    disk.room -= 1
    watch.look()
    assert (storage.is_full, disk.has_ballast) == (True, False)
    # What the ballast has left behind is not for writes.
    disk.room = ENOUGH + BALLAST - 1
    watch.look()
    assert (storage.is_full, disk.has_ballast) == (True, False)
    disk.room += 1
    watch.look()
    assert (storage.is_full, disk.has_ballast) == (False, True)


def test_a_start_on_a_full_disk(tmp_path: Path, storage: Storage) -> None:
    disk = MeasuredDisk(tmp_path, LOWEST)
    DiskWatch(disk, storage).look()
    assert (storage.is_full, disk.has_ballast) == (True, False)


def test_each_change_is_told_once(
    disk: MeasuredDisk, watch: DiskWatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for room in (BALLAST, BALLAST, 0, 0, BALLAST + ENOUGH, BALLAST + ENOUGH):
        disk.room = room
        watch.look()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the disk is full",
        "the disk is almost full",
        "there is room on the disk",
    ]


def test_it_looks_more_often_the_less_room_there_is(disk: MeasuredDisk, watch: DiskWatch) -> None:
    paces = []
    for usable in (1024 * MEBIBYTE**2, LOWEST + 1024 * MEBIBYTE, LOWEST, 0):
        disk.room = usable + BALLAST
        watch.look()
        paces.append(watch.seconds_until_look())
    assert paces == [LONGEST_PAUSE, 4.0, SHORTEST_PAUSE, SHORTEST_PAUSE]


def test_a_forked_process_sees_it(storage: Storage) -> None:
    seen, said = os.pipe()
    told, tells = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(told, 1)
        os.write(said, b"full" if storage.is_full else b"room")
        os._exit(0)
    storage.is_full = True
    os.write(tells, b"!")
    assert os.read(seen, 4) == b"full"
    assert os.waitpid(child, 0) == (child, 0)
    for descriptor in (seen, said, told, tells):
        os.close(descriptor)


def test_without_a_place_for_the_ballast_nothing_stands_still(
    tmp_path: Path, storage: Storage
) -> None:
    disk = MeasuredDisk(tmp_path / "nowhere", BALLAST + LOWEST)
    assert not disk.take_ballast()
    DiskWatch(disk, storage).look()
    assert (storage.is_full, disk.has_ballast) == (False, False)
