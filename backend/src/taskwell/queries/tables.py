"""The tables as the expression language takes them."""

from __future__ import annotations

from sqlalchemy import Table

from taskwell.models.tables import Account, Compatibility, Denial, Operation, Receipt, Task

_tables = Account.metadata.tables
ACCOUNT: Table = _tables[str(Account.__tablename__)]
TASK: Table = _tables[str(Task.__tablename__)]
RECEIPT: Table = _tables[str(Receipt.__tablename__)]
OPERATION: Table = _tables[str(Operation.__tablename__)]
COMPATIBILITY: Table = _tables[str(Compatibility.__tablename__)]
DENIAL: Table = _tables[str(Denial.__tablename__)]
