"""What becomes of each operation of a batch."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest

from api_user import ApiUser
from batches import operation, results, send, statuses, tombstone


def test_a_repeated_operation_that_changed_nothing_covers_no_change_of_another(
    alice: ApiUser,
) -> None:
    task = alice.create("Buy milk")
    alice.patch(f"/tasks/{task['id']}", {"text": "Theirs"})
    idle = operation("complete", task["id"], base_rev=task["rev"], set={"completed": False})
    mine = operation("update", task["id"], base_rev=task["rev"], set={"text": "Mine"})
    assert statuses(alice, idle) == ["merged"]
    assert statuses(alice, idle, mine) == ["duplicate", "conflict"]
    assert alice.get(f"/tasks/{task['id']}").json()["text"] == "Theirs"


def test_a_repeated_move_and_a_new_order_do_not_conflict(alice: ApiUser) -> None:
    tasks = [alice.create(str(nth), order=nth) for nth in range(5)]
    moved = tasks[4]
    move = operation("move", moved["id"], set={"after": tasks[0]["id"]})
    send(alice, move)
    assert alice.get(f"/tasks/{tasks[1]['id']}").json()["order"] != 1, "the others made room"
    order = operation("update", moved["id"], base_rev=moved["rev"], set={"order": -7})
    assert statuses(alice, move, order) == ["duplicate", "applied"]


def test_the_conflicts_of_an_atomic_batch_carry_what_is_there(alice: ApiUser) -> None:
    edited, deleted = alice.create("Edited"), alice.create("Deleted")
    theirs = alice.patch(f"/tasks/{edited['id']}", {"text": "Theirs"}).json()
    alice.delete(f"/tasks/{deleted['id']}")
    new_id = str(uuid4())
    done, edit, late = results(
        alice,
        operation("create", new_id, set={"text": "Not made"}),
        operation("update", edited["id"], base_rev=1, set={"text": "Mine"}),
        operation("update", deleted["id"], set={"text": "Late"}),
        atomic=True,
    )
    assert (done["status"], done["problem"]["code"]) == ("rejected", "batch-aborted")
    assert "task" not in done
    assert (edit["status"], edit["task"]) == ("conflict", theirs)
    assert (late["status"], late["task"]) == ("conflict", tombstone(deleted["id"], 4))
    assert late["problem"]["code"] == "task-deleted"
    assert alice.get("/tasks").json() == [theirs]


@pytest.mark.parametrize(
    ("kind", "members", "status", "code"),
    [
        ("create", {"set": {"text": "Gone"}}, "conflict", "task-deleted"),
        ("update", {"set": {"text": "New"}}, "conflict", "task-deleted"),
        ("complete", {"set": {"completed": True}, "base_rev": 99}, "conflict", "task-deleted"),
        ("move", {"set": {"to": "first"}}, "conflict", "task-deleted"),
        ("delete", {}, "applied", None),
        ("delete", {"base_rev": 1}, "applied", None),
    ],
)
def test_a_delete_wins(
    alice: ApiUser, kind: str, members: dict[str, Any], status: str, code: str | None
) -> None:
    task = alice.create("Gone")
    alice.delete(f"/tasks/{task['id']}")
    cursor = alice.get("/sync").json()["cursor"]
    answer = send(alice, operation(kind, task["id"], **members), cursor=cursor)
    (result,) = answer["results"]
    assert (result["status"], result["task"]) == (status, tombstone(task["id"], 2))
    assert result.get("problem", {}).get("code") == code
    assert (answer["changes"], answer["cursor"]) == ([], cursor)


def test_a_delete_wins_over_newer_edits(alice: ApiUser) -> None:
    task = alice.create()
    alice.patch(f"/tasks/{task['id']}", {"text": "Newer"})
    (result,) = results(alice, operation("delete", task["id"], base_rev=task["rev"]))
    assert (result["status"], result["task"]) == ("applied", tombstone(task["id"], 3))


def test_restore_brings_an_edit_along(alice: ApiUser) -> None:
    task = alice.create("Old", order=5)
    alice.delete(f"/tasks/{task['id']}")
    (result,) = results(
        alice, operation("restore", task["id"], set={"text": "New", "completed": True, "order": 6})
    )
    shown = result["task"]
    assert (result["status"], shown["text"], shown["order"]) == ("applied", "New", 6)
    assert shown["completed_at"] == shown["updated_at"]
    assert alice.get(f"/tasks/{task['id']}").json() == shown
    assert statuses(alice, operation("restore", task["id"])) == ["applied"]
    assert alice.get(f"/tasks/{task['id']}").json() == shown


def test_restore_meets_edits_where_the_task_is_alive_again(alice: ApiUser) -> None:
    task = alice.create("Old")
    alice.delete(f"/tasks/{task['id']}")
    late = operation("restore", task["id"], base_rev=2, set={"text": "Mine"})
    theirs = operation("restore", task["id"], base_rev=2, set={"text": "Theirs"})
    assert statuses(alice, theirs) == ["applied"]
    (result,) = results(alice, late)
    assert (result["status"], result["task"]["text"]) == ("conflict", "Theirs")
    clash = {"base_rev": 2, "mine": "Mine", "theirs": "Theirs"}
    assert result["problem"]["conflicts"] == {"text": clash}
    beside = operation("restore", task["id"], base_rev=2, set={"completed": True})
    bold = operation("restore", task["id"], set={"text": "Whatever"})
    assert statuses(alice, beside, bold) == ["merged", "applied"]
    shown = alice.get(f"/tasks/{task['id']}").json()
    assert (shown["text"], shown["completed"]) == ("Whatever", True)


def test_a_base_of_another_life_stands_for_none(alice: ApiUser) -> None:
    task = alice.create("Mine")
    for nth in range(5):
        alice.patch(f"/tasks/{task['id']}", {"text": f"Mine {nth}"})
    late = operation("update", task["id"], base_rev=6, set={"text": "Mine at last"})
    exported = alice.get("/me/export").json()
    alice.delete("/me")
    alice.post("/me/import", exported)
    theirs = alice.patch(f"/tasks/{task['id']}", {"text": "Theirs"}).json()
    assert theirs["rev"] < late["base_rev"]
    (result,) = results(alice, late)
    assert (result["status"], result["task"]) == ("conflict", theirs)
    assert result["problem"]["conflicts"]["text"]["base_rev"] == 6


def test_an_operation_stays_the_same_with_another_base(alice: ApiUser) -> None:
    task = alice.create()
    done = operation("update", task["id"], base_rev=1, set={"text": "Mine"})
    assert statuses(alice, done) == ["applied"]
    assert statuses(alice, {**done, "base_rev": 0}) == ["duplicate"]


def test_what_was_done_before_an_atomic_batch_stays_done(alice: ApiUser) -> None:
    task = alice.create()
    done = operation("update", task["id"], set={"text": "Mine"})
    assert statuses(alice, done) == ["applied"]
    new = operation("create", str(uuid4()), set={"text": "New"})
    bad = operation("update", str(uuid4()), set={"text": "Nowhere"})
    first, second, third, _ = results(alice, done, new, new, bad, atomic=True)
    assert first["status"] == "duplicate"
    for each in (second, third):
        assert (each["status"], each["problem"]["code"]) == ("rejected", "batch-aborted")
    assert statuses(alice, new) == ["applied"]


def test_a_create_meets_its_id(alice: ApiUser, bob: ApiUser) -> None:
    task_id = str(uuid4())
    first, same = (operation("create", task_id, set={"text": "One"}) for _ in range(2))
    other = operation("create", task_id.upper(), set={"text": "One", "order": 1})
    assert statuses(alice, first, same, other) == ["applied", "duplicate", "conflict"]
    (result,) = results(alice, other)
    assert (result["problem"]["code"], result["task"]["rev"]) == ("task-id-taken", 1)
    assert statuses(bob, other) == ["applied"]
    assert alice.post("/tasks", {"id": task_id, "text": "One"}).status_code == 200


def test_an_op_id_with_other_content_is_rejected_and_changes_nothing(alice: ApiUser) -> None:
    task = alice.create()
    first = operation("update", task["id"], set={"text": "First"})
    for other in (
        {**first, "set": {"text": "Second"}},
        {**first, "type": "restore"},
        {**first, "id": str(uuid4())},
    ):
        assert statuses(alice, first)[0] in ("applied", "duplicate")
        (result,) = results(alice, other)
        assert set(result) == {"op_id", "status", "problem"}
        assert (result["status"], result["problem"]["code"]) == ("rejected", "operation-reused")
        assert statuses(alice, first, other) == ["duplicate", "rejected"]
    assert alice.get(f"/tasks/{task['id']}").json()["rev"] == 2


def test_twice_in_one_batch_is_once(alice: ApiUser) -> None:
    task_id = str(uuid4())
    create = operation("create", task_id, set={"text": "Once"})
    shouted = {**create, "op_id": create["op_id"].upper(), "id": task_id.upper()}
    assert statuses(alice, create, shouted, create) == ["applied", "duplicate", "duplicate"]
    assert [task["rev"] for task in alice.get("/tasks").json()] == [1]


def test_only_what_took_effect_is_remembered(alice: ApiUser) -> None:
    early = operation("update", str(uuid4()), set={"text": "Now it is there"})
    create = operation("create", early["id"], set={"text": "There"})
    assert statuses(alice, early, create, early) == ["rejected", "applied", "applied"]


def test_op_ids_of_two_users_never_meet(alice: ApiUser, bob: ApiUser) -> None:
    create = operation("create", str(uuid4()), set={"text": "Hers"})
    assert statuses(alice, create) == statuses(bob, create) == ["applied"]
    (result,) = results(bob, {**create, "set": {"text": "Other"}})
    assert result["problem"]["code"] == "operation-reused"
    stranger = operation("update", alice.create()["id"], set={"text": "Mine now"})
    (result,) = results(bob, stranger)
    assert set(result) == {"op_id", "status", "problem"}
    assert result["problem"]["code"] == "task-not-found"


def test_the_same_value_from_two_sides_is_nothing_to_settle(alice: ApiUser) -> None:
    task = alice.create("Old")
    theirs = alice.patch(f"/tasks/{task['id']}", {"text": "Same"}).json()
    same = operation("update", task["id"], base_rev=task["rev"], set={"text": "Same"})
    (result,) = results(alice, same)
    assert (result["status"], result["task"]) == ("merged", theirs)


def test_without_a_base_the_last_write_wins(alice: ApiUser) -> None:
    task = alice.create("Old")
    alice.patch(f"/tasks/{task['id']}", {"text": "Theirs"})
    assert statuses(alice, operation("update", task["id"], set={"text": "Mine"})) == ["applied"]


def test_a_conflict_names_each_member_that_both_sides_changed(alice: ApiUser) -> None:
    task = alice.create("Old", order=1)
    path = f"/tasks/{task['id']}"
    theirs = alice.patch(path, {"text": "Theirs", "order": 2, "completed": True}).json()
    mine = {"text": "Mine", "order": 3, "completed": True}
    (result,) = results(alice, operation("update", task["id"], base_rev=1, set=mine))
    assert result["problem"]["conflicts"] == {
        "text": {"base_rev": 1, "mine": "Mine", "theirs": "Theirs"},
        "order": {"base_rev": 1, "mine": 3, "theirs": 2},
    }
    assert result["task"] == theirs == alice.get(path).json()


def _flaw(entry: object, alice: ApiUser) -> dict[str, Any]:
    create = operation("create", str(uuid4()), set={"text": "Beside it"})
    bad, good = results(alice, entry, create)
    assert good["status"] == "applied"
    assert (bad["status"], bad["problem"]["code"]) == ("rejected", "validation-failed")
    assert "task" not in bad
    flaws: list[dict[str, Any]] = bad["problem"]["errors"]
    return {flaw["pointer"]: bad["op_id"] for flaw in flaws}


@pytest.mark.parametrize(
    ("changes", "pointers"),
    [
        ({"op_id": "x"}, ["/op_id"]),
        ({"op_id": None}, ["/op_id"]),
        ({"id": "x"}, ["/id"]),
        ({"type": "explode"}, ["/type"]),
        ({"base_rev": -1}, ["/base_rev"]),
        ({"base_rev": "1"}, ["/base_rev"]),
        ({"base_rev": None}, ["/base_rev"]),
        ({"set": []}, ["/set"]),
        ({"colour": "red"}, [""]),
        ({"set": {}}, ["/set"]),
        ({"set": {"text": ""}}, ["/set/text"]),
        ({"set": {"text": "\0"}}, ["/set/text"]),
        ({"set": {"text": "x" * 501, "order": 2**53}}, ["/set/order", "/set/text"]),
        ({"set": {"colour": "red"}}, ["/set"]),
        ({"set": {"rev": 1}}, ["/set/rev"]),
        ({"type": "create", "set": {}}, ["/set/text"]),
        ({"type": "create", "set": {"text": None}}, ["/set/text"]),
        ({"type": "complete", "set": {}}, ["/set/completed"]),
        ({"type": "complete", "set": {"completed": 1}}, ["/set/completed"]),
        ({"type": "delete", "set": {"text": "x"}}, ["/set"]),
        ({"type": "restore", "set": {"text": " "}}, ["/set/text"]),
        ({"type": "move", "set": {}}, ["/set"]),
        ({"type": "move", "set": {"to": "first", "before": str(uuid4())}}, ["/set"]),
        ({"type": "move", "set": {"to": "middle"}}, ["/set/to"]),
        ({"type": "move", "set": {"after": "x"}}, ["/set/after"]),
    ],
)
def test_an_unreadable_operation_says_where_and_stops_no_other(
    alice: ApiUser, changes: dict[str, Any], pointers: list[str]
) -> None:
    entry = {**operation("update", str(uuid4()), set={"text": "x"}), **changes}
    found = _flaw(entry, alice)
    assert sorted(found) == pointers
    expected = None if "op_id" in changes else entry["op_id"]
    assert set(found.values()) == {expected}


@pytest.mark.parametrize("entry", [None, 1, "x", [], {}, True])
def test_what_is_no_operation_at_all_is_rejected_too(alice: ApiUser, entry: object) -> None:
    assert set(_flaw(entry, alice).values()) == {None}


def test_five_hundred_operations_are_the_most(alice: ApiUser) -> None:
    full = [operation("create", str(uuid4()), set={"text": str(nth)}) for nth in range(500)]
    refused = alice.post("/sync", {"operations": [*full, full[0]]})
    assert refused.status_code == 422
    assert [flaw["pointer"] for flaw in refused.json()["errors"]] == ["/operations"]
    assert alice.get("/tasks").json() == []
    assert set(statuses(alice, *full)) == {"applied"}
    assert set(statuses(alice, *full)) == {"duplicate"}
    assert [task["text"] for task in alice.get("/tasks").json()] == [str(n) for n in range(500)]


def test_an_atomic_batch_that_goes_well_is_done(alice: ApiUser) -> None:
    task_id = str(uuid4())
    batch = [
        operation("create", task_id, set={"text": "A"}),
        operation("complete", task_id, set={"completed": True}),
        operation("delete", task_id),
        operation("restore", task_id),
    ]
    assert statuses(alice, *batch, atomic=True) == ["applied"] * 4
    assert statuses(alice, *batch, atomic=True) == ["duplicate"] * 4
    assert alice.get(f"/tasks/{task_id}").json()["completed"] is True


@pytest.mark.parametrize("bad", [None, {"op_id": "x"}])
def test_one_unreadable_operation_aborts_an_atomic_batch(alice: ApiUser, bad: object) -> None:
    first, second = (alice.create(text) for text in ("a", "b"))
    move = operation("move", second["id"], set={"to": "first"})
    aborted, unreadable = results(alice, move, bad, atomic=True)
    assert aborted["problem"]["code"] == "batch-aborted"
    assert unreadable["problem"]["code"] == "validation-failed"
    assert alice.get("/tasks").json() == [first, second]
    assert statuses(alice, move) == ["applied"]


def test_an_edit_made_while_an_answer_was_on_its_way_comes_after_a_repetition(
    alice: ApiUser,
) -> None:
    """What docs/sync.md tells clients to do, and what happens to those that don't."""
    task = alice.create("Old")
    first = operation("update", task["id"], base_rev=task["rev"], set={"text": "First"})
    later = operation("update", task["id"], base_rev=task["rev"], set={"text": "Later"})
    assert statuses(alice, first) == ["applied"]
    assert statuses(alice, later) == ["conflict"]
    assert statuses(alice, first, later) == ["duplicate", "applied"]


def test_base_zero_guards_a_task_that_was_just_made(alice: ApiUser) -> None:
    create = operation("create", str(uuid4()), set={"text": "Mine"})
    edit = operation("update", create["id"], base_rev=0, set={"text": "Mine too"})
    assert statuses(alice, create, edit) == ["applied", "applied"]
    other = operation("update", create["id"], base_rev=0, set={"text": "Late"})
    alice.patch(f"/tasks/{create['id']}", {"text": "Theirs"})
    assert statuses(alice, create, edit, other) == ["duplicate", "duplicate", "conflict"]
