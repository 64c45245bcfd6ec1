"""Schemathesis asks every operation what its description allows, and what it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from api_user import ApiUser
from contract.running import Running

SEED = 20261121
SECONDS = 240

# Erasing the account is the last thing one does.
ERASE = "erase_account"

CONFIGURATION = """
seed = {seed}
color = false
max-stream-events = 1
hooks = "schemathesis_hooks"

[headers]
Authorization = "Bearer {token}"

[parameters]
"path.user_id" = "{user_id}"

[generation]
max-examples = {examples}
deterministic = true

[phases.stateful]
enabled = false

[checks.missing_required_header]
# The configured token is always sent.
enabled = false

[checks.negative_data_rejection]
# What is too long may be too long for its target.
expected-statuses = ["400", "401", "404", "405", "409", "412", "413", "414", "415", "422"]

[checks.positive_data_acceptance]
# A well-formed tag may be a stale one.
expected-statuses = ["2xx", "3xx", "404", "409", "412"]
"""


def operations(names: list[str], checks: str) -> str:
    return f"\n[[operations]]\ninclude-operation-id = {names}\n{checks}"


def expecting(names: list[str], statuses: str) -> str:
    return operations(names, f"checks.positive_data_acceptance.expected-statuses = {statuses}\n")


def both(name: str) -> list[str]:
    return [name, f"{name}_of_user"]


EXCEPTIONS = "".join(
    [
        # Cursors are opaque: no schema tells them.
        expecting(both("list_tasks"), '["2xx", "3xx", "404", "400"]'),
        # The neighbour must be a task of one's own.
        expecting(both("move_task"), '["2xx", "404", "409", "412", "422"]'),
        expecting(["pull_changes"], '["2xx", "400", "410"]'),
        # The id must be the path's.
        expecting(both("replace_task"), '["2xx", "404", "409", "412", "422"]'),
        # No schema says: both or neither.
        expecting(["import_account"], '["2xx", "409", "422"]'),
        # Cursors again; each operation is judged alone.
        operations(
            ["exchange_changes"],
            'checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "410"]\n'
            "checks.negative_data_rejection.enabled = false\n",
        ),
    ]
)


def run(server: Running, user: ApiUser, folder: Path, *choice: str, examples: int) -> None:
    (folder / "schemathesis.toml").write_text(configured(user, examples))
    program = Path(sys.executable).with_name("schemathesis")
    url = f"{server.url}/openapi.json"
    done = subprocess.run(
        [program, "run", url, *choice],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    if done.returncode:
        pytest.fail(f"{done.stdout}\n{done.stderr}", pytrace=False)


def test_schemathesis_finds_nothing(server: Running, alice: ApiUser, tmp_path: Path) -> None:
    alice.create()
    choice = ("--exclude-operation-id", ERASE)
    run(server, alice, tmp_path, *choice, examples=10)


def test_schemathesis_erases_and_finds_nothing(
    server: Running, bob: ApiUser, tmp_path: Path
) -> None:
    bob.create()
    choice = ("--include-operation-id", ERASE)
    run(server, bob, tmp_path, *choice, examples=3)


def configured(user: ApiUser, examples: int) -> str:
    return (
        CONFIGURATION.format(
            seed=SEED,
            token=user.token,
            user_id=user.user_id,
            examples=examples,
        )
        + EXCEPTIONS
    )
