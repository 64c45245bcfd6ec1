"""How a task looks as JSON: the one place where it is rendered, by PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import groupby
from typing import Any

from sqlalchemy import (
    ColumnElement,
    DateTime,
    FromClause,
    Interval,
    Text,
    cast,
    func,
    literal_column,
    select,
)
from sqlalchemy.sql.selectable import LateralFromClause

_RFC3339: ColumnElement[Any] = literal_column("""'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'""")
# As a distance from UTC, which needs no looking up, unlike a name.
_UTC: ColumnElement[Any] = literal_column("interval '0'", Interval)
_LENGTH_OF_ID: ColumnElement[Any] = literal_column("36")
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


def as_listed(row: LateralFromClause, user_id: ColumnElement[str]) -> ColumnElement[str]:
    """The same text as `as_json(row)`, of a row that is there and is this user's: where there are
    many, put together from its members it takes PostgreSQL two thirds of the time."""
    columns = row.c
    # One expression, so that the time is rendered once; without a time all of it is null.
    completed_at = _text('"').concat(columns.completed_at).concat(_text('"'))
    values: dict[str, tuple[Any, ...]] = {
        "id": ('"', cast(columns.id, Text), '"'),
        "user_id": (select(_quoted(user_id)).scalar_subquery(),),
        "text": (_quoted(columns.text),),
        "created_at": ('"', columns.created_at, '"'),
        "updated_at": ('"', columns.updated_at, '"'),
        "completed_at": (func.coalesce(completed_at, _text("null")),),
    }
    pieces: list[Any] = ["{"]
    for name in MEMBERS:
        comma = "," if len(pieces) > 1 else ""
        pieces += [f'{comma}"{name}":', *values.get(name, (cast(columns[name], Text),))]
    first, *others = _joined([*pieces, "}"])
    return reduce(ColumnElement.concat, others, first)


def id_in(listed: ColumnElement[str]) -> ColumnElement[str]:
    """What `as_listed` begins with: taken from there it need not be gathered beside it."""
    begins: ColumnElement[Any] = literal_column(str(len('{"id":"') + 1))
    return func.substr(listed, begins, _LENGTH_OF_ID)


def _joined(pieces: list[Any]) -> Iterator[ColumnElement[Any]]:
    """What is text, as few texts as it can be."""
    for is_text, alike in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        if is_text:
            yield _text("".join(alike))
        else:
            yield from alike


def _quoted(text: ColumnElement[str]) -> ColumnElement[str]:
    return cast(func.to_json(text), Text)


def _text(text: str) -> ColumnElement[Any]:
    return literal_column(f"'{text}'")


def tombstone(task: FromClause, name: str = "tombstone") -> LateralFromClause:
    deleted: ColumnElement[Any] = literal_column("true")
    return select(task.c.id, task.c.rev, deleted.label("deleted")).correlate(task).lateral(name)
