"""A client that works offline, written from docs/sync.md alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from httpx2 import Response

from api_user import ApiUser

Operation = dict[str, Any]

_DONE = ("applied", "merged", "duplicate")


@dataclass
class Device:
    user: ApiUser
    # What the server told last; what the user sees is this with the queue on top.
    tasks: dict[str, dict[str, Any]] = field(default_factory=dict)
    cursor: str | None = None
    queue: list[Operation] = field(default_factory=list)
    # Done, but something in the queue was made before its answer came.
    done: list[Operation] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    has_more: bool = True
    resets: int = 0
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
        repeated = [done for done in self.done if any(_stands_before(done, o) for o in sent)]
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
            self.tasks, self.cursor, self.has_more = {}, None, True
            self.done = []
            self.resets += 1
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

    def begin_with_list(self, response: Response) -> None:
        """Another way to start: the list first, then on from its cursor."""
        assert response.status_code == 200, response.text
        self.tasks = {task["id"]: task for task in response.json()}
        self.cursor, self.has_more = response.headers["x-sync-cursor"], True
        self.done = []

    def _settle(self, operation: Operation, result: dict[str, Any]) -> None:
        assert result["op_id"] == operation["op_id"]
        if result.get("problem", {}).get("code") == "batch-aborted":
            return
        self.queue = [each for each in self.queue if each["op_id"] != operation["op_id"]]
        self.done = [each for each in self.done if each["op_id"] != operation["op_id"]]
        if result["status"] in _DONE:
            self.acknowledged.add(operation["op_id"])
            if any(_stands_before(operation, each) for each in self.queue):
                self.done.append(operation)


def _stands_before(done: Operation, later: Operation) -> bool:
    return done["id"] == later["id"] and "base_rev" in later
