"""What one user does with one task."""

from __future__ import annotations

import json
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b

from pydantic import MISSING

from taskwell.database.mishaps import UniqueViolation
from taskwell.database.transaction import Row, Runner
from taskwell.errors import (
    PreconditionFailed,
    TaskDeleted,
    TaskIdTaken,
    TaskLimitReached,
    TaskNotFound,
)
from taskwell.schemas.sync import Move
from taskwell.schemas.tasks import TaskCreate, TaskPatch, TaskReplace, is_uuid
from taskwell.services.folding import fold
from taskwell.services.identifiers import new_task_id
from taskwell.services.lists import NOTHING_YET
from taskwell.services.moving import move
from taskwell.services.workbench import Workbench
from taskwell.statements.catalogue import (
    CHANGE_TASK,
    CLEAR_COMPLETED,
    CREATE_TASK,
    DELETE_TASK,
    GET_TASK,
    LOCK_ACCOUNT,
    LOOK_AT_ID,
)

# Tags of which one must be the current one; None: no precondition.
Match = Sequence[str] | None

# Rounds that a create may take when a tombstone is purged just under it.
_CREATE_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Rendered:
    """A task as PostgreSQL rendered it, and its tag."""

    body: str
    tag: str


@dataclass(frozen=True, slots=True)
class Created:
    task: Rendered
    id: str
    is_new: bool


