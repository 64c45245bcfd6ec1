"""The statements that belong to no user. Only `services.upkeep` may run them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    DateTime,
    Integer,
    Interval,
    LargeBinary,
    Table,
    Text,
    any_,
    bindparam,
    cast,
    column,
    delete,
    extract,
    func,
    literal_column,
    select,
    table,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY, insert

from taskwell.queries.compiling import reading, writing
from taskwell.queries.receipts import KEPT_FOR
from taskwell.queries.rendering import tag
from taskwell.queries.tables import ACCOUNT, COMPATIBILITY, DENIAL, OPERATION, RECEIPT, TASK

# Alembic's own table; one row with the revision that the database is at.
_alembic_version = table("alembic_version", column("version_num", Text))

_ZERO: ColumnElement[Any] = literal_column("0")
_ONE_DAY: ColumnElement[Any] = literal_column("interval '1 day'", Interval)
_BATCH: ColumnElement[Any] = literal_column("500")
_DAYS = bindparam("days", type_=Integer)
# Any number that no other advisory lock of ours has: "purge" in ASCII.
_PURGE_LOCK: ColumnElement[Any] = literal_column(str(0x7075726765))

_KIND = bindparam("kind", type_=Text)
_NAME = bindparam("name", type_=Text)
_ISSUED_BEFORE = bindparam("issued_before", type_=DateTime(timezone=True))


def _deny_list() -> Any:
    is_user: ColumnElement[bool] = DENIAL.c.kind == literal_column("'user'")
    is_key: ColumnElement[bool] = DENIAL.c.kind == literal_column("'key'")
    # Rounded up: a token says in whole seconds when it was issued.
    moment = cast(func.ceil(extract("epoch", DENIAL.c.issued_before)), BigInteger)
    return select(
        func.array_agg(DENIAL.c.name, type_=ARRAY(Text)).filter(is_user).label("users"),
        func.array_agg(moment, type_=ARRAY(BigInteger)).filter(is_user).label("moments"),
        func.array_agg(DENIAL.c.name, type_=ARRAY(Text)).filter(is_key).label("keys"),
    )


def _deny() -> Any:
    moment = func.coalesce(_ISSUED_BEFORE, func.now())
    made = insert(DENIAL).values(kind=_KIND, name=_NAME, issued_before=moment)
    return made.on_conflict_do_update(
        index_elements=[DENIAL.c.kind, DENIAL.c.name],
        set_={"issued_before": made.excluded.issued_before},
    ).returning(DENIAL.c.issued_before)


def _allow() -> Any:
    return (
        delete(DENIAL)
        .where(DENIAL.c.kind == _KIND, DENIAL.c.name == _NAME)
        .returning(DENIAL.c.name)
    )


def _purge_tasks() -> Any:
    """Tombstones past their time, of a few users whom nobody is writing for just now.

    The accounts are locked first, as every write does; those that are taken wait for next time.
    """
    is_past: ColumnElement[bool] = TASK.c.deleted_at < func.now() - _DAYS * _ONE_DAY
    # In the index's order: however few there are, no plan looks for them in the table itself.
    oldest = select(TASK.c.user_id).where(is_past).order_by(TASK.c.deleted_at).limit(_BATCH)
    candidates = oldest.subquery()
    lock = (
        select(ACCOUNT.c.user_id)
        .where(ACCOUNT.c.user_id.in_(select(candidates.c.user_id)))
        .with_for_update(key_share=True, skip_locked=True)
        .cte("lock")
        .prefix_with("MATERIALIZED")
    )
    doomed = (
        select(TASK.c.user_id, TASK.c.id)
        .join_from(TASK, lock, lock.c.user_id == TASK.c.user_id)
        .where(is_past)
        .order_by(TASK.c.deleted_at)
        .limit(_BATCH)
        .cte("doomed")
    )
    gone = (
        delete(TASK)
        .where(TASK.c.user_id == doomed.c.user_id, TASK.c.id == doomed.c.id, is_past)
        .returning(TASK.c.user_id, TASK.c.rev)
        .cte("gone")
    )
    last = (
        select(gone.c.user_id, func.max(gone.c.rev).label("rev"), func.count().label("tasks"))
        .group_by(gone.c.user_id)
        .cte("last")
    )
    marked = (
        update(ACCOUNT)
        .values(purged_rev=func.greatest(ACCOUNT.c.purged_rev, last.c.rev))
        .where(ACCOUNT.c.user_id == last.c.user_id)
        .returning(last.c.tasks)
        .cte("marked")
    )
    return select(func.coalesce(func.sum(marked.c.tasks), _ZERO).label("purged"))


def _purge(kept: Table, key: str, is_past: ColumnElement[bool]) -> Any:
    """A key that is used again meanwhile has a row that is new: that one stays. What somebody else
    has in hand, who erases the account perhaps, is left for next time."""
    doomed = (
        select(kept.c.user_id, kept.c[key])
        .where(is_past)
        .order_by(kept.c.created_at)
        .limit(_BATCH)
        .with_for_update(skip_locked=True)
        .cte("doomed")
    )
    gone = (
        delete(kept)
        .where(kept.c.user_id == doomed.c.user_id, kept.c[key] == doomed.c[key], is_past)
        .returning(kept.c.user_id)
        .cte("gone")
    )
    return select(func.count().label("purged")).select_from(gone)


def _revisions() -> Any:
    users = bindparam("users", type_=ARRAY(Text))
    return select(
        func.array_agg(ACCOUNT.c.user_id, type_=ARRAY(Text)).label("users"),
        func.array_agg(tag(ACCOUNT.c.epoch, ACCOUNT.c.rev), type_=ARRAY(Text)).label("tags"),
    ).where(ACCOUNT.c.user_id == any_(users))


def _schema() -> Any:
    """The greatest, should somebody have put a second row beside the first."""
    oldest = select(func.max(COMPATIBILITY.c.oldest)).scalar_subquery()
    return select(_alembic_version.c.version_num, oldest.label("oldest"))


def _new_epochs() -> Any:
    """Made of the old one and of something random: Citus takes nothing volatile in an UPDATE."""
    salted = cast(ACCOUNT.c.epoch, LargeBinary).concat(bindparam("salt", type_=LargeBinary))
    digest = func.encode(func.sha256(salted), literal_column("'hex'"))
    renewed = (
        update(ACCOUNT)
        .values(epoch=func.left(digest, literal_column("24", Integer)))
        .returning(ACCOUNT.c.user_id)
        .cte("renewed")
    )
    return select(func.count().label("accounts")).select_from(renewed)


SCHEMA = reading("SCHEMA", _schema())
# For a database from before there was a word on compatibility.
SCHEMA_VERSION = reading("SCHEMA_VERSION", select(_alembic_version.c.version_num))
NEW_EPOCHS = writing("NEW_EPOCHS", _new_epochs())
DENY_LIST = reading("DENY_LIST", _deny_list())
DENY = writing("DENY", _deny())
ALLOW = writing("ALLOW", _allow())
# Given back when the transaction ends; whoever does not get it leaves the purge to the other.
PURGE_LOCK = writing(
    "PURGE_LOCK", select(func.pg_try_advisory_xact_lock(_PURGE_LOCK).label("is_mine"))
)
PURGE_TASKS = writing("PURGE_TASKS", _purge_tasks())
PURGE_RECEIPTS = writing(
    "PURGE_RECEIPTS", _purge(RECEIPT, "key", RECEIPT.c.created_at < func.now() - KEPT_FOR)
)
PURGE_OPERATIONS = writing(
    "PURGE_OPERATIONS",
    _purge(OPERATION, "op_id", OPERATION.c.created_at < func.now() - _DAYS * _ONE_DAY),
)
REVISIONS = reading("REVISIONS", _revisions())
NUDGE = writing(
    "NUDGE",
    select(
        func.pg_notify(bindparam("channel", type_=Text), bindparam("payload", type_=Text)).label(
            "sent"
        )
    ),
)
