"""A client that works offline, written from docs/sync.md alone."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from httpx2 import Response

from api_user import ApiUser

Operation = dict[str, Any]

_selves = itertools.count(1)

_DONE = ("applied", "merged", "duplicate")


@dataclass
class Device:
    user: ApiUser
    # What the server told last; what the user sees is this with the queue on top.
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursor: str | None = None
    queue: list[Operation] = field(default_factory=list)
    # Done, but not seen yet by all that is or may still be in the queue; each with the revision
    # that the task then had.
    done: list[tuple[Operation, int]] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    has_more: bool = True
    # Starting over it forgets what it has done, and may meet that as somebody else's.
    self: int = field(default_factory=_selves.__next__)
    # An answer on its way, with the operations that it answers.
    _answer: tuple[list[Operation], Response] | None = None

    @property
    def is_waiting(self) -> bool:
        return self._answer is not None

    def act(self, op_id: str, kind: str, task_id: str, values: dict[str, Any], bold: bool) -> None:
        """The user does something, online or not. `bold`: whatever others did meanwhile."""
        operation: Operation = {"op_id": op_id, "type": kind, "id": task_id, "set": values}
        if not bold and kind in ("update", "complete"):
            operation["base_rev"] = self.tasks.get(task_id, {"rev": 0})["rev"]
        self.queue.append(operation)

    def request(self, most: int, limit: int, *, atomic: bool) -> dict[str, Any]:
        """What to send: what is done already only where it must stand before what follows."""
        sent = self.queue[:most]
        repeated = [
            done for done, rev in self.done if any(_stands_before(done, rev, each) for each in sent)
        ]
        return {
            "cursor": self.cursor,
            "operations": [*repeated, *sent],
            "limit": limit,
            "atomic": atomic,
        }

    def awaits(self, operations: list[Operation], response: Response) -> None:
        self._answer = operations, response

    def lose(self) -> None:
        """No answer: the queue is as it was, and will be sent again."""
        self._answer = None

    def receive(self) -> None:
        assert self._answer is not None
        (operations, response), self._answer = self._answer, None
        if response.status_code == 410:
            self._start_over({}, None)
            return
        assert response.status_code == 200, response.text
        answer = response.json()
        for operation, result in zip(operations, answer.get("results", ()), strict=True):
            self._settle(operation, result)
        for change in answer["changes"]:
            if "deleted" in change:
                self.tasks.pop(change["id"], None)
            else:
                self.tasks[change["id"]] = change
        self.cursor, self.has_more = answer["cursor"], answer["has_more"]
        self.done = [each for each in self.done if self._is_needed(*each)]

    def begin_with_list(self, response: Response) -> None:
        """Another way to start: the list first, then on from its cursor."""
        assert response.status_code == 200, response.text
        tasks = {task["id"]: task for task in response.json()}
        self._start_over(tasks, response.headers["x-sync-cursor"])

    def _start_over(self, tasks: dict[str, dict[str, Any]], cursor: str | None) -> None:
        self.tasks, self.cursor, self.has_more = tasks, cursor, True
        self.done = []
        for operation in self.queue:
            if "base_rev" in operation:
                operation["base_rev"] = 0
        self.self = next(_selves)

    def _settle(self, operation: Operation, result: dict[str, Any]) -> None:
        assert result["op_id"] == operation["op_id"]
        if result.get("problem", {}).get("code") == "batch-aborted":
            return
        self.queue = [each for each in self.queue if each["op_id"] != operation["op_id"]]
        if result["status"] in _DONE:
            self.acknowledged.add(operation["op_id"])
            self.done = [each for each in self.done if each[0] != operation]
            self.done.append((operation, result["task"]["rev"] if "task" in result else 0))

    def _is_needed(self, done: Operation, rev: int) -> bool:
        return self.has_more or any(_stands_before(done, rev, each) for each in self.queue)


def _stands_before(done: Operation, rev: int, later: Operation) -> bool:
    return bool(done["id"] == later["id"] and later.get("base_rev", rev) < rev)
