"""Operations and batches as a client of /sync sends them."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

from api_user import ApiUser


def operation(kind: str, task_id: str, **members: Any) -> dict[str, Any]:
    return {"op_id": str(uuid4()), "type": kind, "id": task_id, **members}


def send(user: ApiUser, *operations: object, **members: Any) -> dict[str, Any]:
    response = user.post("/sync", {"operations": list(operations), **members})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def results(user: ApiUser, *operations: object, **members: Any) -> list[dict[str, Any]]:
    answered: list[dict[str, Any]] = send(user, *operations, **members)["results"]
    return answered


def statuses(user: ApiUser, *operations: object, **members: Any) -> list[str]:
    return [result["status"] for result in results(user, *operations, **members)]


def tombstone(task_id: str, rev: int) -> dict[str, Any]:
    return {"id": task_id, "rev": rev, "deleted": True}
