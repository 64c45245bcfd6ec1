"""A task goes where it was put, and stays there on every device."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest

from api_user import ApiUser
from batches import operation, results, send, statuses
from expectations import expect_flaws, expect_problem, expect_task
from taskwell.models.limits import GREATEST_ORDER

Mover = Callable[[ApiUser, str, dict[str, str]], dict[str, Any]]


def by_rest(user: ApiUser, task_id: str, where: dict[str, str]) -> dict[str, Any]:
    return expect_task(user.post(f"/tasks/{task_id}/move", where))


def by_sync(user: ApiUser, task_id: str, where: dict[str, str]) -> dict[str, Any]:
    (result,) = results(user, operation("move", task_id, set=where))
    assert result["status"] == "applied"
    task: dict[str, Any] = result["task"]
    return task


@pytest.fixture(params=[by_rest, by_sync])
def mover(request: pytest.FixtureRequest) -> Mover:
    chosen: Mover = request.param
    return chosen


def shown(user: ApiUser) -> list[str]:
    return [task["text"] for task in user.get("/tasks").json()]


def make(user: ApiUser, texts: str, orders: list[int] | None = None) -> dict[str, str]:
    return {
        text: user.create(text, **({} if orders is None else {"order": orders[nth]}))["id"]
        for nth, text in enumerate(texts)
    }


@pytest.mark.parametrize(
    ("moved", "side", "target", "expected"),
    [
        ("d", "before", "a", "dabc"),
        ("d", "before", "b", "adbc"),
        ("a", "after", "d", "bcda"),
        ("a", "after", "b", "bacd"),
        ("c", "to", "first", "cabd"),
        ("b", "to", "last", "acdb"),
    ],
)
@pytest.mark.parametrize(
    "orders",
    [
        None,
        [0, 0, 0, 0],
        [1, 2, 3, 4],
        [GREATEST_ORDER - 3, GREATEST_ORDER - 2, GREATEST_ORDER - 1, GREATEST_ORDER],
        [-GREATEST_ORDER, 1 - GREATEST_ORDER, 2 - GREATEST_ORDER, 3 - GREATEST_ORDER],
        [-GREATEST_ORDER, -GREATEST_ORDER, GREATEST_ORDER, GREATEST_ORDER],
    ],
)
def test_a_task_goes_where_it_is_put(
    alice: ApiUser,
    mover: Mover,
    moved: str,
    side: str,
    target: str,
    expected: str,
    orders: list[int] | None,
) -> None:
    ids = {}
    for nth, text in enumerate("abcd"):
        # Ascending ids: ties are broken by them.
        given = {} if orders is None else {"order": orders[nth]}
        ids[text] = alice.create(text, id=str(UUID(int=nth + 1)), **given)["id"]
    task = mover(alice, ids[moved], {side: ids.get(target, target)})
    assert "".join(shown(alice)) == expected
    assert task == alice.get(f"/tasks/{ids[moved]}").json()
    listed = alice.get("/tasks").json()
    assert all(abs(each["order"]) <= GREATEST_ORDER for each in listed)
    assert len({each["rev"] for each in listed}) == 4


@pytest.mark.parametrize(
    ("moved", "where"),
    [("a", {"to": "first"}), ("c", {"to": "last"}), ("b", {"after": "a"}), ("b", {"before": "c"})],
)
def test_a_task_that_is_there_already_stays_as_it_is(
    alice: ApiUser, mover: Mover, moved: str, where: dict[str, str]
) -> None:
    ids = make(alice, "abc")
    before = alice.get("/tasks")
    mover(alice, ids[moved], {side: ids.get(target, target) for side, target in where.items()})
    assert alice.get("/tasks").headers["etag"] == before.headers["etag"]


def test_a_single_task_has_nowhere_to_go(alice: ApiUser, mover: Mover) -> None:
    ids = make(alice, "a")
    for end in ("first", "last"):
        assert mover(alice, ids["a"], {"to": end})["rev"] == 1


@pytest.mark.parametrize("side", ["before", "after"])
def test_there_is_no_place_beside_itself_or_nothing(
    alice: ApiUser, bob: ApiUser, side: str
) -> None:
    task, foreign = alice.create(), bob.create()
    for target in (task["id"], task["id"].upper(), str(uuid4()), foreign["id"]):
        refused = alice.post(f"/tasks/{task['id']}/move", {side: target})
        expect_flaws(refused, (f"/{side}", "no-such-task"))
        (result,) = results(alice, operation("move", task["id"], set={side: target}))
        assert (result["status"], result["task"]) == ("rejected", task)
        (flaw,) = result["problem"]["errors"]
        assert (flaw["pointer"], flaw["code"]) == (f"/set/{side}", "no-such-task")


@pytest.mark.parametrize(("side", "expected"), [("before", "acd"), ("after", "acd")])
def test_a_place_beside_a_deleted_task_is_still_a_place(
    alice: ApiUser, side: str, expected: str
) -> None:
    ids = make(alice, "abcd")
    alice.delete(f"/tasks/{ids['b']}")
    refused = alice.post(f"/tasks/{ids['d']}/move", {side: ids["b"]})
    expect_flaws(refused, (f"/{side}", "no-such-task"))
    by_sync(alice, ids["d"], {side: ids["b"]})
    assert "".join(shown(alice)) == "adc"
    by_sync(alice, ids["d"], {"after": ids["c"]})
    assert "".join(shown(alice)) == expected


def test_an_absent_task_is_not_moved(alice: ApiUser) -> None:
    target, gone = alice.create(), alice.create()
    alice.delete(f"/tasks/{gone['id']}")
    for absent in (str(uuid4()), gone["id"], "no-uuid"):
        refused = alice.post(f"/tasks/{absent}/move", {"after": target["id"]})
        expect_problem(refused, 404, "task-not-found")


def test_a_move_and_its_precondition(alice: ApiUser) -> None:
    ids = make(alice, "ab")
    path = f"/tasks/{ids['b']}"
    tag = alice.get(path).headers["etag"]
    first, last = {"to": "first"}, {"to": "last"}
    assert alice.post(f"{path}/move", first, headers={"if-match": tag}).status_code == 200
    stale = alice.post(f"{path}/move", last, headers={"if-match": tag})
    current = expect_problem(stale, 412, "precondition-failed", "current")["current"]
    assert current == alice.get(path).json()
    assert shown(alice) == ["b", "a"]


def test_a_move_never_conflicts(alice: ApiUser) -> None:
    ids = make(alice, "abc")
    by_rest(alice, ids["c"], {"to": "first"})
    late = operation("move", ids["c"], base_rev=0, set={"after": ids["a"]})
    assert statuses(alice, late) == ["applied"]
    assert shown(alice) == ["a", "c", "b"]


def test_many_moves_in_one_batch_are_done_in_their_order(alice: ApiUser) -> None:
    texts = [f"{nth:02}" for nth in range(30)]
    ids = {text: alice.create(text, order=0)["id"] for text in texts}
    listed, moves = shown(alice), []
    chance = random.Random(7)  # any order will do
    for _ in range(120):
        moved, target = chance.sample(listed, 2)
        listed.remove(moved)
        side = chance.choice(["before", "after"])
        listed.insert(listed.index(target) + (side == "after"), moved)
        moves.append(operation("move", ids[moved], set={side: ids[target]}))
    assert set(statuses(alice, *moves)) == {"applied"}
    assert shown(alice) == listed
    again = send(alice, *moves)
    assert {result["status"] for result in again["results"]} == {"duplicate"}
    assert shown(alice) == listed


def test_a_gap_in_a_list_of_two_thousand_takes_many_moves(alice: ApiUser) -> None:
    """Few tasks are renumbered for each move, however long the list."""
    ids = [str(UUID(int=nth)) for nth in range(1, 2001)]
    for begin in range(0, 2000, 500):
        batch = [
            operation("create", each, set={"text": "x", "order": nth})
            for nth, each in enumerate(ids[begin : begin + 500], start=begin)
        ]
        assert set(statuses(alice, *batch)) == {"applied"}
    expected = list(ids)
    begun = 2000
    moves = []
    for nth in range(200):
        moved = expected.pop(1500 + nth % 7)
        expected.insert(1000, moved)
        moves.append(operation("move", moved, set={"after": expected[999]}))
    answer = send(alice, *moves, limit=1)
    assert {result["status"] for result in answer["results"]} == {"applied"}
    pages = [alice.get("/tasks?limit=1000")]
    pages.append(alice.get(pages[0].links["next"]["url"]))
    assert [task["id"] for page in pages for task in page.json()] == expected
    newest = int(pages[0].headers["x-sync-cursor"].rpartition(".")[2])
    assert (newest - begun) / len(moves) < 60


def crowded(user: ApiUser) -> list[dict[str, Any]]:
    """No room between them: a move makes some."""
    return [user.create(str(nth), order=nth) for nth in range(4)]


def test_a_neighbour_that_made_room_was_not_edited(alice: ApiUser) -> None:
    """Nobody's order of it is lost, so nobody's order of it is a conflict."""
    first, second, _, last = crowded(alice)
    assert statuses(alice, operation("move", last["id"], set={"after": first["id"]})) == ["applied"]
    assert alice.get(f"/tasks/{second['id']}").json()["order"] != second["order"]
    mine = operation("update", second["id"], base_rev=second["rev"], set={"order": -5})
    (result,) = results(alice, mine)
    assert (result["status"], result["task"]["order"]) == ("merged", -5)


def test_an_order_that_was_edited_is_still_a_conflict_after_making_room(alice: ApiUser) -> None:
    first, second, _, last = crowded(alice)
    seen = second["rev"]
    alice.patch(f"/tasks/{second['id']}", {"order": 2})
    expect_task(alice.post(f"/tasks/{last['id']}/move", {"after": first["id"]}))
    mine = operation("update", second["id"], base_rev=seen, set={"order": 3})
    assert statuses(alice, mine) == ["conflict"]


def test_a_lost_answer_to_a_move_is_no_conflict_with_oneself(alice: ApiUser) -> None:
    first, second, _, last = crowded(alice)
    move = operation("move", last["id"], set={"after": first["id"]})
    edit = operation("update", second["id"], base_rev=second["rev"], set={"order": 9})
    assert statuses(alice, move) == ["applied"]
    assert statuses(alice, move, edit) == ["duplicate", "merged"]
