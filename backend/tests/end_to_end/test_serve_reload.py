"""SIGHUP: settings and code are read again, and nobody notices but by what changed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from end_to_end.processes import await_that, workers_of
from end_to_end.serving import Serving, data_folder, postgres_pid, serving


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


class Traffic:
    """Requests one after the other, on connections of their own, until told to stop."""

    def __init__(self, service: Serving) -> None:
        self.statuses: set[int] = set()
        self._service = service
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._flow)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _flow(self) -> None:
        while not self._stop.is_set():
            answer = httpx2.get(self._service.url + "/tasks", headers=self._service.http.headers)
            self.statuses.add(answer.status_code)


def test_a_reload_reads_the_settings_again_without_a_gap(folder: Path) -> None:
    with serving(folder, "--workers", "2", TASKWELL_LOG_LEVEL="info") as service:
        assert service.http.post("/tasks", json={"text": "Buy milk"}).status_code == 201
        before, postgres = workers_of(service.pid), postgres_pid(folder)
        (folder / ".env").write_text("TASKWELL_MAX_TASKS=1\n")
        with Traffic(service) as traffic:
            service.program.process.send_signal(signal.SIGHUP)
            service.program.wait_for('"reloaded"')
            await_that(lambda: not before & workers_of(service.pid))
        assert traffic.statuses == {200}
        assert len(workers_of(service.pid)) == 2
        assert postgres_pid(folder) == postgres
        refused = service.http.post("/tasks", json={"text": "Call Ada"})
        assert (refused.status_code, refused.json()["code"]) == (409, "task-limit-reached")
        service.program.process.terminate()
        assert service.program.wait() == 0


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("TASKWELL_MAX_TASKS=none", "TASKWELL_MAX_TASKS is not usable"),
        ("DATABASE_URL=postgresql://localhost/elsewhere", "takes a restart"),
    ],
)
def test_a_reload_that_can_not_be_is_refused(folder: Path, setting: str, told: str) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        workers = workers_of(service.pid)
        (folder / ".env").write_text(f"{setting}\n")
        service.program.process.send_signal(signal.SIGHUP)
        said = service.program.wait_for("not reloaded: all goes on as before.*")[0]
        assert told in said
        assert workers_of(service.pid) == workers
        assert service.http.get("/tasks").status_code == 200


def test_a_worker_of_a_reloaded_service_is_replaced(folder: Path) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        first = workers_of(service.pid)
        service.program.process.send_signal(signal.SIGHUP)
        service.program.wait_for('"reloaded"')
        await_that(lambda: not first & workers_of(service.pid))
        (second,) = workers_of(service.pid)
        os.kill(second, signal.SIGKILL)
        await_that(lambda: bool(workers_of(service.pid) - {second}))
        assert httpx2.get(service.url + "/health/ready").status_code == 200
