"""Several tasks of one user in one transaction: locked, loaded, changed here, saved together."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any, Self

from taskwell.database.transaction import Row, Runner
from taskwell.errors import TaskLimitReached
from taskwell.models.limits import GREATEST_ORDER, ORDER_STEP
from taskwell.services.folding import fold
from taskwell.statements.catalogue import (
    LOAD_TASKS,
    LOCK_ACCOUNT,
    NEIGHBOURS,
    OPEN_ACCOUNT,
    SAVE_ACCOUNT,
    SAVE_TASKS,
    SHOW_TASKS,
)


@dataclass(slots=True)
class Draft:
    """A task as it is being worked on. Times stay the texts that PostgreSQL made of them; None
    where it is to take the time of saving."""

    id: str
    text: str
    completed: bool
    order: int
    fingerprint: str
    created_at: str | None = None
    updated_at: str | None = None
    completed_at: str | None = None
    deleted: bool = False
    rev: int = 0
    text_rev: int = 0
    completed_rev: int = 0
    order_rev: int = 0
    # Turned from pending to completed here, so that `completed_at` is the time of saving.
    completed_now: bool = False
    # An import brings its times with it.
    keeps_times: bool = False
    touched: bool = False


@dataclass(frozen=True, slots=True)
class Neighbour:
    order: int
    id: str

    @property
    def key(self) -> tuple[int, str]:
        return self.order, self.id


_LOADED = [field.name for field in fields(Draft)][:13]


async def lock_account(runner: Runner, user_id: str) -> Row:
    """The user's account, made if this is their first write."""
    while (account := await runner.row(LOCK_ACCOUNT, user_id=user_id)) is None:
        # Whoever erases it in between makes this one look again.
        await runner.row(OPEN_ACCOUNT, user_id=user_id, epoch=secrets.token_urlsafe(12))
    return account


async def load_drafts(runner: Runner, user_id: str, ids: Sequence[str]) -> list[Draft]:
    """Those that exist, deleted or not."""
    row = await runner.row(LOAD_TASKS, user_id=user_id, ids=ids) if ids else None
    if row is None or row["tasks"] is None:
        return []
    return [Draft(**record) for record in json.loads(row["tasks"])]


async def show_tasks(runner: Runner, user_id: str, ids: Sequence[str]) -> dict[str, str]:
    """As JSON, as they were saved; the deleted ones are left out."""
    row = await runner.row(SHOW_TASKS, user_id=user_id, ids=ids) if ids else None
    if row is None or row["ids"] is None:
        return {}
    return dict(zip(row["ids"], row["bodies"], strict=True))


