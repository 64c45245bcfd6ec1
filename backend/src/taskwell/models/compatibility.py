from __future__ import annotations

from sqlalchemy import Column
from sqlmodel import Field

from taskwell.models.base import BYTEWISE, Record


class Compatibility(Record, table=True):
    """One row: the oldest revision whose service may still work with this schema.

    A migration that only adds leaves it alone. One that takes away what older services use sets
    it to the revision of the first that does without.
    """

    __tablename__ = "compatibility"

    oldest: str = Field(sa_column=Column(BYTEWISE, primary_key=True))
