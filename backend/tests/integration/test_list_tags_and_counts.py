"""The ETag of a list, and how many there are in all."""

from __future__ import annotations

import pytest
from httpx2 import Response

from api_user import ApiUser
from second_connection import SecondConnection


def texts(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [task["text"] for task in response.json()]


class TestTag:
    def test_the_list_of_deleted_tasks_has_none(self, alice: ApiUser) -> None:
        alice.delete(f"/tasks/{alice.create()['id']}")
        listed = alice.get("/tasks?status=deleted")
        assert (len(listed.json()), "etag" in listed.headers) == (1, False)
        assert alice.get("/tasks?status=deleted", headers={"if-none-match": "*"}).status_code == 200

    def test_a_poll_is_answered_304_until_something_changes(
        self, alice: ApiUser, tasks: str
    ) -> None:
        task = alice.create()
        listed = alice.get(tasks)
        seen = {"if-none-match": listed.headers["etag"]}
        same = alice.get(tasks, headers=seen)
        assert (same.status_code, same.content) == (304, b"")
        for name in ("etag", "x-sync-cursor", "cache-control", "vary"):
            assert same.headers[name] == listed.headers[name]
        alice.patch(f"/tasks/{task['id']}", {"text": "Buy tea"})
        changed = alice.get(tasks, headers=seen)
        assert texts(changed) == ["Buy tea"]
        assert changed.headers["etag"] != listed.headers["etag"]
        assert changed.headers["x-sync-cursor"] != listed.headers["x-sync-cursor"]

    def test_somebody_new_polls_too(self, alice: ApiUser, tasks: str) -> None:
        seen = {"if-none-match": alice.get(tasks).headers["etag"]}
        assert alice.get(tasks, headers=seen).status_code == 304
        alice.create("Buy tea")
        assert texts(alice.get(tasks, headers=seen)) == ["Buy tea"]

    def test_each_query_has_a_tag_of_its_own(self, alice: ApiUser) -> None:
        for _ in range(2):
            alice.create()
        first = alice.get("/tasks?limit=1")
        queries = [
            "/tasks",
            "/tasks?status=pending",
            "/tasks?status=completed",
            "/tasks?q=a",
            "/tasks?q=b",
            "/tasks?sort=text",
            "/tasks?sort=-text",
            "/tasks?limit=1",
            "/tasks?limit=2",
            first.links["next"]["url"],
        ]
        tags = [alice.get(query).headers["etag"] for query in queries]
        assert len(set(tags)) == len(queries)
        for query in queries:
            others = [tag for tag in tags if tag != alice.get(query).headers["etag"]]
            fresh = alice.get(query, headers={"if-none-match": ", ".join(others)})
            assert fresh.status_code == 200

    def test_both_spellings_have_one_tag(self, alice: ApiUser) -> None:
        alice.create()
        assert alice.get("/tasks").headers["etag"] == alice.get(alice.own_path).headers["etag"]

    def test_a_tag_of_somebody_else_fits_nothing(self, alice: ApiUser, bob: ApiUser) -> None:
        alice.create()
        bob.create()
        foreign = {"if-none-match": bob.get("/tasks").headers["etag"]}
        assert alice.get("/tasks", headers=foreign).status_code == 200

    def test_a_tag_does_not_outlive_its_account(
        self, alice: ApiUser, sql: SecondConnection
    ) -> None:
        alice.create()
        seen = {"if-none-match": alice.get("/tasks").headers["etag"]}
        sql.rows("DELETE FROM task WHERE user_id = $1", alice.user_id)
        sql.rows("DELETE FROM account WHERE user_id = $1", alice.user_id)
        assert alice.get("/tasks", headers=seen).status_code == 200
        alice.create()
        assert alice.get("/tasks", headers=seen).status_code == 200


class TestCount:
    @pytest.mark.parametrize(
        "prefer",
        [
            "count=exact",
            'count="exact"',
            "Count = Exact",
            "respond-async, count=exact",
            "count=exact; x=y",
        ],
    )
    def test_it_is_given_on_request(self, alice: ApiUser, tasks: str, prefer: str) -> None:
        for completed in (True, True, False):
            alice.create(completed=completed)
        listed = alice.get(f"{tasks}?limit=1&status=completed", headers={"prefer": prefer})
        assert len(listed.json()) == 1
        assert listed.headers["x-total-count"] == "2"
        assert listed.headers["preference-applied"] == "count=exact"

    @pytest.mark.parametrize(
        "prefer", ["", "count=estimated", "count", "xcount=exact", "count=exactly"]
    )
    def test_it_is_not_given_for_anything_else(self, alice: ApiUser, prefer: str) -> None:
        alice.create()
        assert "x-total-count" not in alice.get("/tasks", headers={"prefer": prefer}).headers

    def test_every_page_tells_the_whole(self, alice: ApiUser) -> None:
        for _ in range(3):
            alice.create("Milk")
        alice.create("Tea")
        exact = {"prefer": "count=exact"}
        first = alice.get("/tasks?limit=2&q=milk", headers=exact)
        second = alice.get(first.links["next"]["url"], headers=exact)
        assert first.headers["x-total-count"] == second.headers["x-total-count"] == "3"

    def test_with_nothing_changed_it_is_still_told(self, alice: ApiUser) -> None:
        alice.create()
        tag = alice.get("/tasks").headers["etag"]
        same = alice.get("/tasks", headers={"prefer": "count=exact", "if-none-match": tag})
        assert (same.status_code, same.headers["x-total-count"]) == (304, "1")

    def test_somebody_new_has_none(self, alice: ApiUser) -> None:
        listed = alice.get("/tasks", headers={"prefer": "count=exact"})
        assert listed.headers["x-total-count"] == "0"
