from __future__ import annotations

from api_user import ApiUser


def test_what_is_exported_can_be_brought_back_as_it_was(alice: ApiUser, bob: ApiUser) -> None:
    done = alice.create("Done", completed=True)
    alice.create("Open", order=-5)
    gone = alice.create("Gone")
    alice.delete(f"/tasks/{gone['id']}")
    document = alice.get("/me/export").json()
    assert [task["text"] for task in document["tasks"]] == ["Open", "Done"]

    imported = bob.post("/me/import", document)
    assert (imported.status_code, imported.json()) == (
        200,
        {"created": 3, "updated": 0, "unchanged": 0},
    )
    copied = bob.get("/me/export").json()
    theirs = {"user_id": bob.user_id, "rev": 0}
    assert [task | {"rev": 0} for task in copied["tasks"]] == [
        task | theirs for task in document["tasks"]
    ]
    assert [task["id"] for task in copied["deleted_tasks"]] == [gone["id"]]
    again = bob.post("/me/import", document).json()
    assert again == {"created": 0, "updated": 0, "unchanged": 3}
    assert bob.get(f"/tasks/{done['id']}").json()["completed_at"] == done["completed_at"]


def test_an_import_brings_back_what_was_changed_or_deleted_since(alice: ApiUser) -> None:
    changed, deleted = alice.create("Changed", completed=True), alice.create("Deleted")
    document = alice.get("/me/export").json()
    alice.patch(f"/tasks/{changed['id']}", {"text": "Otherwise", "completed": False})
    alice.delete(f"/tasks/{deleted['id']}")
    assert alice.post("/me/import", document).json() == {
        "created": 0,
        "updated": 2,
        "unchanged": 0,
    }
    now = alice.get(f"/tasks/{changed['id']}").json()
    assert {**now, "rev": 0} == {**changed, "rev": 0}
    assert alice.get(f"/tasks/{deleted['id']}").json()["text"] == "Deleted"


def test_erasing_leaves_nothing_and_can_be_repeated(alice: ApiUser) -> None:
    alice.create()
    cursor = alice.get("/sync").json()["cursor"]
    for _ in range(2):
        erased = alice.delete("/me")
        assert (erased.status_code, erased.content) == (204, b"")
        assert alice.get("/tasks").json() == []
        assert alice.get("/tasks?status=deleted").json() == []
    alice.create("A new life")
    reset = alice.get(f"/sync?since={cursor}")
    assert (reset.status_code, reset.json()["code"]) == (410, "sync-reset-required")


def test_an_import_that_contradicts_itself_changes_nothing(alice: ApiUser) -> None:
    alice.create("Kept")
    document = alice.get("/me/export").json()
    alice.create("Another")
    document["tasks"][0]["completed"] = True
    refused = alice.post("/me/import", document)
    assert refused.status_code == 422
    assert refused.json()["errors"] == [
        {
            "pointer": "/tasks/0",
            "code": "contradiction",
            "message": "must have completed_at exactly if it is completed",
        }
    ]
    assert len(alice.get("/tasks").json()) == 2


def test_an_import_brings_the_time_of_completion_back(alice: ApiUser) -> None:
    task = alice.create("Done", completed=True)
    document = alice.get("/me/export").json()
    path = f"/tasks/{task['id']}"
    for _ in range(2):
        alice.patch(f"{path}/toggle")
    assert alice.get(path).json()["completed_at"] != task["completed_at"]
    assert alice.post("/me/import", document).json()["updated"] == 1
    assert alice.get(path).json() == {**task, "rev": 4}


def test_a_cursor_does_not_outlive_its_account(alice: ApiUser) -> None:
    alice.create()
    cursor = alice.get("/sync").json()["cursor"]
    alice.delete("/me")
    reset = alice.get(f"/sync?since={cursor}")
    assert (reset.status_code, reset.json()["code"]) == (410, "sync-reset-required")
