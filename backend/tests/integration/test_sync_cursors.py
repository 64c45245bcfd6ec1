"""Walks: complete, in order, and never continued from where they can't be."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from batches import operation, send, statuses, tombstone
from expectations import expect_problem
from second_connection import SecondConnection
from taskwell.services.upkeep import Purge


def page(user: ApiUser, cursor: str | None, limit: int) -> dict[str, Any]:
    since = "" if cursor is None else f"&since={cursor}"
    response = user.get(f"/sync?limit={limit}{since}")
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def revs(answer: dict[str, Any]) -> list[int]:
    return [change["rev"] for change in answer["changes"]]


def test_no_cursor_is_as_long_as_that(alice: ApiUser) -> None:
    cursor = "c" * 201
    expect_problem(alice.get(f"/sync?since={cursor}"), 422, "validation-failed", "errors")
    refused = alice.post("/sync", {"cursor": cursor, "operations": []})
    expect_problem(refused, 422, "validation-failed", "errors")
    expect_problem(alice.get(f"/sync?since={cursor[:200]}"), 400, "cursor-invalid")


def test_a_first_walk_hears_of_what_is_deleted_on_the_way(alice: ApiUser) -> None:
    tasks = [alice.create(str(nth)) for nth in range(5)]
    alice.delete(f"/tasks/{tasks[0]['id']}")
    first = page(alice, None, 2)
    assert (revs(first), first["has_more"]) == ([2, 3], True)
    for seen in (tasks[1], tasks[4]):
        alice.delete(f"/tasks/{seen['id']}")
    second = page(alice, first["cursor"], 2)
    assert (revs(second), second["has_more"]) == ([4, 7], True)
    third = page(alice, second["cursor"], 2)
    assert third["changes"] == [tombstone(tasks[4]["id"], 8)]
    assert second["changes"][1] == tombstone(tasks[1]["id"], 7)
    assert third["has_more"] is False
    assert page(alice, third["cursor"], 2)["changes"] == []


def test_a_task_that_changes_on_the_way_comes_at_its_new_place(alice: ApiUser) -> None:
    tasks = [alice.create(str(nth)) for nth in range(4)]
    first = page(alice, None, 2)
    alice.patch(f"/tasks/{tasks[2]['id']}", {"text": "later"})
    second = page(alice, first["cursor"], 2)
    assert [(task["text"], task["rev"]) for task in second["changes"]] == [("3", 4), ("later", 5)]
    assert second["has_more"] is False


def test_a_page_that_is_just_full_is_the_last(alice: ApiUser) -> None:
    for nth in range(4):
        alice.create(str(nth))
    first = page(alice, None, 2)
    second = page(alice, first["cursor"], 2)
    assert (revs(second), second["has_more"]) == ([3, 4], False)


def test_a_first_walk_outlives_a_purge_of_what_it_never_has_to_tell(
    alice: ApiUser, client: TestClient, sql: SecondConnection
) -> None:
    tasks = [alice.create(str(nth)) for nth in range(4)]
    alice.delete(f"/tasks/{tasks[3]['id']}")
    first = page(alice, None, 1)
    _purge(alice, client, sql)
    second = page(alice, first["cursor"], 1)
    assert revs(second) == [2]
    alice.delete(f"/tasks/{tasks[0]['id']}")
    _purge(alice, client, sql)
    reset = alice.get(f"/sync?since={second['cursor']}")
    expect_problem(reset, 410, "sync-reset-required")


def _purge(user: ApiUser, client: TestClient, sql: SecondConnection) -> None:
    sql.value(
        "UPDATE task SET deleted_at = deleted_at - interval '31 days' WHERE user_id = $1",
        user.user_id,
    )
    assert client.portal is not None
    purge: Purge = client.app.state.purge  # type: ignore[attr-defined]  # it is FastAPI's
    assert client.portal.call(purge.run) >= 1


def test_a_thousand_tasks_come_in_one_first_answer(alice: ApiUser) -> None:
    for begin in (0, 500):
        batch = [
            operation("create", str(uuid4()), set={"text": str(nth)})
            for nth in range(begin, begin + 500)
        ]
        assert set(statuses(alice, *batch)) == {"applied"}
    whole = alice.get("/sync").json()
    assert [task["text"] for task in whole["changes"]] == [str(nth) for nth in range(1000)]
    assert whole["has_more"] is False


@pytest.mark.parametrize(
    "cursor", ["", "x", "a.b", "a.1.b", "a.-1", "a.1.2.3", "ä.1", "a." + "1" * 19]
)
def test_a_cursor_that_is_none_is_refused(alice: ApiUser, cursor: str) -> None:
    task = alice.create()
    expect_problem(alice.get("/sync", params={"since": cursor}), 400, "cursor-invalid")
    batch = [operation("delete", task["id"])]
    refused = alice.post("/sync", {"cursor": cursor, "operations": batch})
    expect_problem(refused, 400, "cursor-invalid")
    assert alice.get("/tasks").json() == [task]


def test_a_cursor_of_another_life_user_or_time_to_come_is_reset_before_anything_is_done(
    alice: ApiUser, bob: ApiUser
) -> None:
    task = alice.create()
    own = page(alice, None, 1)["cursor"]
    epoch = own.partition(".")[0]
    bob.create()
    foreign = page(bob, None, 1)["cursor"]
    assert foreign.partition(".")[0] != epoch
    for cursor in (foreign, f"{epoch}.2", f"{epoch}.1.2", f"{epoch}.{10**18 - 1}", "made-up.1"):
        expect_problem(alice.get(f"/sync?since={cursor}"), 410, "sync-reset-required")
        for operations in ([], [operation("delete", task["id"])]):
            refused = alice.post("/sync", {"cursor": cursor, "operations": operations})
            expect_problem(refused, 410, "sync-reset-required")
    assert alice.get("/tasks").json() == [task]
    assert alice.get(f"/sync?since={own}").json()["changes"] == []


def test_somebody_who_never_wrote_gets_a_cursor_that_leads_on(alice: ApiUser) -> None:
    nothing = alice.get("/sync").json()
    assert (nothing["changes"], nothing["has_more"]) == ([], False)
    assert alice.get("/tasks").headers["x-sync-cursor"] == nothing["cursor"]
    assert alice.post("/sync", {"cursor": nothing["cursor"]}).json() == {"results": [], **nothing}
    task = alice.create()
    assert page(alice, nothing["cursor"], 1)["changes"] == [task]


def test_a_refused_batch_opens_no_account(
    alice: ApiUser, bob: ApiUser, sql: SecondConnection
) -> None:
    bob.create()
    cursor = page(bob, None, 1)["cursor"]
    batch = [operation("create", str(uuid4()), set={"text": "x"})]
    refused = alice.post("/sync", {"cursor": cursor, "operations": batch})
    expect_problem(refused, 410, "sync-reset-required")
    lost = operation("delete", str(uuid4()))
    assert send(alice, lost, atomic=True)["cursor"] == alice.get("/sync").json()["cursor"]
    assert sql.value("SELECT count(*) FROM account WHERE user_id = $1", alice.user_id) == 0


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1"])
def test_a_page_has_one_to_a_thousand_changes(alice: ApiUser, limit: str) -> None:
    refused = alice.get(f"/sync?limit={limit}")
    assert refused.status_code == 422
    assert [flaw["pointer"] for flaw in refused.json()["errors"]] == ["/limit"]


def test_a_list_leads_on_to_sync(alice: ApiUser) -> None:
    alice.create()
    cursor = alice.get("/tasks").headers["x-sync-cursor"]
    later = alice.create("Later")
    assert page(alice, cursor, 10)["changes"] == [later]


def test_the_answer_to_a_batch_comes_in_pages_too(alice: ApiUser) -> None:
    batch = [operation("create", str(uuid4()), set={"text": str(nth)}) for nth in range(5)]
    answer = send(alice, *batch, limit=2)
    seen = revs(answer)
    while answer["has_more"]:
        answer = page(alice, answer["cursor"], 2)
        seen += revs(answer)
    assert seen == [1, 2, 3, 4, 5]
