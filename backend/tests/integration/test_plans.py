"""Every statement of the catalogue finds its rows by an index, however it is planned."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from taskwell.database.statement import Statement
from taskwell.queries.everything import statements
from taskwell.statements.listing import SortKey, shapes

# Enough for indexes to pay, as they do on any database that has been used for a while.
ACCOUNTS = 3000
USERS = 100
TASKS = 100

# Read by their user, and so never from end to end. The others hold a row or none.
LARGE = {"account", "task"}
# Visits hundreds of accounts at once: of a few thousand, reading all is the quicker way. And what
# is about all of them.
MAY_SCAN = {("PURGE_TASKS", "account"), ("NEW_EPOCHS", "account")}

FILL = f"""
    INSERT INTO account (user_id, epoch, rev, live, last_order)
    SELECT $1 || who, 'epoch', {TASKS}, {TASKS}, 1024 * {TASKS}
    FROM generate_series(1, {ACCOUNTS}) AS who
"""
FILL_TASKS = f"""
    INSERT INTO task (user_id, id, text, folded, completed, "order", created_at, updated_at,
        completed_at, rev, text_rev, completed_rev, order_rev, fingerprint)
    SELECT $1 || who, gen_random_uuid(), 'Task ' || rev, 'task ' || rev, rev % 3 = 0, 1024 * rev,
        now(), now(), CASE WHEN rev % 3 = 0 THEN now() END, rev, rev, rev, rev, ''
    FROM generate_series(1, {USERS}) AS who, generate_series(1, {TASKS}) AS rev
"""

# One value of each type will do: a plan depends on what the user has, not on what is asked for.
_VALUES = {
    "bigint": "1024",
    "boolean": "true",
    "bytea": "''",
    "character varying": "'[]'",
    "integer": "50",
    "smallint": "200",
    "text": "'[]'",
    "text[]": "'{a.1}'",
    "timestamp with time zone": "now()",
    "uuid": "'01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f'",
    "uuid[]": "'{01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f}'",
}

USUAL_LISTS = [
    shape.name
    for shape in shapes()
    if shape.sort is SortKey.ORDER and not shape.counts and not shape.searches
]

_PARAMETER_TYPES = (
    "SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'planned'"
)


@pytest.fixture(scope="module")
def a_user(database_url: str) -> str:
    """One of many, on a database that knows how many there are."""
    prefix = f"plan-{secrets.token_hex(8)}-"

    async def fill() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            await connection.execute(FILL, prefix)
            await connection.execute(FILL_TASKS, prefix)
            await connection.execute("ANALYZE account, task")
        finally:
            await connection.close()

    asyncio.run(fill())
    return f"{prefix}1"


@pytest.mark.parametrize("mode", ["force_custom_plan", "force_generic_plan"])
def test_no_statement_reads_a_table_from_end_to_end(
    database_url: str, a_user: str, mode: str
) -> None:
    async def plan_all() -> tuple[int, list[str]]:
        connection = await asyncpg.connect(database_url, statement_cache_size=0)
        try:
            await connection.execute(f"SET plan_cache_mode = {mode}")
            plans = [
                (statement.name, await _plan(connection, statement, a_user))
                for statement in statements()
            ]
        finally:
            await connection.close()
        scans = [
            f"{name}: {node['Node Type']} on {node['Relation Name']}"
            for name, plan in plans
            for node in _nodes(plan)
            if node["Node Type"] == "Seq Scan"
            and node["Relation Name"] in LARGE
            and (name, node["Relation Name"]) not in MAY_SCAN
        ]
        return len(plans), scans

    count, scans = asyncio.run(plan_all())
    assert count > 70
    assert scans == []


PLANNED = "SELECT generic_plans FROM pg_prepared_statements WHERE name = 'planned'"


@pytest.mark.parametrize("name", ["GET_TASK", "CHANGES", *USUAL_LISTS])
def test_a_statement_is_not_planned_anew_each_time(
    database_url: str, a_user: str, name: str
) -> None:
    """Planning costs more than running it, and PostgreSQL does not always find that out by itself:
    not where users have many tasks."""
    (statement,) = (each for each in statements() if each.name == name)

    async def run() -> int:
        connection = await asyncpg.connect(database_url, statement_cache_size=0)
        try:
            await connection.execute(f"PREPARE planned AS {statement.sql}")
            call = await _call(connection, statement, a_user)
            for _ in range(20):
                await connection.execute(f"EXECUTE {call}")
            return int(await connection.fetchval(PLANNED))
        finally:
            await connection.close()

    assert asyncio.run(run()) == 20


def test_a_scan_from_end_to_end_would_be_found(database_url: str, a_user: str) -> None:
    async def plan() -> dict[str, Any]:
        connection = await asyncpg.connect(database_url, statement_cache_size=0)
        try:
            statement = Statement(
                "ALL", "SELECT id FROM task WHERE $1::TEXT <> ''", ("user_id",), True
            )
            return await _plan(connection, statement, a_user)
        finally:
            await connection.close()

    nodes = [(node["Node Type"], node.get("Relation Name")) for node in _nodes(asyncio.run(plan()))]
    assert ("Seq Scan", "task") in nodes


async def _plan(
    connection: Any,
    statement: Statement,
    user_id: str,
) -> dict[str, Any]:
    """Planned as it is in service: prepared, with its parameters."""
    await connection.execute(f"PREPARE planned AS {statement.sql}")
    try:
        call = await _call(connection, statement, user_id)
        document = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE {call}")
    finally:
        await connection.execute("DEALLOCATE planned")
    plan: dict[str, Any] = json.loads(document)[0]["Plan"]
    return plan


async def _call(connection: Any, statement: Statement, user_id: str) -> str:
    types = await connection.fetchval(_PARAMETER_TYPES)
    arguments = [
        f"'{user_id}'" if name == "user_id" else _VALUES[of_type]
        for name, of_type in zip(statement.parameters, types, strict=True)
    ]
    return f"planned ({', '.join(arguments)})" if arguments else "planned"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
