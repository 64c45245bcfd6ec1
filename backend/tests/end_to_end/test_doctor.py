"""`taskwell doctor`: what it finds, what it advises, and what it keeps to itself."""

from __future__ import annotations

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest

from end_to_end.node_packages import cannot_run
from end_to_end.pgbouncer import PROGRAM, pooled
from end_to_end.serving import Serving, data_folder, database_url, run, serving
from second_connection import SecondConnection


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Serving]:
    with serving(folder) as running:
        yield running


class Report:
    def __init__(self, ended: subprocess.CompletedProcess[str]) -> None:
        assert ended.stderr == ""
        self.code = ended.returncode
        self.text = ended.stdout
        self._lines = {line[6:].partition(":")[0]: line for line in ended.stdout.splitlines()}

    @property
    def failures(self) -> set[str]:
        return {check for check, line in self._lines.items() if line.startswith("FAIL  ")}

    @property
    def passes(self) -> set[str]:
        return {check for check, line in self._lines.items() if line.startswith("ok    ")}

    def __getitem__(self, check: str) -> str:
        return self._lines[check]


def doctor(*words: str, folder: Path, **settings: str) -> Report:
    return Report(run("doctor", *words, folder=folder, **settings))


def test_a_running_service_is_well(service: Serving, folder: Path) -> None:
    report = doctor(folder=folder, TASKWELL_DATA=str(folder))
    assert report.code == 0, report.text
    assert report.failures == set()
    assert {"settings", "database", "version", "encryption", "clock", "schema"} < report.passes
    assert {"pooler", "connections", "issuer", "key set", "files"} < report.passes
    assert "a round trip" in report["database"]
    assert "made once" in report["plans"]
    assert service.http.get("/health/ready").status_code == 200


def test_before_the_first_start_nothing_is_made(tmp_path: Path) -> None:
    report = doctor(folder=tmp_path)
    assert report.code == 0, report.text
    assert "`taskwell serve` makes it" in report["database"]
    assert "none in" in report["key set"]
    assert list(tmp_path.iterdir()) == []


def test_before_the_first_start_no_token_is_good(tmp_path: Path) -> None:
    with data_folder() as other:
        made = run("token", "bob", folder=tmp_path, TASKWELL_DATA=str(other))
    report = doctor("--token", made.stdout.strip(), folder=tmp_path)
    assert (report.code, report.failures) == (1, {"token's key set"})
    assert list(tmp_path.iterdir()) == []


def test_what_can_not_be_reached_is_told_with_what_to_do(tmp_path: Path) -> None:
    report = doctor(
        folder=tmp_path,
        DATABASE_URL="postgresql://ada:very-secret@127.0.0.1:1/nowhere",
        BETTER_AUTH_URL="http://127.0.0.1:1",
    )
    assert report.code == 1
    assert {"database", "key set"} <= report.failures
    assert "host and port of DATABASE_URL" in report["database"]
    assert "BETTER_AUTH_URL" in report["key set"]
    assert "very-secret" not in report.text


def test_a_database_that_is_not_set_as_it_had_best_be_is_told(
    service: Serving, folder: Path
) -> None:
    own = database_url(folder)
    role = 'Task "well"'
    with SecondConnection(own.replace("taskwell@", "postgres@")) as database:
        database.run('CREATE ROLE "Task ""well""" LOGIN IN ROLE taskwell')
        database.run('ALTER ROLE "Task ""well""" SET plan_cache_mode = auto')
        database.run('ALTER ROLE "Task ""well""" SET idle_in_transaction_session_timeout = 0')
        url = own.replace("taskwell@", f"{quote(role)}@")
        report = doctor(folder=folder, DATABASE_URL=url)
        assert report.failures == set(), report.text
        _, _, advice = report["plans"].partition("; ")
        database.run(advice.removesuffix(" saves that"))
        _, _, advice = report["lost writers"].partition("; ")
        database.run(advice.removesuffix(" ends that"))
    report = doctor(folder=folder, DATABASE_URL=url)
    assert "made once" in report["plans"]
    assert "lets go" in report["lost writers"]


