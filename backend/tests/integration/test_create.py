"""POST /tasks and POST /api/{user_id}/tasks."""

from __future__ import annotations

from gzip import compress
from uuid import UUID

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem, expect_task

GREATEST = 2**53 - 1
JSON = {"content-type": "application/json"}


def text_of(raw: str) -> bytes:
    return f'{{"text": {raw}}}'.encode()


def test_nobody_creates_without_a_token(client: TestClient, tasks: str) -> None:
    refused = client.post(tasks, json={"text": "Buy milk"})
    expect_problem(refused, 401, "token-missing")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_foreign_path_is_answered_as_absent_and_nothing_is_stored(
    alice: ApiUser, bob: ApiUser
) -> None:
    expect_problem(alice.post(bob.own_path, {"text": "Buy milk"}), 404, "task-not-found")
    assert bob.get("/tasks").json() == []
    assert alice.get("/tasks").json() == []


def test_only_the_text_is_needed(alice: ApiUser, tasks: str) -> None:
    created = alice.post(tasks, {"text": "Buy milk"})
    task = expect_task(created, 201)
    assert task["user_id"] == alice.user_id
    assert (task["text"], task["completed"], task["completed_at"]) == ("Buy milk", False, None)
    assert (task["order"], task["rev"]) == (1024, 1)
    assert task["created_at"] == task["updated_at"]
    assert UUID(task["id"]).version == 7
    assert created.headers["location"] == f"{tasks}/{task['id']}"
    assert alice.get(created.headers["location"]).json() == task


def test_everything_a_client_may_set(alice: ApiUser, tasks: str) -> None:
    given = {
        "id": "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f",
        "text": "Buy milk",
        "completed": True,
        "order": -7,
    }
    task = expect_task(alice.post(tasks, given), 201)
    assert {name: task[name] for name in given} == given
    assert task["completed_at"] == task["created_at"]


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "x" * 500,
        "\U0001f9c0" * 500,
        "  around  ",
        "line\nbreak\ttab\r",
        '"quoted" \\ back </script>',
        "Grüße, Ωmega, İstanbul, क़, 𝅘𝅥𝅮",
        "e\u0301 stays decomposed",
        "\u200b",
        "\x01 a control character",
        "a\u2028b",
        "%00 and \\u0000",
        "'; DROP TABLE task; --",
    ],
)
def test_the_text_is_stored_exactly_as_sent(alice: ApiUser, text: str) -> None:
    task = expect_task(alice.post("/tasks", {"text": text}), 201)
    assert task["text"] == text
    assert alice.get(f"/tasks/{task['id']}").json()["text"] == text


def test_ids_the_server_makes_are_in_the_order_of_creation(alice: ApiUser) -> None:
    ids = [alice.create()["id"] for _ in range(20)]
    assert ids == sorted(set(ids))


def test_a_given_id_is_shown_in_its_canonical_form(alice: ApiUser, tasks: str) -> None:
    given = "0197AB3E-8F2A-7C41-9D0E-5A6B7C8D9E0F"
    created = alice.post(tasks, {"id": given, "text": "Buy milk"})
    assert expect_task(created, 201)["id"] == given.lower()
    assert created.headers["location"] == f"{tasks}/{given.lower()}"


@pytest.mark.parametrize(
    "given", ["00000000-0000-0000-0000-000000000000", "f" * 8 + "-ffff" * 3 + "-" + "f" * 12]
)
def test_any_uuid_may_be_an_id(alice: ApiUser, given: str) -> None:
    assert expect_task(alice.post("/tasks", {"id": given, "text": "Buy milk"}), 201)["id"] == given


class TestOrder:
    def test_a_new_task_comes_after_the_last_one(self, alice: ApiUser) -> None:
        assert [alice.create()["order"] for _ in range(3)] == [1024, 2048, 3072]
        alice.create(order=5000)
        assert alice.create()["order"] == 5000 + 1024

    def test_a_task_put_before_the_others_does_not_move_the_end(self, alice: ApiUser) -> None:
        alice.create()
        alice.create(order=-5)
        assert alice.create()["order"] == 2048

    def test_the_first_task_may_have_a_negative_order(self, alice: ApiUser) -> None:
        assert alice.create(order=-5)["order"] == -5
        assert alice.create()["order"] > -5

    def test_an_edit_moves_the_end_too(self, alice: ApiUser) -> None:
        first = alice.create()
        alice.patch(f"/tasks/{first['id']}", {"order": 9000})
        assert alice.create()["order"] == 9000 + 1024

    @pytest.mark.parametrize("order", [-GREATEST, 0, GREATEST])
    def test_the_bounds_are_part_of_the_range(self, alice: ApiUser, order: int) -> None:
        assert alice.create(order=order)["order"] == order

    def test_at_the_end_of_the_range_a_new_task_still_has_a_place(self, alice: ApiUser) -> None:
        last = alice.create(order=GREATEST)
        assert alice.create()["order"] == GREATEST
        assert alice.get("/tasks").json()[0] == last


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json;charset=utf-8",
        'application/json; charset="UTF-8"',
        "application/json ; charset=utf-8 ",
        "application/json;",
    ],
)
def test_the_media_type_may_say_utf8(alice: ApiUser, media_type: str) -> None:
    created = alice.request(
        "POST", "/tasks", content=text_of('"Grüße"'), headers={"content-type": media_type}
    )
    assert expect_task(created, 201)["text"] == "Grüße"


def test_a_compressed_body_is_not_read(alice: ApiUser, tasks: str) -> None:
    headers = {**JSON, "content-encoding": "gzip"}
    refused = alice.request("POST", tasks, content=compress(text_of('"a"')), headers=headers)
    expect_problem(refused, 415, "media-type-unsupported")
    plain = {**JSON, "content-encoding": "identity"}
    expect_task(alice.request("POST", tasks, content=text_of('"a"'), headers=plain), 201)
