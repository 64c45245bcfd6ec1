"""`taskwell serve`, from the first line it prints to the first answer, or to why it refuses."""

from __future__ import annotations

import shlex
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from end_to_end.processes import await_that, megabytes_of_files, workers_of
from end_to_end.program import Program
from end_to_end.service import SERVE, service_environment
from end_to_end.serving import (
    Serving,
    data_folder,
    database_url,
    is_one_sentence,
    run,
    serving,
)
from second_connection import SecondConnection
from taskwell.server.schema import NO_ANSWER


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Serving]:
    with serving(folder) as running:
        yield running


def test_the_banner_has_a_request_that_works_as_pasted(service: Serving, folder: Path) -> None:
    said = service.program.output
    line = next(line for line in said.splitlines() if line.lstrip().startswith("curl "))
    curl, flag, header, url = shlex.split(line)
    assert (curl, flag) == ("curl", "-H")
    name, _, value = header.partition(": ")
    answer = httpx2.get(url, headers={name: value}, timeout=60)
    assert (answer.status_code, answer.json()) == (200, [])
    assert str(folder) in said
    assert "BETTER_AUTH_URL" in said
    assert "DATABASE_URL" in said


def test_an_answer_has_the_date_and_does_not_name_the_server(service: Serving) -> None:
    answer = service.http.get("/health/ready")
    assert answer.status_code == 200
    assert answer.headers["date"].endswith(" GMT")
    assert "server" not in answer.headers


def test_the_parent_holds_no_code_that_only_the_workers_run(service: Serving) -> None:
    """And can do all that a parent does: the other tests see to that."""
    worker = next(iter(workers_of(service.pid)))
    await_that(lambda: megabytes_of_files(service.pid) < megabytes_of_files(worker) / 2)


def test_a_second_service_on_the_same_folder_is_refused(service: Serving, folder: Path) -> None:
    other = run("serve", folder=folder, TASKWELL_DATA=str(folder))
    assert other.returncode == 1
    assert is_one_sentence(other.stderr)
    assert f"pid {service.pid}" in other.stderr
    assert service.http.get("/health/ready").status_code == 200


def test_a_port_that_is_taken_is_refused(service: Serving, tmp_path: Path) -> None:
    _, port = service.address
    other = run("serve", "--port", str(port), folder=tmp_path)
    assert other.returncode == 1
    assert is_one_sentence(other.stderr)
    assert f"Port {port} on 127.0.0.1 is in use" in other.stderr


PRODUCTION = {"BETTER_AUTH_URL": "https://app.example.com"}


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"TASKWELL_PORT": "eighty"}, "TASKWELL_PORT"),
        ({"TASKWELL_WORKERS": "0"}, "TASKWELL_WORKERS"),
        ({"DATABASE_URL": "mysql://localhost/tasks"}, "DATABASE_URL"),
        ({"TASKWELL_HOST": "0.0.0.0"}, "TASKWELL_HOST must be a loopback address"),
        ({"TASKWELL_HOST": "192.0.2.1", **PRODUCTION}, "TASKWELL_HOST is not usable"),
        ({"TASKWELL_HOST": "no such host", **PRODUCTION}, "TASKWELL_HOST is not usable"),
        ({"TASKWELL_ENV_FILE": "/nowhere/.env"}, "/nowhere/.env"),
    ],
)
def test_a_wrong_setting_is_named_in_one_sentence(
    settings: dict[str, str], told: str, tmp_path: Path
) -> None:
    ended = run("serve", folder=tmp_path, **settings)
    assert ended.returncode == 2
    assert is_one_sentence(ended.stderr)
    assert told in ended.stderr
    assert ended.stdout == ""


def test_a_start_can_be_tried_without_starting(tmp_path: Path) -> None:
    assert run("serve", "--check", folder=tmp_path).returncode == 0
    assert run("serve", "--check", "--port", "-1", folder=tmp_path).returncode == 2
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["serve --check", "doctor"])
def test_a_setting_that_is_misspelled_is_told(command: str, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TASKWELL_WORKER=1\n")
    ended = run(*command.split(), folder=tmp_path, TASKWELL_PROT="8000")
    assert ended.returncode == 0
    assert ended.stderr.splitlines() == [
        "TASKWELL_PROT is no setting and has no effect: is TASKWELL_PORT meant?",
        "TASKWELL_WORKER is no setting and has no effect: is TASKWELL_WORKERS meant?",
    ]
    assert command != "doctor" or str(tmp_path / ".env") in ended.stdout


@pytest.mark.parametrize("words", [("--host", "192.0.2.1"), ("--host", "no such host")])
def test_a_flag_that_the_system_refuses_is_named_as_it_was_given(
    words: tuple[str, str], tmp_path: Path
) -> None:
    ended = run("serve", *words, folder=tmp_path, **PRODUCTION)
    assert ended.returncode == 2
    assert ended.stderr.startswith("--host is not usable: ")
    assert is_one_sentence(ended.stderr)


def test_settings_are_read_from_the_file_in_the_current_folder(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("TASKWELL_WORKERS=none\n")
    environment = service_environment()
    del environment["TASKWELL_WORKERS"]
    with Program(SERVE, environment, tmp_path) as program:
        assert program.wait() == 2
    assert "TASKWELL_WORKERS" in program.output


def test_a_loopback_address_of_the_other_family_will_do() -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6")
    with data_folder() as folder, serving(folder, "--host", "::1") as service:
        assert service.url.startswith("http://[::1]:")
        assert service.http.get("/health/ready").status_code == 200


def test_tasks_are_there_after_a_restart() -> None:
    with data_folder() as folder:
        with serving(folder) as service:
            task = service.http.post("/tasks", json={"text": "Buy milk"}).json()
        assert service.program.process.returncode == 0
        with serving(folder) as service:
            assert service.http.get("/tasks").json() == [task]


def test_a_configured_database_is_migrated_by_command_only(
    service: Serving, folder: Path, tmp_path: Path
) -> None:
    own = database_url(folder)
    with SecondConnection(own.replace("taskwell@", "postgres@")) as database:
        database.run("CREATE DATABASE configured OWNER taskwell")
    configured = {"DATABASE_URL": own.replace("/taskwell?", "/configured?")}
    with serving(tmp_path, **configured) as other:
        other.program.wait_for("the schema is behind: run `taskwell migrate`")
        other.program.wait_for(
            f"^The database can't be used yet: (its schema is at nothing|{NO_ANSWER})"
        )
        assert other.http.get("/health/ready").status_code == 503
        assert other.http.get("/health/live").status_code == 200
        migrated = run("migrate", folder=tmp_path, **configured)
        assert migrated.returncode == 0, migrated.stderr
        assert "Applied 0001" in migrated.stdout
        assert other.http.get("/health/ready").status_code == 200
        assert other.http.post("/tasks", json={"text": "Buy milk"}).status_code == 201
    assert other.program.process.returncode == 0


def test_the_banner_tells_of_a_database_that_can_not_be_used(tmp_path: Path) -> None:
    nowhere = {"DATABASE_URL": "postgresql://ada:secret-word@127.0.0.1:1/app"}
    with serving(tmp_path, **nowhere) as service:
        line = service.program.wait_for("^The database can't be used yet: .*")[0]
        assert "check host and port of DATABASE_URL" in line or NO_ANSWER in line
        assert "doctor`" in line
        assert service.http.get("/health/live").status_code == 200
        assert "secret-word" not in service.program.output
