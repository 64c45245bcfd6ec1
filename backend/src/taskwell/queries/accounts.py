"""Statements about a user's account, and about many tasks at once.

Several tasks in one write take a transaction: its first statement locks the account, so that the
statements after it, each with a snapshot of its own, see all that was written before.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    bindparam,
    func,
    literal_column,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from taskwell.queries.compiling import reading, writing
from taskwell.queries.parameters import EPOCH, USER_ID
from taskwell.queries.rendering import tag
from taskwell.queries.tables import ACCOUNT, TASK

_ZERO: ColumnElement[Any] = literal_column("0")


def _open_account() -> Any:
    """Whoever comes second finds it there, and locks it like any other."""
    return (
        insert(ACCOUNT)
        .values(user_id=USER_ID, epoch=EPOCH, rev=_ZERO, live=_ZERO, last_order=_ZERO)
        .on_conflict_do_nothing(index_elements=[ACCOUNT.c.user_id])
    )


def _look_at_account() -> Any:
    return select(tag(ACCOUNT.c.epoch, ACCOUNT.c.rev).label("tag")).where(
        ACCOUNT.c.user_id == USER_ID
    )


def _lock_account() -> Any:
    return (
        select(
            ACCOUNT.c.epoch,
            ACCOUNT.c.rev,
            ACCOUNT.c.live,
            ACCOUNT.c.last_order,
            ACCOUNT.c.purged_rev,
            tag(ACCOUNT.c.epoch, ACCOUNT.c.rev).label("tag"),
        )
        .where(ACCOUNT.c.user_id == USER_ID)
        .with_for_update(key_share=True)
    )


def _save_account() -> Any:
    """Only ever under the lock, by whoever counted on from what the lock showed."""
    return (
        update(ACCOUNT)
        .values(
            rev=bindparam("rev", type_=BigInteger),
            live=bindparam("live", type_=Integer),
            last_order=bindparam("last_order", type_=BigInteger),
        )
        .where(ACCOUNT.c.user_id == USER_ID)
    )


def _clear_completed() -> Any:
    doomed = (
        select(TASK.c.id, func.row_number().over(order_by=TASK.c.rev).label("nth"))
        .where(TASK.c.user_id == USER_ID, TASK.c.completed, TASK.c.deleted_at.is_(null()))
        .cte("doomed")
    )
    total = select(func.count()).select_from(doomed).scalar_subquery()
    bump = (
        update(ACCOUNT)
        .values(rev=ACCOUNT.c.rev + total, live=ACCOUNT.c.live - total)
        .where(ACCOUNT.c.user_id == USER_ID, total > _ZERO)
        .returning(ACCOUNT.c.rev)
        .cte("bump")
    )
    stamp = func.greatest(func.now(), TASK.c.updated_at)
    gone = (
        update(TASK)
        .values(deleted_at=stamp, updated_at=stamp, rev=bump.c.rev - total + doomed.c.nth)
        .where(TASK.c.user_id == USER_ID, TASK.c.id == doomed.c.id, bump.c.rev.is_not(null()))
        .returning(TASK.c.id)
        .cte("gone")
    )
    return select(func.count().label("deleted")).select_from(gone)


OPEN_ACCOUNT = writing("OPEN_ACCOUNT", _open_account())
LOOK_AT_ACCOUNT = reading("LOOK_AT_ACCOUNT", _look_at_account())
LOCK_ACCOUNT = writing("LOCK_ACCOUNT", _lock_account())
SAVE_ACCOUNT = writing("SAVE_ACCOUNT", _save_account())
CLEAR_COMPLETED = writing("CLEAR_COMPLETED", _clear_completed())
