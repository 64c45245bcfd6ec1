"""The way from nothing to this version's schema, and what stands in that way."""

from __future__ import annotations

import asyncio
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from taskwell.database.binaries import account_for, find_binaries
from taskwell.database.cluster import CLUSTER, SUPERUSER
from taskwell.database.folder import DataFolder
from taskwell.errors import SchemaMismatch
from taskwell.migrations import runner
from taskwell.migrations.head import HEAD, is_current
from taskwell.models.tables import Record

# All that a table is: columns, constraints, indexes, each by its name, and how it is stored.
SCHEMA = """
    SELECT 'column ' || relname || '.' || attname AS name,
        concat_ws(' ', format_type(atttypid, atttypmod), attnotnull,
            CASE WHEN attcollation <> 0 THEN attcollation::regcollation END,
            pg_get_expr(adbin, adrelid)) AS what
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND attnum > 0
        AND NOT attisdropped
    UNION ALL
    SELECT 'constraint ' || conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'relation ' || relname, concat_ws(' ', relkind, reloptions::text,
        CASE WHEN relkind = 'i' THEN pg_get_indexdef(oid) END)
    FROM pg_class WHERE relnamespace = 'public'::regnamespace
"""

NEXT_VERSION = """\
'what comes next'
revision = "next"
down_revision = "{head}"

from alembic import op

def upgrade():
    op.execute("CREATE TABLE later (id int)")
    op.execute("ALTER TABLE task ADD COLUMN later int")
"""

# The migrators that wait, for each other or for somebody's work.
WAITING = """
    SELECT count(*) FROM pg_locks
    JOIN pg_database ON pg_database.oid = database
    WHERE datname = current_database() AND NOT granted
"""


def elsewhere(url: str, database: str, user: str | None = None) -> str:
    parts = urlsplit(url)
    place = parts.netloc if user is None else f"{user}@"
    return urlunsplit(parts._replace(netloc=place, path=f"/{database}"))


def ask(url: str, statement: str) -> list[Any]:
    async def fetch() -> list[Any]:
        connection = await asyncpg.connect(url)
        try:
            rows: list[Any] = await connection.fetch(statement)
            return rows
        finally:
            await connection.close()

    return asyncio.run(fetch())


def schema(url: str) -> dict[str, str]:
    rows = ask(url, SCHEMA)
    found = {row["name"]: row["what"] for row in rows}
    assert len(found) == len(rows)
    return {name: what for name, what in found.items() if "alembic_version" not in name}


@pytest.fixture
def new_database(database_url: str) -> Iterator[str]:
    """An empty database beside the one of the other tests."""
    name = f"migrations_{secrets.token_hex(8)}"
    owner = urlsplit(database_url).username
    everywhere = elsewhere(database_url, "postgres", SUPERUSER)
    ask(everywhere, f"CREATE DATABASE {name} OWNER {owner}")
    yield elsewhere(database_url, name)
    ask(everywhere, f"DROP DATABASE {name}")


def test_the_head_that_serving_asks_for_is_the_head_of_the_scripts() -> None:
    assert ScriptDirectory.from_config(runner._config()).get_heads() == [HEAD]


def test_a_database_without_a_schema_is_behind(new_database: str) -> None:
    state = runner.state(new_database)
    assert (state.current, state.is_known, state.behind) == (None, True, True)


def test_an_upgrade_tells_what_it_applied_and_the_next_finds_nothing_to_do(
    new_database: str,
) -> None:
    applied = runner.upgrade(new_database)
    assert applied[0] == "0001 accounts and tasks"
    assert applied[-1].startswith(f"{HEAD} ")
    state = runner.state(new_database)
    assert (state.current, state.is_known, state.behind) == (HEAD, True, False)
    assert runner.upgrade(new_database) == []


def test_the_migrations_lead_to_the_models(new_database: str) -> None:
    runner.upgrade(new_database)

    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Record.metadata))

    assert asyncio.run(runner._run(new_database, differences)) == []


def test_constraints_and_indexes_too_are_those_of_the_models(
    database_url: str, new_database: str
) -> None:
    asyncio.run(runner._run(new_database, Record.metadata.create_all))
    made_from_models = schema(new_database)
    assert "constraint task_completed_check" in made_from_models
    assert schema(database_url) == made_from_models


