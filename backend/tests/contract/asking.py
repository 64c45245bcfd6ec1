"""How a test sends any operation, and what it may know beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from httpx2 import Response

from api_user import ApiUser
from contract.operations import GUARDED, Body, Operation

BY_RESOURCE = [operation for operation in GUARDED if operation.resources]
BY_USER = [operation for operation in GUARDED if operation.names_user]


@dataclass(frozen=True, slots=True)
class Owned:
    """A task of somebody, and what its owner knows of it."""

    id: str
    tag: str
    list_tag: str


def own_something(user: ApiUser) -> Owned:
    created = user.post("/tasks", {"text": "Mine", "completed": True})
    assert created.status_code == 201
    listed = user.get("/tasks")
    return Owned(created.json()["id"], created.headers["etag"], listed.headers["etag"])


def send(
    user: ApiUser,
    operation: Operation,
    names: dict[str, str],
    body: Body | None = None,
    *,
    method: str | None = None,
    headers: dict[str, str] | None = None,
    query: str | None = None,
) -> Response:
    sent = {"x-request-id": "the-same", **(headers or {})}
    if body is not None:
        sent["content-type"] = body.media_type
    return user.request(
        method or operation.method,
        operation.target(names, query),
        headers=sent,
        content=None if body is None else body.content,
    )


def methods(operation: Operation) -> list[str]:
    return ["GET", "HEAD"] if operation.method == "GET" else [operation.method]


def name_resources(operation: Operation, user_id: str, task_id: str) -> dict[str, str]:
    """One value for each name in the path: a new kind of resource has to be added here."""
    known = {"user_id": user_id, "task_id": task_id}
    return {name: known[name] for name in ("user_id", *operation.resources)}
