"""A backup that is made while people write, and what comes back of it."""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from end_to_end.program import Program
from end_to_end.service import service_environment
from end_to_end.serving import (
    COMMAND,
    Serving,
    data_folder,
    database_url,
    is_one_sentence,
    run,
    serving,
)
from second_connection import SecondConnection
from taskwell.auth.gate import development_issuer
from taskwell.configuring import load_settings
from taskwell.database import archive
from taskwell.database.archive import Note
from taskwell.database.cluster import CLUSTER
from taskwell.database.embedded import running_database
from taskwell.database.folder import DataFolder
from taskwell.models.tables import Record

WRITERS = ("ada", "bob", "cy", "dora")
# Enough before the backup begins and after it has ended that it has to choose a moment.
AROUND = 60

OFFLINE = {
    "op_id": "01a1fd20-4c1f-7d3a-9a51-3f0c9a6b1e01",
    "type": "create",
    "id": "01a1fd20-4c1e-7b52-8c44-7d1e2f3a4b5c",
    "set": {"text": "offline"},
}

Rows = dict[str, list[dict[str, Any]]]


def rows_of(url: str) -> Rows:
    tables = sorted([*Record.metadata.tables, "alembic_version"])
    with SecondConnection(url) as database:
        return {
            table: sorted(
                (dict(row) for row in database.rows(f'SELECT * FROM "{table}"')),
                key=lambda row: [str(value) for value in row.values()],
            )
            for table in tables
        }


def rows_in(folder: Path) -> Rows:
    with running_database(DataFolder(folder)) as database:
        return rows_of(database.url)


def without_epochs(rows: Rows) -> Rows:
    accounts = [{**row, "epoch": None} for row in rows["account"]]
    return {**rows, "account": accounts}


