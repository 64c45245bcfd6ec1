from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from api_user import ApiUser
from expectations import expect_problem
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import Patience


def key(name: str) -> dict[str, dict[str, str]]:
    return {"headers": {"idempotency-key": name}}


def test_the_same_write_again_gets_the_first_answer_byte_for_byte(alice: ApiUser) -> None:
    first = alice.post("/tasks", {"text": "Once"}, **key("a"))
    again = alice.post("/tasks", {"text": "Once"}, **key("a"))
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    for name in ("etag", "location", "content-type", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name]
    assert len(alice.get("/tasks").json()) == 1


def test_a_toggle_can_be_repeated_safely_under_a_key(alice: ApiUser) -> None:
    path = f"/tasks/{alice.create()['id']}"
    for _ in range(3):
        toggled = alice.patch(f"{path}/toggle", **key("t"))
        assert toggled.json()["completed"] is True
    assert alice.get(path).json()["completed"] is True


def test_a_delete_is_replayed_as_a_delete(alice: ApiUser) -> None:
    path = f"/tasks/{alice.create()['id']}"
    assert alice.delete(path, **key("d")).status_code == 204
    assert alice.delete(path, **key("d")).status_code == 204
    assert alice.delete(path).status_code == 404


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [("POST", "/tasks", {"text": "Other"}), ("DELETE", "/tasks?status=completed", None)],
)
def test_another_request_under_the_same_key_is_refused(
    alice: ApiUser, method: str, path: str, body: object
) -> None:
    alice.post("/tasks", {"text": "Once"}, **key("a"))
    other = alice.request(method, path, json=body, **key("a"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
    assert [task["text"] for task in alice.get("/tasks").json()] == ["Once"]


def test_only_what_took_effect_is_remembered(alice: ApiUser) -> None:
    task = alice.create()
    stale = {"idempotency-key": "k", "if-match": '"stale.1"'}
    path = f"/tasks/{task['id']}"
    assert alice.patch(path, {"text": "New"}, headers=stale).status_code == 412
    assert alice.patch(path, {"text": "New"}, **key("k")).status_code == 200


def test_keys_of_two_users_never_meet(alice: ApiUser, bob: ApiUser) -> None:
    alice.post("/tasks", {"text": "Hers"}, **key("same"))
    his = bob.post("/tasks", {"text": "His"}, **key("same"))
    assert (his.status_code, his.json()["text"]) == (201, "His")


@pytest.mark.parametrize("bad", ["", "a b", "x" * 256, "ä"])
def test_a_key_that_is_no_key_is_refused(alice: ApiUser, bad: str) -> None:
    refused = alice.request(
        "POST",
        "/tasks",
        json={"text": "x"},
        headers={"idempotency-key": bad.encode("latin-1")},  # type: ignore[dict-item]  # bytes as they go over the wire
    )
    assert (refused.status_code, refused.json()["code"]) == (400, "idempotency-key-invalid")
    assert alice.get("/tasks").json() == []


def test_a_hundred_at_once_make_one_task(alice: ApiUser) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(
            pool.map(lambda _: alice.post("/tasks", {"text": "One"}, **key("k")), range(100))
        )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(alice.get("/tasks").json()) == 1


def test_a_keyed_write_that_runs_into_an_id_still_answers(alice: ApiUser) -> None:
    task = alice.create()
    taken = alice.post("/tasks", {"id": task["id"], "text": "Other"}, **key("k"))
    assert (taken.status_code, taken.json()["code"]) == (409, "task-id-taken")
    same = alice.post("/tasks", {"id": task["id"], "text": "Buy milk"}, **key("k"))
    assert (same.status_code, same.json()) == (200, task)


def test_a_wait_for_the_first_that_takes_too_long_ends(
    alice: ApiUser, settings: Settings, newcomer: Newcomer, sql: SecondConnection
) -> None:
    alice.create()
    with running(settings, Patience(statement=0.3)) as client:
        user = newcomer(client, alice.user_id)
        sql.run("BEGIN")
        sql.value("SELECT 1 FROM account WHERE user_id = $1 FOR UPDATE", alice.user_id)
        waited = user.post("/tasks", {"text": "Once"}, **key("k"))
        expect_problem(waited, 409, "idempotency-key-in-use")
        # As it is here: nobody has sent this key.
        assert "or another write of yours" in waited.json()["detail"]
        sql.run("ROLLBACK")
        assert alice.post("/tasks", {"text": "Once"}, **key("k")).status_code == 201
    assert len(alice.get("/tasks").json()) == 2


@pytest.mark.parametrize("path", ["/sync", "/me/import"])
def test_sync_and_me_pay_no_heed_to_a_key(alice: ApiUser, path: str) -> None:
    bodies: dict[str, list[dict[str, object]]] = {
        "/sync": [{}, {"limit": 1}],
        "/me/import": [
            {"format": "taskwell-export-1", "tasks": [], "deleted_tasks": []},
            {"format": "taskwell-export-1", "tasks": []},
        ],
    }
    for body in bodies[path]:
        answer = alice.post(path, body, **key("same"))
        assert answer.status_code == 200
        assert "idempotency-replayed" not in answer.headers