class Tasks:
    def __init__(self, runner: Runner, most_tasks: int) -> None:
        self._runner = runner
        self._most_tasks = most_tasks

    def within(self, runner: Runner) -> Tasks:
        """The same verbs, as a part of what the runner does."""
        return Tasks(runner, self._most_tasks)

    async def read(self, user_id: str, task_id: str) -> Rendered:
        if not is_uuid(task_id):
            raise TaskNotFound
        row = await self._runner.row(GET_TASK, user_id=user_id, id=task_id)
        if row is None:
            raise TaskNotFound
        return _rendered(row)

    async def create(self, user_id: str, task: TaskCreate, *, must_be_new: bool) -> Created:
        given_id = None if task.id is MISSING else task.id
        task_id = given_id or new_task_id()
        order = None if task.order is MISSING else task.order
        fingerprint = fingerprint_of(task.text, task.completed, order)
        for _ in range(_CREATE_ROUNDS):
            id_is_taken = False
            try:
                row = await self._runner.row(
                    CREATE_TASK,
                    user_id=user_id,
                    id=task_id,
                    text=task.text,
                    folded=fold(task.text),
                    completed=task.completed,
                    order=order,
                    epoch=secrets.token_urlsafe(12),
                    fingerprint=fingerprint,
                    most_tasks=self._most_tasks,
                )
            except UniqueViolation:
                row, id_is_taken = None, True
            if row is not None:
                self._runner.wrote(1)
                return Created(_rendered(row), task_id, is_new=True)
            if given_id is not None:
                present = await self._present(user_id, given_id, fingerprint, must_be_new)
                if present is not None:
                    return Created(present, given_id, is_new=False)
            if not id_is_taken:
                raise TaskLimitReached
        raise TaskDeleted

    async def replace(
        self, user_id: str, task_id: str, task: TaskReplace, match: Match
    ) -> Rendered:
        return await self._change(
            user_id,
            task_id,
            match,
            text=task.text,
            completed=task.completed,
            order=None if task.order is MISSING else task.order,
        )

    async def patch(self, user_id: str, task_id: str, patch: TaskPatch, match: Match) -> Rendered:
        return await self._change(
            user_id,
            task_id,
            match,
            text=None if patch.text is MISSING else patch.text,
            completed=None if patch.completed is MISSING else patch.completed,
            order=None if patch.order is MISSING else patch.order,
        )

    async def toggle(self, user_id: str, task_id: str, match: Match) -> Rendered:
        return await self._change(user_id, task_id, match, flip=True)

    async def complete(self, user_id: str, task_id: str, completed: bool, match: Match) -> Rendered:
        return await self._change(user_id, task_id, match, completed=completed)

    async def delete(self, user_id: str, task_id: str, match: Match) -> None:
        if not is_uuid(task_id):
            raise TaskNotFound
        row = await self._runner.row(DELETE_TASK, user_id=user_id, id=task_id, match=match)
        self._as_it_went(row)

    async def move(self, user_id: str, task_id: str, where: Move, match: Match) -> Rendered:
        return await self._at_the_bench(
            user_id, task_id, match, lambda bench: move(bench, task_id.lower(), where)
        )

    async def restore(self, user_id: str, task_id: str, match: Match) -> Rendered:
        """Bring a deleted task back; one that is not deleted stays as it is."""

        async def bring_back(bench: Workbench) -> None:
            draft = bench.find(task_id.lower())
            if draft is not None and draft.deleted:
                bench.restore(draft)

        return await self._at_the_bench(user_id, task_id, match, bring_back, may_be_deleted=True)

    async def clear_completed(self, user_id: str, match: Match) -> int:
        """Many tasks in one write: the account is locked first, and read as it then is."""
        async with self._runner.transaction() as transaction:
            account = await transaction.row(LOCK_ACCOUNT, user_id=user_id)
            tag = NOTHING_YET if account is None else account["tag"]
            if match is not None and tag not in match:
                raise PreconditionFailed
            if account is None:
                # Nothing was locked: whoever is opening the account comes after us.
                return 0
            cleared = await transaction.row(CLEAR_COMPLETED, user_id=user_id)
            deleted = 0 if cleared is None else int(cleared["deleted"])
            transaction.wrote(deleted)
        return deleted

    async def _change(
        self,
        user_id: str,
        task_id: str,
        match: Match,
        *,
        text: str | None = None,
        completed: bool | None = None,
        order: int | None = None,
        flip: bool = False,
    ) -> Rendered:
        if not is_uuid(task_id):
            raise TaskNotFound
        row = await self._runner.row(
            CHANGE_TASK,
            user_id=user_id,
            id=task_id,
            match=match,
            text=text,
            folded=None if text is None else fold(text),
            completed=completed,
            order=order,
            flip=flip,
        )
        return self._as_it_went(row)

    def _as_it_went(self, row: Row | None) -> Rendered:
        if row is None:
            raise TaskNotFound
        if row["outcome"] == "stale":
            raise PreconditionFailed(row["body"], row["tag"])
        if row["outcome"] == "changed":
            self._runner.wrote(1)
        return _rendered(row)

    async def _at_the_bench(
        self,
        user_id: str,
        task_id: str,
        match: Match,
        work: Callable[[Workbench], Awaitable[None]],
        *,
        may_be_deleted: bool = False,
    ) -> Rendered:
        """What one statement can't say: a transaction that holds the account's lock."""
        if not is_uuid(task_id):
            raise TaskNotFound
        task_id = task_id.lower()
        async with self._runner.transaction() as transaction:
            bench = await Workbench.open(transaction, user_id, self._most_tasks)
            await bench.load([task_id])
            draft = bench.find(task_id)
            if draft is None or (draft.deleted and not may_be_deleted):
                raise TaskNotFound
            if match is not None and f"{bench.epoch}.{draft.rev}" not in match:
                shown = await bench.show([task_id])
                raise PreconditionFailed(shown.get(task_id), f"{bench.epoch}.{draft.rev}")
            await work(bench)
            await bench.save()
            row = await transaction.row(GET_TASK, user_id=user_id, id=task_id)
        assert row is not None
        return _rendered(row)

    async def _present(
        self, user_id: str, task_id: str, fingerprint: bytes, must_be_new: bool
    ) -> Rendered | None:
        """What a create ran into; None if it is gone again."""
        row = await self._runner.row(
            LOOK_AT_ID, user_id=user_id, id=task_id, fingerprint=fingerprint
        )
        if row is None:
            return None
        if row["deleted"]:
            raise TaskDeleted
        task = _rendered(row)
        if must_be_new:
            raise PreconditionFailed(task.body, task.tag)
        if not row["same_create"]:
            raise TaskIdTaken
        return task


def _rendered(row: Row) -> Rendered:
    return Rendered(row["body"], row["tag"])


def fingerprint_of(text: str, completed: bool, order: int | None) -> bytes:
    """What a create carried, in short: the same again is a retry."""
    members = json.dumps([text, completed, order], separators=(",", ":"))
    return blake2b(members.encode(), digest_size=16).digest()
