"""The page for Prometheus: one truth, whichever worker is asked, and whichever died."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from end_to_end.processes import await_that, is_running, workers_of
from end_to_end.serving import Serving, data_folder, run, serving
from end_to_end.test_events import listening
from taskwell.measures.layout import HELP

PORT_OF_ITS_OWN = {"TASKWELL_METRICS_PORT": "0", "TASKWELL_WORKERS": "2"}


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:
        return False
    return True


class Page:
    def __init__(self, service: Serving) -> None:
        self.url = service.program.wait_for(r"Metrics for Prometheus are at (\S+)\.$")[1]

    def values(self) -> dict[tuple[str, ...], float]:
        answer = httpx2.get(self.url, timeout=60)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        return {
            (sample.name, *sorted(sample.labels.values())): sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    def value(self, *name: str) -> float:
        return self.values().get(name, 0.0)


def ask(service: Serving, method: str, path: str, **more: Any) -> int:
    """On a connection of its own, so that any worker may get it."""
    headers = service.http.headers
    return httpx2.request(method, service.url + path, headers=headers, **more).status_code


def counted(page: Page, *labels: str) -> float:
    return page.value("taskwell_requests_total", *sorted(labels))


def test_every_request_is_counted_once_across_workers_deaths_and_reloads(folder: Path) -> None:
    with serving(folder, **PORT_OF_ITS_OWN, TASKWELL_LOG_LEVEL="info") as service:
        page = Page(service)
        lists, creates = 0, 0
        for _ in range(40):
            assert ask(service, "GET", "/tasks") == 200
            assert ask(service, "POST", "/tasks", json={"text": "Buy milk"}) == 201
            lists, creates = lists + 1, creates + 1

        assert counted(page, "GET", "/tasks", "200") == lists
        assert counted(page, "POST", "/tasks", "201") == creates
        count = ("taskwell_request_duration_seconds_count", "/tasks", "GET")
        assert page.value(count[0], *sorted(count[1:])) == lists

        victim = min(workers_of(service.pid))
        os.kill(victim, signal.SIGKILL)
        await_that(lambda: len(workers_of(service.pid) - {victim}) == 2)
        await_that(lambda: page.value("taskwell_workers") == 2)
        assert page.value("taskwell_worker_deaths_total") == 1
        assert counted(page, "GET", "/tasks", "200") == lists
        for _ in range(20):
            assert ask(service, "GET", "/tasks") == 200
            lists += 1
        assert counted(page, "GET", "/tasks", "200") == lists

        before = workers_of(service.pid)
        service.program.process.send_signal(signal.SIGHUP)
        service.program.wait_for('"reloaded"')
        await_that(lambda: not before & workers_of(service.pid))
        for _ in range(20):
            assert ask(service, "GET", "/tasks") == 200
            lists += 1
        assert counted(page, "GET", "/tasks", "200") == lists
        assert counted(page, "POST", "/tasks", "201") == creates
        assert page.value("taskwell_worker_deaths_total") == 1
        await_that(lambda: page.value("taskwell_workers") == 2)
        service.program.process.terminate()
        assert service.program.wait() == 0


def test_what_is_open_now(folder: Path) -> None:
    with serving(folder, **PORT_OF_ITS_OWN, TASKWELL_POOL_SIZE="3") as service:
        page = Page(service)
        assert page.value("taskwell_pool_connections_limit") == 6
        for _ in range(3):
            assert ask(service, "POST", "/tasks", json={"text": "Buy milk"}) == 201
        with listening(service), listening(service):
            await_that(lambda: page.value("taskwell_streams") == 2)
        await_that(lambda: page.value("taskwell_streams") == 0)
        await_that(lambda: page.value("taskwell_revisions_total") == 3)
        await_that(lambda: page.value("taskwell_pool_connections", "idle") >= 1)
        await_that(lambda: page.value("taskwell_requests_running") == 0)
        assert page.value("taskwell_keys_read_timestamp_seconds") > 1_700_000_000
        assert page.value("taskwell_key_reads_total", "ok") >= 1


def test_limits_that_were_met(folder: Path) -> None:
    with serving(folder, **PORT_OF_ITS_OWN, TASKWELL_RATE_LIMIT="1") as service:
        page = Page(service)
        statuses = [ask(service, "GET", "/tasks") for _ in range(60)]
        refused = statuses.count(429)
        assert refused > 0
        assert counted(page, "GET", "/tasks", "429") == refused
        await_that(lambda: page.value("taskwell_limits_met_total", "user") == refused)


def test_no_request_makes_up_a_label(folder: Path) -> None:
    with serving(folder, **PORT_OF_ITS_OWN) as service:
        page = Page(service)
        for number in range(20):
            assert ask(service, "GET", f"/made-up-{number}") == 404
            assert ask(service, "GET", f"/tasks/made-up-{number}") == 404
            assert ask(service, "GET", f"/api/made-up-{number}/tasks") == 404
            ask(service, "BREW", "/tasks")
        told = httpx2.get(page.url, timeout=60).text
        assert "made-up" not in told
        assert "BREW" not in told
        assert "alice" not in told
        assert counted(page, "GET", "", "404") == 20
        assert counted(page, "GET", "/tasks/{task_id}", "404") == 20
        assert counted(page, "GET", "/api/{user_id}/tasks", "404") == 20


def test_every_family_is_on_the_page_from_the_start(folder: Path) -> None:
    with serving(folder, **PORT_OF_ITS_OWN) as service:
        page = httpx2.get(Page(service).url, timeout=60).text
        assert {line.split(" ")[2] for line in page.splitlines() if "# TYPE" in line} == set(HELP)


def test_the_port_has_nothing_else_and_the_api_no_metrics(folder: Path) -> None:
    with serving(folder, **PORT_OF_ITS_OWN) as service:
        url = Page(service).url
        assert httpx2.get(url.replace("/metrics", "/tasks"), timeout=60).status_code == 404
        assert httpx2.post(url).status_code == 405
        head = httpx2.head(url)
        assert (head.status_code, head.content) == (200, b"")
        assert httpx2.get(service.url + "/metrics", timeout=60).status_code == 404


def test_a_service_that_was_killed_leaves_both_ports_to_the_next(folder: Path) -> None:
    ports = {"TASKWELL_PORT": str(free_port()), "TASKWELL_METRICS_PORT": str(free_port())}
    with serving(folder, **ports) as first:
        # A connection that stays open, so that the worker takes its time to end.
        assert first.http.get("/tasks").status_code == 200
        (worker,) = workers_of(first.pid)
        os.kill(first.pid, signal.SIGKILL)
        first.program.process.wait()
        assert is_running(worker)
        await_that(lambda: not is_listening(int(ports["TASKWELL_METRICS_PORT"])))
        with serving(folder, **ports) as second:
            assert Page(second).value("taskwell_workers") == 1
            assert ask(second, "GET", "/tasks") == 200


def test_without_the_setting_there_is_no_such_port(folder: Path) -> None:
    with serving(folder) as service:
        assert "Metrics" not in service.program.output


def test_a_port_that_is_taken_stops_the_start(folder: Path) -> None:
    with serving(folder) as service:
        port = str(service.address[1])
        refused = run("serve", folder=folder, TASKWELL_METRICS_PORT=port, TASKWELL_PORT="0")
        assert refused.returncode == 1
        assert f"Port {port} on 127.0.0.1 is in use" in refused.stderr
        assert "TASKWELL_METRICS_PORT" in refused.stderr
