"""A client that is not ours: RxDB, replicating with a real Taskwell, in Node."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from end_to_end.issuer import bare_environment
from end_to_end.node_packages import node, staged
from end_to_end.serving import data_folder, run, serving

EXAMPLE = Path(__file__).parents[3] / "examples" / "rxdb"
SECONDS_TO_CONVERGE = 150
# One of the stories fills an account.
FEW_TASKS = {"TASKWELL_MAX_TASKS": "12"}


def play(story: str, example: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), story],
        cwd=example,
        env=bare_environment() | settings,
        capture_output=True,
        text=True,
        timeout=SECONDS_TO_CONVERGE,
        check=False,
    )


@pytest.mark.parametrize("story", ["converge.js", "survive.js"])
def test_databases_of_rxdb(tmp_path: Path, story: str) -> None:
    example = staged(EXAMPLE, tmp_path)
    with data_folder() as folder, serving(folder, **FEW_TASKS) as service:
        other = run("token", "somebody-else", folder=folder, TASKWELL_DATA=str(folder))
        token = service.http.headers["authorization"].removeprefix("Bearer ")
        done = play(
            story,
            example,
            TASKWELL_URL=service.url,
            TASKWELL_TOKEN=token,
            TASKWELL_OTHER_TOKEN=other.stdout.strip(),
            **FEW_TASKS,
        )
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_its_settings_it_says_which_is_missing(tmp_path: Path) -> None:
    example = staged(EXAMPLE, tmp_path)
    ended = play("converge.js", example, TASKWELL_URL="http://127.0.0.1:1", TASKWELL_TOKEN="x")
    assert ended.returncode == 1
    assert ended.stderr.startswith("TASKWELL_OTHER_TOKEN is not set")


def test_with_a_refused_token_it_ends(tmp_path: Path) -> None:
    example = staged(EXAMPLE, tmp_path)
    with data_folder() as folder, serving(folder) as service:
        ended = play(
            "converge.js",
            example,
            TASKWELL_URL=service.url,
            TASKWELL_TOKEN="x.y.z",
            TASKWELL_OTHER_TOKEN="x.y.z",
        )
    assert ended.returncode == 1
    assert "refuses a token (401)" in ended.stderr


def test_the_lock_file_names_no_registry() -> None:
    assert '"resolved"' not in (EXAMPLE / "package-lock.json").read_text()
