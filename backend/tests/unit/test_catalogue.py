"""Every statement sees the rows of one user only.

PostgreSQL itself is asked what a statement does: in its plan, each scan of a table with users in it
must be narrowed down to the user that is the statement's parameter, and each insert must write that
user's rows.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from taskwell.database.statement import Statement
from taskwell.database.url import target
from taskwell.models.tables import Record
from taskwell.queries.everything import statements
from taskwell.statements import catalogue, compiled, listing, upkeep

Plan = dict[str, Any]


OF_NOBODY = {name for name, value in vars(upkeep).items() if isinstance(value, Statement)}
CATALOGUE = {each.name: each for each in statements() if each.name not in OF_NOBODY}
OWNED_TABLES = {name for name, table in Record.metadata.tables.items() if "user_id" in table.c}


@pytest.fixture(scope="module")
def plans(database_url: str) -> dict[str, Plan]:
    """Each statement prepared by the real database, and what it means to do."""
    return asyncio.run(_explain_all(database_url))


async def _explain_all(url: str) -> dict[str, Plan]:
    where = target(url)
    connection = await asyncpg.connect(where.dsn, statement_cache_size=0, **where.options)
    try:
        # Plans for any value of the parameters, which stay visible in them.
        await connection.execute("SET plan_cache_mode = force_generic_plan")
        return {
            name: await _explain(connection, statement) for name, statement in CATALOGUE.items()
        }
    finally:
        await connection.close()


async def _explain(connection: Any, statement: Statement) -> Plan:
    await connection.execute(f"PREPARE looked_at AS {statement.sql}")
    values = ", ".join("NULL" for _ in statement.parameters)
    text = await connection.fetchval(f"EXPLAIN (VERBOSE, FORMAT JSON) EXECUTE looked_at({values})")
    await connection.execute("DEALLOCATE looked_at")
    (explained,) = json.loads(text)
    plan: Plan = explained["Plan"]
    return plan


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)


def _conjuncts(condition: str) -> Iterator[str]:
    """PostgreSQL puts every operand in parentheses: ((a) AND ((b) OR (c)))."""
    inner = condition[1:-1]
    depth, begin, parts = 0, 0, []
    for place, character in enumerate(inner):
        depth += (character == "(") - (character == ")")
        assert depth >= 0, condition
        if depth == 0 and inner.startswith(" AND ", place):
            parts.append(inner[begin:place])
            begin = place + len(" AND ")
    if not parts:
        yield condition
        return
    for part in (*parts, inner[begin:]):
        yield from _conjuncts(part)


def _is_the_user(expression: str, statement: Statement) -> bool:
    number = statement.parameters.index("user_id") + 1
    return re.fullmatch(rf"\(?\${number}\)?(::[a-z ]+)?", expression) is not None


def _binds(condition: str, alias: str, statement: Statement) -> bool:
    return any(
        _is_the_user(match[1], statement)
        for conjunct in _conjuncts(condition)
        if (match := re.fullmatch(rf"\({re.escape(alias)}\.user_id = (.+)\)", conjunct))
    )


def _scan_is_bound(node: Plan, statement: Statement) -> bool:
    conditions = (node.get(kind) for kind in ("Index Cond", "Recheck Cond", "Filter"))
    return any(_binds(condition, node["Alias"], statement) for condition in conditions if condition)


def _insert_is_bound(node: Plan, plan: Plan, statement: Statement) -> bool:
    """The user of the new row is the parameter, or what a CTE gives that is bound to it."""
    table = Record.metadata.tables[node["Relation Name"]]
    (source,) = (child for child in node["Plans"] if child["Parent Relationship"] == "Outer")
    written = source["Output"][list(table.c).index(table.c.user_id)]
    if _is_the_user(written, statement):
        return True
    if "CTE Name" not in source or written != f"{source['Alias']}.user_id":
        return False
    (origin,) = (
        other for other in _nodes(plan) if other.get("Subplan Name") == f"CTE {source['CTE Name']}"
    )
    owned = [other for other in _nodes(origin) if other.get("Relation Name") in OWNED_TABLES]
    return bool(owned) and all(_is_bound(other, plan, statement) for other in owned)


def _is_bound(node: Plan, plan: Plan, statement: Statement) -> bool:
    if node["Node Type"] != "ModifyTable":
        return _scan_is_bound(node, statement)
    # An update or a delete writes what the scan below it found.
    return node["Operation"] != "Insert" or _insert_is_bound(node, plan, statement)


def unbound(plan: Plan, statement: Statement) -> list[str]:
    return [
        f"{node['Node Type']} {node.get('Operation', '')} of {node['Relation Name']}"
        for node in _nodes(plan)
        if node.get("Relation Name") in OWNED_TABLES and not _is_bound(node, plan, statement)
    ]


def test_the_catalogue_is_found() -> None:
    first = next(listing.shapes()).name
    assert {"GET_TASK", "CREATE_TASK", "CLEAR_COMPLETED", first} <= CATALOGUE.keys()
    assert {"account", "task"} <= OWNED_TABLES


def test_what_the_service_runs_is_what_is_written() -> None:
    """After a change of a statement: `python -m taskwell.queries`."""
    assert compiled.FILE.read_text() == compiled.as_text(list(statements()))


def test_the_service_knows_each_statement_once() -> None:
    named = [
        value.name
        for place in (catalogue, upkeep)
        for value in vars(place).values()
        if isinstance(value, Statement)
    ]
    named += [listing.list_tasks(shape).name for shape in listing.shapes()]
    assert sorted(named) == sorted(each.name for each in statements())


def test_every_statement_takes_the_user() -> None:
    assert [name for name, each in CATALOGUE.items() if "user_id" not in each.parameters] == []


def test_every_statement_sees_the_rows_of_that_user_only(plans: dict[str, Plan]) -> None:
    assert {
        name: found for name, plan in plans.items() if (found := unbound(plan, CATALOGUE[name]))
    } == {}


def test_every_statement_touches_a_table_that_is_looked_at(plans: dict[str, Plan]) -> None:
    """Else a statement on a table that nobody knows of would pass unseen."""
    for name, plan in plans.items():
        tables = {node["Relation Name"] for node in _nodes(plan) if "Relation Name" in node}
        assert tables, name
        assert tables <= OWNED_TABLES, name


def test_columns_are_named() -> None:
    """An asterisk would change its meaning, and break prepared statements, with each migration."""
    for name, statement in CATALOGUE.items():
        assert not re.search(r"(?:SELECT|RETURNING|,|\.)\s*\*", statement.sql), name


PRETENDERS = {
    "no predicate": "SELECT rev FROM task WHERE id = $2::uuid AND $1::text IS NOT NULL",
    "one of two tables": "SELECT task.rev FROM task JOIN account ON true "
    "WHERE task.user_id = $1::text AND task.id = $2::uuid",
    "an alternative": "SELECT rev FROM task WHERE user_id = $1::text OR id = $2::uuid",
    "another parameter": "SELECT rev FROM task WHERE user_id = $2::text AND text = $1::text",
    "a subquery": "SELECT rev FROM account WHERE user_id = $1::text "
    "AND EXISTS (SELECT FROM task WHERE id = $2::uuid)",
    "an update": "UPDATE task SET rev = 1 WHERE id = $2::uuid AND $1::text IS NOT NULL",
    "an update through the user's own": "WITH mine AS (SELECT id FROM task WHERE "
    "user_id = $1::text AND id = $2::uuid) "
    "UPDATE task SET rev = 1 FROM mine WHERE task.id = mine.id",
    "an insert": "INSERT INTO account (user_id, epoch, rev, live, last_order) "
    "VALUES ($2::text, $1::text, 1, 1, 1)",
    "an insert of what somebody has": "WITH found AS (SELECT user_id FROM account WHERE "
    "epoch = $1::text AND rev > $2::int) "
    "INSERT INTO account (user_id, epoch, rev, live, last_order) "
    "SELECT found.user_id, 'e', 1, 1, 1 FROM found",
}


@pytest.mark.parametrize("sql", PRETENDERS.values(), ids=PRETENDERS.keys())
def test_a_statement_that_is_not_bound_is_seen(database_url: str, sql: str) -> None:
    statement = Statement("PRETENDER", sql, ("user_id", "other"), reads=False)

    async def explain() -> Plan:
        where = target(database_url)
        connection = await asyncpg.connect(where.dsn, statement_cache_size=0, **where.options)
        try:
            await connection.execute("SET plan_cache_mode = force_generic_plan")
            return await _explain(connection, statement)
        finally:
            await connection.close()

    assert unbound(asyncio.run(explain()), statement) != []
