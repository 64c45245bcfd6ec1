from __future__ import annotations

import errno
import os
import pwd
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import taskwell
from taskwell.database.cluster import CLUSTER, has_cluster
from taskwell.database.folder import LOCK_FILE, DataFolder
from taskwell.errors import DatabaseNotStarted

SOURCES = Path(taskwell.__file__).parents[1]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCES), *sys.path])},
    )


def test_a_new_folder_is_made_with_its_parents_and_closed_to_others(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "a" / "b c" / "dätä")
    assert folder.path == tmp_path / "a" / "b c" / "dätä"
    assert mode_of(folder.path) == 0o700


def test_an_empty_folder_that_is_open_gets_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "lost+found").mkdir()
    DataFolder(tmp_path)
    assert mode_of(tmp_path) == 0o700


def test_a_folder_that_was_opened_later_gets_closed_again(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.lock()
    folder.unlock()
    folder.path.chmod(0o777)
    DataFolder(folder.path)
    assert mode_of(folder.path) == 0o700


def test_a_folder_with_other_things_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    tmp_path.chmod(0o755)
    with pytest.raises(DatabaseNotStarted, match="already holds other files"):
        DataFolder(tmp_path)
    assert mode_of(tmp_path) == 0o755
    assert [entry.name for entry in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_account_of_the_database_may_pass_but_not_look(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    folder.open_to_group(os.getegid())
    assert mode_of(folder.path) == 0o710
    assert mode_of(DataFolder(folder.path).path) == 0o710


def test_a_link_leads_to_the_folder_that_is_meant(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert DataFolder(tmp_path / "link").path == tmp_path / "real"
    assert (tmp_path / "real").is_dir()


@pytest.mark.parametrize("below", ["", "below"])
def test_a_file_in_its_place_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DatabaseNotStarted, match=r"is not a folder.*--data or TASKWELL_DATA"):
        DataFolder(tmp_path / "file" / below)


def test_a_place_that_cannot_be_written_is_refused() -> None:
    with pytest.raises(DatabaseNotStarted, match=r"/proc/taskwell can't be used \("):
        DataFolder("/proc/taskwell")


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    place, owner = Path("/"), "root"
    if os.geteuid() == 0:
        place, owner = tmp_path, "the user with the number 65530"
        os.chown(place, 65530, -1)
    with pytest.raises(DatabaseNotStarted, match=f"belongs to {owner}, but the service runs as "):
        DataFolder(place)


def test_a_lock_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    (folder.path / LOCK_FILE).symlink_to(tmp_path / "victim")
    with pytest.raises(DatabaseNotStarted, match="can't be used"):
        folder.lock()
    assert not (tmp_path / "victim").exists()


def test_one_service_at_a_time(tmp_path: Path) -> None:
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    first.lock()
    first.lock()
    assert first.held is not None
    with pytest.raises(
        DatabaseNotStarted, match=rf"in use .* \(pid {os.getpid()}\): stop that one"
    ):
        second.lock()
    assert second.held is None
    first.unlock()
    second.lock()
    assert second.holder() == (os.getpid(), "service")
    assert mode_of(second.path / LOCK_FILE) == 0o600
    second.unlock()


@pytest.mark.parametrize(
    ("note", "sentence"),
    [
        ("7 service\n", r"another running service \(pid 7\): stop that one first, or"),
        ("7 command\n", r"another running command \(pid 7\): wait for its end, or"),
        # There was no room for it on a full disk.
        ("", r"another running process: stop that one first, or"),
    ],
)
def test_who_has_the_folder_is_told_as_far_as_it_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, note: str, sentence: str
) -> None:
    monkeypatch.setattr("taskwell.database.folder.PATIENCE_WITH_COMMANDS", 0.0)
    first, second = DataFolder(tmp_path / "data"), DataFolder(tmp_path / "data")
    first.lock("command")
    (first.path / LOCK_FILE).write_text(note)
    with pytest.raises(DatabaseNotStarted, match=f"in use by {sentence}"):
        second.lock()
    first.unlock()


def test_a_service_waits_for_a_command_to_finish(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    command = python(
        "import sys; from taskwell.database.folder import DataFolder\n"
        "folder = DataFolder(sys.argv[1]); folder.lock('command'); print('locked', flush=True)\n"
        "while folder.path.joinpath('go-on').exists() is False: pass\n"
        "folder.unlock(); print('unlocked', flush=True); sys.stdin.read()",
        folder.path,
    )
    with command as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "locked\n"
        assert not folder.try_lock()
        assert folder.holder() == (process.pid, "command")
        (folder.path / "go-on").touch()
        folder.lock()
        assert folder.holder() == (os.getpid(), "service")
        assert process.stdout.readline() == "unlocked\n"
    folder.unlock()


def test_a_killed_service_leaves_no_lock_though_a_forked_worker_lives_on(tmp_path: Path) -> None:
    code = (
        "import os, sys; from taskwell.database.folder import DataFolder\n"
        "folder = DataFolder(sys.argv[1]); folder.lock()\n"
        "if os.fork() == 0:\n"
        "    folder.close_in_child(); print('ready', flush=True); sys.stdin.read(); os._exit(0)\n"
        "os.waitpid(-1, 0)"
    )
    folder = DataFolder(tmp_path / "data")
    with python(code, folder.path) as service:
        assert service.stdout is not None
        assert service.stdout.readline() == "ready\n"
        assert not folder.try_lock()
        service.kill()
        service.wait()
        assert folder.try_lock()
    folder.unlock()


def test_to_look_for_a_database_makes_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "absent", tmp_path / "file"):
        assert not has_cluster(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_who_may_not_look_for_a_database_is_told_whose_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    really_stat = Path.stat

    def stat_as_another(path: Path, **options: bool) -> os.stat_result:
        if path.name == CLUSTER:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return really_stat(path, **options)

    owner = pwd.getpwuid(os.geteuid()).pw_name
    monkeypatch.setattr(Path, "stat", stat_as_another)
    monkeypatch.setattr(os, "geteuid", lambda: 54321)
    with pytest.raises(DatabaseNotStarted, match=f"belongs to {owner}, but the service runs as"):
        has_cluster(tmp_path)
