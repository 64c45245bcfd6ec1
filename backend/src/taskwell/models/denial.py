from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, Column, DateTime, func
from sqlmodel import Field

from taskwell.models.base import BYTEWISE, Record


class Denial(Record, table=True):
    """A user whose tokens are refused if they were issued before a moment, or a key whose tokens
    all are. Of the operator, not of any user: so it outlives an erased account."""

    __tablename__ = "denial"
    __table_args__ = (CheckConstraint("kind IN ('user', 'key')", name="kind"),)

    kind: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    name: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
    issued_before: datetime = Field(
        sa_column=Column(DateTime(timezone=True), nullable=False, server_default=func.now())
    )
