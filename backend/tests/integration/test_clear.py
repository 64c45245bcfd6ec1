"""DELETE /tasks?status=completed: clear what is done."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem
from second_connection import SecondConnection


def test_nobody_clears_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create(completed=True)
    expect_problem(client.delete(f"{tasks}?status=completed"), 401, "token-missing")
    assert alice.get("/tasks").json() == [task]


def test_a_foreign_path_is_absent(alice: ApiUser, bob: ApiUser) -> None:
    task = bob.create(completed=True)
    expect_problem(alice.delete(f"{bob.own_path}?status=completed"), 404, "task-not-found")
    assert bob.get("/tasks").json() == [task]


def test_the_completed_tasks_go_and_the_others_stay(
    alice: ApiUser, bob: ApiUser, tasks: str
) -> None:
    foreign = bob.create(completed=True)
    pending = alice.create()
    done = [alice.create(completed=True) for _ in range(3)]
    cleared = alice.delete(f"{tasks}?status=completed")
    assert (cleared.status_code, cleared.json()) == (200, {"deleted": 3})
    assert cleared.headers["content-type"] == "application/json"
    assert cleared.headers["cache-control"] == "private, no-cache"
    assert cleared.headers["vary"] == "Authorization, Origin"
    assert alice.get(tasks).json() == [pending]
    expect_problem(alice.get(f"{tasks}/{done[0]['id']}"), 404, "task-not-found")
    assert bob.get("/tasks").json() == [foreign]


def test_each_deleted_task_gets_a_revision_of_its_own(
    alice: ApiUser, sql: SecondConnection
) -> None:
    done = [alice.create(completed=True)["id"] for _ in range(3)]
    alice.create()
    alice.delete("/tasks?status=completed")
    tombstones = sql.rows(
        "SELECT id::text, rev FROM task WHERE user_id = $1 AND deleted_at IS NOT NULL ORDER BY rev",
        alice.user_id,
    )
    assert [tuple(row) for row in tombstones] == list(zip(done, (5, 6, 7), strict=True))
    account = sql.rows("SELECT rev, live FROM account WHERE user_id = $1", alice.user_id)
    assert tuple(account[0]) == (7, 1)


def test_nothing_to_clear_makes_no_new_revision(alice: ApiUser, tasks: str) -> None:
    assert alice.delete(f"{tasks}?status=completed").json() == {"deleted": 0}
    alice.create()
    assert alice.delete(f"{tasks}?status=completed").json() == {"deleted": 0}
    assert alice.create()["rev"] == 2


@pytest.mark.parametrize(
    "query",
    [
        *("", "?status=", "?status=all", "?status=pending", "?status=COMPLETED", "?q=a"),
        # More than they say, or something else, would go.
        *("?status=completed&q=milk", "?q=&status=completed", "?status=completed&limit=1"),
        *("?status=pending&status=completed", "?status=completed&cursor=x&sort=order"),
    ],
)
def test_without_the_filter_alone_nothing_is_deleted(
    alice: ApiUser, tasks: str, query: str
) -> None:
    task = alice.create(completed=True)
    expect_problem(alice.delete(f"{tasks}{query}"), 400, "filter-required")
    assert alice.get(tasks).json() == [task]


def test_what_is_no_filter_is_ignored(alice: ApiUser, tasks: str) -> None:
    alice.create(completed=True)
    assert alice.delete(f"{tasks}?cache=7&status=completed").json() == {"deleted": 1}


class TestIfMatch:
    def test_the_tag_of_the_completed_tasks(self, alice: ApiUser, tasks: str) -> None:
        alice.create(completed=True)
        tag = alice.get(f"{tasks}?status=completed").headers["etag"]
        cleared = alice.delete(f"{tasks}?status=completed", headers={"if-match": tag})
        assert (cleared.status_code, cleared.json()) == (200, {"deleted": 1})

    def test_a_stale_tag(self, alice: ApiUser, tasks: str) -> None:
        alice.create(completed=True)
        tag = alice.get(f"{tasks}?status=completed").headers["etag"]
        alice.create(completed=True)
        refused = alice.delete(f"{tasks}?status=completed", headers={"if-match": tag})
        expect_problem(refused, 412, "precondition-failed")
        assert len(alice.get(tasks).json()) == 2

    @pytest.mark.parametrize("form", ["W/{tag}", '"nonsense"', '"', "{tag} {tag}"])
    def test_other_forms(self, alice: ApiUser, form: str) -> None:
        alice.create(completed=True)
        tag = alice.get("/tasks?status=completed").headers["etag"]
        refused = alice.delete(
            "/tasks?status=completed", headers={"if-match": form.format(tag=tag)}
        )
        assert refused.status_code in (400, 412)
        assert len(alice.get("/tasks").json()) == 1

    def test_the_tag_of_another_list(self, alice: ApiUser) -> None:
        alice.create(completed=True)
        tag = alice.get("/tasks").headers["etag"]
        refused = alice.delete("/tasks?status=completed", headers={"if-match": tag})
        expect_problem(refused, 412, "precondition-failed")

    def test_somebody_who_never_wrote(self, alice: ApiUser) -> None:
        refused = alice.delete("/tasks?status=completed", headers={"if-match": '"x.1"'})
        expect_problem(refused, 412, "precondition-failed")
        star = alice.delete("/tasks?status=completed", headers={"if-match": "*"})
        assert star.json() == {"deleted": 0}
