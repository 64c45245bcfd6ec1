"""OpenTelemetry, sent to a real receiver by a real service."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from end_to_end.collector import Collector, collecting
from end_to_end.program import Program
from end_to_end.service import service_environment
from end_to_end.serving import data_folder, serving

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SECRET_WORD = "chocolate"


@pytest.fixture
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


def attributes(span: Any) -> dict[str, str]:
    return {each.key: each.value.string_value for each in span.attributes}


def of_path(collector: Collector, path: str) -> list[Any]:
    return [span for span in collector.spans() if attributes(span).get("url.path") == path]


def test_spans_and_metrics_reach_the_receiver(folder: Path) -> None:
    with collecting() as collector:
        with serving(
            folder,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            OTEL_SERVICE_NAME="taskwell-test",
            OTEL_BSP_SCHEDULE_DELAY="100",
        ) as service:
            task = service.http.post("/tasks", json={"text": "Buy milk"}).json()
            path = f"/tasks/{task['id']}"
            headers = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
            assert service.http.get(path, headers=headers).status_code == 200
            assert service.http.get(f"/tasks?q={SECRET_WORD}").status_code == 200
            assert service.http.get("/health/live").status_code == 200
            service.program.process.terminate()
            # What is left to send is sent before the end.
            assert service.program.wait() == 0
        (span,) = of_path(collector, path)
        assert span.name == "GET /tasks/{task_id}"
        assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
        assert attributes(span)["http.route"] == "/tasks/{task_id}"
        assert of_path(collector, "/health/live") == []
        assert {"http.server.request.duration"} <= collector.metric_names()
        assert b"taskwell-test" in collector.everything()
        told = collector.everything()
        assert b"REDACTED" in told
        assert SECRET_WORD.encode() not in told
        assert service.http.headers["authorization"].split()[1].encode() not in told


def test_a_receiver_that_is_away_harms_nobody(folder: Path) -> None:
    with collecting() as collector:
        url = collector.url
    with serving(folder, OTEL_EXPORTER_OTLP_ENDPOINT=url, OTEL_BSP_SCHEDULE_DELAY="50") as service:
        for _ in range(20):
            assert service.http.get("/tasks").status_code == 200
        service.program.process.terminate()
        assert service.program.wait() == 0


@pytest.mark.parametrize(
    "settings",
    [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}],
)
def test_where_it_is_not_wanted_nothing_of_it_is_loaded(settings: dict[str, str]) -> None:
    script = """
import sys
from pydantic import SecretStr
from taskwell.configuring import load_settings
from taskwell.main import create_app

app = create_app(load_settings(database_url=SecretStr("postgresql://127.0.0.1:1/none")))
print(app._native_telemetry.enabled(), any("opentelemetry.sdk" in name for name in sys.modules))
"""
    environment = service_environment() | settings
    environment = {name: value for name, value in environment.items() if value}
    told = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["False", "False"]


WITHOUT_PACKAGES = """
import importlib.util, sys
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if ".otlp" in name else find(name, *rest)
from taskwell.cli import app
app()
"""


def test_that_its_packages_are_missing_is_said_once(folder: Path) -> None:
    environment = service_environment() | {
        "TASKWELL_DATA": str(folder),
        "TASKWELL_WORKERS": "2",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1",
    }
    command = (sys.executable, "-c", WITHOUT_PACKAGES, "serve")
    with Program(command, environment, folder) as program:
        program.wait_for("Taskwell listens on")
    told = [line for line in program.output.splitlines() if "telemetry" in line.lower()]
    assert len(told) == 1
    assert "requirements/telemetry.txt" in told[0]
    assert "no telemetry is sent" in told[0]
