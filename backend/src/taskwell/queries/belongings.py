"""All that one user has: out, and gone."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, literal_column, null, select, true
from sqlalchemy.dialects.postgresql import aggregate_order_by

from taskwell.queries.compiling import reading, writing
from taskwell.queries.parameters import MOST_TASKS, USER_ID
from taskwell.queries.rendering import as_listed, instant, shown
from taskwell.queries.tables import ACCOUNT, OPERATION, RECEIPT, TASK

_IS_DELETED = TASK.c.deleted_at.is_not(null())
_COMMA: ColumnElement[Any] = literal_column("','")


def _gathered(wanted: Select[Any]) -> Any:
    task = wanted.subquery()
    row = shown(task)
    ordered = aggregate_order_by(_COMMA, task.c.order, task.c.id)
    return (
        select(func.string_agg(as_listed(row, USER_ID), ordered))
        .select_from(task)
        .join(row, true())
        .scalar_subquery()
    )


def _export() -> Any:
    """Of the deleted tasks the newest: of these there is no other limit."""
    tasks = select(TASK).where(TASK.c.user_id == USER_ID)
    deleted = tasks.where(_IS_DELETED).order_by(TASK.c.rev.desc()).limit(MOST_TASKS)
    return select(
        instant(func.now()).label("exported_at"),
        _gathered(tasks.where(~_IS_DELETED)).label("tasks"),
        _gathered(deleted).label("deleted_tasks"),
    )


def _count_deleted() -> Any:
    return select(func.count().label("deleted")).where(TASK.c.user_id == USER_ID, _IS_DELETED)


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
COUNT_DELETED = reading("COUNT_DELETED", _count_deleted())
ERASE = writing("ERASE", _erase())
