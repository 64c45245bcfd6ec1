"""The commands beside `serve`, as somebody types them."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from base64 import urlsafe_b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import httpx2
import pytest

import taskwell
from end_to_end.service import service_environment
from end_to_end.serving import (
    COMMAND,
    Serving,
    data_folder,
    database_url,
    is_one_sentence,
    run,
    serving,
)
from second_connection import SecondConnection


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with data_folder() as path:
        yield path


@pytest.fixture(scope="module")
def service(folder: Path) -> Iterator[Serving]:
    with serving(folder) as running:
        yield running


@pytest.fixture
def empty_database(service: Serving, folder: Path, request: pytest.FixtureRequest) -> str:
    """One that knows nothing of us yet, beside the service's own."""
    own = database_url(folder)
    name = request.node.name.replace("[", "_").replace("]", "").replace(" ", "_").lower()[-60:]
    with SecondConnection(own.replace("taskwell@", "postgres@")) as database:
        database.run(f'CREATE DATABASE "{name}" OWNER taskwell')
    return own.replace("/taskwell?", f"/{name}?")


@pytest.mark.parametrize("said", ["version", "--version"])
def test_the_version_is_printed(said: str, tmp_path: Path) -> None:
    ended = run(said, folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, f"{taskwell.__version__}\n")


