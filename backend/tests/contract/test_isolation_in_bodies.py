"""Ids in bodies, keys and cursors: another user's is worth what an absent one is."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api_user import ApiUser
from contract.rows import Rows

SAME = {"x-request-id": "the-same"}


def operation(kind: str, task_id: str, op_id: str | None = None, **members: Any) -> Any:
    return {"op_id": op_id or str(uuid4()), "type": kind, "id": task_id, "set": members}


def exchange(user: ApiUser, *operations: Any, atomic: bool = False) -> Any:
    answer = user.post("/sync", {"operations": list(operations), "atomic": atomic}, headers=SAME)
    assert answer.status_code == 200, answer.text
    return answer.json()


OPERATIONS: list[tuple[str, dict[str, Any]]] = [
    ("update", {"text": "Changed"}),
    ("complete", {"completed": False}),
    ("move", {"to": "first"}),
    ("delete", {}),
    ("restore", {}),
]


@pytest.mark.parametrize("state", ["alive", "deleted"])
@pytest.mark.parametrize(("kind", "content"), OPERATIONS)
def test_an_operation_on_a_foreign_task_is_one_on_an_absent_task(
    kind: str, content: dict[str, Any], state: str, alice: ApiUser, bob: ApiUser, rows: Rows
) -> None:
    alice.create("Mine")
    theirs = bob.create("Theirs", completed=True)["id"]
    if state == "deleted":
        bob.delete(f"/tasks/{theirs}")
    before = rows.of(alice.user_id, bob.user_id)
    op_id = str(uuid4())
    answers = [
        exchange(alice, operation(kind, task_id, op_id, **content))
        for task_id in (theirs, str(uuid4()))
    ]
    assert answers[0] == answers[1]
    assert answers[0]["results"][0]["status"] in ("conflict", "rejected")
    assert rows.of(alice.user_id, bob.user_id) == before


def test_the_neighbour_of_a_move_is_ones_own(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    mine, theirs = alice.create("Mine")["id"], bob.create("Theirs")["id"]
    before = rows.of(alice.user_id, bob.user_id)
    for place in ("before", "after"):
        answers = [
            alice.post(f"/tasks/{mine}/move", {place: neighbour}, headers=SAME)
            for neighbour in (theirs, str(uuid4()))
        ]
        assert answers[0].content == answers[1].content
        assert 400 <= answers[0].status_code < 500
    assert rows.of(alice.user_id, bob.user_id) == before


def test_moves_look_at_ones_own_list(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    """Others' tasks stand before, between and after, and change nothing about the places."""
    for near in (0, 512, 1024, 1536, 2048, 3072, 4096):
        for order in (near - 1, near, near + 1):
            bob.create("Theirs", order=order)
    before = rows.of(bob.user_id)
    first, second, third = (alice.create(text)["id"] for text in ("One", "Two", "Three"))

    for move, expected in (
        ({"to": "first"}, {third: 0, first: 1024, second: 2048}),
        ({"to": "last"}, {first: 1024, second: 2048, third: 3072}),
        ({"before": second}, {first: 1024, third: 1536, second: 2048}),
        ({"after": second}, {first: 1024, second: 2048, third: 3072}),
    ):
        assert alice.post(f"/tasks/{third}/move", move).status_code == 200
        listed = {task["id"]: task["order"] for task in alice.get("/tasks").json()}
        assert list(listed.items()) == list(expected.items())
    assert rows.of(bob.user_id) == before


def test_two_users_may_use_one_op_id_and_one_task_id(
    alice: ApiUser, bob: ApiUser, rows: Rows
) -> None:
    op_id, task_id = str(uuid4()), str(uuid4())
    first = exchange(bob, operation("create", task_id, op_id, text="Theirs"))
    assert first["results"][0]["status"] == "applied"
    before = rows.of(bob.user_id)
    for text, status in (("Mine", "applied"), ("Mine", "duplicate"), ("Other", "rejected")):
        (result,) = exchange(alice, operation("create", task_id, op_id, text=text))["results"]
        assert result["status"] == status
    assert alice.get(f"/tasks/{task_id}").json()["text"] == "Mine"
    for kind, content in OPERATIONS:
        (result,) = exchange(alice, operation(kind, task_id, **content))["results"]
        assert result["status"] in ("applied", "merged")
    assert rows.of(bob.user_id) == before


def test_changes_are_ones_own(alice: ApiUser, bob: ApiUser) -> None:
    for number in range(3):
        bob.create(f"Theirs {number}")
    mine = alice.create("Mine")["id"]
    pulled = alice.get("/sync").json()
    assert [change["id"] for change in pulled["changes"]] == [mine]
    assert pulled["has_more"] is False
    theirs = bob.get("/sync?limit=1").json()["cursor"]
    foreign = alice.get("/sync", params={"since": theirs})
    assert foreign.status_code in (400, 410)
    assert "Theirs" not in foreign.text


def test_a_key_of_another_user_replays_nothing(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    key = {"idempotency-key": uuid4().hex}
    theirs = bob.post("/tasks", {"text": "One text"}, headers=key)
    before = rows.of(bob.user_id)
    first, again = (alice.post("/tasks", {"text": "One text"}, headers=key) for _ in range(2))
    assert (first.status_code, again.status_code) == (201, 201)
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert first.json()["id"] == again.json()["id"] != theirs.json()["id"]
    assert first.json()["user_id"] == alice.user_id
    assert rows.of(bob.user_id) == before


def test_deleted_tasks_are_ones_own(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    for user in (alice, bob):
        created = user.create(f"Of {user.user_id}")
        user.delete(f"/tasks/{created['id']}")
    before = rows.of(bob.user_id)
    (mine,) = alice.get("/tasks?status=deleted").json()
    assert mine["user_id"] == alice.user_id
    assert alice.post(f"/tasks/{mine['id']}/restore", None).status_code == 200
    assert rows.of(bob.user_id) == before


def test_everything_out_and_back_in_is_ones_own(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    theirs, gone = bob.create("Theirs")["id"], bob.create("Gone")["id"]
    bob.delete(f"/tasks/{gone}")
    before = rows.of(bob.user_id)
    alice.create("Mine")
    export = alice.get("/me/export").json()
    assert [task["text"] for task in export["tasks"]] == ["Mine"]
    assert export["deleted_tasks"] == []
    document = bob.get("/me/export").json()
    assert alice.post("/me/import", document).status_code == 200
    assert {task["id"] for task in alice.get("/tasks").json()} >= {theirs}
    assert rows.of(bob.user_id) == before


def test_erasing_erases_oneself(alice: ApiUser, bob: ApiUser, rows: Rows) -> None:
    key = {"idempotency-key": uuid4().hex}
    first = bob.post("/tasks", {"text": "Theirs"}, headers=key)
    done = operation("complete", first.json()["id"], completed=True)
    exchange(bob, done)
    bob.patch(f"/tasks/{first.json()['id']}/toggle")
    before = rows.of(bob.user_id)
    alice.create("Mine")
    assert alice.delete("/me").status_code == 204
    assert rows.of(alice.user_id) == {alice.user_id: (None, None)}
    assert rows.of(bob.user_id) == before
    replayed = bob.post("/tasks", {"text": "Theirs"}, headers=key)
    assert replayed.headers["idempotency-replayed"] == "true"
    assert replayed.content == first.content
    assert exchange(bob, done)["results"][0]["status"] == "duplicate"
    assert rows.of(bob.user_id) == before