class Writers:
    """Each writes for a user of its own, one task after the other, until it is told to end."""

    def __init__(self, service: Serving, folder: Path) -> None:
        issuer = development_issuer(load_settings(data=folder))
        self._end = threading.Event()
        self.made = {name: [""][:0] for name in WRITERS}
        self.refused: list[int] = []
        self._threads = [
            threading.Thread(target=self._write, args=(service.url, name, issuer.token(name)))
            for name in WRITERS
        ]

    @contextmanager
    def writing(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in self._threads:
                thread.join()

    def await_more(self) -> None:
        wanted = {name: len(made) + AROUND for name, made in self.made.items()}
        while any(len(self.made[name]) < number for name, number in wanted.items()):
            assert any(thread.is_alive() for thread in self._threads)
            assert self.refused == []
            self._end.wait(0.01)

    def _write(self, url: str, name: str, token: str) -> None:
        headers = {"authorization": f"Bearer {token}"}
        with httpx2.Client(base_url=url, headers=headers, timeout=60) as http:
            while not self._end.is_set():
                answer = http.post("/tasks", json={"text": f"{name} {len(self.made[name])}"})
                if answer.status_code != 201:
                    self.refused.append(answer.status_code)
                    return
                self.made[name].append(answer.json()["id"])


def test_a_backup_under_writes_is_one_moment_of_all_users(tmp_path: Path) -> None:
    copy = tmp_path / "tasks.tar"
    with data_folder() as folder, data_folder() as fresh:
        # No limit of requests, for this is about the rows.
        with serving(folder, TASKWELL_RATE_LIMIT="0") as service:
            writers = Writers(service, folder)
            with writers.writing():
                writers.await_more()
                acknowledged = {name: list(made) for name, made in writers.made.items()}
                made = run("backup", str(copy), folder=tmp_path, TASKWELL_DATA=str(folder))
                assert (made.returncode, made.stderr) == (0, "")
                writers.await_more()
            assert writers.refused == []
            whole = rows_of(database_url(folder))
        back = run("restore", str(copy), folder=tmp_path, TASKWELL_DATA=str(fresh))
        assert (back.returncode, back.stderr) == (0, "")
        restored = rows_in(fresh)
    revisions = {row["user_id"]: row["rev"] for row in restored["account"]}
    for name, ids in acknowledged.items():
        kept = {str(row["id"]) for row in restored["task"] if row["user_id"] == name}
        assert set(ids) <= kept
        # As much as the account says, and not what came later.
        assert len(kept) == revisions[name] < len(writers.made[name])
    assert restored["task"] == [
        row for row in whole["task"] if row["rev"] <= revisions[row["user_id"]]
    ]


def test_all_that_is_stored_comes_back_and_old_tags_and_cursors_do_not_fit(
    tmp_path: Path,
) -> None:
    with data_folder() as folder, data_folder() as fresh:
        with serving(folder) as service:
            http = service.http
            first = http.post("/tasks", json={"text": "kept"}, headers={"idempotency-key": "k"})
            second = http.post("/tasks", json={"text": "gone"}).json()
            assert http.delete(f"/tasks/{second['id']}").status_code == 204
            cursor = http.post("/sync", json={"operations": [OFFLINE]}).json()["cursor"]
            denied = run("deny", "user", "mallory", folder=tmp_path, TASKWELL_DATA=str(folder))
            assert denied.returncode == 0
            before = rows_of(database_url(folder))
            assert {len(before[table]) for table in Record.metadata.tables} == {1, 3}
            made = run("backup", str(tmp_path), folder=tmp_path, TASKWELL_DATA=str(folder))
            assert made.returncode == 0, made.stderr
        (copy,) = tmp_path.glob("taskwell-*.tar")
        assert stat.S_IMODE(copy.stat().st_mode) == 0o600
        assert list(tmp_path.glob(".*")) == []
        back = run("restore", str(copy), folder=tmp_path, TASKWELL_DATA=str(fresh))
        assert back.returncode == 0, back.stderr
        assert "Restored 1 accounts" in back.stdout
        assert {path.name for path in fresh.iterdir()} == {CLUSTER, "taskwell.lock"}
        after = rows_in(fresh)
        assert after != before
        assert without_epochs(after) == without_epochs(before)
        # Not in the backup: whoever has it can't make tokens.
        shutil.copy(folder / "issuer.pem", fresh)
        with serving(fresh) as service:
            http = service.http
            path = f"/tasks/{first.json()['id']}"
            assert http.get(path).json() == first.json()
            match = {"if-match": first.headers["etag"]}
            assert http.patch(path, json={"text": "x"}, headers=match).status_code == 412
            stale = http.get("/sync", params={"since": cursor})
            assert (stale.status_code, stale.json()["code"]) == (410, "sync-reset-required")
            assert http.post("/tasks", json={"text": "new"}).json()["rev"] == 5


def test_new_epochs_after_any_other_restore(tmp_path: Path) -> None:
    with data_folder() as folder, serving(folder) as service:
        made = service.http.post("/tasks", json={"text": "a"})
        path, tag = made.headers["location"], {"if-none-match": made.headers["etag"]}
        cursor = service.http.get("/sync").json()["cursor"]
        assert service.http.get(path, headers=tag).status_code == 304
        place = {"DATABASE_URL": database_url(folder)}
        asked = run("new-epoch", folder=tmp_path, **place)
        assert (asked.returncode, asked.stdout) == (1, "")
        assert is_one_sentence(asked.stderr)
        assert "--yes" in asked.stderr
        assert service.http.get(path, headers=tag).status_code == 304
        done = run("new-epoch", "--yes", folder=tmp_path, **place)
        assert (done.returncode, done.stderr) == (0, "")
        assert "The epochs of 1 accounts are new" in done.stdout
        assert service.http.get(path, headers=tag).status_code == 200
        assert service.http.get("/sync", params={"since": cursor}).status_code == 410


@pytest.fixture(scope="module")
def copy() -> Iterator[Path]:
    """Of a folder with one task, made while no service runs."""
    with data_folder() as folder:
        with serving(folder) as service:
            assert service.http.post("/tasks", json={"text": "a"}).status_code == 201
        path = folder / "copy.tar"
        made = run("backup", str(path), folder=folder, TASKWELL_DATA=str(folder))
        assert made.returncode == 0, made.stderr
        yield path


def test_what_is_there_is_not_overwritten(copy: Path) -> None:
    folder = copy.parent
    before = copy.read_bytes(), rows_in(folder)
    again = run("backup", str(copy), folder=folder, TASKWELL_DATA=str(folder))
    assert again.returncode == 1
    assert f"There is a file {copy} already" in again.stderr
    onto = run("restore", str(copy), folder=folder, TASKWELL_DATA=str(folder))
    assert onto.returncode == 1
    assert "has a database already, which stays as it is" in onto.stderr
    assert (copy.read_bytes(), rows_in(folder)) == before


def test_a_running_service_keeps_its_folder(copy: Path) -> None:
    with data_folder() as folder, serving(folder):
        refused = run("restore", str(copy), folder=folder, TASKWELL_DATA=str(folder))
    assert refused.returncode == 1
    assert "in use by another running service" in refused.stderr


@pytest.mark.parametrize("damage", ["flipped", "cut", "empty", "other"])
def test_a_damaged_backup_is_refused_before_anything_is_made(copy: Path, damage: str) -> None:
    content = copy.read_bytes()
    middle = len(content) // 2
    flipped = content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]
    contents = {"flipped": flipped, "cut": content[:middle], "empty": b"", "other": b"x" * 9999}
    with data_folder() as folder:
        bad = folder / "bad.tar"
        bad.write_bytes(contents[damage])
        refused = run("restore", str(bad), folder=folder)
        assert refused.returncode == 1
        assert is_one_sentence(refused.stderr)
        assert "is damaged, or is none of Taskwell's" in refused.stderr
        assert not (folder / "data").exists()


