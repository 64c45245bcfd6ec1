from __future__ import annotations

import os
import signal
import stat
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from integration.private_database import ask, killed_service, reachable_folder, service
from taskwell.database import embedded, postmaster
from taskwell.database.embedded import EmbeddedPostgres, running_database
from taskwell.database.folder import DataFolder
from taskwell.errors import DatabaseNotStarted

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_folder() as path:
        yield path / "data"


@pytest.fixture
def database(place: Path) -> Iterator[EmbeddedPostgres]:
    folder = DataFolder(place)
    folder.lock()
    private = EmbeddedPostgres(folder)
    try:
        yield private
    finally:
        private.stop()
        folder.unlock()


def setting(database: EmbeddedPostgres, name: str) -> object:
    return ask(database.url, f"SHOW {name}")


def exists(pid: int) -> bool:
    """A zombie counts as gone: nothing runs in it any more."""
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:3]
    except FileNotFoundError:
        return False


def test_the_first_start_makes_a_database_for_the_service_alone(
    database: EmbeddedPostgres,
) -> None:
    assert not database.alive()
    assert database.pid is None
    database.start()
    assert database.alive()
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert ask(database.url, owner) == "taskwell"
    assert ask(database.url, "SELECT rolsuper FROM pg_roles WHERE rolname = user") is False
    assert setting(database, "server_encoding") == "UTF8"
    assert setting(database, "lc_messages") == "C"
    assert setting(database, "fsync") == "on"
    assert setting(database, "synchronous_commit") == "on"
    assert setting(database, "data_checksums") == "on"
    assert setting(database, "listen_addresses") == ""
    assert setting(database, "TimeZone") == "UTC"
    assert setting(database, "plan_cache_mode") == "force_generic_plan"
    assert setting(database, "idle_in_transaction_session_timeout") == "1min"


def test_it_runs_apart_from_the_terminal_and_never_as_root(database: EmbeddedPostgres) -> None:
    database.start()
    assert database.pid is not None
    assert os.getsid(database.pid) == database.pid
    owner = Path(f"/proc/{database.pid}").stat().st_uid
    assert owner != 0
    assert (owner == os.geteuid()) is not AS_ROOT


def test_only_its_owner_can_read_the_folder(database: EmbeddedPostgres, place: Path) -> None:
    database.start()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in place.iterdir()}
    assert modes == {
        "postgres": 0o700,
        "socket": 0o700,
        "postgres.log": 0o600,
        "taskwell.lock": 0o600,
    }
    assert stat.S_IMODE(place.stat().st_mode) == (0o710 if AS_ROOT else 0o700)


def test_what_was_written_is_there_after_a_stop(database: EmbeddedPostgres, place: Path) -> None:
    database.start()
    pid = database.pid
    assert pid is not None
    ask(database.url, "CREATE TABLE kept AS SELECT 42 AS answer")
    database.stop()
    assert not exists(pid)
    assert not (place / "socket").exists()
    database.start()
    assert ask(database.url, "SELECT answer FROM kept") == 42


@pytest.mark.parametrize(
    "name",
    ["with space", "dätä-ü", "a,b", 'it\'s "quoted"', "long/" + "/".join(["x" * 100] * 4)],
    ids=["space", "umlauts", "comma", "quotes", "long"],
)
def test_any_path_will_do(name: str) -> None:
    with reachable_folder() as path:
        folder = DataFolder(path / name)
        if AS_ROOT:
            for parent in folder.path.relative_to(path).parents:
                (path / parent).chmod(0o755)
        with running_database(folder) as private:
            assert ask(private.url, "SELECT current_database()") == "taskwell"
            assert len(private.url) < 200


