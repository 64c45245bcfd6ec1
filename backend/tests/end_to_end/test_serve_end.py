"""How the service ends, and what survives when a part of it is killed."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pytest

from end_to_end.processes import await_that, is_running, workers_of
from end_to_end.serving import Serving, data_folder, database_url, postgres_pid, serving
from second_connection import SecondConnection
from taskwell.database.cluster import CLUSTER


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


def is_listening(service: Serving) -> bool:
    try:
        socket.create_connection(service.address).close()
    except ConnectionError:
        return False
    return True


def test_the_end_of_the_terminal_session_leaves_no_process_behind(folder: Path) -> None:
    with serving(folder, "--workers", "2") as service:
        processes = {service.pid, postgres_pid(folder), *workers_of(service.pid)}
        assert len(processes) == 4
        service.program.interrupt_like_a_terminal()
        assert service.program.wait() == 0
        assert [pid for pid in processes if is_running(pid)] == []


def test_requests_that_run_are_answered_before_the_end(folder: Path) -> None:
    with serving(folder, "--workers", "2") as service, ThreadPoolExecutor() as threads:
        service.http.post("/tasks", json={"text": "Buy milk"})
        with SecondConnection(database_url(folder)) as database:
            database.run("BEGIN")
            database.run("SELECT FROM account FOR UPDATE")
            late = threads.submit(service.http.post, "/tasks", json={"text": "Call Ada"})
            database.await_waiting()
            service.program.process.terminate()
            await_that(lambda: not is_listening(service))
        answer = late.result()
        assert answer.status_code == 201
        assert answer.headers["connection"] == "close"
        assert service.program.wait() == 0


def test_open_connections_are_told_to_close(folder: Path) -> None:
    with serving(folder) as service:
        with httpx2.Client(base_url=service.url) as other:
            assert "connection" not in other.get("/health/live").headers
            assert "connection" not in service.http.get("/health/live").headers
            service.program.process.terminate()
            await_that(lambda: other.get("/health/ready").status_code == 503)
            assert service.http.get("/tasks").headers["connection"] == "close"
        assert service.program.wait() == 0


def test_asking_twice_ends_it_at_once(folder: Path) -> None:
    with serving(folder) as service, socket.create_connection(service.address) as connection:
        # It is waited for: nobody is told yet that the address is closed.
        connection.sendall(b"POST /tasks HTTP/1.1\r\nHost: a\r\n")
        (worker,) = workers_of(service.pid)
        service.program.process.send_signal(signal.SIGINT)
        await_that(lambda: httpx2.get(service.url + "/health/ready", timeout=60).status_code == 503)
        service.program.process.send_signal(signal.SIGINT)
        await_that(lambda: not is_running(worker))
        assert service.program.wait() == 0


def test_a_worker_that_dies_is_replaced(folder: Path) -> None:
    with serving(folder, "--workers", "2") as service:
        before = workers_of(service.pid)
        victim = min(before)
        os.kill(victim, signal.SIGKILL)
        await_that(lambda: len(workers_of(service.pid) - before) == 1)
        assert httpx2.get(service.url + "/health/ready", timeout=60).status_code == 200
        service.program.wait_for(f'"worker": {victim}, "exit_code": -9')


def test_after_the_parent_was_killed_the_next_start_goes_on(folder: Path) -> None:
    with serving(folder, "--workers", "2") as service:
        task = service.http.post("/tasks", json={"text": "Buy milk"}).json()
        workers, postgres = workers_of(service.pid), postgres_pid(folder)
        service.program.process.kill()
        service.program.process.wait()
        _, port = service.address
        with serving(folder, "--workers", "2", "--port", str(port)) as successor:
            assert successor.http.get("/tasks").json() == [task]
            assert postgres_pid(folder) == postgres
        await_that(lambda: not any(is_running(pid) for pid in workers))
        assert successor.program.process.returncode == 0
        assert not is_running(postgres)


def test_all_processes_killed_at_once_lose_nothing(folder: Path) -> None:
    with serving(folder) as service:
        task = service.http.post("/tasks", json={"text": "Buy milk"}).json()
        for pid in (service.pid, *workers_of(service.pid), postgres_pid(folder)):
            os.kill(pid, signal.SIGKILL)
    with serving(folder) as successor:
        assert successor.http.get("/tasks").json() == [task]


@pytest.mark.parametrize("adopted", [False, True])
def test_a_database_that_dies_is_restarted(folder: Path, *, adopted: bool) -> None:
    if adopted:
        with serving(folder) as former:
            former.program.process.kill()
    with serving(folder) as service:
        task = service.http.post("/tasks", json={"text": "Buy milk"}).json()
        os.kill(postgres_pid(folder), signal.SIGKILL)
        service.program.wait_for("the database was restarted")
        await_that(lambda: service.http.get("/health/ready").status_code == 200)
        assert service.http.get("/tasks").json() == [task]


def test_a_database_that_can_not_be_restarted_is_tried_again(folder: Path) -> None:
    settings = folder / CLUSTER / "postgresql.conf"
    with serving(folder) as service:
        usable = settings.read_bytes()
        settings.write_text("nonsense = = nonsense\n")
        os.kill(postgres_pid(folder), signal.SIGKILL)
        service.program.wait_for("the database could not be restarted")
        answer = service.http.get("/tasks")
        assert (answer.status_code, answer.json()["code"]) == (503, "database-unavailable")
        assert int(answer.headers["retry-after"]) > 0
        settings.write_bytes(usable)
        service.program.wait_for("the database was restarted")
        await_that(lambda: service.http.get("/tasks").status_code == 200)


def test_a_silent_connection_does_not_hold_up_the_end(folder: Path) -> None:
    with serving(folder) as service, socket.create_connection(service.address) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: a\r\n\r\n")
        with connection.makefile("rb") as received:
            assert received.readline() == b"HTTP/1.1 200 OK\r\n"
            service.program.process.terminate()
            assert service.program.wait() == 0
            assert received.read().endswith(b'{"status":"ok"}')


def test_the_end_of_whoever_reads_its_output_does_not_end_it(folder: Path) -> None:
    with serving(folder) as service:
        assert service.program.process.stdin is not None
        service.program.process.stdin.close()
        assert service.http.get("/tasks").status_code == 200
