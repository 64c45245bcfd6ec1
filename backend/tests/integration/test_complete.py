"""PATCH /tasks/{id}/complete: set `completed`, safely repeatable; without a body flip it."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_flaws, expect_problem, expect_task

JSON = {"content-type": "application/json"}


def test_nobody_completes_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    refused = client.patch(f"{tasks}/{task['id']}/complete", json={"completed": True})
    expect_problem(refused, 401, "token-missing")
    assert alice.get(f"/tasks/{task['id']}").json() == task


def test_a_foreign_task_is_absent_and_stays_as_it_is(alice: ApiUser, bob: ApiUser) -> None:
    task = bob.create()
    for path in (f"/tasks/{task['id']}", f"{bob.own_path}/{task['id']}"):
        refused = alice.patch(f"{path}/complete", {"completed": True})
        expect_problem(refused, 404, "task-not-found")
    assert bob.get(f"/tasks/{task['id']}").json() == task


@pytest.mark.parametrize("wanted", [True, False])
def test_a_value_is_set_and_setting_it_again_changes_nothing(
    alice: ApiUser, tasks: str, wanted: bool
) -> None:
    task = alice.create(completed=not wanted)
    path = f"{tasks}/{task['id']}/complete"
    first = alice.patch(path, {"completed": wanted})
    assert expect_task(first)["completed"] is wanted
    assert first.json()["rev"] == 2
    again = alice.patch(path, {"completed": wanted})
    assert expect_task(again) == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert alice.create()["rev"] == 3


@pytest.mark.parametrize("headers", [{}, JSON, {"content-type": "text/plain"}])
def test_a_body_of_no_bytes_flips(alice: ApiUser, tasks: str, headers: dict[str, str]) -> None:
    task = alice.create()
    path = f"{tasks}/{task['id']}/complete"
    assert expect_task(alice.patch(path, headers=headers))["completed"] is True
    back = expect_task(alice.patch(path, headers=headers))
    assert (back["completed"], back["completed_at"], back["rev"]) == (False, None, 3)


@pytest.mark.parametrize(
    ("raw", "pointer", "code"),
    [
        (b"{}", "/completed", "required"),
        (b"null", "", "wrong-type"),
        (b'{"completed": null}', "/completed", "wrong-type"),
        (b'{"completed": 1}', "/completed", "wrong-type"),
        (b'{"completed": "true"}', "/completed", "wrong-type"),
        (b'{"completed": true, "text": "a"}', "", "unknown-member"),
        (b'{"completed": true, "completed": false}', "", "duplicate-member"),
        (b"true", "", "wrong-type"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    alice: ApiUser, tasks: str, raw: bytes, pointer: str, code: str
) -> None:
    task = alice.create()
    path = f"{tasks}/{task['id']}"
    refused = alice.request("PATCH", f"{path}/complete", content=raw, headers=JSON)
    expect_flaws(refused, (pointer, code))
    assert alice.get(path).json() == task


@pytest.mark.parametrize("raw", [b" ", b"\n", b"completed=true"])
def test_no_json(alice: ApiUser, tasks: str, raw: bytes) -> None:
    task = alice.create()
    path = f"{tasks}/{task['id']}"
    refused = alice.request("PATCH", f"{path}/complete", content=raw, headers=JSON)
    expect_problem(refused, 400, "malformed-json")
    assert alice.get(path).json() == task


def test_a_body_must_be_called_json(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    raw = b'{"completed": true}'
    refused = alice.request("PATCH", f"{tasks}/{task['id']}/complete", content=raw)
    expect_problem(refused, 415, "media-type-unsupported")


@pytest.mark.parametrize("task_id", ["01975b3e-0000-7000-8000-000000000000", "nonsense"])
@pytest.mark.parametrize("body", [None, {"completed": True}])
def test_an_absent_task(alice: ApiUser, tasks: str, task_id: str, body: object) -> None:
    expect_problem(alice.patch(f"{tasks}/{task_id}/complete", body), 404, "task-not-found")
