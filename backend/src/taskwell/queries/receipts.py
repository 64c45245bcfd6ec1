"""Statements behind Idempotency-Key."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    Interval,
    SmallInteger,
    Text,
    bindparam,
    func,
    literal_column,
    select,
)
from sqlalchemy.dialects.postgresql import insert

from taskwell.queries.compiling import reading, writing
from taskwell.queries.parameters import FINGERPRINT, USER_ID
from taskwell.queries.tables import RECEIPT

_KEY = bindparam("key", type_=Text)
KEPT_FOR: ColumnElement[Any] = literal_column("interval '24 hours'", Interval)


def _find_receipt() -> Any:
    return select(
        RECEIPT.c.fingerprint,
        RECEIPT.c.status,
        RECEIPT.c.etag,
        RECEIPT.c.location,
        RECEIPT.c.body,
    ).where(
        RECEIPT.c.user_id == USER_ID,
        RECEIPT.c.key == _KEY,
        RECEIPT.c.created_at > func.now() - KEPT_FOR,
    )


def _save_receipt() -> Any:
    """Over one that has expired and was not purged yet."""
    made = insert(RECEIPT).values(
        user_id=USER_ID,
        key=_KEY,
        fingerprint=FINGERPRINT,
        status=bindparam("status", type_=SmallInteger),
        etag=bindparam("etag", type_=Text),
        location=bindparam("location", type_=Text),
        body=bindparam("body", type_=Text),
        created_at=func.now(),
    )
    names = ("fingerprint", "status", "etag", "location", "body", "created_at")
    return made.on_conflict_do_update(
        index_elements=[RECEIPT.c.user_id, RECEIPT.c.key],
        set_={name: made.excluded[name] for name in names},
    )


FIND_RECEIPT = reading("FIND_RECEIPT", _find_receipt())
SAVE_RECEIPT = writing("SAVE_RECEIPT", _save_receipt())
