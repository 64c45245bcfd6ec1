"""A create that carries an id can be sent again safely."""

from __future__ import annotations

from uuid import uuid4

import pytest

from api_user import ApiUser
from expectations import expect_flaws, expect_problem, expect_task
from second_connection import SecondConnection


@pytest.fixture
def given() -> dict[str, object]:
    return {"id": str(uuid4()), "text": "Buy milk"}


def test_a_new_id_is_created(alice: ApiUser, tasks: str, given: dict[str, object]) -> None:
    assert expect_task(alice.post(tasks, given), 201)["id"] == given["id"]


def test_the_same_again_changes_nothing(
    alice: ApiUser, tasks: str, given: dict[str, object]
) -> None:
    first = alice.post(tasks, given)
    again = alice.post(tasks, given)
    assert expect_task(again, 200) == first.json()
    assert again.headers["etag"] == first.headers["etag"]
    assert again.headers["location"] == first.headers["location"] == f"{tasks}/{given['id']}"
    assert alice.create()["rev"] == 2


def test_the_same_again_after_an_edit_gives_the_task_as_it_now_is(
    alice: ApiUser, tasks: str, given: dict[str, object]
) -> None:
    alice.post(tasks, given)
    edited = alice.patch(f"{tasks}/{given['id']}", {"text": "Buy oat milk", "completed": True})
    again = alice.post(tasks, given)
    assert expect_task(again, 200) == edited.json()
    assert again.headers["etag"] == edited.headers["etag"]


def test_what_a_create_leaves_out_is_as_good_as_its_default(
    alice: ApiUser, given: dict[str, object]
) -> None:
    alice.post("/tasks", given)
    spelt_out = {**given, "id": str(given["id"]).upper(), "completed": False}
    assert expect_task(alice.post("/tasks", spelt_out), 200)["rev"] == 1


@pytest.mark.parametrize(
    "change",
    [
        {"text": "Buy tea"},
        {"text": "buy milk"},
        {"completed": True},
        {"order": 1024},
        {"order": 0},
    ],
)
def test_other_content_is_a_conflict(
    alice: ApiUser, tasks: str, given: dict[str, object], change: dict[str, object]
) -> None:
    first = expect_task(alice.post(tasks, given), 201)
    expect_problem(alice.post(tasks, {**given, **change}), 409, "task-id-taken")
    assert alice.get(f"{tasks}/{given['id']}").json() == first
    assert alice.create()["rev"] == 2


def test_what_the_task_has_become_is_other_content(
    alice: ApiUser, given: dict[str, object]
) -> None:
    alice.post("/tasks", given)
    alice.patch(f"/tasks/{given['id']}", {"text": "Buy oat milk"})
    again = alice.post("/tasks", {**given, "text": "Buy oat milk"})
    expect_problem(again, 409, "task-id-taken")


@pytest.mark.parametrize("text", ["Buy milk", "Buy tea"])
def test_a_deleted_id_stays_deleted(
    alice: ApiUser, tasks: str, given: dict[str, object], text: str
) -> None:
    alice.post(tasks, given)
    alice.delete(f"{tasks}/{given['id']}")
    expect_problem(alice.post(tasks, {**given, "text": text}), 409, "task-deleted")
    assert alice.get(tasks).json() == []
    assert alice.create()["rev"] == 3


NEW = {"if-none-match": "*"}


class TestIfNoneMatch:
    def test_a_new_id_is_created(
        self, alice: ApiUser, tasks: str, given: dict[str, object]
    ) -> None:
        expect_task(alice.post(tasks, given, headers=NEW), 201)

    def test_without_an_id_every_create_is_new(self, alice: ApiUser, tasks: str) -> None:
        expect_task(alice.post(tasks, {"text": "Buy milk"}, headers=NEW), 201)

    @pytest.mark.parametrize("text", ["Buy milk", "Buy tea"])
    def test_an_id_that_exists_is_refused_with_the_task(
        self, alice: ApiUser, tasks: str, given: dict[str, object], text: str
    ) -> None:
        first = alice.post(tasks, given)
        refused = alice.post(tasks, {**given, "text": text}, headers=NEW)
        body = expect_problem(refused, 412, "precondition-failed", "current")
        assert body["current"] == first.json()
        assert refused.headers["etag"] == first.headers["etag"]
        assert alice.create()["rev"] == 2

    def test_a_deleted_id_is_still_a_conflict(
        self, alice: ApiUser, given: dict[str, object]
    ) -> None:
        alice.post("/tasks", given)
        alice.delete(f"/tasks/{given['id']}")
        expect_problem(alice.post("/tasks", given, headers=NEW), 409, "task-deleted")

    def test_a_tag_instead_of_the_star_asks_for_nothing(
        self, alice: ApiUser, given: dict[str, object]
    ) -> None:
        tag = alice.post("/tasks", given).headers["etag"]
        expect_task(alice.post("/tasks", given, headers={"if-none-match": tag}), 200)


def test_two_users_have_the_same_id_and_never_notice(
    alice: ApiUser, bob: ApiUser, given: dict[str, object]
) -> None:
    path = f"/tasks/{given['id']}"
    hers = expect_task(alice.post("/tasks", given), 201)
    his = expect_task(bob.post("/tasks", {**given, "text": "Sell milk"}), 201)
    assert (hers["user_id"], his["user_id"]) == (alice.user_id, bob.user_id)
    expect_task(bob.post("/tasks", {**given, "text": "Sell milk"}), 200)
    bob.patch(path, {"completed": True})
    assert alice.get(path).json() == hers
    bob.delete(path)
    assert alice.get(path).json() == hers
    assert alice.get("/tasks").json() == [hers]
    expect_problem(bob.get(path), 404, "task-not-found")


def test_a_wrong_id_is_told_before_anything_is_looked_at(alice: ApiUser) -> None:
    expect_flaws(alice.post("/tasks", {"id": "nonsense", "text": "a"}), ("/id", "not-a-uuid"))


def test_what_vanishes_as_often_as_it_is_run_into_ends_in_a_conflict(
    alice: ApiUser, sql: SecondConnection, given: dict[str, object]
) -> None:
    """As a tombstone may that is purged just then; here the database says so every time."""
    sql.run(
        """
        CREATE FUNCTION collide() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE unique_violation; END $$;
        CREATE TRIGGER collide BEFORE INSERT ON task EXECUTE FUNCTION collide()
        """
    )
    try:
        expect_problem(alice.post("/tasks", given), 409, "task-deleted")
        expect_problem(alice.post("/tasks", {"text": "a"}), 409, "task-deleted")
    finally:
        sql.run("DROP FUNCTION collide CASCADE")
    assert expect_task(alice.post("/tasks", given), 201)["rev"] == 1