class Workbench:
    """Opened with the account's lock: nobody else writes for this user until the end."""

    def __init__(self, runner: Runner, user_id: str, account: Row, most_tasks: int) -> None:
        self._runner = runner
        self._user_id = user_id
        self._most_tasks = most_tasks
        self.epoch: str = account["epoch"]
        self.rev: int = account["rev"]
        self._saved_rev = self.rev
        self.live: int = account["live"]
        self.last_order: int = account["last_order"]
        self.purged_rev: int = account["purged_rev"]
        self._tasks: dict[str, Draft] = {}
        self._absent: set[str] = set()

    @classmethod
    async def open(cls, runner: Runner, user_id: str, most_tasks: int) -> Self:
        return cls(runner, user_id, await lock_account(runner, user_id), most_tasks)

    async def load(self, ids: Iterable[str]) -> None:
        wanted = [each for each in ids if each not in self._tasks and each not in self._absent]
        for draft in await load_drafts(self._runner, self._user_id, wanted):
            self._tasks[draft.id] = draft
        # Under the lock nobody else makes them: there is no need to look again.
        self._absent.update(each for each in wanted if each not in self._tasks)

    def find(self, task_id: str) -> Draft | None:
        """Deleted ones too; None if it was not loaded, or does not exist."""
        return self._tasks.get(task_id)

    def add(self, draft: Draft, order: int | None) -> None:
        """A task that is new; by default after all others. A deleted one takes no room."""
        if not draft.deleted:
            self._come_to_life()
        rev = self._next_rev()
        draft.order = self._place(order)
        draft.rev = draft.text_rev = draft.completed_rev = draft.order_rev = rev
        draft.completed_now = draft.completed and draft.completed_at is None
        draft.touched = True
        self._tasks[draft.id] = draft
        self._absent.discard(draft.id)

    def change(self, draft: Draft, values: dict[str, Any]) -> bool:
        """Set text, completed and order where given; False if that changes nothing."""
        changed = {name: value for name, value in values.items() if getattr(draft, name) != value}
        if not changed:
            return False
        rev = self._touch(draft)
        for name, value in changed.items():
            setattr(draft, name, value)
            setattr(draft, f"{name}_rev", rev)
        if "completed" in changed:
            draft.completed_now = draft.completed
            draft.completed_at = None
        if "order" in changed:
            self.last_order = max(self.last_order, draft.order)
        return True

    def make_room(self, draft: Draft, order: int) -> None:
        """Its place among the others stays what it was: to whoever merges, nobody has edited it."""
        if draft.order != order:
            self._touch(draft)
            draft.order = order
            self.last_order = max(self.last_order, order)

    def keep_times(self, draft: Draft, updated_at: str | None, completed_at: str | None) -> None:
        """Not the time of saving, but those that the task had before."""
        if not draft.touched:
            self._touch(draft)
        draft.updated_at, draft.completed_at = updated_at, completed_at
        draft.completed_now = False
        draft.keeps_times = True

    def delete(self, draft: Draft) -> None:
        self._touch(draft)
        draft.deleted = True
        self.live -= 1

    def restore(self, draft: Draft) -> None:
        self._come_to_life()
        self._touch(draft)
        draft.deleted = False

    async def save(self) -> None:
        """What was changed, and the account that counted it."""
        touched = [draft for draft in self._tasks.values() if draft.touched]
        if not touched:
            return
        records = [
            {name: getattr(draft, name) for name in _LOADED}
            | {
                "folded": fold(draft.text),
                "completed_now": draft.completed_now,
                "keeps_times": draft.keeps_times,
            }
            for draft in touched
        ]
        await self._runner.row(SAVE_TASKS, user_id=self._user_id, drafts=json.dumps(records))
        await self._runner.row(
            SAVE_ACCOUNT,
            user_id=self._user_id,
            rev=self.rev,
            live=self.live,
            last_order=self.last_order,
        )
        self._runner.wrote(self.rev - self._saved_rev)
        self._saved_rev = self.rev
        # Their times are known to the database only: whoever needs them again loads them again.
        for draft in touched:
            del self._tasks[draft.id]

    async def neighbours(
        self, moved_id: str, order: int, anchor_id: str, rows: int
    ) -> tuple[list[Neighbour], list[Neighbour]]:
        """The living tasks before and after a place, the nearest first, without the moved one."""
        row = await self._runner.row(
            NEIGHBOURS,
            user_id=self._user_id,
            id=moved_id,
            anchor_order=order,
            anchor_id=anchor_id,
            rows=rows,
        )
        assert row is not None
        return (
            [
                Neighbour(*pair)
                for pair in zip(row["orders_before"] or (), row["ids_before"] or (), strict=True)
            ],
            [
                Neighbour(*pair)
                for pair in zip(row["orders_after"] or (), row["ids_after"] or (), strict=True)
            ],
        )

    async def show(self, ids: Sequence[str]) -> dict[str, str]:
        """The tasks as JSON, as they were saved; the deleted ones are left out."""
        return await show_tasks(self._runner, self._user_id, ids)

    def _come_to_life(self) -> None:
        if self.live >= self._most_tasks:
            raise TaskLimitReached
        self.live += 1

    def _touch(self, draft: Draft) -> int:
        draft.touched = True
        draft.rev = self._next_rev()
        return draft.rev

    def _next_rev(self) -> int:
        self.rev += 1
        return self.rev

    def _place(self, order: int | None) -> int:
        if order is None:
            order = min(self.last_order + ORDER_STEP, GREATEST_ORDER)
        self.last_order = max(self.last_order, order)
        return order
