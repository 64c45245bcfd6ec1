"""A look at the database from outside the pool, for the one who runs the service.

Neither a password nor an address is part of a finding.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg

from taskwell.database.url import Target, target

OLDEST = 150000
CLOCKS_MAY_DIFFER = 30.0
ROUND_TRIPS = 10
PROCESS = "SELECT pg_backend_pid()"
# One that has many connections at hand need not show itself at the first.
GLANCES = 5
# For upkeep, other programs and the migration.
SPARE_CONNECTIONS = 5

REFUSED = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


@dataclass(frozen=True, slots=True)
class Finding:
    """`text` says what to do where the check is not passed, else what was seen."""

    check: str
    passed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Expectations:
    """What the service will ask of the database."""

    connections: int
    prepared_statements: bool
    # The direct connection of a database that is also reached through a pooler.
    is_direct: bool = False


async def examine(url: str, expected: Expectations) -> AsyncIterator[Finding]:
    where = target(url)
    try:
        connection = await _connect(where)
    except REFUSED as error:
        yield Finding("database", False, advice_on(error))
        return
    try:
        yield await _round_trip(connection)
        yield await _version(connection)
        yield _encryption(where)
        yield await _clock(connection)
        is_pooled = await _is_pooled(where, connection)
        yield _pooler(is_pooled, expected)
        if not is_pooled:
            yield await _room(connection, expected)
        if not expected.is_direct:
            if expected.prepared_statements:
                yield await _PLANS.finding(connection)
            yield await _LOST_WRITERS.finding(connection)
    except REFUSED as error:
        yield Finding("database", False, advice_on(error))
        return
    finally:
        await connection.close()
    if is_pooled and expected.prepared_statements and not expected.is_direct:
        yield await _prepared_statements(where)


async def _connect(where: Target) -> Any:
    return await asyncpg.connect(where.dsn, statement_cache_size=0, **where.options)


def advice_on(error: Exception) -> str:
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return "It refuses the user or the password: copy DATABASE_URL again from its console."
        case asyncpg.InvalidCatalogNameError():
            return "There is no database of that name: correct the end of DATABASE_URL's path."
        case asyncpg.TooManyConnectionsError():
            return "It has no connection left: lower TASKWELL_POOL_SIZE, or use a pooler's URL."
        case asyncpg.CannotConnectNowError():
            return "It is starting or ending: try again in a moment."
        case ssl.SSLError():
            return (
                "The encrypted connection failed: check the certificate that sslrootcert names, "
                "or use sslmode=require."
            )
        case TimeoutError():
            return "It does not answer: check host and port of DATABASE_URL, and any firewall."
        case ConnectionError() if "rejected SSL" in str(error):
            return (
                "It speaks no TLS, which sslmode=require asks for, as does any address of another "
                "machine: switch TLS on there, or, within a private network or this machine, say "
                "sslmode=disable in DATABASE_URL."
            )
        case OSError():
            return "It can't be reached: check host and port of DATABASE_URL, and that it runs."
    return f"It refuses the connection ({type(error).__name__}): check DATABASE_URL."


async def _round_trip(connection: Any) -> Finding:
    times = []
    for _ in range(ROUND_TRIPS):
        began = time.perf_counter()
        await connection.fetchval("SELECT 1")
        times.append(time.perf_counter() - began)
    milliseconds = sorted(times)[len(times) // 2] * 1000
    return Finding("database", True, f"reached, {milliseconds:.1f} ms a round trip")


async def _version(connection: Any) -> Finding:
    number = int(await connection.fetchval("SHOW server_version_num"))
    passed = number >= OLDEST
    said = f"PostgreSQL {number // 10000}.{number % 10000}"
    return Finding(
        "version", passed, said if passed else f"{said} is too old: 15 or later is needed."
    )


def _encryption(where: Target) -> Finding:
    context = where.options["ssl"]
    if not isinstance(context, ssl.SSLContext):
        return Finding("encryption", True, "not needed: the database is on this machine or network")
    if context.verify_mode is ssl.CERT_NONE:
        return Finding("encryption", True, "TLS; sslmode=verify-full would also check who answers")
    return Finding("encryption", True, "TLS, with the certificate checked")


async def _clock(connection: Any) -> Finding:
    before = time.time()
    there = (await connection.fetchval("SELECT clock_timestamp()")).timestamp()
    ahead = (before + time.time()) / 2 - there
    if abs(ahead) > CLOCKS_MAY_DIFFER:
        direction = "ahead of" if ahead > 0 else "behind"
        return Finding(
            "clock",
            False,
            f"The clock of this machine is {abs(ahead):.0f} seconds {direction} the database's: "
            "let both follow a time server.",
        )
    return Finding("clock", True, f"{abs(ahead):.1f} seconds from the database's")


async def _is_pooled(where: Target, connection: Any) -> bool:
    """Whether two connections meet the same process of the database, or one meets two.

    The process id that a connection was greeted with tells nothing: Neon's proxy makes one up, and
    keeps the process.
    """
    other = await _connect(where)
    try:
        for _ in range(GLANCES):
            mine = await connection.fetchval(PROCESS)
            async with other.transaction():
                if mine == await other.fetchval(PROCESS):
                    return True
                if mine != await connection.fetchval(PROCESS):
                    return True
        return False
    finally:
        await other.close()


def _pooler(is_pooled: bool, expected: Expectations) -> Finding:
    if not is_pooled:
        return Finding("pooler", True, "none in between")
    if expected.is_direct:
        return Finding(
            "pooler",
            False,
            "There is a pooler in between: let DATABASE_URL_UNPOOLED be the direct address "
            "(with Neon the one without -pooler).",
        )
    return Finding("pooler", True, "there is one in between")


async def _room(connection: Any, expected: Expectations) -> Finding:
    allowed = int(await connection.fetchval("SHOW max_connections"))
    needed = expected.connections + SPARE_CONNECTIONS
    if needed > allowed:
        return Finding(
            "connections",
            False,
            f"The workers together may take {expected.connections} of its {allowed}: "
            "lower TASKWELL_POOL_SIZE or TASKWELL_WORKERS, or use a pooler's URL.",
        )
    return Finding("connections", True, f"{expected.connections} at most, of {allowed}")


@dataclass(frozen=True, slots=True)
class _Habit:
    """A setting that a role had best be given, since PostgreSQL's own value is a poor one here."""

    name: str
    setting: str
    poor: tuple[str, ...]
    better: str
    # What is said of a good one, of a poor one, and of the statement that mends it.
    good: str
    harm: str
    gain: str

    async def finding(self, connection: Any) -> Finding:
        if await connection.fetchval(f"SHOW {self.setting}") not in self.poor:
            return Finding(self.name, True, self.good)
        role = await connection.fetchval("SELECT quote_ident(current_user)")
        advice = f"ALTER ROLE {role} SET {self.setting} = {self.better} {self.gain}"
        return Finding(self.name, True, f"{self.harm}; {advice}")


