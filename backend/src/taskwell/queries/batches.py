"""Statements that carry many tasks of one user at once, as JSON documents each way.

They run in a transaction that holds the account's lock: what they load nobody changes meanwhile.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    ColumnElement,
    DateTime,
    Text,
    Uuid,
    any_,
    bindparam,
    case,
    cast,
    column,
    func,
    literal_column,
    null,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, insert

from taskwell.queries.compiling import reading, writing
from taskwell.queries.parameters import USER_ID
from taskwell.queries.rendering import as_listed, instant, shown
from taskwell.queries.tables import OPERATION, TASK

_IDS = bindparam("ids", type_=ARRAY(Uuid))
_DRAFTS = bindparam("drafts", type_=Text)
_OPERATIONS = bindparam("operations", type_=Text)
_HEX: ColumnElement[Any] = literal_column("'hex'")
_MOMENT = DateTime(timezone=True)


def _records(document: Any, name: str, *columns: Any) -> Any:
    """The objects of a JSON array, as rows."""
    return (
        func.json_to_recordset(cast(document, JSON))
        .table_valued(*columns, name=name)
        .render_derived(with_types=True)
    )


def _load_tasks() -> Any:
    row = (
        select(
            TASK.c.id,
            TASK.c.text,
            TASK.c.completed,
            TASK.c.order,
            instant(TASK.c.created_at).label("created_at"),
            instant(TASK.c.updated_at).label("updated_at"),
            instant(TASK.c.completed_at).label("completed_at"),
            TASK.c.deleted_at.is_not(null()).label("deleted"),
            TASK.c.rev,
            TASK.c.text_rev,
            TASK.c.completed_rev,
            TASK.c.order_rev,
            func.encode(TASK.c.fingerprint, _HEX).label("fingerprint"),
        )
        .where(TASK.c.user_id == USER_ID, TASK.c.id == any_(_IDS))
        .subquery("loaded")
    )
    return select(cast(func.json_agg(row.table_valued()), Text).label("tasks")).select_from(row)


def _save_tasks() -> Any:
    draft = _records(
        _DRAFTS,
        "draft",
        column("id", Uuid),
        column("text", Text),
        column("folded", Text),
        column("completed", Boolean),
        column("order", BigInteger),
        column("created_at", _MOMENT),
        column("updated_at", _MOMENT),
        column("completed_at", _MOMENT),
        column("deleted", Boolean),
        column("completed_now", Boolean),
        column("keeps_times", Boolean),
        column("rev", BigInteger),
        column("text_rev", BigInteger),
        column("completed_rev", BigInteger),
        column("order_rev", BigInteger),
        column("fingerprint", Text),
    )
    stamp = func.greatest(func.now(), draft.c.updated_at)
    columns: dict[str, Any] = {
        "user_id": USER_ID,
        "id": draft.c.id,
        "text": draft.c.text,
        "folded": draft.c.folded,
        "completed": draft.c.completed,
        "order": draft.c.order,
        "created_at": func.coalesce(draft.c.created_at, func.now()),
        "updated_at": case((draft.c.keeps_times, draft.c.updated_at), else_=stamp),
        "completed_at": case(
            (~draft.c.completed, null()),
            (draft.c.completed_now, stamp),
            else_=draft.c.completed_at,
        ),
        "deleted_at": case((draft.c.deleted, stamp)),
        "rev": draft.c.rev,
        "text_rev": draft.c.text_rev,
        "completed_rev": draft.c.completed_rev,
        "order_rev": draft.c.order_rev,
        "fingerprint": func.decode(draft.c.fingerprint, _HEX),
    }
    made = insert(TASK).from_select(list(columns), select(*columns.values()).select_from(draft))
    fixed = {"user_id", "id", "created_at", "fingerprint"}
    saved = (
        made.on_conflict_do_update(
            index_elements=[TASK.c.user_id, TASK.c.id],
            set_={name: made.excluded[name] for name in columns if name not in fixed},
        )
        .returning(*TASK.c)
        .cte("saved")
    )
    return select(func.count().label("saved")).select_from(saved)


def _show_tasks() -> Any:
    """The tasks with these ids that are not deleted, rendered; the others are not in it."""
    row = shown(TASK)
    return (
        select(
            func.array_agg(cast(TASK.c.id, Text), type_=ARRAY(Text)).label("ids"),
            func.array_agg(as_listed(row, USER_ID), type_=ARRAY(Text)).label("bodies"),
        )
        .select_from(TASK)
        .join(row, true())
        .where(TASK.c.user_id == USER_ID, TASK.c.id == any_(_IDS), TASK.c.deleted_at.is_(null()))
    )


def _load_operations() -> Any:
    return select(
        func.array_agg(cast(OPERATION.c.op_id, Text), type_=ARRAY(Text)).label("op_ids"),
        func.array_agg(func.encode(OPERATION.c.fingerprint, _HEX), type_=ARRAY(Text)).label(
            "fingerprints"
        ),
        func.array_agg(OPERATION.c.rev, type_=ARRAY(BigInteger)).label("revs"),
    ).where(OPERATION.c.user_id == USER_ID, OPERATION.c.op_id == any_(_IDS))


def _save_operations() -> Any:
    done = _records(
        _OPERATIONS,
        "done",
        column("op_id", Uuid),
        column("fingerprint", Text),
        column("rev", BigInteger),
    )
    return insert(OPERATION).from_select(
        ["user_id", "op_id", "fingerprint", "rev"],
        select(
            USER_ID, done.c.op_id, func.decode(done.c.fingerprint, _HEX), done.c.rev
        ).select_from(done),
    )


LOAD_TASKS = reading("LOAD_TASKS", _load_tasks())
SAVE_TASKS = writing("SAVE_TASKS", _save_tasks())
SHOW_TASKS = reading("SHOW_TASKS", _show_tasks())
LOAD_OPERATIONS = reading("LOAD_OPERATIONS", _load_operations())
SAVE_OPERATIONS = writing("SAVE_OPERATIONS", _save_operations())
