from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from api_user import ApiUser
from expectations import expect_flaws, expect_problem
from newcomers import Newcomer
from running import running
from taskwell.config import Settings
from taskwell.database.pool import Database
from taskwell.schemas.belongings import ImportDocument
from taskwell.services.belongings import Belongings
from taskwell.services.folding import fold

NOW = "2026-11-21T08:30:00.000000Z"


def document(tasks: list[Any], deleted: list[Any]) -> dict[str, Any]:
    return {"format": "taskwell-export-1", "tasks": tasks, "deleted_tasks": deleted}


def exported(**members: object) -> dict[str, object]:
    return {
        "id": str(uuid4()),
        "text": "Buy milk",
        "completed": False,
        "order": 1024,
        "created_at": NOW,
        "updated_at": NOW,
        "completed_at": None,
    } | members


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
    back = alice.get(f"/tasks/{deleted['id']}").json()
    assert {**back, "rev": 0} == {**deleted, "rev": 0}


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


def test_of_a_document_of_nonsense_only_the_first_flaws_are_told(alice: ApiUser) -> None:
    for tasks, deleted, place in (([{}] * 5000, [], "tasks"), ([], [{}] * 5000, "deleted_tasks")):
        refused = alice.post("/me/import", document(tasks, deleted))
        missing = ("id", "text", "completed", "order", "created_at", "updated_at", "completed_at")
        expect_flaws(refused, *((f"/{place}/0/{name}", "required") for name in missing))


class TestMany:
    """An import is as large as somebody's list, and one process has many users."""

    def test_others_have_their_turn_meanwhile(
        self, settings: Settings, alice: ApiUser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tasks = [exported() for _ in range(1201)]
        many = ImportDocument.model_validate(document(tasks[:1101], tasks[1101:]))
        since_last_turn = most_at_once = 0

        def counted(text: str) -> str:
            nonlocal since_last_turn
            since_last_turn += 1
            return fold(text)

        async def take_turns() -> None:
            nonlocal since_last_turn, most_at_once
            while True:
                most_at_once = max(most_at_once, since_last_turn)
                since_last_turn = 0
                await asyncio.sleep(0)

        async def bring_back() -> object:
            database = Database(settings)
            await database.open()
            others = asyncio.create_task(take_turns())
            counts = await Belongings(database, 10_000).bring_back(alice.user_id, many)
            others.cancel()
            await database.close()
            return counts

        monkeypatch.setattr("taskwell.services.workbench.fold", counted)
        assert asyncio.run(bring_back()) == {"created": 1201, "updated": 0, "unchanged": 0}
        assert 0 < most_at_once <= 500
        taken = alice.get("/me/export").json()
        assert {task["id"] for task in taken["tasks"]} == {task["id"] for task in tasks[:1101]}
        assert len(taken["deleted_tasks"]) == 100

    def test_in_portions_each_task_counts_once(
        self, alice: ApiUser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("taskwell.services.belongings._PORTION", 2)
        here = [alice.create(str(number)) for number in range(5)]
        taken = alice.get("/me/export").json()
        for task in here[:3]:
            alice.patch(f"/tasks/{task['id']}", {"text": "Changed"})
        alice.delete(f"/tasks/{here[4]['id']}")
        new = [exported() for _ in range(3)]
        brought = alice.post("/me/import", document([*taken["tasks"], *new[:2]], new[2:]))
        assert brought.json() == {"created": 3, "updated": 4, "unchanged": 1}
        back = alice.get("/me/export").json()
        assert len(back["tasks"]) == 7
        revisions = sorted(task["rev"] for task in back["tasks"] + back["deleted_tasks"])
        assert revisions == [4, *range(10, 17)]


class TestTimes:
    @pytest.mark.parametrize("member", ["created_at", "updated_at", "completed_at"])
    @pytest.mark.parametrize(
        "moment",
        [
            pytest.param((datetime.now(UTC) + timedelta(days=2)).isoformat(), id="in two days"),
            "8999-01-01T00:00:00Z",
            "9999-12-31T23:30:00-01:00",
            # In UTC, still the year before.
            "1900-01-01T00:30:00+05:00",
            "0001-01-01T00:00:00+05:00",
        ],
    )
    def test_out_of_their_range(self, alice: ApiUser, member: str, moment: str) -> None:
        task = exported(completed=True, completed_at=NOW) | {member: moment}
        refused = alice.post("/me/import", document([task], []))
        expect_flaws(refused, (f"/tasks/0/{member}", "out-of-range"))

    def test_the_earliest_come_back(self, alice: ApiUser, bob: ApiUser) -> None:
        task = exported(created_at="1900-01-01T01:00:00+01:00")
        assert alice.post("/me/import", document([task], [])).json()["created"] == 1
        assert bob.post("/me/import", alice.get("/me/export").json()).json()["created"] == 1


class TestLimits:
    @pytest.fixture
    def user(self, settings: Settings, newcomer: Newcomer) -> Any:
        with running(settings.model_copy(update={"max_tasks": 3})) as client:
            yield newcomer(client)

    def test_of_tasks(self, user: ApiUser) -> None:
        tasks = [exported() for _ in range(4)]
        refused = user.post("/me/import", document(tasks, []))
        expect_problem(refused, 409, "task-limit-reached")
        assert user.post("/me/import", document(tasks[1:], [])).json()["created"] == 3

    def test_of_tasks_that_is_met_late(
        self, user: ApiUser, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("taskwell.services.belongings._PORTION", 2)
        here = user.create()
        refused = user.post("/me/import", document([exported() for _ in range(3)], []))
        expect_problem(refused, 409, "task-limit-reached")
        assert user.get("/tasks").json() == [here]

    def test_of_deleted_tasks(self, user: ApiUser) -> None:
        deleted = [exported() for _ in range(4)]
        refused = user.post("/me/import", document([], deleted))
        expect_problem(refused, 409, "task-limit-reached")
        assert user.post("/me/import", document([], deleted[:2])).json()["created"] == 2
        refused = user.post("/me/import", document([], deleted[2:]))
        expect_problem(refused, 409, "task-limit-reached")
        again = user.post("/me/import", document([], deleted[:3]))
        assert again.json() == {"created": 1, "updated": 0, "unchanged": 2}

    def test_of_an_export(self, user: ApiUser, bob: ApiUser) -> None:
        """What is taken out can be brought back, also where more than that was deleted."""
        made = [user.create(str(number)) for number in range(3)]
        user.delete(f"/tasks/{made[0]['id']}")
        made.append(user.create("3"))
        for task in made[1:]:
            user.delete(f"/tasks/{task['id']}")
        taken = user.get("/me/export").json()
        assert {task["text"] for task in taken["deleted_tasks"]} == {"1", "2", "3"}
        user.delete("/me")
        assert user.post("/me/import", taken).json()["created"] == 3
