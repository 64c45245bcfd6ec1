"""The list: the one statement that has several shapes."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Interval,
    Text,
    Uuid,
    and_,
    bindparam,
    case,
    cast,
    extract,
    func,
    literal_column,
    not_,
    null,
    or_,
    select,
    true,
    tuple_,
)
from sqlalchemy.dialects.postgresql import ARRAY

from taskwell.database.statement import Statement
from taskwell.queries.compiling import reading
from taskwell.queries.parameters import USER_ID
from taskwell.queries.rendering import MEMBERS, as_listed, id_in, shown, tag
from taskwell.queries.tables import ACCOUNT, TASK
from taskwell.statements.listing import ListShape, SortKey, Start, Status, shapes

_AFTER_ID = bindparam("after_id", type_=Uuid)
_SEARCH = bindparam("search", type_=Text)
_ROWS = bindparam("rows", type_=Integer)
_LIMIT = bindparam("limit", type_=Integer)
_ZERO: ColumnElement[Any] = literal_column("0")
_MICROSECOND: ColumnElement[Any] = literal_column("interval '1 microsecond'", Interval)
_BEGINNING: ColumnElement[Any] = literal_column("timestamptz 'epoch'", DateTime(timezone=True))
_MILLION: ColumnElement[Any] = literal_column("1000000")


def _key_of(sort: SortKey) -> ColumnElement[Any]:
    return TASK.c.folded if sort is SortKey.TEXT else TASK.c[sort.value]


def _carried(sort: SortKey, key: ColumnElement[Any]) -> ColumnElement[Any]:
    """The key as a cursor carries it: times as whole microseconds, which lose nothing."""
    if sort is SortKey.TEXT:
        return key
    if sort is SortKey.ORDER:
        return cast(key, Text)
    return cast(cast(extract("epoch", key) * _MILLION, BigInteger), Text)


def _after_key(sort: SortKey) -> ColumnElement[Any]:
    if sort is SortKey.TEXT:
        return bindparam("after_key", type_=Text)
    number = bindparam("after_key", type_=BigInteger)
    if sort is SortKey.ORDER:
        return number
    return _BEGINNING + number * _MICROSECOND


def _filters(shape: ListShape) -> list[ColumnElement[bool]]:
    is_alive = TASK.c.deleted_at.is_(null())
    wanted = [
        TASK.c.user_id == USER_ID,
        not_(is_alive) if shape.status is Status.DELETED else is_alive,
    ]
    if shape.status is Status.PENDING:
        wanted.append(not_(TASK.c.completed))
    if shape.status is Status.COMPLETED:
        wanted.append(TASK.c.completed)
    if shape.searches:
        wanted.append(func.strpos(TASK.c.folded, _SEARCH) > _ZERO)
    return wanted


def _beyond(shape: ListShape) -> ColumnElement[bool]:
    key = _key_of(shape.sort)
    if shape.start is Start.AFTER_NULL:
        beyond_id = TASK.c.id < _AFTER_ID if shape.descending else TASK.c.id > _AFTER_ID
        return and_(key.is_(null()), beyond_id)
    here = tuple_(key, TASK.c.id)
    last = tuple_(_after_key(shape.sort), _AFTER_ID)
    beyond = here < last if shape.descending else here > last
    return or_(beyond, key.is_(null())) if shape.sort is SortKey.COMPLETED_AT else beyond


def _ordering(shape: ListShape) -> tuple[ColumnElement[Any], ColumnElement[Any]]:
    key = _key_of(shape.sort)
    by_key = key.desc() if shape.descending else key.asc()
    by_id = TASK.c.id.desc() if shape.descending else TASK.c.id.asc()
    return (by_key.nulls_last() if shape.sort is SortKey.COMPLETED_AT else by_key, by_id)


def _list_tasks(shape: ListShape) -> Any:
    wanted = _filters(shape)
    on_page = wanted if shape.start is Start.FIRST else [*wanted, _beyond(shape)]
    key_column = _key_of(shape.sort)
    needed = dict.fromkeys([*(TASK.c[name] for name in MEMBERS), key_column])
    ordered = (
        select(*needed).where(*on_page).order_by(*_ordering(shape)).limit(_ROWS).subquery("ordered")
    )
    row = shown(ordered)
    key = ordered.c[key_column.name]
    # One row more than asked for is read, and tells that there is a next page.
    gathered = (
        select(
            func.array_agg(as_listed(row, USER_ID), type_=ARRAY(Text)).label("bodies"),
            func.array_agg(key, type_=ARRAY(key.type)).label("keys"),
        )
        .select_from(ordered)
        .join(row, true())
        .subquery("gathered")
    )
    page = (
        select(
            func.array_to_string(
                gathered.c.bodies[literal_column("1") : _LIMIT], literal_column("','")
            ).label("bodies"),
            case(
                (func.cardinality(gathered.c.bodies) > _LIMIT, id_in(gathered.c.bodies[_LIMIT])),
            ).label("last_id"),
            _carried(shape.sort, gathered.c["keys"][_LIMIT]).label("last_key"),
        )
        .select_from(gathered)
        .lateral("page")
    )
    columns: list[Any] = [
        tag(ACCOUNT.c.epoch, ACCOUNT.c.rev).label("tag"),
        page.c.bodies,
        page.c.last_id,
        page.c.last_key,
    ]
    if shape.counts:
        total = select(func.count()).select_from(TASK).where(*wanted).scalar_subquery()
        columns.append(total.label("total"))
    return (
        select(*columns)
        .select_from(ACCOUNT)
        .outerjoin(page, true())
        .where(ACCOUNT.c.user_id == USER_ID)
    )


LISTS: list[Statement] = [reading(shape.name, _list_tasks(shape)) for shape in shapes()]
