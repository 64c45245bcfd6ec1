"""What PostgreSQL and the number of workers count on: no more than the service may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from taskwell.machine import usable_memory, usable_processors

MEBIBYTE = 1024 * 1024
MACHINE = usable_memory(Path("/nowhere"), Path("/nowhere"))
PROCESSORS = usable_processors(Path("/nowhere"), Path("/nowhere"))
SMALL, SMALLER = 16 * MEBIBYTE, 8 * MEBIBYTE


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        pytest.param("0::/", {}, MACHINE, id="no limit"),
        pytest.param("0::/", {".": "max"}, MACHINE, id="an open one"),
        pytest.param("0::/", {".": f"{1024 * MACHINE}"}, MACHINE, id="more than there is"),
        pytest.param("0::/", {".": f"{SMALL}"}, SMALL, id="a container"),
        pytest.param(
            "0::/system.slice/taskwell.service",
            {"system.slice": "max", "system.slice/taskwell.service": f"{SMALL}"},
            SMALL,
            id="a unit",
        ),
        pytest.param(
            "0::/system.slice/taskwell.service",
            {"system.slice": f"{SMALLER}", "system.slice/taskwell.service": f"{SMALL}"},
            SMALLER,
            id="a slice around it",
        ),
        pytest.param("0::/docker/abc", {".": f"{SMALL}"}, SMALL, id="named from outside"),
        pytest.param("4:memory:/a\n0::/", {".": f"{SMALL}"}, SMALL, id="both kinds of groups"),
    ],
)
def test_limits_count(tmp_path: Path, own: str, limits: dict[str, str], expected: int) -> None:
    groups = told(tmp_path, own, "memory.max", limits)
    assert usable_memory(tmp_path / "own", groups) == expected


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        pytest.param("0::/", {}, PROCESSORS, id="no limit"),
        pytest.param("0::/", {".": "max 100000"}, PROCESSORS, id="an open one"),
        pytest.param("0::/", {".": "9900000 100000"}, PROCESSORS, id="more than there are"),
        pytest.param("0::/", {".": "100000 100000"}, 1, id="one"),
        pytest.param("0::/", {".": "20000 100000"}, 1, id="a part of one"),
        pytest.param("0::/", {".": "110000 100000"}, min(2, PROCESSORS), id="more than one"),
        pytest.param("0::/", {".": ""}, PROCESSORS, id="nothing"),
        pytest.param("0::/a/b", {"a": "50000 100000", "a/b": "max 100000"}, 1, id="around it"),
    ],
)
def test_a_quota_of_processors_counts(
    tmp_path: Path, own: str, limits: dict[str, str], expected: int
) -> None:
    groups = told(tmp_path, own, "cpu.max", limits)
    assert usable_processors(tmp_path / "own", groups) == expected


def told(folder: Path, own: str, file: str, limits: dict[str, str]) -> Path:
    groups = folder / "groups"
    groups.mkdir()
    for name, limit in limits.items():
        group = groups / name
        group.mkdir(parents=True, exist_ok=True)
        (group / file).write_text(f"{limit}\n")
    (folder / "own").write_text(f"{own}\n")
    return groups


@pytest.mark.parametrize(("platform", "cores"), [("linux", None), ("darwin", 8), ("darwin", None)])
def test_each_system_tells_of_its_processors(
    monkeypatch: pytest.MonkeyPatch, platform: str, cores: int | None
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    on_linux = len(os.sched_getaffinity(0)) if platform == "linux" else None
    assert usable_processors(Path("/nowhere"), Path("/nowhere")) == (on_linux or cores or 1)
