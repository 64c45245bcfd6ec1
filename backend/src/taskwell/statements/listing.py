"""The list: the one statement that has several shapes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from itertools import product

from taskwell.database.statement import Statement
from taskwell.statements.compiled import statement


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
    """What would change the plan. All else that is asked for are parameters."""

    deleted: bool
    sort: SortKey
    descending: bool
    start: Start

    @property
    def name(self) -> str:
        of_what = "deleted" if self.deleted else "living"
        way = "descending" if self.descending else "ascending"
        return f"LIST_TASKS {of_what} {self.sort} {way} {self.start}"


def shapes() -> Iterator[ListShape]:
    for deleted, sort, descending, start in product((False, True), SortKey, (False, True), Start):
        if start is not Start.AFTER_NULL or sort is SortKey.COMPLETED_AT:
            yield ListShape(deleted, sort, descending, start)


@cache
def list_tasks(shape: ListShape) -> Statement:
    return statement(shape.name)
