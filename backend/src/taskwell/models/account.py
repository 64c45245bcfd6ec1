from __future__ import annotations

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, Column, DateTime, Integer, func, text
from sqlmodel import Field

from taskwell.models.base import BYTEWISE, Record


class Account(Record, table=True):
    """One row a user: the counter that puts all changes of that user into one order.

    Every write locks this row first, so that two writes of one user never wait for each other in
    opposite order.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("char_length(user_id) BETWEEN 1 AND 255", name="user_id"),
        CheckConstraint("rev >= 0", name="rev"),
        CheckConstraint("live >= 0", name="live"),
        CheckConstraint("purged_rev BETWEEN 0 AND rev", name="purged_rev"),
        # Half empty pages let the counter be updated in place, without touching the index.
        {"postgresql_with": {"fillfactor": "50"}},
    )

    user_id: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    # Random; part of every tag and cursor, so that none outlives an erased or restored account.
    epoch: str = Field(sa_column=Column(BYTEWISE, nullable=False))
    rev: int = Field(sa_column=Column(BigInteger, nullable=False))
    live: int = Field(sa_column=Column(Integer, nullable=False))
    # The greatest order that was ever given out; the next task comes after it.
    last_order: int = Field(sa_column=Column(BigInteger, nullable=False))
    # Tombstones up to this revision may be gone; a cursor before it can't be continued.
    purged_rev: int = Field(sa_column=Column(BigInteger, nullable=False, server_default=text("0")))
    created_at: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