# Which plan is cheaper PostgreSQL judges by the cost of running, not of planning.
_PLANS = _Habit(
    "plans",
    "plan_cache_mode",
    ("auto", "force_custom_plan"),
    "force_generic_plan",
    "made once for each connection",
    "lists of hundreds of tasks may be planned anew each time",
    "saves that",
)
# Of a machine that went down within a write PostgreSQL hears nothing, for two hours usually; until
# then it keeps what that write had locked.
_LOST_WRITERS = _Habit(
    "lost writers",
    "idle_in_transaction_session_timeout",
    ("0",),
    "'1min'",
    "the database lets go what they had locked",
    "a machine that goes down within a write may keep its user from writing for hours",
    "ends that",
)


async def _prepared_statements(where: Target) -> Finding:
    """A statement is prepared, then its server connection is taken away by somebody else."""
    try:
        first, second = await _connect(where), await _connect(where)
        try:
            await _ask_again_elsewhere(first, second)
        finally:
            await first.close()
            await second.close()
    except REFUSED as error:
        return Finding(
            "prepared statements",
            False,
            f"The pooler does not keep them ({type(error).__name__}): "
            "set TASKWELL_PREPARED_STATEMENTS=false.",
        )
    return Finding("prepared statements", True, "the pooler keeps them")


async def _ask_again_elsewhere(first: Any, second: Any) -> None:
    statement = await first.prepare("SELECT 1", name="taskwell_doctor")
    await statement.fetchval()
    async with second.transaction():
        await second.fetchval("SELECT 1")
        await statement.fetchval()