def test_the_migrations_as_sql_lead_to_the_same_schema(
    database_url: str, new_database: str, data_folder: Path
) -> None:
    account = account_for(data_folder / CLUSTER)
    psql = find_binaries(DataFolder(data_folder), account, None).program("psql")
    command = [psql, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", new_database]
    subprocess.run(
        command, input=runner.upgrade_sql(), text=True, check=True, capture_output=True, timeout=60
    )
    assert schema(new_database) == schema(database_url)
    assert runner.state(new_database).current == HEAD
    assert runner.upgrade(new_database) == []


OF_TOMORROW = "UPDATE alembic_version SET version_num = 'of tomorrow'"
FOR_TOMORROW = "UPDATE compatibility SET oldest = 'of tomorrow'"


def test_whether_there_is_anything_to_do_can_be_told_without_alembic(new_database: str) -> None:
    assert not is_current(new_database)
    runner.upgrade(new_database)
    assert is_current(new_database)
    ask(new_database, "UPDATE alembic_version SET version_num = '0003'")
    assert not is_current(new_database)


def test_nobody_can_tell_of_a_database_that_is_not_there() -> None:
    assert not is_current("postgresql://127.0.0.1:1/nowhere")


def test_a_newer_schema_that_may_be_served_needs_nothing(new_database: str) -> None:
    runner.upgrade(new_database)
    ask(new_database, OF_TOMORROW)
    state = runner.state(new_database)
    assert (state.current, state.is_known, state.too_new) == ("of tomorrow", False, False)
    assert runner.upgrade(new_database) == []


def test_a_schema_from_before_there_was_a_word_on_it(new_database: str) -> None:
    runner.upgrade(new_database)
    ask(new_database, OF_TOMORROW)
    ask(new_database, "DROP TABLE compatibility")
    state = runner.state(new_database)
    assert (state.oldest, state.too_new) == (None, True)


def test_revisions_are_numbers_in_their_order() -> None:
    """What may serve what is found by comparing them."""
    scripts = list(ScriptDirectory.from_config(runner._config()).walk_revisions())
    names = [script.revision for script in reversed(scripts)]
    assert names == [f"{number:04}" for number in range(1, len(names) + 1)]


def test_a_newer_schema_is_left_alone(new_database: str) -> None:
    runner.upgrade(new_database)
    before = schema(new_database)
    ask(new_database, OF_TOMORROW)
    ask(new_database, FOR_TOMORROW)
    state = runner.state(new_database)
    assert (state.current, state.is_known, state.behind) == ("of tomorrow", False, False)
    with pytest.raises(SchemaMismatch, match="run a newer version of Taskwell"):
        runner.upgrade(new_database)
    assert schema(new_database) == before
    assert runner.state(new_database) == state


def test_of_two_migrators_one_applies_and_the_other_finds_nothing_to_do(
    new_database: str,
) -> None:
    async def race(threads: ThreadPoolExecutor) -> list[list[str]]:
        connection = await asyncpg.connect(new_database)
        try:
            # Both are held at the door until both are there.
            async with connection.transaction():
                await connection.execute(f"SELECT pg_advisory_xact_lock({runner._ADVISORY_LOCK})")
                migrators = [threads.submit(runner.upgrade, new_database) for _ in range(2)]
                await _until_waiting(connection, migrators)
        finally:
            await connection.close()
        return [await asyncio.wrap_future(migrator) for migrator in migrators]

    with ThreadPoolExecutor(2) as threads:
        first, second = sorted(asyncio.run(race(threads)), key=len)
    assert first == []
    assert second[-1].startswith(f"{HEAD} ")
    assert runner.state(new_database).current == HEAD


def test_a_migration_gives_way_to_long_work_and_does_not_stall_the_service(
    new_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runner.upgrade(new_database)
    before = schema(new_database)
    _prepare_next_version(tmp_path, monkeypatch)

    async def meet(threads: ThreadPoolExecutor) -> None:
        worker = await asyncpg.connect(new_database)
        serving = await asyncpg.connect(new_database)
        try:
            async with worker.transaction():
                await worker.fetch("SELECT * FROM task")
                migrator = threads.submit(runner.upgrade, new_database)
                await _until_waiting(serving, [migrator])
                # Queues behind the migration, and comes through though the long work goes on.
                async with asyncio.timeout(60):
                    assert await serving.fetchval("SELECT count(*) FROM task") == 0
                with pytest.raises(SchemaMismatch, match=r"nothing was changed; run taskwell"):
                    await asyncio.wrap_future(migrator)
        finally:
            await worker.close()
            await serving.close()

    with ThreadPoolExecutor(1) as threads:
        asyncio.run(meet(threads))
    assert schema(new_database) == before
    assert runner.state(new_database).current == HEAD
    assert runner.upgrade(new_database) == ["next what comes next"]
    assert "column task.later" in schema(new_database)


def _prepare_next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A version after this one, with a change that needs the table to itself."""
    scripts = tmp_path / "migrations"
    shutil.copytree(runner._SCRIPTS, scripts, ignore=shutil.ignore_patterns("__pycache__"))
    (scripts / "versions" / "next.py").write_text(NEXT_VERSION.format(head=HEAD))
    monkeypatch.setattr(runner, "_SCRIPTS", scripts)
    monkeypatch.setattr(runner, "HEAD", "next")
    monkeypatch.setattr(runner, "_LOCK_TIMEOUT", "1s")


async def _until_waiting(connection: Any, migrators: list[Future[list[str]]]) -> None:
    async with asyncio.timeout(60):
        while await connection.fetchval(WAITING) < len(migrators):
            ended = [migrator for migrator in migrators if migrator.done()]
            assert not ended, ended[0].result()
            await asyncio.sleep(0.01)
