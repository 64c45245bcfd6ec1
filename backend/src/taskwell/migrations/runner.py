"""Runs Alembic on a database, safely beside a service that is using it."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from taskwell.database.diagnosis import REFUSED, advice_on
from taskwell.database.url import target
from taskwell.errors import SchemaMismatch, StartRefused
from taskwell.migrations.head import HEAD

# Any number, as long as it is always the same one: "taskwell" in ASCII.
_ADVISORY_LOCK = 0x7461736B77656C6C
# A change that can't get its lock gives up, rather than making every request queue behind it.
_LOCK_TIMEOUT = "4s"
_LOCK_NOT_AVAILABLE = "55P03"
_INSUFFICIENT_PRIVILEGE = "42501"
_SCRIPTS = Path(__file__).parent

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class SchemaState:
    """`current` is None for a database that has no schema yet."""

    current: str | None
    head: str
    is_known: bool
    # The oldest revision whose service may serve it; None where the schema doesn't say.
    oldest: str | None = None

    @property
    def behind(self) -> bool:
        return self.is_known and self.current != self.head

    @property
    def too_new(self) -> bool:
        """Nobody knows what this version would do to it; one that is newer, but says that this
        version may serve it, is served."""
        return not self.is_known and (self.oldest is None or self.oldest > self.head)

    def mismatch(self) -> SchemaMismatch:
        return SchemaMismatch(
            f"The database's schema is at {self.current}, which may be served from "
            f"{self.oldest or self.current} on, and this version knows it up to {self.head} only: "
            "run a newer version of Taskwell."
        )


def upgrade(url: str) -> list[str]:
    """Bring the schema up to date; the revisions that were applied, none if it was."""
    return asyncio.run(_run(url, _upgrade, _not_migrated))


def state(url: str) -> SchemaState:
    return asyncio.run(_run(url, _state))


def upgrade_sql() -> str:
    """The whole way from nothing, as SQL for somebody to read or to run by hand."""
    output = io.StringIO()
    config = _config()
    config.output_buffer = output
    command.upgrade(config, "head", sql=True)
    return output.getvalue()


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def _not_migrated(error: DBAPIError) -> SchemaMismatch:
    if _sqlstate(error) == _LOCK_NOT_AVAILABLE:
        return SchemaMismatch(
            "The migration gave up waiting for a lock that long-running work holds: "
            "nothing was changed; run taskwell migrate again."
        )
    if _sqlstate(error) == _INSUFFICIENT_PRIVILEGE:
        return SchemaMismatch(
            f"The role may not do what the migration needs ({_said(error)}), and nothing was "
            "changed: let DATABASE_URL_UNPOOLED name a role that owns the tables and may create "
            "some, by GRANT CREATE ON SCHEMA public."
        )
    return SchemaMismatch(f"The migration failed and changed nothing: {_said(error)}.")


def _not_looked_at(error: DBAPIError) -> SchemaMismatch:
    if _sqlstate(error) == _INSUFFICIENT_PRIVILEGE:
        return SchemaMismatch(
            f"The role may not look at the schema ({_said(error)}): GRANT it SELECT on that, as "
            "well as SELECT, INSERT, UPDATE and DELETE on the other tables."
        )
    return SchemaMismatch(f"The schema can't be looked at: {_said(error)}.")


def _sqlstate(error: DBAPIError) -> object:
    return getattr(error.orig, "sqlstate", None)


def _said(error: DBAPIError) -> str:
    """In PostgreSQL's own words, without the name of a class before them."""
    cause = error.orig.__cause__ if error.orig is not None else None
    return str(cause or error.orig).splitlines()[0].rstrip(".")


async def _run(
    url: str,
    work: Callable[[Connection], Result],
    refusal: Callable[[DBAPIError], StartRefused] = _not_looked_at,
) -> Result:
    where = target(url)

    async def connect() -> Any:
        return await asyncpg.connect(where.dsn, statement_cache_size=0, **where.options)

    engine = create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connect,
        poolclass=NullPool,
        connect_args={"prepared_statement_cache_size": 0},
    )
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    except DBAPIError as error:
        raise refusal(error) from None
    except REFUSED as error:
        advice = advice_on(error)
        raise StartRefused(
            "The database of DATABASE_URL_UNPOOLED, or of DATABASE_URL where that isn't set, can't "
            f"be used: {advice[0].lower()}{advice[1:]}"
        ) from None
    finally:
        await engine.dispose()


def _state(connection: Connection) -> SchemaState:
    current = MigrationContext.configure(connection).get_current_revision()
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    is_known = current is None or current in known
    return SchemaState(current, HEAD, is_known, oldest=_oldest(connection))


def _oldest(connection: Connection) -> str | None:
    if connection.scalar(text("SELECT to_regclass('compatibility')")) is None:
        return None
    found: str | None = connection.scalar(text("SELECT max(oldest) FROM compatibility"))
    return found


def _upgrade(connection: Connection) -> list[str]:
    # Whoever comes second waits here, then looks, and finds nothing to do.
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _ADVISORY_LOCK})
    connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'"))
    before = _state(connection)
    if before.too_new:
        raise before.mismatch()
    if not before.behind:
        return []
    config = _config(connection)
    ahead = ScriptDirectory.from_config(config).iterate_revisions("head", before.current or "base")
    names = [f"{script.revision} {script.doc}" for script in ahead]
    command.upgrade(config, "head")
    return names[::-1]
