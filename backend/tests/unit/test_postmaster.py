"""Whether a process is the PostgreSQL of a cluster, where the system does not tell all of it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from taskwell.database.postmaster import PID_FILE, Postmaster, find_running
from taskwell.errors import DatabaseNotStarted


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where nobody may see the folders that processes work in."""
    path = tmp_path / "postgres"
    path.mkdir()

    def refuse(self: Path, other: Path) -> bool:
        raise PermissionError

    monkeypatch.setattr(Path, "samefile", refuse)
    return path


@contextmanager
def noted_process(cluster: Path, *arguments: str) -> Iterator[int]:
    """One that calls itself postgres, and whose number is in the cluster's note."""
    with subprocess.Popen(
        ["/srv/bin/postgres", "-c", "echo begun; read line", *arguments],
        executable="/bin/sh",
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"begun\n"
        (cluster / PID_FILE).write_text(f"{process.pid}\n")
        yield process.pid


def test_its_arguments_tell_that_it_is_the_one(cluster: Path) -> None:
    with noted_process(cluster, "-D", str(cluster)) as pid:
        assert find_running(cluster) == Postmaster(pid, cluster)
    assert find_running(cluster) is None


def test_its_arguments_tell_that_it_is_another(cluster: Path, tmp_path: Path) -> None:
    with noted_process(cluster, "-D", str(tmp_path / "other")):
        assert find_running(cluster) is None


def test_no_decision_is_made_where_they_do_not_tell(cluster: Path) -> None:
    with (
        noted_process(cluster, "-D", cluster.name) as pid,
        pytest.raises(DatabaseNotStarted, match=rf"whether process {pid} is .*postmaster\.pid"),
    ):
        find_running(cluster)
    assert (cluster / PID_FILE).exists()


def test_no_decision_is_made_about_one_that_is_hidden(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hide(self: Path) -> bytes:
        if self.name == "cmdline":
            raise FileNotFoundError
        return b"%d\n" % os.getpid()

    monkeypatch.setattr(Path, "read_bytes", hide)
    with pytest.raises(DatabaseNotStarted):
        find_running(cluster)
    assert not Postmaster(os.getpid(), cluster).alive()


def test_one_that_is_hidden_and_obeys_somebody_else_is_a_stranger(
    cluster: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hide(self: Path) -> bytes:
        if self.name == "cmdline":
            raise FileNotFoundError
        return b"1\n"

    def refuse(pid: int, number: int) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "read_bytes", hide)
    monkeypatch.setattr(os, "kill", refuse)
    assert find_running(cluster) is None
