"""One request for each operation of the API that works with the database, and what it must do:
all or nothing, and once however often it is sent."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from httpx2 import Response

from api_user import ApiUser
from contract.operations import GUARDED, OPEN, Operation
from second_connection import SecondConnection

FIRST, DONE, LAST, DELETED, NEW = (
    f"01975b3e-8f2a-7c41-9d0e-00000000000{number}" for number in range(5)
)


def _operation(number: int, kind: str, task_id: str, **set_: Any) -> dict[str, Any]:
    op_id = f"01975b3e-8f2a-7c41-9d0e-0000000000f{number}"
    return {"op_id": op_id, "type": kind, "id": task_id, "set": set_}


def _imported(task_id: str, text: str) -> dict[str, Any]:
    moment = "2026-11-21T08:30:00.000000Z"
    return {
        "id": task_id,
        "text": text,
        "completed": False,
        "order": 1024,
        "created_at": moment,
        "updated_at": moment,
        "completed_at": None,
    }


SEED = [
    _operation(0, "create", FIRST, text="First"),
    _operation(1, "create", DONE, text="Done", completed=True),
    _operation(2, "create", LAST, text="Last"),
    _operation(3, "create", DELETED, text="Deleted"),
    _operation(4, "delete", DELETED),
]
BATCH = [
    _operation(5, "create", NEW, text="New"),
    _operation(6, "update", FIRST, text="Other"),
    _operation(7, "complete", LAST, completed=True),
    _operation(8, "move", LAST, to="first"),
    _operation(9, "restore", DELETED),
]
DOCUMENT = {
    "format": "taskwell-export-1",
    "tasks": [_imported(NEW, "Brought back"), _imported(FIRST, "First, as it was")],
    "deleted_tasks": [],
}

# By operation: the task in its path, and its body.
_REQUESTS: dict[str, tuple[str, Any]] = {
    "list_tasks": (FIRST, None),
    "create_task": (FIRST, {"id": NEW, "text": "New"}),
    "clear_completed_tasks": (FIRST, None),
    "read_task": (FIRST, None),
    "replace_task": (FIRST, {"text": "Other", "completed": True}),
    "update_task": (FIRST, {"text": "Other"}),
    "delete_task": (FIRST, None),
    "toggle_task": (FIRST, None),
    "complete_task": (FIRST, {"completed": True}),
    "move_task": (FIRST, {"after": LAST}),
    "restore_task": (DELETED, None),
    "pull_changes": (FIRST, None),
    "exchange_changes": (FIRST, {"operations": BATCH}),
    "export_account": (FIRST, None),
    "import_account": (FIRST, DOCUMENT),
    "erase_account": (FIRST, None),
    "read_health": (FIRST, None),
    "read_readiness": (FIRST, None),
}
# These never ask the database. A stream, which never ends, has a test of its own.
_LEFT_OUT = {"read_liveness", "read_problem", "stream_events"}


@dataclass(frozen=True, slots=True)
class Act:
    operation: Operation
    with_key: bool

    @property
    def name(self) -> str:
        return f"{self.operation.id}{', with a key' if self.with_key else ''}"

    @property
    def writes(self) -> bool:
        return self.operation.method != "GET"

    @property
    def can_be_repeated(self) -> bool:
        return self.with_key or not self.operation.id.startswith("toggle_task")

    def send(self, user: ApiUser, key: str) -> Response:
        """With the key, in as far as it has one, it is the same request each time."""
        task_id, body = _REQUESTS[_bare(self.operation)]
        if self.with_key and _bare(self.operation) == "create_task":
            # Nothing but the key tells that it is the same.
            body = {"text": body["text"]}
        target = self.operation.target({"user_id": user.user_id, "task_id": task_id})
        headers = {"idempotency-key": key} if self.with_key else {}
        if body is None:
            return user.request(self.operation.method, target, headers=headers)
        headers["content-type"] = "application/json"
        content = json.dumps(body)
        return user.request(self.operation.method, target, headers=headers, content=content)


def _bare(operation: Operation) -> str:
    return operation.id.removesuffix("_of_user")


def _acts() -> list[Act]:
    found = []
    for operation in (*GUARDED, *OPEN):
        if operation.id not in _LEFT_OUT:
            found.append(Act(operation, with_key=False))
            if "Idempotency-Key" in operation.parameters("header"):
                found.append(Act(operation, with_key=True))
    return found


ACTS = _acts()
IN_ONE_SPELLING = [act for act in ACTS if not act.operation.names_user]


def seed(user: ApiUser) -> None:
    answer = user.post("/sync", {"operations": SEED})
    assert [each["status"] for each in answer.json()["results"]] == ["applied"] * len(SEED)


_STATE = """
    SELECT (SELECT jsonb_build_array(rev, live, last_order) FROM account WHERE user_id = $1)::text,
           (SELECT jsonb_agg(to_jsonb(task) - $2::text[] ORDER BY rev)
            FROM task WHERE user_id = $1)::text,
           (SELECT jsonb_agg(jsonb_build_array(op_id, rev) ORDER BY op_id)
            FROM operation WHERE user_id = $1)::text,
           (SELECT jsonb_agg(status) FROM receipt WHERE user_id = $1)::text
"""
# What differs from one time to the next. The revisions tell whether anything was done twice.
_OF_THE_MOMENT = ["user_id", "id", "created_at", "updated_at", "completed_at", "deleted_at"]

State = tuple[str | None, ...]


def state_of(user: ApiUser, sql: SecondConnection) -> State:
    """All that the database has of them."""
    (row,) = sql.rows(_STATE, user.user_id, _OF_THE_MOMENT)
    return tuple(row)
