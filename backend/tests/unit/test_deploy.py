"""The files in `deploy` speak of commands, files and settings that there are."""

from __future__ import annotations

import configparser
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import yaml

import taskwell
from documents import ROOT, anchors, relative_links
from taskwell.commands import COMMANDS
from taskwell.config import Settings
from taskwell.configuring import ENV_FILE, load_settings, settings_file
from taskwell.server.supervisor import LONGEST_END

DEPLOY = ROOT / "deploy"
SETTINGS = {str(field.validation_alias) for field in Settings.model_fields.values()}
# Of PostgreSQL's image, of the example, and of Python.
NOT_OURS = ("POSTGRES_", "EXAMPLE_", "PYTHON", "PATH", "PORT", "TASKWELL_URL")


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, each with its continuation lines joined."""
    lines = (DEPLOY / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    found = [line.partition(" ") for line in joined.splitlines() if line]
    return [(word, rest) for word, _, rest in found]


def all_of(word: str) -> list[str]:
    return [rest for name, rest in instructions() if name == word]


def copied() -> list[str]:
    return [words.split()[0] for words in all_of("COPY") if not words.startswith("--from")]


def command_names() -> set[str]:
    return set(COMMANDS)


def expect_settings(names: set[str]) -> None:
    assert {name for name in names if not name.startswith(NOT_OURS)} <= SETTINGS


def test_what_the_image_is_made_of_is_there_and_gets_to_the_builder() -> None:
    assert copied() == ["backend/requirements/runtime.txt", "backend/src/taskwell"]
    assert all((ROOT / name).exists() for name in copied())
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == set(copied())


def test_the_image_installs_only_what_is_pinned() -> None:
    (install,) = (run for run in all_of("RUN") if "pip install" in run)
    assert "--require-hashes" in install
    pins = (ROOT / "backend/requirements/runtime.txt").read_text()
    packages = re.findall(r"^[a-z0-9-]+==", pins, re.MULTILINE)
    assert packages
    described = re.split(r"^(?=[a-z])", pins, flags=re.MULTILINE)[1:]
    assert all("--hash=sha256:" in package for package in described)


def test_the_image_runs_the_service_as_an_ordinary_user() -> None:
    (user,) = all_of("USER")
    assert user == "10001:10001"
    assert any("useradd --uid 10001" in run for run in all_of("RUN"))
    assert all_of("STOPSIGNAL") == ["SIGTERM"]
    entry, command = json.loads(all_of("ENTRYPOINT")[0]), json.loads(all_of("CMD")[0])
    assert command[0] in command_names()
    assert entry[0] == "python"
    environment = {**os.environ, "PYTHONPATH": str(Path(taskwell.__file__).parents[1])}
    shown = subprocess.run(
        [sys.executable, *entry[1:], *command, "--help"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert "Start the service" in shown.stdout


def test_the_image_has_the_program_that_the_notes_call() -> None:
    (made,) = (run for run in all_of("RUN") if "/bin/taskwell" in run)
    printing, _, path = made.partition(" > ")
    script = subprocess.run(["/bin/sh", "-c", printing], capture_output=True, text=True, check=True)
    entry = " ".join(json.loads(all_of("ENTRYPOINT")[0]))
    assert script.stdout == f'#!/bin/sh\nexec /opt/taskwell/bin/{entry} "$@"\n'
    assert "/opt/taskwell/bin" in all_of("ENV")[0]
    assert path.startswith("/opt/taskwell/bin/taskwell ")


def test_the_image_names_settings_that_there_are() -> None:
    pairs = dict(pair.split("=", 1) for words in all_of("ENV") for pair in words.split())
    expect_settings(set(pairs))
    settings = load_settings(host=pairs["TASKWELL_HOST"], better_auth_url="https://app.example.com")
    assert str(settings.port) == all_of("EXPOSE")[0]
    assert pairs["TASKWELL_DATA"] == all_of("VOLUME")[0]


class Probe(BaseHTTPRequestHandler):
    status = 200
    asked: list[str]

    def do_GET(self) -> None:
        self.asked.append(self.path)
        self.send_response(self.status)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        """Silent."""


@pytest.mark.parametrize("status", [200, 503])
def test_the_health_check_of_the_image_tells_well_from_ill(status: int) -> None:
    (health,) = all_of("HEALTHCHECK")
    command = json.loads(health.partition("CMD ")[2])
    assert command[0] == "python"
    asked: list[str] = []
    handler = type("Answering", (Probe,), {"status": status, "asked": asked})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        ended = subprocess.run(
            [sys.executable, *command[1:]],
            env={**os.environ, "TASKWELL_PORT": str(server.server_port)},
            capture_output=True,
            check=False,
            timeout=60,
        )
    assert asked == ["/health/live"]
    assert (ended.returncode == 0) is (status == 200)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    document = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    found: dict[str, Any] = document["services"]
    return found


def test_compose_has_what_it_takes(services: dict[str, Any]) -> None:
    assert services.keys() == {"taskwell", "migrate", "postgres", "better-auth"}
    for service in services.values():
        expect_settings(set(service["environment"]))
        for name in service.get("depends_on", {}):
            assert name in services
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:")
        for volume in service.get("volumes", ()):
            place = volume.split(":")[0]
            assert not place.startswith(".") or (DEPLOY / place).is_dir()
    for name in ("taskwell", "migrate"):
        build = services[name]["build"]
        assert (DEPLOY / build["context"] / build["dockerfile"]).is_file()
        assert services[name]["read_only"] is True
        assert services[name]["cap_drop"] == ["ALL"]
    assert services["migrate"]["command"][0] in command_names()
    assert seconds(services["taskwell"]["stop_grace_period"]) > LONGEST_END


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))


def test_the_settings_of_compose_start(
    services: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in services["taskwell"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:-(\w+)\}", r"\1", value))
    settings = load_settings(host="0.0.0.0")
    assert settings.database_url is not None
    assert not settings.uses_development_issuer
    assert settings.issuer == services["better-auth"]["environment"]["EXAMPLE_URL"]


@pytest.fixture(scope="module")
def unit() -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as configparser documents
    parser.read(DEPLOY / "taskwell.service")
    return parser


def test_the_unit_starts_reloads_and_ends_the_service(unit: configparser.ConfigParser) -> None:
    service = unit["Service"]
    program, command = service["ExecStart"].split()
    assert program.endswith("/backend/.venv/bin/taskwell")
    assert command in command_names()
    assert service["ExecReload"].split() == ["/bin/kill", "-HUP", "$MAINPID"]
    assert service["KillMode"] == "mixed"
    assert int(service["TimeoutStopSec"]) > LONGEST_END
    assert service["NoNewPrivileges"] == "yes"
    assert service["User"] != "root"


def test_a_reload_by_systemd_reads_the_settings_again(
    unit: configparser.ConfigParser, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A reload has the environment of the start; the file is read by Taskwell with each."""
    service = unit["Service"]
    assert "EnvironmentFile" not in service
    environment = dict(pair.split("=", 1) for pair in service["Environment"].split())
    expect_settings(set(environment) - {ENV_FILE})
    notes = (DEPLOY / "README.md").read_text()
    assert f"backend/.env.example {environment[ENV_FILE]}\n" in notes
    assert f"--setenv {ENV_FILE}={environment[ENV_FILE]} " in notes

    file = tmp_path / "taskwell.env"
    monkeypatch.setenv(ENV_FILE, str(file))
    for most in (1, 2):
        file.write_text(f"TASKWELL_MAX_TASKS={most}\n")
        assert load_settings(settings_file()).max_tasks == most


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd is not installed on this machine")
    text = (DEPLOY / "taskwell.service").read_text()
    # It looks for the program as well.
    copy = tmp_path / "taskwell.service"
    copy.write_text(re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE))
    looked = subprocess.run(
        ["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False, timeout=60
    )
    assert [line for line in looked.stderr.splitlines() if "taskwell.service" in line] == []


def test_the_notes_link_to_what_is_there_and_name_commands_that_there_are() -> None:
    notes = DEPLOY / "README.md"
    for link in relative_links(notes):
        name, _, anchor = link.partition("#")
        target = DEPLOY / name
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link
    named = set(re.findall(r"`taskwell ([a-z-]+)", notes.read_text()))
    assert named
    assert named <= command_names()
    assert set(re.findall(r"\b(?:TASKWELL|DATABASE|BETTER)_[A-Z_]+\b", notes.read_text())) <= {
        *SETTINGS,
        *("TASKWELL_DATABASE_PASSWORD", "TASKWELL_PYTHON", ENV_FILE),
    }


def test_the_audit_tells_findings_from_what_nobody_knows() -> None:
    place = ROOT / "scripts" / "lib" / "audit_packages.py"
    spec = importlib.util.spec_from_file_location("audit_packages", place)
    assert spec is not None
    assert spec.loader is not None
    audit = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(audit)
    report = {
        "dependencies": [
            {"name": "known", "version": "1.0", "vulns": []},
            {"name": "unknown", "version": "1.0", "skip_reason": "not found"},
            {
                "name": "broken",
                "version": "2.0",
                "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}],
            },
        ]
    }
    assert audit.findings_of(report) == (["broken 2.0: PYSEC-1, fixed in 2.1"], 2, 1)