@pytest.mark.parametrize(
    "command",
    ["", "serve", "migrate", "token", "doctor", "backup", "restore", "new-epoch", "version"],
)
def test_help_tells_what_a_command_is_for(command: str, tmp_path: Path) -> None:
    ended = run(*command.split(), "--help", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert f"usage: taskwell {command}".rstrip() in ended.stdout
    assert command in ("", "version") or "Example" in ended.stdout


def test_a_word_that_is_no_command_is_told(tmp_path: Path) -> None:
    ended = run("start", folder=tmp_path)
    assert ended.returncode == 2
    assert "invalid choice: 'start'" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_option_that_is_none_is_told_with_those_there_are(tmp_path: Path) -> None:
    ended = run("serve", "--prot", "8080", folder=tmp_path)
    assert ended.returncode == 2
    assert "[--port PORT]" in ended.stderr
    assert ended.stderr.endswith("taskwell serve: error: unrecognized arguments: --prot 8080\n")


def print_to(output: BinaryIO, *words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """With what is printed kept until there is much of it, as Python does where nobody asks it not
    to: what could not be written is there still when it ends."""
    environment = service_environment() | {"TASKWELL_DATA": str(folder / "data")}
    environment.pop("PYTHONUNBUFFERED", None)
    return subprocess.run(
        [*COMMAND, *words],
        env=environment,
        cwd=folder,
        stdout=output,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_whoever_reads_may_have_read_enough(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as nobody:
        ended = print_to(nobody, "migrate", "--sql", folder=tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "")


@pytest.mark.parametrize("words", ["version", "--version", "--help", "token bob", "migrate --sql"])
def test_what_the_system_refuses_is_told_in_one_sentence(words: str, tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = print_to(full, *words.split(), folder=tmp_path)
    assert ended.returncode == 1
    *noted, told = ended.stderr.splitlines(keepends=True)
    assert is_one_sentence(told)
    assert [line for line in noted if not line.startswith("No service has used")] == []


@pytest.mark.parametrize(
    "words",
    [
        ("user", ""),
        ("user", "a\nb"),
        ("user", "\udcff"),
        ("key", "a b"),
        ("key", "k1", "--issued-before", "2026-01-01"),
    ],
)
def test_only_who_can_be_is_cut_off(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = run("deny", *words, folder=tmp_path)
    assert ended.returncode == 2
    assert is_one_sentence(ended.stderr)


@pytest.mark.parametrize("words", [("user", "\udcff"), ("key", "\udcff"), ("key", "")])
def test_only_who_can_be_is_let_in_again(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = run("allow", *words, folder=tmp_path)
    assert ended.returncode == 2
    assert is_one_sentence(ended.stderr)


def test_a_name_turns_no_letters_around_where_it_is_printed(service: Serving, folder: Path) -> None:
    """From right to left it would look like another one's."""
    settings = {"TASKWELL_DATA": str(folder)}
    name = "bob\u202eeve"
    for command in ("deny user NAME", "denied", "allow user NAME", "allow user NAME"):
        words = [name if word == "NAME" else word for word in command.split()]
        ended = run(*words, folder=folder, **settings)
        assert ended.returncode == 0, ended.stderr
        assert "bob\\u202eeve" in ended.stdout
        assert name not in ended.stdout


@pytest.mark.parametrize(
    "moment",
    [
        "soon",
        "2026-02-30",
        # What comes out of the calendar on the way to UTC, or to the whole second.
        "9999-12-31T23:59:59-01:00",
        "0001-01-01T00:00:00+01:00",
        "9999-12-31T23:59:59.5",
    ],
)
def test_a_moment_that_is_none_is_refused(moment: str, tmp_path: Path) -> None:
    ended = run("deny", "user", "bob", "--issued-before", moment, folder=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.endswith("must be a time such as 2026-01-31T12:00:00\n")


def claims_of(token: str) -> dict[str, object]:
    part = token.split(".")[1]
    claims: dict[str, object] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def test_a_token_is_good_for_the_running_service(service: Serving, folder: Path) -> None:
    printed = run("token", "bob", "--ttl", "60", folder=folder, TASKWELL_DATA=str(folder))
    assert (printed.returncode, printed.stderr) == (0, "")
    token = printed.stdout.strip()
    claims = claims_of(token)
    assert claims["sub"] == "bob"
    assert int(str(claims["exp"])) - int(str(claims["iat"])) == 60
    answer = httpx2.get(
        service.url + "/tasks", headers={"authorization": f"Bearer {token}"}, timeout=60
    )
    assert answer.status_code == 200


def test_a_token_needs_no_running_service(tmp_path: Path) -> None:
    assert run("token", "bob", folder=tmp_path).returncode == 0
    key = tmp_path / "data" / "issuer.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_token_may_be_made_before_the_first_start(tmp_path: Path) -> None:
    with data_folder() as folder:
        # As somebody may have made it for us.
        folder.chmod(0o755)
        settings = {"TASKWELL_DATA": str(folder)}
        assert run("token", "bob", folder=tmp_path, **settings).returncode == 0
        assert run("serve", "--check", folder=tmp_path, **settings).returncode == 0
        migrated = run("migrate", folder=tmp_path, **settings)
        assert migrated.returncode == 0, migrated.stderr
    assert run("token", "bob", folder=tmp_path).returncode == 0
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700


def test_a_token_of_a_folder_that_no_service_has_used_is_told(
    service: Serving, folder: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        ended = run("token", "bob", folder=tmp_path)
        assert ended.returncode == 0
        assert is_one_sentence(ended.stderr)
        assert f"No service has used {tmp_path / 'data'} yet" in ended.stderr
    elsewhere = {"DATABASE_URL": database_url(folder), "TASKWELL_DATA": str(tmp_path / "other")}
    assert run("token", "bob", folder=tmp_path, **elsewhere).stderr != ""
    assert run("token", "bob", folder=tmp_path, **elsewhere).stderr == ""


OF_A_DATABASE = ["denied", "deny user bob", "allow user bob", "purge", "new-epoch --yes"]


@pytest.mark.parametrize("words", [*OF_A_DATABASE, "migrate --check", "backup ."])
def test_what_needs_a_database_makes_none(words: str, tmp_path: Path) -> None:
    ended = run(*words.split(), folder=tmp_path)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert is_one_sentence(ended.stderr)
    assert ended.stderr.startswith(f"There is no database in {tmp_path / 'data'}: ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("words", OF_A_DATABASE)
def test_a_database_without_a_schema_asks_for_a_migration(
    words: str, empty_database: str, tmp_path: Path
) -> None:
    ended = run(*words.split(), folder=tmp_path, DATABASE_URL=empty_database)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert is_one_sentence(ended.stderr)
    assert "run `taskwell migrate`" in ended.stderr


@pytest.mark.parametrize("user", ["", "a\nb", "a" * 256])
def test_a_token_is_for_a_user_that_can_be(user: str, tmp_path: Path) -> None:
    ended = run("token", user, folder=tmp_path)
    assert ended.returncode == 2
    assert is_one_sentence(ended.stderr)


@pytest.mark.parametrize(
    "issuer",
    [
        {"BETTER_AUTH_URL": "https://app.example.com"},
        {"TASKWELL_AUTH_SECRET": "s" * 32, "TASKWELL_AUTH_ISSUER": "https://app.example.com"},
    ],
)
def test_with_a_real_issuer_no_token_is_made(issuer: dict[str, str], tmp_path: Path) -> None:
    ended = run("token", "bob", folder=tmp_path, **issuer)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert is_one_sentence(ended.stderr)
    assert "https://app.example.com" in ended.stderr


def test_a_migration_is_applied_once(empty_database: str, tmp_path: Path) -> None:
    configured = {"DATABASE_URL": empty_database}
    behind = run("migrate", "--check", folder=tmp_path, **configured)
    assert behind.returncode == 1
    assert "The schema is at nothing" in behind.stdout
    assert behind.stdout.endswith(": run `taskwell migrate`.\n")
    first = run("migrate", folder=tmp_path, **configured)
    assert first.returncode == 0, first.stderr
    assert first.stdout.startswith("Applied 0001 ")
    second = run("migrate", folder=tmp_path, **configured)
    assert (second.returncode, second.stdout) == (0, "Nothing to do: the schema is up to date.\n")
    assert run("migrate", "--check", folder=tmp_path, **configured).returncode == 0


def test_a_role_without_rights_is_told_what_is_missing(
    service: Serving, folder: Path, empty_database: str, tmp_path: Path
) -> None:
    as_guest = {"DATABASE_URL": empty_database.replace("taskwell@", "guest@")}
    with SecondConnection(database_url(folder).replace("taskwell@", "postgres@")) as database:
        database.run("CREATE ROLE guest LOGIN")
    ended = run("migrate", folder=tmp_path, **as_guest)
    assert ended.returncode == 1
    assert is_one_sentence(ended.stderr)
    assert "permission denied for schema public" in ended.stderr
    assert run("migrate", folder=tmp_path, DATABASE_URL=empty_database).returncode == 0
    for command in ("migrate --check", "doctor"):
        ended = run(*command.split(), folder=tmp_path, **as_guest)
        assert ended.returncode == 1
        assert "may not look at the schema (permission denied" in ended.stdout + ended.stderr
        assert "migration" not in ended.stdout + ended.stderr


def test_the_direct_connection_is_used_to_migrate(empty_database: str, tmp_path: Path) -> None:
    nowhere = "postgresql://localhost:1/nowhere"
    ended = run(
        "migrate", folder=tmp_path, DATABASE_URL=nowhere, DATABASE_URL_UNPOOLED=empty_database
    )
    assert ended.returncode == 0, ended.stderr


def test_two_migrations_at_once_apply_it_once(empty_database: str, tmp_path: Path) -> None:
    with ThreadPoolExecutor() as threads:
        both = [
            threads.submit(run, "migrate", folder=tmp_path, DATABASE_URL=empty_database)
            for _ in range(2)
        ]
    said = sorted(one.result().stdout.splitlines()[0] for one in both)
    assert [one.result().returncode for one in both] == [0, 0]
    assert said[0].startswith("Applied 0001 ")
    assert said[1] == "Nothing to do: the schema is up to date."


def test_the_sql_makes_the_same_schema(empty_database: str, tmp_path: Path) -> None:
    printed = run("migrate", "--sql", folder=tmp_path)
    assert printed.returncode == 0, printed.stderr
    with SecondConnection(empty_database) as database:
        database.run(printed.stdout)
    ended = run("migrate", folder=tmp_path, DATABASE_URL=empty_database)
    assert ended.stdout == "Nothing to do: the schema is up to date.\n"


def test_the_private_database_is_migrated_without_a_service() -> None:
    with data_folder() as folder:
        settings = {"TASKWELL_DATA": str(folder)}
        assert run("migrate", folder=folder, **settings).stdout.startswith("Applied 0001 ")
        assert run("migrate", "--check", folder=folder, **settings).returncode == 0


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_UNPOOLED"])
@pytest.mark.parametrize("command", ["serve --check", "migrate"])
def test_a_parameter_that_nobody_knows_stops_the_start(
    command: str, name: str, tmp_path: Path
) -> None:
    settings = {"DATABASE_URL": "postgresql://localhost:1/app"}
    settings[name] = "postgresql://localhost:1/app?pgbouncer=true"
    ended = run(*command.split(), folder=tmp_path, **settings)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert is_one_sentence(ended.stderr)
    assert "'pgbouncer'" in ended.stderr


def test_a_database_out_of_reach_is_told_in_one_sentence(tmp_path: Path) -> None:
    secret = "postgresql://ada:secret@localhost:1/nowhere"
    ended = run("migrate", folder=tmp_path, DATABASE_URL=secret)
    assert ended.returncode == 1
    assert is_one_sentence(ended.stderr)
    assert "secret" not in ended.stderr
