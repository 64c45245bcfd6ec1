"""What is stored: the tables, and nothing else."""

from taskwell.models.account import Account
from taskwell.models.base import Record
from taskwell.models.compatibility import Compatibility
from taskwell.models.denial import Denial, Denied
from taskwell.models.receipt import Operation, Receipt
from taskwell.models.task import (
    GREATEST_ORDER,
    LONGEST_TEXT,
    LONGEST_USER_ID,
    ORDER_STEP,
    Task,
)

__all__ = [
    "GREATEST_ORDER",
    "LONGEST_TEXT",
    "LONGEST_USER_ID",
    "ORDER_STEP",
    "Account",
    "Compatibility",
    "Denial",
    "Denied",
    "Operation",
    "Receipt",
    "Record",
    "Task",
]
