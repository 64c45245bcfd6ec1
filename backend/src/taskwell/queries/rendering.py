"""How a task looks as JSON: the one place where it is rendered, by PostgreSQL."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Text,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql.selectable import LateralFromClause

_RFC3339: ColumnElement[Any] = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""")
_UTC: ColumnElement[Any] = literal_column("'UTC'")
_DOT: ColumnElement[Any] = literal_column("'.'")


def instant(column: ColumnElement[Any]) -> ColumnElement[str]:
    """The same text whatever the session's time zone and date style."""
    return func.to_char(func.timezone(_UTC, column), _RFC3339)


def tag(epoch: ColumnElement[str], rev: ColumnElement[int]) -> ColumnElement[str]:
    return epoch.concat(_DOT).concat(cast(rev, Text))


# The members of a task, in the order in which the answer has them.
MEMBERS = (
    "id",
    "user_id",
    "text",
    "completed",
    "order",
    "created_at",
    "updated_at",
    "completed_at",
    "rev",
)


def shown(task: FromClause, name: str = "shown") -> LateralFromClause:
    """As the answer has it; joined beside the task."""
    return select(*(_shown(task.c[name]) for name in MEMBERS)).correlate(task).lateral(name)


def _shown(column: ColumnElement[Any]) -> ColumnElement[Any]:
    is_time = isinstance(column.type, DateTime)
    return instant(column).label(column.key) if is_time else column


def as_json(row: LateralFromClause) -> ColumnElement[str]:
    return cast(func.row_to_json(row.table_valued()), Text)


def tombstone(task: FromClause, name: str = "tombstone") -> LateralFromClause:
    deleted: ColumnElement[Any] = literal_column("true")
    return select(task.c.id, task.c.rev, deleted.label("deleted")).correlate(task).lateral(name)
