"""The neighbours of a place in a user's list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Integer,
    Text,
    Uuid,
    bindparam,
    cast,
    func,
    null,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from taskwell.queries.compiling import reading
from taskwell.queries.parameters import TASK_ID, USER_ID
from taskwell.queries.tables import TASK

_ANCHOR_ID = bindparam("anchor_id", type_=Uuid)
_ANCHOR_ORDER = bindparam("anchor_order", type_=BigInteger)
_ROWS = bindparam("rows", type_=Integer)


def _side(name: str, *, following: bool) -> Any:
    """Living tasks beside the place, the nearest first; the task that moves is not among them."""
    here = tuple_(TASK.c.order, TASK.c.id)
    place = tuple_(_ANCHOR_ORDER, _ANCHOR_ID)
    by = (TASK.c.order, TASK.c.id)
    near = (
        select(TASK.c.id, TASK.c.order)
        .where(
            TASK.c.user_id == USER_ID,
            TASK.c.deleted_at.is_(null()),
            TASK.c.id != TASK_ID,
            here > place if following else here < place,
        )
        .order_by(*by if following else (key.desc() for key in by))
        .limit(_ROWS)
        .subquery()
    )
    return select(
        func.array_agg(cast(near.c.id, Text), type_=ARRAY(Text)).label("ids"),
        func.array_agg(near.c.order, type_=ARRAY(BigInteger)).label("orders"),
    ).subquery(name)


def _neighbours() -> Any:
    before, after = _side("before", following=False), _side("after", following=True)
    return (
        select(
            before.c.ids.label("ids_before"),
            before.c.orders.label("orders_before"),
            after.c.ids.label("ids_after"),
            after.c.orders.label("orders_after"),
        )
        .select_from(before)
        .join(after, true())
    )


NEIGHBOURS = reading("NEIGHBOURS", _neighbours())
