"""Writers that do everything at once, through the services and on the real database."""

from __future__ import annotations

import json
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from concurrency.events import Event, Outcome, Verb
from concurrency.observed import last_row
from taskwell.database.pool import Database
from taskwell.errors import (
    PreconditionFailed,
    TaskDeleted,
    TaskIdTaken,
    TaskLimitReached,
    TaskNotFound,
)
from taskwell.schemas.tasks import TaskCreate, TaskPatch, TaskReplace
from taskwell.services.lists import ListQuery, Lists
from taskwell.services.tasks import Rendered, Tasks

_REFUSALS = {
    TaskNotFound: Outcome.ABSENT,
    TaskIdTaken: Outcome.TAKEN,
    TaskDeleted: Outcome.DELETED,
    TaskLimitReached: Outcome.FULL,
}

# Few, so that writers meet on them, and that many a write finds nothing to change.
_COMMON_TEXTS = ("Buy milk", "Call Zoë", "🚲")
_COMMON_ORDERS = (-5, 0, 7)


@dataclass(frozen=True, slots=True)
class Storm:
    """For whom each writer acts; every process has an equal share of the writers."""

    url: str
    users: tuple[str, ...]
    operations: int
    most_tasks: int
    processes: int
    seed: int


class Writer:
    def __init__(
        self, storm: Storm, database: Database, number: int, boards: dict[str, dict[str, str]]
    ) -> None:
        self.user_id = storm.users[number]
        self.events: list[Event] = []
        self._tasks = Tasks(database, storm.most_tasks)
        self._lists = Lists(database)
        self._number = number
        self._chance = random.Random(f"{storm.seed} {number}")
        # The tasks that the user's writers in this process know of, with the last tag seen.
        self._board = boards[self.user_id]
        self._done = 0
        self._operations = storm.operations
        # The same for all users and writers: some meet on an id.
        ids = random.Random(storm.seed)
        count = max(8, len(storm.users) * storm.operations // 40)
        self._shared_ids = [str(UUID(int=ids.getrandbits(128))) for _ in range(count)]

    async def work(self) -> None:
        verbs: dict[Callable[[], Awaitable[None]], int] = {
            self._create: 24,
            self._patch: 26,
            self._replace: 10,
            self._toggle: 14,
            self._complete: 10,
            self._delete: 9,
            self._clear: 1,
            self._read: 4,
            self._see_all: 2,
        }
        for verb in self._chance.choices(list(verbs), list(verbs.values()), k=self._operations):
            self._done += 1
            await verb()

    def _text(self) -> str:
        if self._chance.random() < 0.4:
            return self._chance.choice(_COMMON_TEXTS)
        return f"{self.user_id} {self._number} {self._done}"

    def _some_task(self) -> str:
        known = list(self._board)
        if known and self._chance.random() < 0.95:
            # The newest most: a crowd needs a place to meet.
            return self._chance.choice(known[-12:])
        return self._chance.choice(self._ids_of_the_hour())

    def _ids_of_the_hour(self) -> list[str]:
        """A few at a time, so that writers meet before the task is deleted for good."""
        begin = len(self._shared_ids) * self._done // (self._operations + 1)
        return self._shared_ids[begin : begin + 6]

    def _some_members(self) -> dict[str, Any]:
        members: dict[str, Any] = {}
        if self._chance.random() < 0.5:
            members["text"] = self._text()
        if self._chance.random() < 0.5:
            members["completed"] = self._chance.random() < 0.5
        if self._chance.random() < 0.3:
            members["order"] = self._some_order()
        return members

    def _some_order(self) -> int:
        """Now and then past all that was, so that the next task must come after it."""
        return self._chance.choice((*_COMMON_ORDERS, 10_000 * self._done))

    async def _create(self) -> None:
        asked: dict[str, Any] = {"text": self._text(), "completed": self._chance.random() < 0.3}
        if self._chance.random() < 0.2:
            asked["order"] = self._some_order()
        given: dict[str, Any] = {}
        if self._chance.random() < 0.5:
            given["id"] = self._chance.choice(self._ids_of_the_hour())
            if self._chance.random() < 0.6:
                # What everybody would create under this id.
                asked = {"text": given["id"], "completed": False}
        must_be_new = "id" in given and self._chance.random() < 0.2
        details: dict[str, Any] = {
            "verb": Verb.CREATE,
            "writer": self._number,
            "task_id": given.get("id"),
            "asked": asked,
            "must_be_new": must_be_new,
        }
        try:
            made = await self._tasks.create(
                self.user_id, TaskCreate(**asked, **given), must_be_new=must_be_new
            )
        except PreconditionFailed as stale:
            self._note_stale(stale, details)
        except tuple(_REFUSALS) as refusal:
            self.events.append(Event(outcome=_REFUSALS[type(refusal)], **details))
        else:
            self._board[made.id] = made.task.tag
            details["task_id"] = made.id
            outcome = Outcome.CHANGED if made.is_new else Outcome.SAME
            self._note(outcome, made.task, details)

    async def _patch(self) -> None:
        members = self._some_members()
        patch = TaskPatch(**members)
        await self._write(Verb.PATCH, members, self._tasks.patch, patch)

    async def _replace(self) -> None:
        members = {"text": self._text(), "completed": False, **self._some_members()}
        replacement = TaskReplace(**members)
        await self._write(Verb.REPLACE, members, self._tasks.replace, replacement)

    async def _toggle(self) -> None:
        await self._write(Verb.TOGGLE, {}, self._tasks.toggle)

    async def _complete(self) -> None:
        completed = self._chance.random() < 0.5
        await self._write(Verb.COMPLETE, {"completed": completed}, self._tasks.complete, completed)

    async def _delete(self) -> None:
        await self._write(Verb.DELETE, {}, self._tasks.delete)

    async def _read(self) -> None:
        await self._do(Verb.READ, self._some_task(), None, {}, self._tasks.read)

    async def _write(
        self, verb: Verb, asked: dict[str, Any], service: Callable[..., Any], *content: Any
    ) -> None:
        task_id = self._some_task()
        match = self._board.get(task_id) if self._chance.random() < 0.3 else None
        matches = None if match is None else [match]
        await self._do(verb, task_id, match, asked, service, *content, matches)

    async def _do(
        self,
        verb: Verb,
        task_id: str,
        match: str | None,
        asked: dict[str, Any],
        service: Callable[..., Any],
        *content: Any,
    ) -> None:
        details: dict[str, Any] = {
            "verb": verb,
            "writer": self._number,
            "task_id": task_id,
            "asked": asked,
            "match": match,
            "known": task_id in self._board,
        }
        try:
            await service(self.user_id, task_id, *content)
        except TaskNotFound:
            self._board.pop(task_id, None)
            self.events.append(Event(outcome=Outcome.ABSENT, **details))
        except PreconditionFailed as stale:
            self._note_stale(stale, details)
        else:
            row = last_row.get()
            assert row is not None
            outcome = Outcome.SAME if verb is Verb.READ else Outcome(row["outcome"])
            if verb is not Verb.DELETE:
                self._board[task_id] = row["tag"]
            self._note(outcome, Rendered(row["body"], row["tag"]), details)

    def _note(self, outcome: Outcome, task: Rendered, details: dict[str, Any]) -> None:
        answer = json.loads(task.body)
        self.events.append(Event(outcome=outcome, answer=answer, tag=task.tag, **details))

    def _note_stale(self, stale: PreconditionFailed, details: dict[str, Any]) -> None:
        assert stale.current is not None
        assert stale.tag is not None
        self._board[details["task_id"]] = stale.tag
        self._note(Outcome.STALE, Rendered(stale.current, stale.tag), details)

    async def _clear(self) -> None:
        cleared = await self._tasks.clear_completed(self.user_id, None)
        self.events.append(Event(Verb.CLEAR, Outcome.CHANGED, self._number, answer=cleared))

    async def _see_all(self) -> None:
        page = await self._lists.page(self.user_id, ListQuery(), seen=None, counts=True)
        assert page.body is not None
        seen = json.loads(page.body)
        assert page.total == len(seen)
        self.events.append(
            Event(Verb.SEE_ALL, Outcome.SAME, self._number, answer=seen, tag=page.account_tag)
        )
