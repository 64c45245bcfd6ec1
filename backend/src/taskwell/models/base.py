from __future__ import annotations

from sqlalchemy import MetaData, Text
from sqlalchemy.orm import registry
from sqlmodel import SQLModel

# Every constraint and index has a name by convention, so that a migration can speak of it.
_NAMES = {
    "pk": "%(table_name)s_pkey",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
}

# Compared byte by byte: quicker than any language's rules, and the same on every database.
BYTEWISE = Text(collation="C")


class Record(SQLModel, registry=registry(metadata=MetaData(naming_convention=_NAMES))):
    pass