def test_a_backup_of_a_later_postgresql_is_refused(tmp_path: Path) -> None:
    later = tmp_path / "later.tar"
    archive.write(later, Note("2026-11-21T10:00:00+00:00", "0.1.0", "99.1", "0001"), lambda take: 0)
    with data_folder() as folder:
        refused = run("restore", str(later), folder=folder, TASKWELL_DATA=str(folder))
        assert refused.returncode == 1
        assert is_one_sentence(refused.stderr)
        assert "was made by PostgreSQL 99, but here is PostgreSQL" in refused.stderr
        assert {path.name for path in folder.iterdir()} == {"taskwell.lock"}


def test_a_restore_that_is_killed_leaves_no_database(copy: Path) -> None:
    """And the next one sweeps up what is left of it."""
    with data_folder() as folder:
        place = folder / "data"
        if os.geteuid() == 0:
            folder.chmod(0o755)
        environment = service_environment() | {"TASKWELL_DATA": str(place)}
        command = (*COMMAND, "restore", str(copy))
        with Program(command, environment, folder) as program:
            pid_file = place / "restoring" / CLUSTER / "postmaster.pid"
            while not pid_file.exists():
                assert program.process.poll() is None, program.output
            os.killpg(program.process.pid, signal.SIGKILL)
            program.wait()
        assert not (place / CLUSTER).exists()
        again = run("restore", str(copy), folder=folder)
        assert (again.returncode, again.stderr) == (0, "")
        assert {path.name for path in place.iterdir()} == {CLUSTER, "taskwell.lock"}
        assert len(rows_in(place)["task"]) == 1


def test_a_backup_for_which_there_is_no_room_leaves_nothing(copy: Path, tmp_path: Path) -> None:
    """The limit on the size of files stands for a full disk: both are refused in the middle."""
    folder = copy.parent
    words = f'ulimit -f 8; trap "" XFSZ; exec {COMMAND[0]} -m taskwell backup {tmp_path}'
    environment = service_environment() | {"TASKWELL_DATA": str(folder)}
    with running_database(DataFolder(folder)):
        pass
    with serving(folder):
        refused = subprocess.run(
            ["sh", "-c", words],
            env=environment,
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert refused.returncode == 1
    assert "can't be written (File too large): nothing of it was kept" in refused.stderr
    assert list(tmp_path.iterdir()) == []


FULL_LATER = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'no space left' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER refusal BEFORE UPDATE ON account EXECUTE FUNCTION refuse();
"""


def test_a_disk_that_fills_while_accounts_are_renewed_is_told(tmp_path: Path) -> None:
    """The backup brings a trigger with it that stands for the disk: all is loaded by then."""
    with data_folder() as folder, data_folder() as fresh:
        with serving(folder) as service:
            assert service.http.post("/tasks", json={"text": "a"}).status_code == 201
            with SecondConnection(database_url(folder)) as database:
                database.run(FULL_LATER)
            made = run("backup", str(tmp_path / "a.tar"), folder=folder, TASKWELL_DATA=str(folder))
            assert made.returncode == 0, made.stderr
        refused = run("restore", str(tmp_path / "a.tar"), folder=fresh, TASKWELL_DATA=str(fresh))
        assert refused.returncode == 1
        assert is_one_sentence(refused.stderr)
        assert "The database can't do this (DiskFullError 53100)" in refused.stderr
        assert {path.name for path in fresh.iterdir()} == {"taskwell.lock"}


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_database_of_ones_own_is_left_to_its_own_means(command: str, tmp_path: Path) -> None:
    (tmp_path / "some.tar").touch()
    nowhere = "postgresql://localhost:1/nowhere"
    refused = run(command, "some.tar", folder=tmp_path, DATABASE_URL=nowhere)
    assert refused.returncode == 1
    assert is_one_sentence(refused.stderr)
    assert "DATABASE_URL names another one" in refused.stderr


def test_there_must_be_something_to_back_up(tmp_path: Path) -> None:
    refused = run("backup", "some.tar", folder=tmp_path)
    assert refused.returncode == 1
    assert is_one_sentence(refused.stderr)
    assert "There is no database in" in refused.stderr
