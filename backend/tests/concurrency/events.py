"""What a writer asked for, and what it was told."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Verb(StrEnum):
    CREATE = "create"
    REPLACE = "replace"
    PATCH = "patch"
    TOGGLE = "toggle"
    COMPLETE = "complete"
    DELETE = "delete"
    CLEAR = "clear"
    READ = "read"
    SEE_ALL = "see all"


class Outcome(StrEnum):
    CHANGED = "changed"
    SAME = "same"
    STALE = "stale"
    ABSENT = "absent"
    TAKEN = "taken"
    DELETED = "deleted"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Event:
    verb: Verb
    outcome: Outcome
    writer: int
    task_id: str | None = None
    # The members that the write set.
    asked: dict[str, Any] = field(default_factory=dict)
    # The tag that was to be the current one.
    match: str | None = None
    must_be_new: bool = False
    # Whether the writer knew from an answer that the task had been made.
    known: bool = False
    # The task of the answer, or the list, or the number of cleared tasks.
    answer: Any = None
    tag: str | None = None

    @property
    def rev(self) -> int:
        assert self.tag is not None
        return int(self.tag.rpartition(".")[2])
