"""Statements about one task.

Each write is one statement: lock the account, look at the task, bump the account's revision only if
something changes, write. At READ COMMITTED only a locking read sees what the writer before us left,
so everything is decided on what the locking reads saw.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    CTE,
    ColumnElement,
    Text,
    and_,
    any_,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from taskwell.models.limits import GREATEST_ORDER, ORDER_STEP
from taskwell.queries.compiling import reading, writing
from taskwell.queries.parameters import (
    COMPLETED,
    EPOCH,
    FINGERPRINT,
    FLIP,
    FOLDED,
    MATCH,
    MOST_TASKS,
    ORDER,
    TASK_ID,
    TEXT,
    USER_ID,
)
from taskwell.queries.rendering import as_json, shown, tag
from taskwell.queries.tables import ACCOUNT, TASK

_ZERO: ColumnElement[Any] = literal_column("0")
_ONE: ColumnElement[Any] = literal_column("1")
_STEP: ColumnElement[Any] = literal_column(str(ORDER_STEP))
_GREATEST: ColumnElement[Any] = literal_column(str(GREATEST_ORDER))
_CHANGED: ColumnElement[Any] = literal_column("'changed'", Text)
_SAME: ColumnElement[Any] = literal_column("'same'", Text)
_STALE: ColumnElement[Any] = literal_column("'stale'", Text)

_MINE = and_(TASK.c.user_id == USER_ID, TASK.c.id == TASK_ID)


def _lock_account() -> CTE:
    return (
        select(ACCOUNT.c.user_id, ACCOUNT.c.epoch)
        .where(ACCOUNT.c.user_id == USER_ID)
        .with_for_update(key_share=True)
        .cte("lock")
        .prefix_with("MATERIALIZED")
    )


def _current(lock: CTE) -> CTE:
    """The living task as the last writer left it, and whether the precondition holds."""
    matches = or_(MATCH.is_(null()), tag(lock.c.epoch, TASK.c.rev) == any_(MATCH))
    return (
        select(TASK, lock.c.epoch, matches.label("matches"))
        .join_from(TASK, lock, lock.c.user_id == TASK.c.user_id)
        .where(_MINE, TASK.c.deleted_at.is_(null()))
        .with_for_update(key_share=True, of=TASK)
        .cte("cur")
        .prefix_with("MATERIALIZED")
    )


def _outcome(cur: CTE, new: CTE) -> Any:
    """What happened, with the task as it now is. No row: there is no such task."""
    before, after = shown(cur, "before"), shown(new, "after")
    written = new.c.rev.is_not(null())
    return (
        select(
            case((written, _CHANGED), (cur.c.matches, _SAME), else_=_STALE).label("outcome"),
            case((written, as_json(after)), else_=as_json(before)).label("body"),
            tag(cur.c.epoch, func.coalesce(new.c.rev, cur.c.rev)).label("tag"),
        )
        .select_from(cur)
        .join(before, true())
        .outerjoin(new, true())
        .outerjoin(after, true())
    )


def _get_task() -> Any:
    row = shown(TASK)
    return (
        select(as_json(row).label("body"), tag(ACCOUNT.c.epoch, TASK.c.rev).label("tag"))
        .select_from(TASK)
        .join(ACCOUNT, ACCOUNT.c.user_id == TASK.c.user_id)
        .join(row, true())
        .where(_MINE, TASK.c.deleted_at.is_(null()))
    )


def _create_task() -> Any:
    """One plain INSERT behind the bump; an id that is taken ends in a unique violation."""
    opened = insert(ACCOUNT).values(
        user_id=USER_ID,
        epoch=EPOCH,
        rev=_ONE,
        live=_ONE,
        last_order=func.greatest(func.coalesce(ORDER, _STEP), _ZERO),
    )
    next_order = func.coalesce(ORDER, func.least(ACCOUNT.c.last_order + _STEP, _GREATEST))
    bump = (
        opened.on_conflict_do_update(
            index_elements=[ACCOUNT.c.user_id],
            set_={
                "rev": ACCOUNT.c.rev + _ONE,
                "live": ACCOUNT.c.live + _ONE,
                "last_order": func.greatest(ACCOUNT.c.last_order, next_order),
            },
            where=ACCOUNT.c.live < MOST_TASKS,
        )
        .returning(ACCOUNT.c.user_id, ACCOUNT.c.epoch, ACCOUNT.c.rev, ACCOUNT.c.last_order)
        .cte("bump")
    )
    columns: dict[str, ColumnElement[Any]] = {
        "user_id": bump.c.user_id,
        "id": TASK_ID,
        "text": TEXT,
        "folded": FOLDED,
        "completed": COMPLETED,
        "order": func.coalesce(ORDER, bump.c.last_order),
        "created_at": func.now(),
        "updated_at": func.now(),
        "completed_at": case((COMPLETED, func.now())),
        "rev": bump.c.rev,
        "text_rev": bump.c.rev,
        "completed_rev": bump.c.rev,
        "order_rev": bump.c.rev,
        "fingerprint": FINGERPRINT,
    }
    new = (
        insert(TASK)
        .from_select(list(columns), select(*columns.values()).select_from(bump))
        .returning(*TASK.c)
        .cte("new")
    )
    row = shown(new)
    return (
        select(as_json(row).label("body"), tag(bump.c.epoch, new.c.rev).label("tag"))
        .select_from(new)
        .join(bump, true())
        .join(row, true())
    )


def _look_at_id() -> Any:
    """Whatever has this id, deleted or not: a create that failed asks what it ran into."""
    row = shown(TASK)
    return (
        select(
            as_json(row).label("body"),
            tag(ACCOUNT.c.epoch, TASK.c.rev).label("tag"),
            TASK.c.deleted_at.is_not(null()).label("deleted"),
            (TASK.c.fingerprint == FINGERPRINT).label("same_create"),
        )
        .select_from(TASK)
        .join(ACCOUNT, ACCOUNT.c.user_id == TASK.c.user_id)
        .join(row, true())
        .where(_MINE)
    )


def _change_task() -> Any:
    """Set what is not NULL, flip `completed` if asked to; a new revision only if that differs."""
    lock = _lock_account()
    cur = _current(lock)
    text = func.coalesce(TEXT, cur.c.text)
    completed = case((FLIP, ~cur.c.completed), else_=func.coalesce(COMPLETED, cur.c.completed))
    order = func.coalesce(ORDER, cur.c.order)
    want = (
        select(
            cur.c.matches,
            text.label("text"),
            func.coalesce(FOLDED, cur.c.folded).label("folded"),
            completed.label("completed"),
            order.label("order"),
            (text != cur.c.text).label("other_text"),
            (completed != cur.c.completed).label("other_completed"),
            (order != cur.c.order).label("other_order"),
            cur.c.updated_at,
            cur.c.completed_at,
            cur.c.text_rev,
            cur.c.completed_rev,
            cur.c.order_rev,
        )
        .select_from(cur)
        .cte("want")
    )
    differs = or_(want.c.other_text, want.c.other_completed, want.c.other_order)
    bump = (
        update(ACCOUNT)
        .values(
            rev=ACCOUNT.c.rev + _ONE,
            last_order=func.greatest(ACCOUNT.c.last_order, want.c.order),
        )
        .where(ACCOUNT.c.user_id == USER_ID, want.c.matches, differs)
        .returning(ACCOUNT.c.rev)
        .cte("bump")
    )
    # now() is the start of the statement, before any wait: time never runs backwards in a task.
    stamp = func.greatest(func.now(), want.c.updated_at)
    completed_at = case(
        (~want.c.other_completed, want.c.completed_at),
        (want.c.completed, stamp),
        else_=null(),
    )
    # Nothing is taken from the table's own row: it is first the one that the snapshot saw, and the
    # constraints are checked on that before PostgreSQL goes on to the newest.
    new = (
        update(TASK)
        .values(
            {
                TASK.c.text: want.c.text,
                TASK.c.folded: want.c.folded,
                TASK.c.completed: want.c.completed,
                TASK.c.order: want.c.order,
                TASK.c.updated_at: stamp,
                TASK.c.completed_at: completed_at,
                TASK.c.rev: bump.c.rev,
                TASK.c.text_rev: case((want.c.other_text, bump.c.rev), else_=want.c.text_rev),
                TASK.c.completed_rev: case(
                    (want.c.other_completed, bump.c.rev), else_=want.c.completed_rev
                ),
                TASK.c.order_rev: case((want.c.other_order, bump.c.rev), else_=want.c.order_rev),
            }
        )
        .where(_MINE, bump.c.rev.is_not(null()), want.c.matches)
        .returning(*TASK.c)
        .cte("new")
    )
    return _outcome(cur, new)


def _delete_task() -> Any:
    """Leaves a tombstone with a revision of its own."""
    lock = _lock_account()
    cur = _current(lock)
    bump = (
        update(ACCOUNT)
        .values(rev=ACCOUNT.c.rev + _ONE, live=ACCOUNT.c.live - _ONE)
        .where(ACCOUNT.c.user_id == USER_ID, cur.c.matches)
        .returning(ACCOUNT.c.rev)
        .cte("bump")
    )
    stamp = func.greatest(func.now(), TASK.c.updated_at)
    new = (
        update(TASK)
        .values(deleted_at=stamp, updated_at=stamp, rev=bump.c.rev)
        .where(_MINE, bump.c.rev.is_not(null()))
        .returning(*TASK.c)
        .cte("new")
    )
    return _outcome(cur, new)


GET_TASK = reading("GET_TASK", _get_task())
LOOK_AT_ID = reading("LOOK_AT_ID", _look_at_id())
CREATE_TASK = writing("CREATE_TASK", _create_task(), collides=True)
CHANGE_TASK = writing("CHANGE_TASK", _change_task())
DELETE_TASK = writing("DELETE_TASK", _delete_task())
