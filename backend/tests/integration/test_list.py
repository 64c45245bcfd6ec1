"""GET /tasks: filters, search, sorting, tags and counts."""

from __future__ import annotations

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import MEMBERS, expect_flaws, expect_problem
from newcomers import Newcomer
from second_connection import SecondConnection


def texts(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [task["text"] for task in response.json()]


def test_nobody_lists_without_a_token(client: TestClient, tasks: str) -> None:
    refused = client.get(tasks)
    expect_problem(refused, 401, "token-missing")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_foreign_list_is_absent(alice: ApiUser, bob: ApiUser) -> None:
    bob.create()
    for path in (bob.own_path, f"{bob.own_path}?limit=0", "/api/nobody/tasks"):
        expect_problem(alice.get(path), 404, "task-not-found")


def test_somebody_new_has_an_empty_list(alice: ApiUser, tasks: str) -> None:
    listed = alice.get(tasks)
    assert (listed.status_code, listed.content) == (200, b"[]")
    assert listed.headers["content-type"] == "application/json"
    assert listed.headers["x-sync-cursor"]
    assert "link" not in listed.headers
    assert "x-total-count" not in listed.headers


def test_a_list_is_a_bare_array_of_whole_tasks(alice: ApiUser, bob: ApiUser, tasks: str) -> None:
    bob.create("Foreign")
    created = [alice.create("First"), alice.create("Second", completed=True)]
    listed = alice.get(tasks)
    assert listed.json() == created
    assert list(listed.json()[0]) == MEMBERS
    assert listed.headers["cache-control"] == "private, no-cache"
    assert listed.headers["vary"] == "Authorization, Origin"


def test_a_task_is_listed_as_it_is_shown_alone_to_the_letter(
    client: TestClient, newcomer: Newcomer
) -> None:
    """A list is put together in another way, which must not show."""
    odd = newcomer(client, 'a "quoted", \\ slashed \u2028 \u00e9\U0001f600 <user>')
    plain = [*"\"'\\/<&>", "\t\n\r\b\f\x01\x1f\x7f", "\u00a0\u2028\ufeff\U0001f600", '{"a":1},null']
    made = [odd.create(f"x{text}y", completed=nth % 2 == 0) for nth, text in enumerate(plain)]
    made.append(odd.create("x" * 500, order=-(2**53) + 1))
    odd.patch(f"/tasks/{made[0]['id']}/toggle")
    alone = {task["id"]: odd.get(f"/tasks/{task['id']}").text for task in made}
    listed = odd.get("/tasks")
    assert listed.text == f"[{','.join(alone[task['id']] for task in listed.json())}]"
    assert len(listed.json()) == len(made)
    changes = odd.get("/sync")
    assert all(text in changes.text for text in alone.values())
    assert all(text in odd.get("/me/export").text for text in alone.values())


def test_deleted_tasks_are_not_listed(alice: ApiUser, tasks: str) -> None:
    kept, gone = alice.create(), alice.create()
    alice.delete(f"/tasks/{gone['id']}")
    assert alice.get(tasks).json() == [kept]


class TestStatus:
    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ("", ["a", "b", "c"]),
            ("?status=all", ["a", "b", "c"]),
            ("?status=pending", ["a", "c"]),
            ("?status=completed", ["b"]),
        ],
    )
    def test_filters(self, alice: ApiUser, tasks: str, query: str, expected: list[str]) -> None:
        alice.create("a")
        alice.create("b", completed=True)
        alice.create("c")
        assert texts(alice.get(f"{tasks}{query}")) == expected

    @pytest.mark.parametrize("status", ["", "done", "ALL", "all,pending", "%00", "completed "])
    def test_anything_else(self, alice: ApiUser, tasks: str, status: str) -> None:
        expect_flaws(alice.get(f"{tasks}?status={status}"), ("/status", "not-a-choice"))


class TestLimit:
    @pytest.mark.parametrize(
        ("limit", "code"),
        [
            ("0", "out-of-range"),
            ("-1", "out-of-range"),
            ("1001", "out-of-range"),
            ("9" * 30, "out-of-range"),
            ("1.5", "wrong-type"),
            ("", "wrong-type"),
            ("ten", "wrong-type"),
            ("NaN", "wrong-type"),
            ("%00", "wrong-type"),
            ("1.0", "wrong-type"),
            ("1_0", "wrong-type"),
            ("%2B5", "wrong-type"),
            ("+5", "wrong-type"),
            ("٣", "wrong-type"),
        ],
    )
    def test_out_of_its_range(self, alice: ApiUser, tasks: str, limit: str, code: str) -> None:
        expect_flaws(alice.get(f"{tasks}?limit={limit}"), ("/limit", code))

    @pytest.mark.parametrize("limit", [2, 3, 1000])
    def test_within_its_range(self, alice: ApiUser, tasks: str, limit: int) -> None:
        for _ in range(2):
            alice.create()
        listed = alice.get(f"{tasks}?limit={limit}")
        assert len(listed.json()) == 2
        assert "link" not in listed.headers

    def test_every_flaw_of_a_query_is_told_at_once(self, alice: ApiUser, tasks: str) -> None:
        refused = alice.get(f"{tasks}?limit=0&sort=x&status=y")
        expect_flaws(
            refused,
            ("/status", "not-a-choice"),
            ("/sort", "not-a-choice"),
            ("/limit", "out-of-range"),
        )

    def test_without_a_limit_there_are_up_to_1000(
        self, alice: ApiUser, sql: SecondConnection
    ) -> None:
        first = alice.create()
        sql.rows(
            """
            INSERT INTO task SELECT (jsonb_populate_record(task, jsonb_build_object(
                'id', gen_random_uuid(), 'order', n * 1024, 'rev', n))).*
            FROM task, generate_series(2, 1001) AS n WHERE user_id = $1
            """,
            alice.user_id,
        )
        listed = alice.get("/tasks", headers={"prefer": "count=exact"})
        assert len(listed.json()) == 1000
        assert listed.json()[0] == first
        assert listed.headers["x-total-count"] == "1001"
        rest = alice.get(listed.links["next"]["url"])
        assert len(rest.json()) == 1
        assert "link" not in rest.headers


def test_unknown_parameters_are_left_alone(alice: ApiUser, tasks: str) -> None:
    alice.create()
    assert len(alice.get(f"{tasks}?colour=red&_=1").json()) == 1


def test_of_a_parameter_that_comes_twice_the_last_counts(alice: ApiUser, tasks: str) -> None:
    for _ in range(3):
        alice.create()
    assert len(alice.get(f"{tasks}?limit=1&limit=2").json()) == 2
