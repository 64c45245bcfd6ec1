from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Index,
    LargeBinary,
    SmallInteger,
    Text,
    Uuid,
    func,
)
from sqlmodel import Field

from taskwell.models.base import BYTEWISE, Record


class Receipt(Record, table=True):
    """The first answer to a write that carried an Idempotency-Key, kept to be given again."""

    __tablename__ = "receipt"
    __table_args__ = (
        CheckConstraint("char_length(key) BETWEEN 1 AND 255", name="key"),
        CheckConstraint("status BETWEEN 200 AND 299", name="status"),
        Index(None, "created_at"),
    )

    user_id: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    key: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    # What was asked; another request under the same key is a mistake of the client's.
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    status: int = Field(sa_column=Column(SmallInteger, nullable=False))
    etag: str | None = Field(sa_column=Column(Text))
    location: str | None = Field(sa_column=Column(Text))
    body: str = Field(sa_column=Column(Text, nullable=False))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )


class Operation(Record, table=True):
    """An operation of a sync batch that took effect, so that it never does again."""

    __tablename__ = "operation"
    __table_args__ = (Index(None, "created_at"),)

    user_id: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    op_id: UUID = Field(sa_column=Column(Uuid, primary_key=True))
    fingerprint: bytes = Field(sa_column=Column(LargeBinary, nullable=False))
    # The user's revision when it was done: what the device that sent it did itself.
    rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
