"""All that one user has: out, and gone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, delete, func, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from taskwell.queries.compiling import reading, writing
from taskwell.queries.parameters import USER_ID
from taskwell.queries.rendering import as_listed, instant, shown
from taskwell.queries.tables import ACCOUNT, OPERATION, RECEIPT, TASK

_COMMA: ColumnElement[Any] = literal_column("','")


def _gathered(is_wanted: ColumnElement[bool]) -> Any:
    row = shown(TASK)
    ordered = aggregate_order_by(_COMMA, TASK.c.order, TASK.c.id)
    return (
        select(func.string_agg(as_listed(row, USER_ID), ordered))
        .select_from(TASK)
        .join(row, true())
        .where(TASK.c.user_id == USER_ID, is_wanted)
        .scalar_subquery()
    )


def _export() -> Any:
    is_alive = TASK.c.deleted_at.is_(null())
    return select(
        instant(func.now()).label("exported_at"),
        _gathered(is_alive).label("tasks"),
        _gathered(~is_alive).label("deleted_tasks"),
    )


def _erase() -> Any:
    """Under the account's lock: no task is added to those that this sees."""
    gone = [
        delete(table).where(table.c.user_id == USER_ID).returning(table.c.user_id).cte(name)
        for name, table in (
            ("gone_tasks", TASK),
            ("gone_receipts", RECEIPT),
            ("gone_operations", OPERATION),
        )
    ]
    return delete(ACCOUNT).where(ACCOUNT.c.user_id == USER_ID).add_cte(*gone)


EXPORT = reading("EXPORT", _export())
ERASE = writing("ERASE", _erase())
