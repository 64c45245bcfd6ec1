"""Limits: tasks per user, bytes per body, and how long anything may take."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest
from httpx2 import Response
from pydantic import SecretStr
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem, expect_task
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import Database, Patience
from taskwell.errors import DatabaseUnavailable

JSON = {"content-type": "application/json"}
SMALLEST_BODY = 1024


class TestTasksPerUser:
    @pytest.fixture
    def full(self, settings: Settings, newcomer: Newcomer) -> Iterator[ApiUser]:
        """Somebody who may have two tasks, and has them."""
        with running(settings, max_tasks=2) as client:
            user = newcomer(client)
            self.first = user.create(id=str(uuid4()))
            self.second = user.create(completed=True)
            yield user

    @pytest.fixture(params=["short", "long"])
    def path(self, request: pytest.FixtureRequest, full: ApiUser) -> str:
        return "/tasks" if request.param == "short" else full.own_path

    def test_one_more_is_refused(self, full: ApiUser, path: str) -> None:
        expect_problem(full.post(path, {"text": "a"}), 409, "task-limit-reached")
        refused = full.post(path, {"text": "a", "id": str(uuid4())})
        expect_problem(refused, 409, "task-limit-reached")
        assert full.get(path).json() == [self.first, self.second]

    def test_a_create_that_was_done_can_be_sent_again(self, full: ApiUser, path: str) -> None:
        given = {"id": self.first["id"], "text": self.first["text"]}
        assert expect_task(full.post(path, given), 200) == self.first
        expect_problem(full.post(path, {**given, "text": "other"}), 409, "task-id-taken")
        refused = full.post(path, given, headers={"if-none-match": "*"})
        expect_problem(refused, 412, "precondition-failed", "current")

    def test_an_edit_is_no_new_task(self, full: ApiUser, path: str) -> None:
        assert expect_task(full.patch(f"{path}/{self.first['id']}", {"text": "b"}))["rev"] == 3

    def test_a_deletion_makes_room(self, full: ApiUser, path: str) -> None:
        full.delete(f"{path}/{self.first['id']}")
        given = {"id": self.first["id"], "text": self.first["text"]}
        expect_problem(full.post(path, given), 409, "task-deleted")
        assert expect_task(full.post(path, {"text": "a"}), 201)["rev"] == 4
        expect_problem(full.post(path, given), 409, "task-deleted")
        expect_problem(full.post(path, {"text": "a"}), 409, "task-limit-reached")

    def test_clearing_makes_room(self, full: ApiUser, path: str) -> None:
        full.delete(f"{path}?status=completed")
        expect_task(full.post(path, {"text": "a"}), 201)

    def test_each_user_has_a_limit_of_their_own(self, full: ApiUser, newcomer: Newcomer) -> None:
        expect_task(newcomer(full.client).post("/tasks", {"text": "a"}), 201)


class TestBody:
    @pytest.fixture
    def user(self, settings: Settings, newcomer: Newcomer) -> Iterator[ApiUser]:
        with running(settings, max_body=SMALLEST_BODY) as client:
            yield newcomer(client)

    @staticmethod
    def padded(size: int) -> bytes:
        return b'{"text": "a"}'.ljust(size)

    @staticmethod
    def chunks(body: bytes) -> Iterator[bytes]:
        for start in range(0, len(body), 100):
            yield body[start : start + 100]

    def send(self, user: ApiUser, body: bytes, *, chunked: bool, path: str = "/tasks") -> Response:
        content = self.chunks(body) if chunked else body
        return user.request("POST", path, content=content, headers=JSON)

    @pytest.mark.parametrize("chunked", [False, True])
    def test_up_to_the_limit_a_body_is_read(self, user: ApiUser, chunked: bool) -> None:
        expect_task(self.send(user, self.padded(SMALLEST_BODY), chunked=chunked), 201)

    @pytest.mark.parametrize("chunked", [False, True])
    @pytest.mark.parametrize("size", [SMALLEST_BODY + 1, 100 * SMALLEST_BODY])
    def test_past_the_limit_it_is_refused(self, user: ApiUser, chunked: bool, size: int) -> None:
        for path in ("/tasks", user.own_path):
            refused = self.send(user, self.padded(size), chunked=chunked, path=path)
            expect_problem(refused, 413, "body-too-large")
        assert user.get("/tasks").json() == []

    def test_every_route_that_reads_a_body(self, user: ApiUser) -> None:
        path = f"/tasks/{user.create()['id']}"
        body = self.padded(SMALLEST_BODY + 1)
        for method, where in (("PUT", path), ("PATCH", path), ("PATCH", f"{path}/complete")):
            refused = user.request(method, where, content=body, headers=JSON)
            expect_problem(refused, 413, "body-too-large")

    def test_a_foreign_path_and_a_missing_token_come_first(self, user: ApiUser) -> None:
        body = self.padded(SMALLEST_BODY + 1)
        foreign = user.request("POST", "/api/nobody/tasks", content=body, headers=JSON)
        expect_problem(foreign, 404, "task-not-found")
        expect_problem(user.client.post("/tasks", content=body), 401, "token-missing")

    def test_a_declared_length_that_is_absurd(self, user: ApiUser) -> None:
        headers = {**JSON, "content-length": "9" * 5000}
        refused = user.request("POST", "/tasks", content=b"{}", headers=headers)
        expect_problem(refused, 413, "body-too-large")


@pytest.fixture
def aside() -> Iterator[Callable[..., Future[Any]]]:
    """Does something in a thread of its own, while the test goes on."""
    with ThreadPoolExecutor() as pool:
        yield pool.submit


def expect_come_again(response: Response, code: str) -> None:
    expect_problem(response, 503, code)
    assert response.headers["retry-after"] == "1"


class TestTime:
    @pytest.fixture
    def hurried(self, settings: Settings, newcomer: Newcomer) -> Iterator[ApiUser]:
        patience = Patience(turn=1.0, statement=1.0)
        with running(settings, patience, pool_size=1) as client:
            yield newcomer(client)

    def test_a_statement_that_waits_too_long_is_given_up(
        self, hurried: ApiUser, client: TestClient, newcomer: Newcomer, sql: SecondConnection
    ) -> None:
        patient = newcomer(client, hurried.user_id)
        path = f"/tasks/{patient.create()['id']}"
        sql.run("BEGIN")
        sql.rows("SELECT FROM account WHERE user_id = $1 FOR UPDATE", hurried.user_id)
        for refused in (
            hurried.post("/tasks", {"text": "a"}),
            hurried.patch(path, {"text": "a"}),
            hurried.delete("/tasks?status=completed"),
        ):
            expect_come_again(refused, "database-unavailable")
        assert len(patient.get("/tasks").json()) == 1
        sql.run("ROLLBACK")
        assert hurried.create()["rev"] == 2

    def test_a_connection_that_does_not_become_free_is_not_awaited_for_ever(
        self,
        settings: Settings,
        newcomer: Newcomer,
        sql: SecondConnection,
        aside: Callable[..., Future[Response]],
    ) -> None:
        with running(settings, Patience(turn=0.1), pool_size=1) as client:
            user = newcomer(client)
            user.create()
            sql.run("BEGIN")
            sql.rows("SELECT FROM account WHERE user_id = $1 FOR UPDATE", user.user_id)
            blocked = aside(user.post, "/tasks", {"text": "a"})
            sql.await_waiting()
            other = newcomer(client)
            expect_come_again(other.get("/tasks"), "database-busy")
            expect_come_again(other.post("/tasks", {"text": "b"}), "database-busy")
            busy = client.get("/health")
            expect_problem(busy, 503, "database-busy", "database", "version")
            sql.run("ROLLBACK")
            assert expect_task(blocked.result(), 201)["rev"] == 2
            assert len(user.get("/tasks").json()) == 2

    def test_a_connection_that_is_not_made_in_time(
        self, settings: Settings, newcomer: Newcomer
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as deaf:
            url = SecretStr(f"postgresql://taskwell@127.0.0.1:{deaf.getsockname()[1]}/taskwell")
            with running(settings, Patience(connect=0.2), database_url=url) as client:
                expect_come_again(newcomer(client).get("/tasks"), "database-unavailable")

    def test_the_end_does_not_wait_for_ever(self, settings: Settings) -> None:
        async def hold_on() -> None:
            database = Database(settings, Patience(turn=0.1))
            await database.open()
            async with database.transaction():
                await database.close()

        with pytest.raises(DatabaseUnavailable):
            asyncio.run(hold_on())
