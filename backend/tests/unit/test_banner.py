"""What the start tells to type can be typed."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from taskwell.auth.development import DevelopmentIssuer
from taskwell.config import default_data_folder
from taskwell.configuring import load_settings
from taskwell.server import banner as banner_module
from taskwell.server.banner import banner, command


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


def test_a_path_with_a_space_can_be_typed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = tmp_path / "my tasks" / ".venv"
    monkeypatch.setattr(sys, "prefix", str(environment))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    program = install(environment)
    assert shlex.split(command()) == [str(program)]


@pytest.fixture
def _no_issuer_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BETTER_AUTH_URL", "DATABASE_URL", "TASKWELL_DATA"):
        monkeypatch.delenv(name, raising=False)


def hint(data: Path) -> list[str]:
    """What to type for another token."""
    told = banner(load_settings(data=data), "http://127.0.0.1:8000")
    found = re.search("Another token: `(.+)`", told)
    assert found
    return shlex.split(found[1])


@pytest.mark.usefixtures("_no_issuer_is_set")
def test_another_token_is_made_with_the_same_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    words = hint(Path("my tasks"))
    assert words[-4:] == ["token", "USER", "--data", str(tmp_path / "my tasks")]


@pytest.mark.usefixtures("_no_issuer_is_set")
def test_the_file_that_settings_come_from_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = load_settings(data=tmp_path)
    told = banner(settings, "http://127.0.0.1:8000", file=Path(".env"))
    assert f"Settings are read from {tmp_path / '.env'}, too." in told.splitlines()
    assert "Settings" not in banner(settings, "http://127.0.0.1:8000")


@pytest.mark.usefixtures("_no_issuer_is_set")
def test_in_the_usual_folder_its_key_is_found_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(banner_module, "development_issuer", lambda _: DevelopmentIssuer(tmp_path))
    assert hint(default_data_folder())[-2:] == ["token", "USER"]
