"""PUT /tasks/{id}: the whole task, and never a new one."""

from __future__ import annotations

from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_flaws, expect_problem, expect_task

GREATEST = 2**53 - 1


def test_nobody_replaces_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    refused = client.put(f"{tasks}/{task['id']}", json={"text": "Buy tea"})
    expect_problem(refused, 401, "token-missing")
    assert alice.get(f"/tasks/{task['id']}").json() == task


def test_a_foreign_task_is_absent_and_stays_as_it_is(alice: ApiUser, bob: ApiUser) -> None:
    task = bob.create()
    for path in (f"/tasks/{task['id']}", f"{bob.own_path}/{task['id']}"):
        expect_problem(alice.put(path, {"text": "Mine now"}), 404, "task-not-found")
    assert bob.get(f"/tasks/{task['id']}").json() == task
    assert alice.get("/tasks").json() == []


def test_a_task_is_replaced(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    replaced = expect_task(
        alice.put(
            f"{tasks}/{task['id']}", {"text": "Buy tea", "completed": True, "order": GREATEST}
        )
    )
    assert (replaced["text"], replaced["completed"], replaced["order"]) == (
        "Buy tea",
        True,
        GREATEST,
    )
    assert replaced["rev"] == task["rev"] + 1
    assert replaced["created_at"] == task["created_at"]
    assert replaced["updated_at"] >= task["updated_at"]
    assert replaced["completed_at"] == replaced["updated_at"]
    assert alice.get(f"{tasks}/{task['id']}").json() == replaced


def test_completed_left_out_is_false_and_order_left_out_stays(alice: ApiUser, tasks: str) -> None:
    task = alice.create(completed=True, order=77)
    replaced = expect_task(alice.put(f"{tasks}/{task['id']}", {"text": "Buy milk"}))
    assert (replaced["completed"], replaced["completed_at"]) == (False, None)
    assert replaced["order"] == 77


def test_completed_at_is_untouched_while_completed_stays_true(alice: ApiUser) -> None:
    task = alice.create(completed=True)
    replaced = expect_task(
        alice.put(f"/tasks/{task['id']}", {"text": "Buy tea", "completed": True})
    )
    assert replaced["completed_at"] == task["completed_at"]


def test_get_edit_put_works(alice: ApiUser, tasks: str) -> None:
    task = alice.create(completed=True)
    read = alice.get(f"{tasks}/{task['id']}").json()
    replaced = expect_task(alice.put(f"{tasks}/{task['id']}", {**read, "text": "Buy tea"}))
    assert replaced == {
        **task,
        "text": "Buy tea",
        "rev": 2,
        "updated_at": replaced["updated_at"],
    }


def test_what_the_server_sets_is_ignored_whatever_it_is(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    ignored = {
        "user_id": "bob",
        "created_at": None,
        "updated_at": 5,
        "completed_at": ["x"],
        "rev": -1,
    }
    body = {**ignored, "id": task["id"].upper(), "text": "Buy tea"}
    replaced = expect_task(alice.put(f"{tasks}/{task['id']}", body))
    assert (replaced["user_id"], replaced["id"]) == (alice.user_id, task["id"])
    assert (replaced["created_at"], replaced["rev"]) == (task["created_at"], 2)


def test_the_same_content_makes_no_new_revision(alice: ApiUser, tasks: str) -> None:
    created = alice.post(tasks, {"text": "Buy milk"})
    same = alice.put(f"{tasks}/{created.json()['id']}", {"text": "Buy milk"})
    assert expect_task(same) == created.json()
    assert same.headers["etag"] == created.headers["etag"]
    assert alice.create()["rev"] == 2


@pytest.mark.parametrize("task_id", ["01975b3e-0000-7000-8000-000000000000", "nonsense"])
def test_an_absent_task_is_never_created(alice: ApiUser, tasks: str, task_id: str) -> None:
    expect_problem(alice.put(f"{tasks}/{task_id}", {"text": "Buy tea"}), 404, "task-not-found")
    assert alice.get(tasks).json() == []


def test_a_deleted_task_is_absent(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    alice.delete(f"/tasks/{task['id']}")
    expect_problem(alice.put(f"{tasks}/{task['id']}", {"text": "Buy tea"}), 404, "task-not-found")


@pytest.mark.parametrize(
    ("body", "pointer", "code"),
    [
        ({}, "/text", "required"),
        ({"completed": True}, "/text", "required"),
        ({"text": " "}, "/text", "blank"),
        ({"text": "x" * 501}, "/text", "too-long"),
        ({"text": "a\0"}, "/text", "nul-character"),
        ({"text": "a", "completed": None}, "/completed", "wrong-type"),
        ({"text": "a", "order": None}, "/order", "wrong-type"),
        ({"text": "a", "order": GREATEST + 1}, "/order", "out-of-range"),
        ({"text": "a", "id": "nonsense"}, "/id", "not-a-uuid"),
        ({"text": "a", "id": "01975b3e-0000-7000-8000-000000000000"}, "/id", "immutable"),
        ({"text": "a", "colour": "red"}, "", "unknown-member"),
        ([], "", "wrong-type"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    alice: ApiUser, tasks: str, body: object, pointer: str, code: str
) -> None:
    task = alice.create()
    expect_flaws(alice.put(f"{tasks}/{task['id']}", body), (pointer, code))
    assert alice.get(f"{tasks}/{task['id']}").json() == task


def test_input_is_looked_at_before_the_task_is(alice: ApiUser) -> None:
    expect_flaws(alice.put(f"/tasks/{uuid4()}", {}), ("/text", "required"))


def test_the_media_type_must_be_json(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    headers = {"content-type": "application/merge-patch+json"}
    refused = alice.put(f"{tasks}/{task['id']}", {"text": "a"}, headers=headers)
    expect_problem(refused, 415, "media-type-unsupported")
