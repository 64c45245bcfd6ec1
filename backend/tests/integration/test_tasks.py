from __future__ import annotations

from api_user import ApiUser


def test_a_created_task_can_be_read(alice: ApiUser) -> None:
    created = alice.post("/tasks", {"text": "Buy milk"})
    assert created.status_code == 201
    read = alice.get(created.headers["location"])
    assert (read.status_code, read.json()) == (200, created.json())
    assert read.headers["etag"] == created.headers["etag"]
