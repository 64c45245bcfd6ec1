"""GET /tasks/{id}."""

from __future__ import annotations

from uuid import uuid4

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem, expect_task
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings

NO_UUIDS = [
    "1",
    "nonsense",
    "toggle",
    "%00",
    "%ff",
    "%E2%82%AC",
    "' OR 1=1",
    "01975b3e8f2a7c419d0e5a6b7c8d9e0f",
    "{01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f}",
    "01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f%0A",
    "x" * 4000,
]


def test_nobody_reads_without_a_token(client: TestClient, alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    refused = client.get(f"{tasks}/{task['id']}")
    expect_problem(refused, 401, "token-missing")
    assert refused.headers["www-authenticate"] == "Bearer"


def test_a_task_is_read_with_its_tag(alice: ApiUser, tasks: str) -> None:
    created = alice.post(tasks, {"text": "Buy milk"})
    read = alice.get(f"{tasks}/{created.json()['id']}")
    assert expect_task(read) == created.json()
    assert read.headers["etag"] == created.headers["etag"]


def test_an_id_is_read_in_upper_case_too(alice: ApiUser, tasks: str) -> None:
    task = alice.create()
    assert expect_task(alice.get(f"{tasks}/{task['id'].upper()}")) == task


def test_an_absent_task(alice: ApiUser, tasks: str) -> None:
    expect_problem(alice.get(f"{tasks}/{uuid4()}"), 404, "task-not-found")


@pytest.mark.parametrize("task_id", NO_UUIDS)
def test_an_id_that_is_no_uuid_is_simply_absent(alice: ApiUser, tasks: str, task_id: str) -> None:
    expect_problem(alice.get(f"{tasks}/{task_id}"), 404, "task-not-found")


def test_a_foreign_task_is_answered_with_the_bytes_of_an_absent_one(
    alice: ApiUser, bob: ApiUser
) -> None:
    foreign = bob.create()["id"]
    mine = alice.create()["id"]
    same = {"x-request-id": "same"}
    absent = alice.get(f"/tasks/{uuid4()}", headers=same)
    for path in (
        f"/tasks/{foreign}",
        f"{alice.own_path}/{foreign}",
        f"{bob.own_path}/{foreign}",
        f"{bob.own_path}/{mine}",
        f"{bob.own_path}/nonsense",
        f"{alice.own_path.upper().replace('/API', '/api').replace('/TASKS', '/tasks')}/{mine}",
        f"/api/%20{alice.user_id}/tasks/{mine}",
    ):
        answer = alice.get(path, headers=same)
        assert (answer.status_code, answer.content) == (404, absent.content)
        assert answer.headers == absent.headers
    expect_task(bob.get(f"/tasks/{foreign}"))


def test_a_user_id_is_percent_encoded_in_the_path(client: TestClient, newcomer: Newcomer) -> None:
    user = newcomer(client, "Zoë & co+x?=100%#")
    created = user.post(user.own_path, {"text": "Buy milk"})
    assert expect_task(created, 201)["user_id"] == "Zoë & co+x?=100%#"
    assert created.headers["location"].startswith("/api/Zo%C3%AB%20%26%20co%2Bx%3F%3D100%25%23/")
    assert expect_task(user.get(created.headers["location"])) == created.json()


def test_a_user_id_that_is_no_path_segment_works_by_the_short_path(
    client: TestClient, newcomer: Newcomer
) -> None:
    user = newcomer(client, "team/alice")
    created = user.post("/tasks", {"text": "Buy milk"})
    assert expect_task(user.get(created.headers["location"]))["user_id"] == "team/alice"
    expect_problem(user.get("/api/team%2Falice/tasks"), 404, "not-found")


@pytest.mark.parametrize("length", [1, 255])
def test_user_ids_have_1_to_255_characters(
    client: TestClient, newcomer: Newcomer, length: int
) -> None:
    user = newcomer(client, "x" * length)
    created = user.post(user.own_path, {"text": "Buy milk"})
    assert expect_task(user.get(created.headers["location"]))["user_id"] == user.user_id
    user.delete(created.headers["location"])


class TestTimes:
    def test_they_look_the_same_whatever_the_database_is_set_to(
        self, settings: Settings, sql: SecondConnection, newcomer: Newcomer
    ) -> None:
        role = sql.value("SELECT current_user")
        sql.run(f"ALTER ROLE \"{role}\" SET TimeZone TO 'Asia/Kathmandu'")
        sql.run(f"ALTER ROLE \"{role}\" SET DateStyle TO 'SQL, DMY'")
        sql.run(f"ALTER ROLE \"{role}\" SET IntervalStyle TO 'sql_standard'")
        sql.run(f'ALTER ROLE "{role}" SET extra_float_digits TO 0')
        try:
            with running(settings) as client:
                user = newcomer(client)
                task = user.create(completed=True)
                other = user.create(completed=True)
                expect_task(user.get(f"/tasks/{task['id']}"))
                assert sql.value(
                    "SELECT created_at = $1::text::timestamptz FROM task WHERE id = $2",
                    task["created_at"],
                    task["id"],
                )
                first = user.get("/tasks?sort=completed_at&limit=1")
                assert first.json() == [task]
                following = user.get(first.links["next"]["url"])
                assert following.json() == [other]
        finally:
            sql.run(f'ALTER ROLE "{role}" RESET ALL')

    @pytest.mark.parametrize(
        ("stored", "shown"),
        [
            ("2026-01-02 03:04:05.6+00", "2026-01-02T03:04:05.600000Z"),
            ("2026-01-02 03:04:05+05:45", "2026-01-01T21:19:05.000000Z"),
            ("0001-01-01 00:00:00+00", "0001-01-01T00:00:00.000000Z"),
            ("9999-12-31 23:59:59.999999+00", "9999-12-31T23:59:59.999999Z"),
        ],
    )
    def test_fractions_have_six_digits(
        self, alice: ApiUser, sql: SecondConnection, stored: str, shown: str
    ) -> None:
        task = alice.create()
        sql.rows(
            "UPDATE task SET created_at = $1::text::timestamptz WHERE user_id = $2",
            stored,
            alice.user_id,
        )
        assert alice.get(f"/tasks/{task['id']}").json()["created_at"] == shown