def test_a_database_that_is_not_migrated_is_told(service: Serving, folder: Path) -> None:
    own = database_url(folder)
    with SecondConnection(own.replace("taskwell@", "postgres@")) as database:
        database.run("CREATE DATABASE unmigrated OWNER taskwell")
    report = doctor(folder=folder, DATABASE_URL=own.replace("/taskwell?", "/unmigrated?"))
    assert (report.code, report.failures) == (1, {"schema"})
    assert "`taskwell migrate`" in report["schema"]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("/taskwell?", "/nowhere?"), "There is no database of that name"),
        (("taskwell@", "nobody@"), "refuses"),
    ],
)
def test_a_database_that_refuses_is_told(
    service: Serving, folder: Path, change: tuple[str, str], told: str
) -> None:
    report = doctor(folder=folder, DATABASE_URL=database_url(folder).replace(*change))
    assert report.code == 1
    assert told in report["database"]


@contextmanager
def without_tls() -> Iterator[int]:
    """The port of something that says no to TLS as PostgreSQL does."""
    server = socket.create_server(("127.0.0.1", 0))

    def refuse() -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                with connection:
                    connection.recv(8)
                    connection.sendall(b"N")

    thread = threading.Thread(target=refuse)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join()


@pytest.mark.parametrize("command", ["doctor", "migrate"])
def test_a_database_that_speaks_no_tls_is_told(command: str, tmp_path: Path) -> None:
    with without_tls() as port:
        url = f"postgresql://taskwell@127.0.0.1:{port}/taskwell?sslmode=require"
        ended = run(command, folder=tmp_path, DATABASE_URL=url)
    assert ended.returncode == 1
    assert "speaks no TLS, which sslmode=require asks for" in ended.stdout + ended.stderr


def test_more_connections_than_there_are_is_told(service: Serving, folder: Path) -> None:
    report = doctor(
        folder=folder,
        DATABASE_URL=database_url(folder),
        TASKWELL_POOL_SIZE="1000",
        DATABASE_URL_UNPOOLED=database_url(folder),
    )
    assert report.failures == {"connections", "direct connections"}
    assert "TASKWELL_POOL_SIZE" in report["connections"]


def test_a_token_is_explained(service: Serving, folder: Path) -> None:
    token = service.http.headers["authorization"].removeprefix("Bearer ")
    good = doctor("--token", token, folder=folder, TASKWELL_DATA=str(folder))
    assert good.code == 0, good.text
    assert "token's signature" in good.passes
    assert token not in good.text
    head, claims, signature = token.split(".")
    altered = f"{head}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    bad = doctor("--token", altered, folder=folder, TASKWELL_DATA=str(folder))
    assert (bad.code, bad.failures) == (1, {"token's signature"})


def test_a_shared_secret_is_no_key_set(tmp_path: Path) -> None:
    secret = {"TASKWELL_AUTH_SECRET": "s" * 32, "TASKWELL_AUTH_ISSUER": "https://app.example.com"}
    report = doctor(folder=tmp_path, **secret)
    assert report["secret"].endswith("good")
    assert "key set" not in report.passes


def test_a_token_is_read_from_standard_input(service: Serving, folder: Path) -> None:
    report = Report(
        run("doctor", "--token", "-", folder=folder, given="no token\n", TASKWELL_DATA=str(folder))
    )
    assert report.code == 1
    assert "opaque token of a session" in report["token's form"]
    assert "`taskwell token USER`" in report["token's form"]
    assert "Better Auth" not in report["token's form"]


def test_a_pooler_is_noticed(service: Serving, folder: Path) -> None:
    if PROGRAM is None:
        cannot_run("PgBouncer is not installed")
    with pooled(database_url(folder), folder) as url:
        report = doctor(folder=folder, DATABASE_URL=url, DATABASE_URL_UNPOOLED=url)
        assert report.code == 1
        assert report["pooler"].endswith("there is one in between")
        assert "without -pooler" in report["direct pooler"]
        # PgBouncer keeps them from 1.21 on.
        assert "prepared statements" in report.passes | report.failures
        without = doctor(folder=folder, DATABASE_URL=url, TASKWELL_PREPARED_STATEMENTS="false")
        assert without.code == 0, without.text
