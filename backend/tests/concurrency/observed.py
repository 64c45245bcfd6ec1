"""The database as it is, and what it said last."""

from __future__ import annotations

from contextvars import ContextVar

from pydantic import SecretStr

from taskwell.configuring import load_settings
from taskwell.database.pool import Database
from taskwell.database.statement import Statement
from taskwell.database.transaction import Row

last_row: ContextVar[Row | None] = ContextVar("last_row")


class ObservedDatabase(Database):
    """The services don't tell a write that changed something from one that found all as asked."""

    async def row(self, statement: Statement, **values: object) -> Row | None:
        found = await super().row(statement, **values)
        last_row.set(found)
        return found


def observed_database(url: str, pool_size: int) -> ObservedDatabase:
    return ObservedDatabase(load_settings(database_url=SecretStr(url), pool_size=pool_size))
