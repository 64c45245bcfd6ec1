"""What the server has to answer: the model of an account behind a model of the protocol."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass, field
from typing import Any

from syncing.model import Account, Author, Refused, Task

Result = tuple[str, str | None, dict[str, Any] | None]

STATUSES = {
    "task-not-found": 404,
    "task-deleted": 409,
    "task-id-taken": 409,
    "task-limit-reached": 409,
    "validation-failed": 422,
}

_CONFLICTS = ("edit-conflict", "task-deleted", "task-id-taken")


@dataclass(frozen=True)
class Place:
    """What a cursor that was handed out stands for."""

    life: int | None
    rev: int
    began: int | None = None


@dataclass
class Delta:
    changes: list[dict[str, Any]]
    place: Place
    has_more: bool


@dataclass
class ModelServer:
    """Statuses, codes and contents, for one user."""

    most_tasks: int
    account: Account = field(init=False)
    done: dict[str, tuple[str, int]] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)
    receipts: dict[str, tuple[Any, int, bytes]] = field(default_factory=dict)
    # Creates that found their task made already: done, but not remembered.
    repeated: set[str] = field(default_factory=set)
    # Of the request in hand: tasks whose create met the limit.
    without_room: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.account = Account(self.most_tasks)

    def erase(self) -> None:
        self.account.erase()
        self.done.clear()
        self.receipts.clear()

    def delta(self, cursor: str | None, limit: int) -> Delta:
        account, place = self.account, self._place(cursor)
        if place is not None:
            self._check(place)
        if account.life is None:
            return Delta([], Place(None, 0), has_more=False)
        after = 0 if place is None else place.rev
        is_first_walk = place is None or place.began is not None
        began = account.rev if place is None else place.began
        known = after if began is None else began
        changed = sorted(
            (
                task
                for task in account.tasks.values()
                if task.rev > after and (not task.deleted or task.rev > known)
            ),
            key=lambda task: task.rev,
        )
        changes = [task.shown() for task in changed[:limit]]
        if len(changed) <= limit:
            return Delta(changes, Place(account.life, account.rev), has_more=False)
        return Delta(
            changes,
            Place(account.life, changes[-1]["rev"], began if is_first_walk else None),
            has_more=True,
        )

    def exchange(self, request: dict[str, Any], device: int) -> tuple[list[Result], Delta]:
        operations = request["operations"]
        results: list[Result] = []
        if operations:
            saved = copy.deepcopy((self.account, self.done))
            place = self._place(request["cursor"])
            self.account.open()
            try:
                if place is not None:
                    self._check(place)
                own: set[int] = set()
                self.without_room.clear()
                remembered, newest = set(self.done), self.account.rev
                for operation in operations:
                    self.account.author = Author(device, operation["op_id"])
                    results.append(self._once(operation, own, newest))
                failed = any(code for _, code, _ in results)
            except Refused:
                self.account, self.done = saved
                raise
            finally:
                self.account.author = Author()
            if request["atomic"] and failed:
                self.account, self.done = saved
                aborted: Result = ("rejected", "batch-aborted", None)
                results = [
                    result if result[1] or operation["op_id"] in remembered else aborted
                    for operation, result in zip(operations, results, strict=True)
                ]
        return results, self.delta(request["cursor"], request["limit"])

    def shown(self, task_id: str) -> dict[str, Any] | None:
        task = self.account.tasks.get(task_id)
        return None if task is None else task.shown()

    def exported(self) -> tuple[list[Task], list[Task]]:
        tasks = sorted(self.account.tasks.values(), key=lambda task: task.key)
        return copy.deepcopy(([t for t in tasks if not t.deleted], [t for t in tasks if t.deleted]))

    def bring_back(self, exported: tuple[list[Task], list[Task]]) -> tuple[int, Any]:
        before = copy.deepcopy(self.account)
        if any(exported):
            self.account.open()
        try:
            return 200, self.account.bring_back(exported)
        except Refused as refused:
            self.account = before
            return STATUSES[refused.code], refused.code

    def _place(self, cursor: str | None) -> Place | None:
        place = None if cursor is None else self.places[cursor]
        return None if place is None or place.life is None else place

    def _check(self, place: Place) -> None:
        told = place.rev if place.began is None else place.began
        if place.life != self.account.life or told < self.account.purged_rev:
            raise Refused("sync-reset-required")

    def _once(self, operation: dict[str, Any], own: set[int], newest: int) -> Result:
        if is_empty(operation):
            return "rejected", "validation-failed", None
        content = json.dumps({**operation, "op_id": None, "base_rev": None}, sort_keys=True)
        known = self.done.get(operation["op_id"])
        if known is not None:
            if known[0] != content:
                return "rejected", "operation-reused", None
            own.add(known[1])
            return "duplicate", None, None
        before = self.account.rev
        try:
            status = self._apply(operation, own, newest)
        except Refused as refused:
            kind = "conflict" if refused.code in _CONFLICTS else "rejected"
            return kind, refused.code, refused.clashes
        if status == "duplicate":
            self.repeated.add(operation["op_id"])
        else:
            own.update(range(before + 1, self.account.rev + 1))
            changed = self.account.rev > before
            self.done[operation["op_id"]] = (content, self.account.rev if changed else -1)
        return status, None, None

    def _apply(self, operation: dict[str, Any], own: set[int], newest: int) -> str:
        kind, task_id, values = operation["type"], operation["id"], operation["set"]
        account = self.account
        if kind == "create":
            try:
                made = account.create(
                    task_id, values["text"], values.get("completed", False), values.get("order")
                )
            except Refused as refused:
                if refused.code == "task-limit-reached":
                    self.without_room.add(task_id)
                raise
            return "applied" if made else "duplicate"
        if task_id not in account.tasks and task_id in self.without_room:
            raise Refused("task-limit-reached")
        task = account.find(task_id)
        if kind == "delete":
            if not task.deleted:
                account.delete(task)
            return "applied"
        if kind == "restore" and task.deleted:
            account.restore(task)
            account.change(task, values)
            return "applied"
        if task.deleted:
            raise Refused("task-deleted")
        if kind == "move":
            account.move(task, values, may_be_deleted=True)
            return "applied"
        return self._edit(task, values, operation.get("base_rev"), own, newest)

    def _edit(
        self, task: Task, values: dict[str, Any], told: int | None, own: set[int], newest: int
    ) -> str:
        # Of another life, where it is beyond the newest.
        base = told if told is None or told <= newest else 0

        def is_foreign(rev: int) -> bool:
            return base is not None and rev > base and rev not in own

        clashes = {
            name: {"base_rev": told, "mine": new, "theirs": getattr(task, name)}
            for name, new in values.items()
            if is_foreign(task.field_revs[name]) and getattr(task, name) != new
        }
        # With 0 it edits what it doesn't have, its own former edits of it among that.
        for name in clashes:
            foreign = not base or task.is_foreign(name, base, self.account.author)
            assert foreign, "in conflict with nobody else"
        if clashes:
            raise Refused("edit-conflict", clashes)
        status = "merged" if is_foreign(task.rev) else "applied"
        self.account.change(task, values)
        return status


def is_empty(operation: dict[str, Any]) -> bool:
    """It says nothing, and is refused before anybody looks at what is there."""
    return operation["type"] == "update" and not operation["set"]


def write(server: ModelServer, verb: str, task_id: str, body: dict[str, Any]) -> tuple[int, Any]:
    """What one of the plain writes answers: the status, and the task, the count or the code."""
    account = server.account
    try:
        if verb == "create":
            order = body.get("order")
            made = account.create(task_id, body["text"], body.get("completed", False), order)
            account.open()
            return 201 if made else 200, server.shown(task_id)
        if verb == "clear":
            return 200, {"deleted": account.clear_completed()}
        if verb == "restore":
            account.restore(account.find(task_id))
            return 200, server.shown(task_id)
        task = account.find_living(task_id)
        if verb == "delete":
            account.delete(task)
            return 204, None
        if verb == "move":
            account.move(task, body, may_be_deleted=False)
        elif verb == "put":
            account.change(task, {"completed": False, **body})
        else:
            account.change(task, body or {"completed": not task.completed})
        return 200, server.shown(task_id)
    except Refused as refused:
        return STATUSES[refused.code], refused.code
