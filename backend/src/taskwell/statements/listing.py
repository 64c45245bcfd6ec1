"""The list: the one statement that has several shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product

from taskwell.database.statement import Statement
from taskwell.statements.compiled import statement


class Status(StrEnum):
    ALL = "all"
    PENDING = "pending"
    COMPLETED = "completed"
    DELETED = "deleted"


class SortKey(StrEnum):
    ORDER = "order"
    CREATED_AT = "created_at"
    UPDATED_AT = "updated_at"
    COMPLETED_AT = "completed_at"
    TEXT = "text"


class Start(StrEnum):
    """Where a page begins; tasks without a time come last and page by id alone."""

    FIRST = "first"
    AFTER_KEY = "after_key"
    AFTER_NULL = "after_null"


@dataclass(frozen=True, slots=True)
class ListShape:
    status: Status
    sort: SortKey
    descending: bool
    searches: bool
    start: Start
    counts: bool

    @property
    def name(self) -> str:
        words = ["LIST_TASKS", self.status, self.sort, self.start]
        words += ["descending"] * self.descending
        words += ["searching"] * self.searches
        words += ["counting"] * self.counts
        return " ".join(words)


def shapes() -> Iterator[ListShape]:
    either = (False, True)
    for members in product(Status, SortKey, either, either, Start, either):
        shape = ListShape(*members)
        if shape.start is not Start.AFTER_NULL or shape.sort is SortKey.COMPLETED_AT:
            yield shape


@cache
def list_tasks(shape: ListShape) -> Statement:
    return statement(shape.name)
