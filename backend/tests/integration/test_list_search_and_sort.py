"""GET /tasks?q=…&sort=…"""

from __future__ import annotations

import pytest
from httpx2 import Response

from api_user import ApiUser
from expectations import expect_flaws
from second_connection import SecondConnection


def texts(response: Response) -> list[str]:
    assert response.status_code == 200, response.text
    return [task["text"] for task in response.json()]


class TestSearch:
    TEXTS = (
        "Buy MILK",
        "100% sure",
        "under_score",
        "Straße",
        "ΟΔΟΣ",
        "Café",
        "back\\slash",
        "İzmir",
    )

    @pytest.fixture(autouse=True)
    def _tasks(self, alice: ApiUser) -> None:
        for text in self.TEXTS:
            alice.create(text)

    @pytest.mark.parametrize(
        ("q", "expected"),
        [
            ("milk", ["Buy MILK"]),
            ("y m", ["Buy MILK"]),
            ("%", ["100% sure"]),
            ("_", ["under_score"]),
            ("\\", ["back\\slash"]),
            ("STRASSE", ["Straße"]),
            ("straße", ["Straße"]),
            ("οδος", ["ΟΔΟΣ"]),
            ("cafe\u0301", ["Café"]),
            ("CAFÉ", ["Café"]),
            ("i\u0307z", ["İzmir"]),
            ("u", ["Buy MILK", "100% sure", "under_score"]),
            ("milk buy", []),
            ("'", []),
            ("[a-z]", []),
            ("x" * 500, []),
        ],
    )
    def test_part_of_the_text_in_any_case(
        self, alice: ApiUser, tasks: str, q: str, expected: list[str]
    ) -> None:
        found = alice.get(tasks, params={"q": q, "sort": "created_at"})
        assert texts(found) == expected

    def test_an_empty_search_finds_all(self, alice: ApiUser, tasks: str) -> None:
        assert len(texts(alice.get(f"{tasks}?q="))) == len(self.TEXTS)

    def test_together_with_a_status(self, alice: ApiUser, tasks: str) -> None:
        alice.create("More milk", completed=True)
        assert texts(alice.get(f"{tasks}?q=milk&status=completed")) == ["More milk"]
        assert texts(alice.get(f"{tasks}?q=milk&status=pending")) == ["Buy MILK"]

    def test_an_edit_changes_what_is_found(self, alice: ApiUser) -> None:
        task = alice.get("/tasks?q=milk").json()[0]
        alice.patch(f"/tasks/{task['id']}", {"text": "Buy TEA"})
        assert texts(alice.get("/tasks?q=milk")) == []
        assert texts(alice.get("/tasks?q=tea")) == ["Buy TEA"]

    def test_bytes_that_are_no_utf8_find_nothing(self, alice: ApiUser, tasks: str) -> None:
        assert texts(alice.get(f"{tasks}?q=%ff%fe")) == []

    def test_nul(self, alice: ApiUser, tasks: str) -> None:
        expect_flaws(alice.get(f"{tasks}?q=%00"), ("/q", "nul-character"))

    def test_too_long(self, alice: ApiUser, tasks: str) -> None:
        expect_flaws(alice.get(f"{tasks}?q={'x' * 501}"), ("/q", "too-long"))


class TestSort:
    @pytest.fixture
    def sorted_by(self, alice: ApiUser, sql: SecondConnection) -> dict[str, list[str]]:
        """The same four tasks in the order of each key."""
        made = [
            alice.create("banana", order=3),
            alice.create("Äpfel", order=1),
            alice.create("apple", order=2, completed=True),
            alice.create("Banana", order=2, completed=True),
        ]
        for task, updated in zip(made, ("4", "3", "2", "1"), strict=True):
            sql.rows(
                "UPDATE task SET updated_at = ('2030-01-0' || $1)::timestamptz"
                " WHERE user_id = $2 AND id = $3",
                updated,
                alice.user_id,
                task["id"],
            )
        return {
            "order": ["Äpfel", "apple", "Banana", "banana"],
            "created_at": ["banana", "Äpfel", "apple", "Banana"],
            "updated_at": ["Banana", "apple", "Äpfel", "banana"],
            "completed_at": ["apple", "Banana", "banana", "Äpfel"],
            "text": ["apple", "banana", "Banana", "Äpfel"],
        }

    @pytest.mark.parametrize("key", ["order", "created_at", "updated_at", "text"])
    def test_both_directions(
        self, alice: ApiUser, tasks: str, sorted_by: dict[str, list[str]], key: str
    ) -> None:
        assert texts(alice.get(f"{tasks}?sort={key}")) == sorted_by[key]
        assert texts(alice.get(f"{tasks}?sort=-{key}")) == sorted_by[key][::-1]

    def test_tasks_without_a_time_come_last_either_way(
        self, alice: ApiUser, tasks: str, sorted_by: dict[str, list[str]]
    ) -> None:
        assert texts(alice.get(f"{tasks}?sort=completed_at")) == sorted_by["completed_at"]
        backwards = ["Banana", "apple", "Äpfel", "banana"]
        assert texts(alice.get(f"{tasks}?sort=-completed_at")) == backwards

    @pytest.mark.parametrize(
        "sort", ["", "-", "id", "rev", "--order", "order,text", "ORDER", "%00"]
    )
    def test_anything_else(self, alice: ApiUser, tasks: str, sort: str) -> None:
        expect_flaws(alice.get(f"{tasks}?sort={sort}"), ("/sort", "not-a-choice"))
