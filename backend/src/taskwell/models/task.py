from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlmodel import Field

from taskwell.models.base import BYTEWISE, Record
from taskwell.models.limits import GREATEST_ORDER, LONGEST_TEXT


class Task(Record, table=True):
    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint(f"char_length(text) BETWEEN 1 AND {LONGEST_TEXT}", name="text"),
        CheckConstraint(f'"order" BETWEEN -{GREATEST_ORDER} AND {GREATEST_ORDER}', name="order"),
        CheckConstraint("completed = (completed_at IS NOT NULL)", name="completed"),
        CheckConstraint(
            "isfinite(created_at) AND isfinite(updated_at)"
            " AND isfinite(completed_at) AND isfinite(deleted_at)",
            name="times",
        ),
        CheckConstraint("rev >= greatest(text_rev, completed_rev, order_rev)", name="rev"),
        UniqueConstraint("user_id", "rev"),
        Index(None, "user_id", "order", "id", postgresql_where=text("deleted_at IS NULL")),
        # Only tombstones are in it: what the purge walks along, oldest first.
        Index(None, "deleted_at", postgresql_where=text("deleted_at IS NOT NULL")),
    )

    user_id: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    text: str = Field(sa_column=Column(Text, nullable=False))
    # The text without case, for search and sorting: folded by us, so that it doesn't depend on
    # the database's locale.
    folded: str = Field(sa_column=Column(BYTEWISE, nullable=False))
    completed: bool = Field(sa_column=Column(Boolean, nullable=False))
    order: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    updated_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    completed_at: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    # Set on a tombstone, which is kept for a while so that every device hears of the deletion.
    deleted_at: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    # The revision at which each field last changed, for merging edits of several devices.
    text_rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    completed_rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    order_rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    # A digest of what the create carried: the same again is a retry, anything else a conflict.
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
