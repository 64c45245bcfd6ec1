"""How much memory PostgreSQL is told to count on: no more than the service may use."""

from __future__ import annotations

from pathlib import Path

import pytest

from taskwell.database.cluster import MEBIBYTE, usable_memory

MACHINE = usable_memory(Path("/nowhere"), Path("/nowhere"))
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
    groups = tmp_path / "groups"
    groups.mkdir()
    for name, limit in limits.items():
        folder = groups / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "memory.max").write_text(f"{limit}\n")
    (tmp_path / "own").write_text(f"{own}\n")
    assert usable_memory(tmp_path / "own", groups) == expected
