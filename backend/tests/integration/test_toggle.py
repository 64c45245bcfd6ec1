"""PATCH /tasks/{id}/toggle: flip `completed`."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem, expect_task


def test_nobody_toggles_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    expect_problem(client.patch(f"{tasks}/{task['id']}/toggle"), 401, "token-missing")
    assert alice.get(f"/tasks/{task['id']}").json() == task


def test_a_foreign_task_is_absent_and_stays_as_it_is(alice: ApiUser, bob: ApiUser) -> None:
    task = bob.create()
    for path in (f"/tasks/{task['id']}", f"{bob.own_path}/{task['id']}"):
        expect_problem(alice.patch(f"{path}/toggle"), 404, "task-not-found")
    assert bob.get(f"/tasks/{task['id']}").json() == task


def test_there_and_back(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    there = expect_task(alice.patch(f"{tasks}/{task['id']}/toggle"))
    assert there["completed"] is True
    assert there["completed_at"] == there["updated_at"] > task["updated_at"]
    back = expect_task(alice.patch(f"{tasks}/{task['id']}/toggle"))
    assert back == {**task, "rev": 3, "updated_at": back["updated_at"]}
    again = expect_task(alice.patch(f"{tasks}/{task['id']}/toggle"))
    assert again["completed_at"] > there["completed_at"]


def test_what_is_sent_along_is_not_read(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    toggled = alice.request("PATCH", f"{tasks}/{task['id']}/toggle", content=b"\0nonsense")
    assert expect_task(toggled)["completed"] is True


@pytest.mark.parametrize("task_id", ["01975b3e-0000-7000-8000-000000000000", "nonsense"])
def test_an_absent_task(alice: ApiUser, tasks: str, task_id: str) -> None:
    expect_problem(alice.patch(f"{tasks}/{task_id}/toggle"), 404, "task-not-found")
