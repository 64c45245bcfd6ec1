"""The limit of living tasks, wherever tasks come to life."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from api_user import ApiUser
from batches import operation, results, statuses
from expectations import expect_problem
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings

MOST = 3


@pytest.fixture
def full(settings: Settings, newcomer: Newcomer) -> Iterator[ApiUser]:
    """Has as many tasks as there may be, and one more that is deleted."""
    with running(settings, max_tasks=MOST) as client:
        user = newcomer(client)
        user.delete(f"/tasks/{user.create('Deleted')['id']}")
        for nth in range(MOST):
            user.create(f"Task {nth}")
        yield user


def deleted_id(user: ApiUser) -> str:
    (task,) = user.get("/tasks?status=deleted").json()
    return str(task["id"])


def test_a_restore_must_fit(full: ApiUser) -> None:
    gone = deleted_id(full)
    before = full.get("/tasks")
    refused = full.post(f"/tasks/{gone}/restore", None)
    expect_problem(refused, 409, "task-limit-reached")
    (result,) = results(full, operation("restore", gone, set={"text": "Back"}))
    assert (result["status"], result["problem"]["code"]) == ("rejected", "task-limit-reached")
    assert full.get("/tasks").headers["etag"] == before.headers["etag"]
    full.delete(f"/tasks/{before.json()[0]['id']}")
    assert full.post(f"/tasks/{gone}/restore", None).status_code == 200


def test_what_follows_on_a_task_that_there_is_no_room_for_is_kept_with_it(full: ApiUser) -> None:
    new, unknown = str(uuid4()), str(uuid4())
    queue = [
        operation("create", new, set={"text": "Call"}),
        operation("update", new, base_rev=0, set={"text": "Call Ada"}),
        operation("delete", unknown),
    ]
    codes = [result["problem"]["code"] for result in results(full, *queue)]
    assert codes == ["task-limit-reached", "task-limit-reached", "task-not-found"]
    full.delete(f"/tasks/{full.get('/tasks').json()[0]['id']}")
    assert statuses(full, *queue[:2]) == ["applied", "applied"]
    assert full.get(f"/tasks/{new}").json()["text"] == "Call Ada"


def test_a_batch_may_make_room_for_itself(full: ApiUser) -> None:
    gone, new = deleted_id(full), str(uuid4())
    first, second, _ = (task["id"] for task in full.get("/tasks").json())
    create = operation("create", new, set={"text": "New"})
    assert statuses(
        full,
        create,
        operation("delete", first),
        create,
        operation("restore", gone),
        operation("delete", second),
        operation("restore", gone),
    ) == ["rejected", "applied", "applied", "rejected", "applied", "applied"]
    assert len(full.get("/tasks").json()) == MOST


def test_a_full_account_comes_back_with_its_deleted_tasks(
    full: ApiUser, newcomer: Newcomer, sql: SecondConnection
) -> None:
    document = full.get("/me/export").json()
    counts = {"created": 0, "updated": 0, "unchanged": MOST + 1}
    assert full.post("/me/import", document).json() == counts
    other = newcomer(full.client)
    brought = other.post("/me/import", document)
    assert (brought.status_code, brought.json()["created"]) == (200, MOST + 1)
    assert deleted_id(other) == deleted_id(full)
    account = "SELECT rev || ' ' || live FROM account WHERE user_id = $1"
    assert sql.value(account, other.user_id) == f"{MOST + 1} {MOST}"
    gone = other.get("/sync").json()
    assert [task["rev"] for task in gone["changes"]] == [1, 2, 3]


def test_an_import_that_does_not_fit_brings_nothing(full: ApiUser, newcomer: Newcomer) -> None:
    document = full.get("/me/export").json()
    other = newcomer(full.client)
    kept = other.create("Kept")
    expect_problem(other.post("/me/import", document), 409, "task-limit-reached")
    assert other.get("/tasks").json() == [kept]
    assert other.get("/tasks?status=deleted").json() == []


def test_an_import_that_brings_back_too_many_brings_back_none(full: ApiUser) -> None:
    document = full.get("/me/export").json()
    full.delete(f"/tasks/{document['tasks'][0]['id']}")
    full.create("In its place")
    before = full.get("/tasks").json()
    expect_problem(full.post("/me/import", document), 409, "task-limit-reached")
    assert full.get("/tasks").json() == before


@pytest.mark.parametrize(("path", "megabytes"), [("/sync", 8), ("/me/import", 64)])
def test_a_body_past_the_limit_of_its_path_is_refused(
    alice: ApiUser, path: str, megabytes: int
) -> None:
    headers = {"content-type": "application/json", "content-length": str(megabytes * 2**20 + 1)}
    refused = alice.request("POST", path, content=b"{", headers=headers)
    expect_problem(refused, 413, "body-too-large")
    large = b'{"operations": []' + b" " * (2 * 2**20) + b"}"
    passed = alice.request(
        "POST", path, content=large, headers={"content-type": "application/json"}
    )
    assert passed.status_code == (200 if path == "/sync" else 422)
