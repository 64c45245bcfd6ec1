"""PostgreSQL reads its log again for longer than a start may take that says nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from end_to_end.processes import await_that
from integration.private_database import ask, reachable_folder, service
from taskwell.database import embedded
from taskwell.database.cluster import CLUSTER
from taskwell.database.embedded import EmbeddedPostgres, running_database
from taskwell.database.folder import DataFolder
from taskwell.database.postmaster import find_running, read_pid_file

PATIENCE = 5.0


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    with reachable_folder() as path:
        with running_database(DataFolder(path / "data")):
            pass
        monkeypatch.setattr(embedded, "PATIENCE_WITH_START", PATIENCE)
        monkeypatch.setattr(embedded, "TOLD_EVERY", 0.5)
        recover_until(path / "goes-on", path / "data" / CLUSTER)
        yield path / "data"


def recover_until(goes_on: Path, cluster: Path) -> None:
    """PostgreSQL asks for more of its log, and gets no answer before that file is there."""
    wait = f"until [ -e {goes_on} ] || [ ! -e postmaster.pid ]; do sleep 0.01; done; false"
    with (cluster / "postgresql.conf").open("a") as settings:
        settings.write(f"restore_command = '{wait}'\nhot_standby = off\n")
    (cluster / "recovery.signal").touch()


@contextmanager
def told(react: Callable[[int], None]) -> Iterator[None]:
    """Called with the seconds that it has taken so far, by whoever waits."""

    class Reaction(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            assert isinstance(record.args, tuple)
            (seconds,) = record.args
            assert isinstance(seconds, float)
            react(int(seconds))

    reaction = Reaction()
    embedded.logger.addHandler(reaction)
    try:
        yield
    finally:
        embedded.logger.removeHandler(reaction)


def left_recovering(place: Path) -> int:
    """By a service that was killed; gives back the pid of PostgreSQL."""
    with service(place) as killed:
        await_that(lambda: status(place) == "starting")
        killed.kill()
    left = find_running(place / CLUSTER)
    assert left is not None
    return left.pid


def status(place: Path) -> str:
    noted = read_pid_file(place / CLUSTER)
    return "" if noted is None else noted.status


def test_it_takes_as_long_as_it_takes(place: Path) -> None:
    def go_on(seconds: int) -> None:
        if seconds > PATIENCE:
            (place.parent / "goes-on").touch()

    with told(go_on), running_database(DataFolder(place)) as private:
        assert ask(private.url, "SELECT NOT pg_is_in_recovery()") is True


def test_what_a_killed_service_left_recovering_is_taken_over(place: Path) -> None:
    orphan = left_recovering(place)
    with (
        told(lambda _: (place.parent / "goes-on").touch()),
        running_database(DataFolder(place)) as private,
    ):
        assert private.pid == orphan
        assert ask(private.url, "SELECT 1") == 1


class Ended(Exception):
    pass


@pytest.mark.parametrize("adopted", [False, True])
def test_the_end_need_not_wait_for_it(place: Path, *, adopted: bool) -> None:
    def end(seconds: int) -> None:
        raise Ended

    if adopted:
        left_recovering(place)
    folder = DataFolder(place)
    database = EmbeddedPostgres(folder)
    with told(end), pytest.raises(Ended):
        database.start()
    folder.unlock()
    assert database.pid is None
    assert find_running(place / CLUSTER) is None
