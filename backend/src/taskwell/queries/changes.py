"""What changed for a user after a revision: the statement behind sync."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Text,
    bindparam,
    case,
    func,
    literal_column,
    null,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import ARRAY

from taskwell.queries.compiling import reading
from taskwell.queries.parameters import USER_ID
from taskwell.queries.rendering import as_json, as_listed, shown, tombstone
from taskwell.queries.tables import ACCOUNT, TASK

_AFTER = bindparam("after", type_=BigInteger)
_BEGAN = bindparam("began", type_=BigInteger)
_ROWS = bindparam("rows", type_=Integer)
_LIMIT = bindparam("limit", type_=Integer)
_ONE: ColumnElement[Any] = literal_column("1")
_COMMA: ColumnElement[Any] = literal_column("','")


def _changes() -> Any:
    """A walk from the beginning leaves out what was deleted before it began, and only that."""
    began = func.coalesce(_BEGAN, ACCOUNT.c.rev)
    changed = (
        select(TASK)
        .where(
            TASK.c.user_id == USER_ID,
            TASK.c.rev > _AFTER,
            or_(TASK.c.deleted_at.is_(null()), TASK.c.rev > began),
        )
        .correlate(ACCOUNT)
        .order_by(TASK.c.rev)
        .limit(_ROWS)
        .subquery("changed")
        .lateral("changed")
    )
    alive, dead = shown(changed, "alive"), tombstone(changed, "dead")
    body = case((changed.c.deleted_at.is_(null()), as_listed(alive, USER_ID)), else_=as_json(dead))
    gathered = (
        select(
            func.array_agg(body, type_=ARRAY(Text)).label("bodies"),
            func.array_agg(changed.c.rev, type_=ARRAY(BigInteger)).label("revs"),
        )
        .select_from(changed)
        .join(alive, true())
        .join(dead, true())
        .correlate(ACCOUNT)
        .lateral("gathered")
    )
    return (
        select(
            ACCOUNT.c.epoch,
            ACCOUNT.c.rev,
            ACCOUNT.c.purged_rev,
            began.label("began"),
            func.array_to_string(gathered.c.bodies[_ONE:_LIMIT], _COMMA).label("bodies"),
            case(
                (func.cardinality(gathered.c.revs) > _LIMIT, gathered.c.revs[_LIMIT]),
            ).label("last_rev"),
        )
        .select_from(ACCOUNT)
        .outerjoin(gathered, true())
        .where(ACCOUNT.c.user_id == USER_ID)
    )


CHANGES = reading("CHANGES", _changes())
