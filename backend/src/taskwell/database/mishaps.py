"""What can happen on a connection to the database, in our words."""

from __future__ import annotations

import asyncpg

from taskwell.errors import DatabaseUnavailable, StorageFull

# The last is for a session that the database has ended while its socket is still open: the driver
# finds itself in a state from which nothing can be sent.
MISHAPS = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)

# SQLSTATE classes and codes after which the same request may well succeed later: connections,
# resources, rolled back transactions, operators at work, disks, locks, failures inside PostgreSQL.
_PASSING = ("08", "25", "28", "40", "53", "55", "57", "58", "XX")


class UniqueViolation(Exception):
    """A key exists already. Which one isn't told: some databases don't know."""


class ConnectionLost(DatabaseUnavailable):
    """Broke under a statement: nobody can say whether the statement was done."""


class SchemaIncomplete(DatabaseUnavailable):
    """A table or a column is not there (yet)."""


def tell(error: Exception) -> None:
    """In our words. What is not named here is a defect of ours, and stays as it is."""
    match error:
        case asyncpg.UniqueViolationError():
            raise UniqueViolation from error
        case TimeoutError():
            raise DatabaseUnavailable("the statement took too long") from error
        case (
            OSError()
            | asyncpg.PostgresConnectionError()
            | asyncpg.AdminShutdownError()
            | asyncpg.InterfaceError()
            | asyncpg.InternalClientError()
        ):
            raise ConnectionLost(reason(error)) from error
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            raise SchemaIncomplete(reason(error)) from error
        case asyncpg.DiskFullError():
            raise StorageFull(reason(error)) from error
        case asyncpg.PostgresError() if str(error.sqlstate).startswith(_PASSING):
            raise DatabaseUnavailable(reason(error)) from error


def ends_session(error: asyncpg.PostgresError) -> bool:
    return error.severity_en in ("FATAL", "PANIC")


def reason(error: Exception) -> str:
    state = getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {state}" if state else type(error).__name__
