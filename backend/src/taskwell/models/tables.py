"""All tables: whoever needs their metadata imports this, so that none is missing from it."""

from taskwell.models.account import Account
from taskwell.models.base import Record
from taskwell.models.compatibility import Compatibility
from taskwell.models.denial import Denial
from taskwell.models.receipt import Operation, Receipt
from taskwell.models.task import Task

__all__ = ["Account", "Compatibility", "Denial", "Operation", "Receipt", "Record", "Task"]
