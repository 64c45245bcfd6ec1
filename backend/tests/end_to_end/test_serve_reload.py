"""SIGHUP: settings and code are read again, and nobody notices but by what changed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from end_to_end.processes import await_that, workers_of
from end_to_end.program import Program
from end_to_end.service import SOURCES, service_environment
from end_to_end.serving import Serving, data_folder, postgres_pid, serving
from taskwell.database.cluster import CLUSTER
from taskwell.database.folder import DataFolder

WITH_A_DEFECT = """\
from taskwell.server.worker import Worker

def run(self, when_ready):
    raise RuntimeError("{of_its_own}")

Worker.run = run
"""


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
            answer = httpx2.get(
                self._service.url + "/tasks", headers=self._service.http.headers, timeout=60
            )
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


def test_the_database_goes_on_though_it_would_be_started_in_another_way(folder: Path) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        before, postgres = workers_of(service.pid), postgres_pid(folder)
        (folder / ".env").write_text("TASKWELL_POOL_SIZE=5\n")
        with Traffic(service) as traffic:
            service.program.process.send_signal(signal.SIGHUP)
            service.program.wait_for('"reloaded"')
            await_that(lambda: not before & workers_of(service.pid))
        assert traffic.statuses == {200}
        assert postgres_pid(folder) == postgres


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("TASKWELL_MAX_TASKS=none", "TASKWELL_MAX_TASKS is not usable"),
        ("DATABASE_URL=postgresql://localhost/elsewhere", "takes a restart"),
        ("TASKWELL_POOL_SIZE=20", "than the running PostgreSQL allows: that takes a restart"),
    ],
)
def test_a_reload_that_can_not_be_is_refused(folder: Path, setting: str, told: str) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        workers, postgres = workers_of(service.pid), postgres_pid(folder)
        (folder / ".env").write_text(f"{setting}\n")
        service.program.process.send_signal(signal.SIGHUP)
        said = service.program.wait_for("not reloaded: all goes on as before.*")[0]
        assert told in said
        assert (workers_of(service.pid), postgres_pid(folder)) == (workers, postgres)
        assert service.http.get("/tasks").status_code == 200


def test_a_reload_without_the_programs_that_the_database_needs_is_refused(folder: Path) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        workers = workers_of(service.pid)
        # As if they had been replaced by those of another major version.
        (folder / CLUSTER / "PG_VERSION").write_text("12\n")
        service.program.process.send_signal(signal.SIGHUP)
        said = service.program.wait_for("not reloaded: all goes on as before.*")[0]
        assert "was made by PostgreSQL 12, but here is only" in said
        assert workers_of(service.pid) == workers
        assert service.http.get("/tasks").status_code == 200


def await_three(service: Serving, told: str) -> None:
    """There is a pause only before the third attempt."""
    await_that(lambda: service.program.output.count(told) >= 3)


def test_a_reload_whose_workers_can_not_begin_may_be_tried_again(folder: Path) -> None:
    program = folder / "sitecustomize.py"
    found_first = {"PYTHONPATH": f"{folder}{os.pathsep}{SOURCES}"}
    with serving(folder, TASKWELL_LOG_LEVEL="info", **found_first) as service:
        former = workers_of(service.pid)
        with Traffic(service) as traffic:
            for defect in ("the first", "the second"):
                program.write_text(WITH_A_DEFECT.format(of_its_own=defect))
                service.program.process.send_signal(signal.SIGHUP)
                await_three(service, f"Error: {defect}")
                assert former <= workers_of(service.pid)
            assert "the new workers can't begin: the former ones go on" in service.program.output
            program.unlink()
            service.program.process.send_signal(signal.SIGHUP)
            service.program.wait_for('"reloaded"')
            await_that(lambda: not former & workers_of(service.pid))
        assert traffic.statuses == {200}
        assert len(workers_of(service.pid)) == 1


def test_a_worker_of_a_reloaded_service_is_replaced(folder: Path) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        first = workers_of(service.pid)
        service.program.process.send_signal(signal.SIGHUP)
        service.program.wait_for('"reloaded"')
        await_that(lambda: not first & workers_of(service.pid))
        (second,) = workers_of(service.pid)
        os.kill(second, signal.SIGKILL)
        await_that(lambda: bool(workers_of(service.pid) - {second}))
        assert httpx2.get(service.url + "/health/ready", timeout=60).status_code == 200


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Of two sets of pins, as scripts/serve makes them, with the same packages for once."""
    place = tmp_path_factory.mktemp("backend")
    first, second = (place / f".venv-serve-3.x-{number}" for number in (1, 2))
    for environment in (first, second):
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", environment], check=True)
        inside = {"base": str(environment), "platbase": str(environment)}
        packages = Path(sysconfig.get_path("purelib", "venv", inside))
        (packages / "packages.pth").write_text(sysconfig.get_path("purelib"))
    return first, second


def link_to(environment: Path) -> None:
    link = environment.with_name(".venv")
    link.unlink(missing_ok=True)
    link.symlink_to(environment.name)


@pytest.mark.parametrize("is_private", [False, True])
def test_a_reload_takes_the_packages_that_fit_by_now(
    environments: tuple[Path, Path], folder: Path, database_url: str, is_private: bool
) -> None:
    first, second = environments
    link_to(first)
    settings = {"TASKWELL_DATA": str(folder), "TASKWELL_LOG_LEVEL": "info"}
    if not is_private:
        settings["DATABASE_URL"] = database_url
    start = (first / "bin" / "python", "-m", "taskwell", "serve")
    with Program(start, service_environment() | settings, folder) as program:
        service = Serving(program)
        link_to(second)
        program.process.send_signal(signal.SIGHUP)
        if is_private:
            said = program.wait_for("not reloaded: all goes on as before.*")[0]
            assert "other packages take a restart" in said
        else:
            program.wait_for('"reloaded"')
        runs = Path("/proc", str(service.pid), "cmdline").read_bytes().split(b"\0")[0]
        assert runs == os.fsencode((first if is_private else second) / "bin" / "python")
        with service.http:
            assert service.http.get("/tasks").status_code == 200


def test_no_command_gets_the_folder_of_a_service_that_is_reloaded(folder: Path) -> None:
    with serving(folder, TASKWELL_LOG_LEVEL="info") as service:
        command = DataFolder(folder)
        service.program.process.send_signal(signal.SIGHUP)
        await_that(lambda: command.try_lock("command") or '"reloaded"' in service.program.output)
        got_it = command.held is not None
        command.unlock()
        assert not got_it
        assert command.holder() == (service.pid, "service")
        assert service.http.get("/tasks").status_code == 200