def test_the_environment_of_the_caller_does_not_matter(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PGDATA", "PGHOST", "PGUSER", "PGDATABASE", "PGSERVICE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("PGOPTIONS", "--nonsense=1")
    monkeypatch.setenv("LANG", "xx_YY.ISO-8859-1")
    monkeypatch.setenv("LC_ALL", "xx_YY.ISO-8859-1")
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    monkeypatch.delenv("HOME", raising=False)
    with running_database(DataFolder(place)) as private:
        assert ask(private.url, "SHOW server_encoding") == "UTF8"
        assert ask(private.url, "SHOW TimeZone") == "UTC"


def test_what_a_killed_service_left_running_is_taken_over(place: Path) -> None:
    orphan = killed_service(place)
    with running_database(DataFolder(place)) as private:
        assert private.pid == orphan
        assert private.alive()
        assert not private.restart_if_dead()
        assert ask(private.url, "SELECT 1") == 1
    assert not exists(orphan)


def test_it_is_taken_over_where_nobody_may_look_at_the_processes_of_others(place: Path) -> None:
    """As for root in a container. Whoever runs PostgreSQL as himself may look at it anyway."""
    orphan = killed_service(place)
    contained = ("setpriv", "--bounding-set=-sys_ptrace") if AS_ROOT else ()
    with service(place, before=contained) as heir:
        assert heir.stdout is not None
        said = heir.stdout.readline().split()
    assert said == ["running", str(orphan)]
    assert not exists(orphan)


def test_what_runs_with_other_settings_is_replaced(place: Path) -> None:
    orphan = killed_service(place)
    folder = DataFolder(place)
    private = EmbeddedPostgres(folder, max_connections=33)
    private.start()
    try:
        assert private.pid != orphan
        assert not exists(orphan)
        assert ask(private.url, "SHOW max_connections") == "33"
    finally:
        private.stop()
        folder.unlock()


def test_what_is_in_use_goes_on_and_is_told_of_other_settings_at_its_next_start(
    place: Path,
) -> None:
    orphan = killed_service(place)
    folder = DataFolder(place)
    private = EmbeddedPostgres(folder, max_connections=33, is_in_use=True)
    private.start()
    try:
        assert private.pid == orphan
        private.require_room(100)
        with pytest.raises(DatabaseNotStarted, match="takes a restart"):
            private.require_room(101)
        private.stop()
        private.start()
        assert setting(private, "max_connections") == "33"
    finally:
        private.stop()
        folder.unlock()


def test_what_is_in_use_but_too_small_is_replaced(place: Path) -> None:
    orphan = killed_service(place)
    folder = DataFolder(place)
    private = EmbeddedPostgres(folder, max_connections=101, is_in_use=True)
    private.start()
    try:
        assert private.pid != orphan
        assert setting(private, "max_connections") == "101"
    finally:
        private.stop()
        folder.unlock()


def test_what_lost_its_socket_is_replaced(place: Path) -> None:
    orphan = killed_service(place)
    (place / "socket" / ".s.PGSQL.5432").unlink()
    with running_database(DataFolder(place)) as private:
        assert private.pid != orphan
        assert ask(private.url, "SELECT 1") == 1
    assert not exists(orphan)


def test_a_crashed_database_is_restarted_at_the_same_address(database: EmbeddedPostgres) -> None:
    database.start()
    url, pid = database.url, database.pid
    assert pid is not None
    assert not database.restart_if_dead()
    ask(url, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(pid, signal.SIGKILL)
    while database.alive():
        time.sleep(0.01)
    assert database.restart_if_dead()
    assert (database.url, database.alive()) == (url, True)
    assert database.pid != pid
    assert ask(url, "SELECT answer FROM kept") == 42


def test_a_noted_pid_that_belongs_to_a_stranger_by_now(
    database: EmbeddedPostgres, place: Path
) -> None:
    database.start()
    note = (place / "postgres" / "postmaster.pid").read_text()
    database.stop()
    sleeper = subprocess.Popen(["sleep", "600"], cwd=place)
    with sleeper:
        try:
            stale = place / "postgres" / "postmaster.pid"
            stale.write_text(note.replace(note.split("\n")[0], str(sleeper.pid), 1))
            database.start()
            assert database.pid != sleeper.pid
            assert sleeper.poll() is None
        finally:
            sleeper.kill()


def test_one_that_does_not_listen_is_ended_all_the_same(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        postmaster,
        "SHUTDOWN",
        ((signal.SIGINT, 0.1), (signal.SIGQUIT, 0.1), (signal.SIGKILL, 10.0)),
    )
    database.start()
    pid = database.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    database.stop()
    assert not exists(pid)


def test_the_log_cannot_grow_for_ever(
    database: EmbeddedPostgres, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database.start()
    log = place / "postgres.log"
    monkeypatch.setattr(embedded, "LARGEST_LOG", 1000)
    with log.open("a") as written:
        written.write("x" * 1000)
    assert not database.restart_if_dead()
    assert log.stat().st_size == 0
    assert "x" * 1000 in (place / "postgres.log.1").read_text()
    database.stop()
    assert "shut down" in log.read_text()


def test_a_command_uses_the_database_of_a_running_service(place: Path) -> None:
    with service(place) as running:
        assert running.stdout is not None
        pid = int(running.stdout.readline().split()[1])
        with running_database(DataFolder(place)) as borrowed:
            assert borrowed.pid is None
            assert ask(borrowed.url, "SELECT current_user") == "taskwell"
        assert exists(pid)
    assert not exists(pid)


def test_a_command_waits_for_the_service_that_is_starting(place: Path) -> None:
    with service(place) as starting:
        folder = DataFolder(place)
        while folder.try_lock("command"):
            folder.unlock()
        with running_database(folder) as borrowed:
            assert borrowed.pid is None
            assert ask(borrowed.url, "SELECT 1") == 1
        assert starting.poll() is None


def test_a_command_gives_up_on_a_service_without_a_database(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "PATIENCE_WITH_COMMANDS", 0.2)
    holder = DataFolder(place)
    holder.lock()
    with (
        pytest.raises(DatabaseNotStarted, match="in use by another running service"),
        running_database(DataFolder(place)),
    ):
        pytest.fail("there is nothing to use")
    holder.unlock()


def test_of_two_services_on_a_new_folder_one_wins(place: Path) -> None:
    with service(place) as first, service(place) as second:
        said = []
        for each in (first, second):
            assert each.stdout is not None
            said.append(each.stdout.readline())
        refusals = [each.communicate("")[1] for each in (first, second)]
    assert sorted(word.split()[:1] for word in said) == [[], ["running"]]
    silence, sentence = sorted(refusals)
    assert silence == ""
    assert sentence.startswith("refused: The data folder ")
    assert "in use by another running service (pid " in sentence


class Ended(Exception):
    pass


def test_the_end_that_comes_with_the_start_leaves_nothing_behind(
    database: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(subprocess.Popen[bytes]):
        def __init__(self, command: list[str], **options: Any) -> None:
            super().__init__(command, **options)
            if command[1] == "-D":
                signal.pthread_kill(threading.get_ident(), signal.SIGTERM)

    def end(number: int, frame: FrameType | None) -> None:
        raise Ended

    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    before = signal.signal(signal.SIGTERM, end)
    try:
        with pytest.raises(Ended):
            database.start()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert database.pid is None
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
