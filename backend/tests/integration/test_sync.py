from __future__ import annotations

from typing import Any
from uuid import uuid4

from api_user import ApiUser


def operation(kind: str, task_id: str, **members: Any) -> dict[str, Any]:
    return {"op_id": str(uuid4()), "type": kind, "id": task_id, **members}


def send(user: ApiUser, *operations: dict[str, Any], **members: Any) -> dict[str, Any]:
    response = user.post("/sync", {"operations": list(operations), **members})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_edits_of_different_members_merge(alice: ApiUser) -> None:
    task = alice.create("Buy milk")
    path = f"/tasks/{task['id']}"
    alice.patch(path, {"completed": True})
    answer = send(
        alice, operation("update", task["id"], base_rev=task["rev"], set={"text": "Buy oat milk"})
    )
    (result,) = answer["results"]
    assert result["status"] == "merged"
    assert result["task"] == alice.get(path).json()
    assert (result["task"]["text"], result["task"]["completed"]) == ("Buy oat milk", True)


def test_edits_of_the_same_member_are_a_conflict_that_changes_nothing(alice: ApiUser) -> None:
    task = alice.create("Buy milk")
    theirs = alice.patch(f"/tasks/{task['id']}", {"text": "Theirs"}).json()
    edit = operation("update", task["id"], base_rev=task["rev"], set={"text": "Mine"})
    (result,) = send(alice, edit)["results"]
    assert result["status"] == "conflict"
    assert result["task"] == theirs
    assert result["problem"]["code"] == "edit-conflict"
    assert result["problem"]["conflicts"] == {
        "text": {"base_rev": task["rev"], "mine": "Mine", "theirs": "Theirs"}
    }


def test_an_operation_takes_effect_once(alice: ApiUser) -> None:
    first = operation("create", str(uuid4()), set={"text": "Once"})
    assert send(alice, first)["results"][0]["status"] == "applied"
    again = send(alice, first)
    assert again["results"][0]["status"] == "duplicate"
    assert [task["text"] for task in again["changes"]] == ["Once"]


def test_a_device_does_not_conflict_with_itself(alice: ApiUser) -> None:
    task = alice.create("Buy milk")
    first = operation("update", task["id"], base_rev=task["rev"], set={"text": "One"})
    second = operation("update", task["id"], base_rev=task["rev"], set={"text": "Two"})
    assert send(alice, first)["results"][0]["status"] == "applied"
    statuses = [result["status"] for result in send(alice, first, second)["results"]]
    assert statuses == ["duplicate", "applied"]


def test_everything_in_one_batch(alice: ApiUser) -> None:
    one, two, three = (alice.create(text) for text in ("one", "two", "three"))
    cursor = alice.get("/sync").json()["cursor"]
    answer = send(
        alice,
        operation("move", three["id"], set={"before": one["id"]}),
        operation("complete", two["id"], set={"completed": True}),
        operation("delete", one["id"]),
        operation("move", two["id"], set={"to": "first"}),
        operation("restore", one["id"], set={"text": "one again"}),
        operation("update", str(uuid4()), set={"text": "nothing there"}),
        {"op_id": "x"},
        cursor=cursor,
    )
    statuses = [result["status"] for result in answer["results"]]
    assert statuses == ["applied"] * 5 + ["rejected"] * 2
    listed = [task["text"] for task in alice.get("/tasks").json()]
    assert listed == ["two", "three", "one again"]
    assert sorted(task["text"] for task in answer["changes"]) == ["one again", "three", "two"]
    assert alice.get(f"/sync?since={answer['cursor']}").json()["changes"] == []


def test_an_atomic_batch_is_done_wholly_or_not_at_all(alice: ApiUser) -> None:
    task_id = str(uuid4())
    good = operation("create", task_id, set={"text": "Good"})
    bad = operation("delete", str(uuid4()))
    answer = send(alice, good, bad, atomic=True)
    codes = [result["problem"]["code"] for result in answer["results"]]
    assert codes == ["batch-aborted", "task-not-found"]
    assert alice.get("/tasks").json() == []
    assert send(alice, good)["results"][0]["status"] == "applied"


def test_many_moves_to_one_place_keep_the_order(alice: ApiUser) -> None:
    tasks = [alice.create(str(number)) for number in range(40)]
    expected = [task["id"] for task in tasks]
    for _ in range(60):
        last = expected.pop()
        expected.insert(1, last)
        moved = alice.post(f"/tasks/{last}/move", {"after": expected[0]})
        assert moved.status_code == 200, moved.text
    assert [task["id"] for task in alice.get("/tasks").json()] == expected


def test_a_deleted_task_can_be_listed_and_restored(alice: ApiUser) -> None:
    task = alice.create("Gone")
    alice.delete(f"/tasks/{task['id']}")
    assert [gone["id"] for gone in alice.get("/tasks?status=deleted").json()] == [task["id"]]
    restored = alice.post(f"/tasks/{task['id']}/restore", None)
    assert restored.status_code == 200
    assert restored.json() == alice.get(f"/tasks/{task['id']}").json()
    assert alice.get("/tasks?status=deleted").json() == []
