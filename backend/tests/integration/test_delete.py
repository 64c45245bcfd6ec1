"""DELETE /tasks/{id}: gone for the user, kept as a tombstone."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem, expect_task
from second_connection import SecondConnection


def test_nobody_deletes_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    expect_problem(client.delete(f"{tasks}/{task['id']}"), 401, "token-missing")
    expect_task(alice.get(f"/tasks/{task['id']}"))


def test_a_foreign_task_is_absent_and_stays(alice: ApiUser, bob: ApiUser) -> None:
    task = bob.create()
    for path in (f"/tasks/{task['id']}", f"{bob.own_path}/{task['id']}"):
        expect_problem(alice.delete(path), 404, "task-not-found")
    assert bob.get("/tasks").json() == [task]


def test_a_task_is_deleted_once(alice: ApiUser, tasks: str) -> None:
    task, other = alice.create(), alice.create()
    path = f"{tasks}/{task['id']}"
    deleted = alice.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert deleted.headers["cache-control"] == "private, no-cache"
    assert "content-type" not in deleted.headers
    expect_problem(alice.delete(path), 404, "task-not-found")
    expect_problem(alice.get(path), 404, "task-not-found")
    assert alice.get(tasks).json() == [other]


def test_nothing_can_be_done_to_a_deleted_task(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    path = f"{tasks}/{task['id']}"
    alice.delete(path)
    expect_problem(alice.patch(path, {"text": "a"}), 404, "task-not-found")
    expect_problem(alice.put(path, {"text": "a"}), 404, "task-not-found")
    expect_problem(alice.patch(f"{path}/toggle"), 404, "task-not-found")
    expect_problem(alice.patch(f"{path}/complete"), 404, "task-not-found")
    assert alice.create()["rev"] == 3


def test_a_tombstone_stays_with_a_revision_of_its_own(
    alice: ApiUser, sql: SecondConnection
) -> None:
    task = alice.create()
    alice.create()
    alice.delete(f"/tasks/{task['id']}")
    query = "SELECT rev, deleted_at = updated_at AS timed FROM task WHERE user_id = $1 AND id = $2"
    assert tuple(sql.rows(query, alice.user_id, task["id"])[0]) == (3, True)
    account = "SELECT rev, live FROM account WHERE user_id = $1"
    assert tuple(sql.rows(account, alice.user_id)[0]) == (3, 1)


@pytest.mark.parametrize("task_id", ["01975b3e-0000-7000-8000-000000000000", "nonsense"])
def test_an_absent_task(alice: ApiUser, tasks: str, task_id: str) -> None:
    expect_problem(alice.delete(f"{tasks}/{task_id}"), 404, "task-not-found")
    assert alice.create()["rev"] == 1
