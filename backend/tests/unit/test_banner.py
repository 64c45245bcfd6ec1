"""What the start tells to type can be typed."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from taskwell.server.banner import command


def install(environment: Path) -> Path:
    program = environment / "bin" / "taskwell"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    return program


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    environment = tmp_path / ".venv-serve-3.13-7"
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return environment


def test_a_command_that_the_shell_finds_goes_by_its_name(environment: Path) -> None:
    install(environment)
    install(environment.parent)
    assert command() == "taskwell"


def test_another_one_goes_by_its_path(environment: Path) -> None:
    program = install(environment)
    assert command() == str(program)
    environment.with_name(".venv").symlink_to(environment.name)
    assert command() == str(environment.with_name(".venv") / "bin" / "taskwell")


def test_where_there_is_none_it_goes_by_its_name_too(environment: Path) -> None:
    assert command() == "taskwell"
