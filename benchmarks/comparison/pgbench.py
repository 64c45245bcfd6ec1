"""The ceiling: what PostgreSQL gives when pgbench sends it the very statements of Taskwell."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from comparison import data
from comparison.contender import Operation, Running, Scale
from comparison.postgres import OwnPostgres
from comparison.processes import CpuTime
from taskwell.database.binaries import ENVIRONMENT
from taskwell.database.statement import Statement
from taskwell.statements.catalogue import CHANGE_TASK, CREATE_TASK, GET_TASK
from taskwell.statements.listing import ListShape, SortKey, Start, Status, list_tasks

STATEMENTS: dict[Operation, Statement] = {
    Operation.READ: GET_TASK,
    Operation.PAGE: list_tasks(
        ListShape(
            status=Status.ALL,
            sort=SortKey.ORDER,
            descending=False,
            searches=False,
            start=Start.FIRST,
            counts=False,
        )
    ),
    Operation.CREATE: CREATE_TASK,
    Operation.TOGGLE: CHANGE_TASK,
}
# What the service would send along; what is not named here is NULL.
VALUES = {
    "completed": "false",
    "epoch": "0123456789abcdef",
    "fingerprint": r"\x000102030405060708090a0b0c0d0e0f",
    "flip": "true",
    "folded": "something new to be done by pgbench",
    "limit": str(data.PAGE),
    "most_tasks": "1000000",
    "rows": str(data.PAGE + 1),
    "text": "Something new to be done by pgbench",
}
# For a create the service makes it.
NEW_ID = "uuidv7()"
# pgbench draws numbers only. So a script takes the ids of that many tasks, drawn beforehand, with
# one look, and then sends the statement for each of them.
PICKED = 50
PICKS = 20_000
PICK = f"""
    SET client_min_messages = warning;
    DROP TABLE IF EXISTS pick;
    CREATE UNLOGGED TABLE pick AS
    SELECT n, array_agg(user_id) AS users, array_agg(id) AS ids
    FROM (
        SELECT (row_number() OVER () - 1) / {PICKED} AS n, user_id, id
        FROM (SELECT user_id, id FROM task ORDER BY random() LIMIT {PICKS}) AS drawn
    ) AS numbered
    GROUP BY n HAVING count(*) = {PICKED};
    ALTER TABLE pick ADD PRIMARY KEY (n);
    ANALYZE pick
"""


@dataclass(frozen=True, slots=True)
class Ceiling:
    """`database` is microseconds of CPU time for one statement."""

    per_second: float
    database: float


def ceiling(home: Path, scale: Scale, seconds: int, clients: int = 8) -> dict[Operation, Ceiling]:
    """On Taskwell's own data, while Taskwell is not running."""
    postgres = OwnPostgres(data.folder_of(home, "taskwell", scale))
    postgres.start()
    try:
        postgres.query(PICK)
        most = int(postgres.query("SELECT max(n) FROM pick"))
        found = {
            operation: _measure(postgres, script(statement, most), seconds, clients)
            for operation, statement in STATEMENTS.items()
        }
        postgres.query("DROP TABLE pick")
    finally:
        postgres.stop()
    return found


def script(statement: Statement, most: int) -> str:
    picks = ", ".join(
        f"users[{nth}] AS user_id_{nth}, ids[{nth}] AS id_{nth}" for nth in range(1, PICKED + 1)
    )
    lines = [
        f"\\set n random(0, {most})",
        f"SELECT {picks} FROM pick WHERE n = :n \\gset",
        *_repeated(statement),
    ]
    return "\n".join(lines)


def _repeated(statement: Statement) -> Iterator[str]:
    # pgbench would take the colons within this format for the beginnings of variables.
    sql = statement.sql.replace("HH24:MI:SS", 'HH24":"MI":"SS')
    for nth in range(1, PICKED + 1):

        def variable(found: re.Match[str], nth: int = nth) -> str:
            name = statement.parameters[int(found[1]) - 1]
            if name == "id" and statement is CREATE_TASK:
                return NEW_ID
            # The space parts it from the colon of a slice.
            return f" :{name}_{nth}" if name in ("user_id", "id") else f" :{name}"

        yield re.sub(r"\$(\d+)", variable, sql) + ";"


def _measure(postgres: OwnPostgres, text: str, seconds: int, clients: int) -> Ceiling:
    command = [postgres.program("pgbench"), "--no-vacuum", "--protocol=prepared", "--jobs=1"]
    command += [f"--client={clients}", f"--time={seconds}"]
    command += [f"--define={name}={value}" for name, value in VALUES.items()]
    database = Running(0, (), (postgres.pid,))
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(text)
        file.flush()
        before = CpuTime(database)
        done = subprocess.run(
            [*command, f"--file={file.name}", postgres.url],
            env=ENVIRONMENT,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        ).stdout
        after = CpuTime(database)
    scripts = int(_told(done, r"transactions actually processed: (\d+)"))
    return Ceiling(
        per_second=_told(done, r"tps = ([\d.]+)") * PICKED,
        database=(after.database - before.database) / (scripts * PICKED) * 1e6,
    )


def _told(output: str, pattern: str) -> float:
    found = re.search(pattern, output)
    if found is None:
        raise ValueError(f"pgbench said something else than expected: {output}")
    return float(found[1])
