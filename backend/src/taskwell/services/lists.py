"""What one user sees of many tasks."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from typing import NoReturn

from taskwell.database.transaction import Runner
from taskwell.errors import CursorInvalid
from taskwell.models.limits import GREATEST_ORDER, LONGEST_TEXT
from taskwell.schemas.tasks import is_uuid
from taskwell.services.folding import fold
from taskwell.statements.catalogue import LOOK_AT_ACCOUNT
from taskwell.statements.listing import ListShape, SortKey, Start, Status, list_tasks

__all__ = [
    "LONGEST_SEARCH",
    "MOST_ON_A_PAGE",
    "NOTHING_YET",
    "ListQuery",
    "Lists",
    "Page",
    "SortKey",
    "Status",
]

MOST_ON_A_PAGE = 1000
# No text contains a longer one.
LONGEST_SEARCH = LONGEST_TEXT

# The tag and the sync cursor of a user who has never written anything.
NOTHING_YET = "new.0"

# In microseconds from 1970; well within what PostgreSQL can hold, and past the year 9999.
_FURTHEST_TIME = 3 * 10**17

_NUMBER = re.compile(r"-?[0-9]{1,18}")


@dataclass(frozen=True)
class ListQuery:
    """One that is asked again and again is the same object, and knows its digests."""

    status: Status = Status.ALL
    search: str | None = None
    sort: SortKey = SortKey.ORDER
    descending: bool = False
    limit: int = MOST_ON_A_PAGE
    cursor: str | None = None

    @cached_property
    def digest(self) -> str:
        """Short, and another one for any other filter, sort or page."""
        return _digest(
            self.status, self.search, self.sort, self.descending, self.limit, self.cursor
        )

    @cached_property
    def _binding(self) -> str:
        return _digest(self.status, self.search, self.sort, self.descending)

    def continued(self, key: str | None, task_id: str) -> str:
        """The cursor of the page after the one that ends with this task."""
        # As UTF-8, not escaped: the longest text there can be still fits into a cursor.
        content = json.dumps(
            [self._binding, key, task_id], ensure_ascii=False, separators=(",", ":")
        )
        return base64.urlsafe_b64encode(content.encode()).rstrip(b"=").decode()

    def start(self) -> _Position:
        if self.cursor is None:
            return _Position(Start.FIRST, None, None)
        key, task_id = self._read_cursor(self.cursor)
        if key is None:
            if self.sort is not SortKey.COMPLETED_AT:
                _refuse()
            return _Position(Start.AFTER_NULL, None, task_id)
        if self.sort is SortKey.TEXT:
            return _Position(Start.AFTER_KEY, key, task_id)
        furthest = GREATEST_ORDER if self.sort is SortKey.ORDER else _FURTHEST_TIME
        return _Position(Start.AFTER_KEY, _number(key, furthest), task_id)

    def _read_cursor(self, cursor: str) -> tuple[str | None, str]:
        try:
            content = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            members = json.loads(content.decode())
        except (ValueError, RecursionError):
            _refuse()
        if not isinstance(members, list) or len(members) != 3:
            _refuse()
        binding, key, task_id = members
        if binding != self._binding or not isinstance(task_id, str) or not is_uuid(task_id):
            _refuse()
        if key is not None and not (isinstance(key, str) and _is_storable(key)):
            _refuse()
        return key, task_id


@dataclass(frozen=True, slots=True)
class _Position:
    start: Start
    key: str | int | None
    task_id: str | None


@dataclass(frozen=True, slots=True)
class Page:
    """`body` is None where the client has this very page already."""

    body: str | None
    account_tag: str
    next_cursor: str | None
    total: int | None


class Lists:
    def __init__(self, database: Runner) -> None:
        self._database = database

    async def page(
        self, user_id: str, query: ListQuery, *, seen: Sequence[str] | None, counts: bool
    ) -> Page:
        position = query.start()
        if seen and not counts:
            # What a poll finds mostly; a look at the account costs a fifth of a list.
            looked = await self._database.row(LOOK_AT_ACCOUNT, user_id=user_id)
            tag = NOTHING_YET if looked is None else looked["tag"]
            if tag in seen:
                return Page(None, tag, None, None)
        search = fold(query.search) if query.search else None
        shape = ListShape(
            status=query.status,
            sort=query.sort,
            descending=query.descending,
            searches=search is not None,
            start=position.start,
            counts=counts,
        )
        row = await self._database.row(
            list_tasks(shape),
            user_id=user_id,
            search=search,
            after_key=position.key,
            after_id=position.task_id,
            limit=query.limit,
            rows=query.limit + 1,
        )
        if row is None:
            unchanged = seen is not None and NOTHING_YET in seen
            return Page(None if unchanged else "[]", NOTHING_YET, None, 0 if counts else None)
        unchanged = seen is not None and row["tag"] in seen
        return Page(
            body=None if unchanged else f"[{row['bodies'] or ''}]",
            account_tag=row["tag"],
            next_cursor=(
                query.continued(row["last_key"], row["last_id"]) if row["last_id"] else None
            ),
            total=row["total"] if counts else None,
        )


def _digest(*parts: object) -> str:
    told_apart = [part if part is None else str(part) for part in parts]
    return blake2b(repr(told_apart).encode(), digest_size=6).hexdigest()


def _number(key: str, furthest: int) -> int:
    if not _NUMBER.fullmatch(key):
        _refuse()
    number = int(key)
    return number if abs(number) <= furthest else _refuse()


def _is_storable(text: str) -> bool:
    try:
        return "\0" not in text and bool(text.encode() or True)
    except UnicodeEncodeError:
        return False


def _refuse() -> NoReturn:
    raise CursorInvalid
