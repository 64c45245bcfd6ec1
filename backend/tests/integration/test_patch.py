"""PATCH /tasks/{id}: a JSON merge patch (RFC 7396)."""

from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_flaws, expect_problem, expect_task
from second_connection import SecondConnection

GREATEST = 2**53 - 1


def test_nobody_patches_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    expect_problem(
        client.patch(f"{tasks}/{task['id']}", json={"text": "Buy tea"}), 401, "token-missing"
    )
    assert alice.get(f"/tasks/{task['id']}").json() == task


def test_a_foreign_task_is_absent_and_stays_as_it_is(alice: ApiUser, bob: ApiUser) -> None:
    task = bob.create()
    for path in (f"/tasks/{task['id']}", f"{bob.own_path}/{task['id']}"):
        expect_problem(alice.patch(path, {"text": "Mine now"}), 404, "task-not-found")
    assert bob.get(f"/tasks/{task['id']}").json() == task


@pytest.mark.parametrize("media_type", ["application/json", "application/merge-patch+json"])
@pytest.mark.parametrize(
    "patch",
    [
        {"text": "Buy tea"},
        {"completed": False},
        {"order": -3},
        {"text": "Buy tea", "completed": False, "order": GREATEST},
    ],
)
def test_what_is_there_changes_and_the_rest_stays(
    alice: ApiUser, tasks: str, media_type: str, patch: dict[str, Any]
) -> None:
    task = alice.create(completed=True)
    path = f"{tasks}/{task['id']}"
    patched = expect_task(alice.patch(path, patch, headers={"content-type": media_type}))
    assert patched == {
        **task,
        **patch,
        "rev": 2,
        "updated_at": patched["updated_at"],
        "completed_at": None if "completed" in patch else task["completed_at"],
    }
    assert patched["updated_at"] > task["updated_at"]
    assert alice.get(path).json() == patched


@pytest.mark.parametrize(
    "patch",
    [{}, {"text": "Buy milk"}, {"completed": True}, {"order": 1024, "text": "Buy milk"}],
)
def test_a_patch_that_changes_nothing_makes_no_new_revision(
    alice: ApiUser, tasks: str, patch: dict[str, Any]
) -> None:
    created = alice.post(tasks, {"text": "Buy milk", "completed": True})
    path = f"{tasks}/{created.json()['id']}"
    same = alice.patch(path, patch) if patch else alice.request("PATCH", path, json={})
    assert expect_task(same) == created.json()
    assert same.headers["etag"] == created.headers["etag"]
    assert alice.create()["rev"] == 2


def test_another_case_or_form_of_the_text_is_a_change(alice: ApiUser) -> None:
    task = alice.create("\u00e9")
    path = f"/tasks/{task['id']}"
    assert alice.patch(path, {"text": "e\u0301"}).json()["rev"] == 2
    assert alice.patch(path, {"text": "E\u0301"}).json()["rev"] == 3


def test_the_revision_of_each_member_is_kept(alice: ApiUser, sql: SecondConnection) -> None:
    path = f"/tasks/{alice.create()['id']}"

    def revisions() -> tuple[int, ...]:
        query = "SELECT rev, text_rev, completed_rev, order_rev FROM task WHERE user_id = $1"
        return tuple(sql.rows(query, alice.user_id)[0])

    assert revisions() == (1, 1, 1, 1)
    alice.patch(path, {"text": "Buy tea"})
    assert revisions() == (2, 2, 1, 1)
    alice.patch(path, {"completed": True, "text": "Buy tea"})
    assert revisions() == (3, 2, 3, 1)
    alice.patch(path, {"order": 5, "completed": True})
    assert revisions() == (4, 2, 3, 4)


def test_time_never_runs_backwards_in_a_task(alice: ApiUser, sql: SecondConnection) -> None:
    path = f"/tasks/{alice.create()['id']}"
    sql.rows("UPDATE task SET updated_at = '2100-01-01Z' WHERE user_id = $1", alice.user_id)
    patched = alice.patch(path, {"completed": True}).json()
    assert patched["updated_at"] == patched["completed_at"] == "2100-01-01T00:00:00.000000Z"


@pytest.mark.parametrize(
    ("patch", "pointer", "code"),
    [
        ({"text": None}, "/text", "wrong-type"),
        ({"completed": None}, "/completed", "wrong-type"),
        ({"order": None}, "/order", "wrong-type"),
        ({"text": "\t"}, "/text", "blank"),
        ({"text": ""}, "/text", "too-short"),
        ({"text": "x" * 501}, "/text", "too-long"),
        ({"text": "\0"}, "/text", "nul-character"),
        ({"completed": "yes"}, "/completed", "wrong-type"),
        ({"order": -GREATEST - 1}, "/order", "out-of-range"),
        ({"order": 1.5}, "/order", "wrong-type"),
        ({"id": "01975b3e-0000-7000-8000-000000000000"}, "", "unknown-member"),
        ({"text": "fits", "colour": "red"}, "", "unknown-member"),
        ({"user_id": "bob"}, "/user_id", "read-only"),
        ({"created_at": None}, "/created_at", "read-only"),
        ({"updated_at": "2026-01-01T00:00:00Z"}, "/updated_at", "read-only"),
        ({"completed_at": None}, "/completed_at", "read-only"),
        ({"rev": 1}, "/rev", "read-only"),
        ([{"op": "replace", "path": "/text", "value": "a"}], "", "wrong-type"),
        ("text", "", "wrong-type"),
    ],
)
def test_what_does_not_fit_changes_nothing(
    alice: ApiUser, tasks: str, patch: object, pointer: str, code: str
) -> None:
    task = alice.create()
    expect_flaws(alice.patch(f"{tasks}/{task['id']}", patch), (pointer, code))
    assert alice.get(f"{tasks}/{task['id']}").json() == task


def test_a_body_is_needed(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    headers = {"content-type": "application/json"}
    expect_problem(alice.patch(f"{tasks}/{task['id']}", headers=headers), 400, "malformed-json")


@pytest.mark.parametrize("media_type", ["text/plain", "application/json-patch+json"])
def test_another_media_type(alice: ApiUser, tasks: str, media_type: str) -> None:
    task = alice.create()
    headers = {"content-type": media_type}
    refused = alice.patch(f"{tasks}/{task['id']}", {"text": "a"}, headers=headers)
    expect_problem(refused, 415, "media-type-unsupported")


@pytest.mark.parametrize("task_id", ["01975b3e-0000-7000-8000-000000000000", "nonsense"])
def test_an_absent_task(alice: ApiUser, tasks: str, task_id: str) -> None:
    expect_problem(alice.patch(f"{tasks}/{task_id}", {"text": "a"}), 404, "task-not-found")
