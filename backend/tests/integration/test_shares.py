"""One user can't take all connections to the database."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from starlette.testclient import TestClient

from api_user import ApiUser
from expectations import expect_problem
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.pool import Patience
from taskwell.services import limits

CONNECTIONS = 4
SHARE = 2


@pytest.fixture
def small(settings: Settings) -> Iterator[TestClient]:
    with running(settings, pool_size=CONNECTIONS) as client:
        yield client


@contextmanager
def held_up(sql: SecondConnection, user: ApiUser) -> Iterator[None]:
    """Nobody can write for this user meanwhile."""
    sql.run("BEGIN")
    sql.value("SELECT rev FROM account WHERE user_id = $1 FOR UPDATE", user.user_id)
    yield
    sql.run("COMMIT")


class TestABusyUser:
    def test_leaves_the_other_half_to_the_others(
        self, small: TestClient, newcomer: Newcomer, sql: SecondConnection
    ) -> None:
        busy, other = newcomer(small), newcomer(small)
        task = busy.create()["id"]
        with ThreadPoolExecutor(8) as threads:
            with held_up(sql, busy):
                asked = [
                    threads.submit(busy.patch, f"/tasks/{task}/toggle")
                    for _ in range(2 * CONNECTIONS)
                ]
                sql.await_waiting(SHARE)
                # All of them, were there no share: this would wait until the others gave up.
                assert other.get("/tasks").status_code == 200
                assert other.create()["text"] == "Buy milk"
                assert not any(each.done() for each in asked)
            assert [each.result().status_code for each in asked] == [200] * len(asked)
        assert busy.get(f"/tasks/{task}").json()["completed"] is False

    def test_gets_a_turn_for_each_request(self, small: TestClient, newcomer: Newcomer) -> None:
        busy = newcomer(small)
        with ThreadPoolExecutor(16) as threads:
            asked = [threads.submit(busy.create, f"task {number}") for number in range(64)]
            texts = {each.result()["text"] for each in asked}
        assert len(texts) == 64
        assert len(busy.get("/tasks").json()) == 64

    def test_with_keys_has_no_more_than_that(
        self, small: TestClient, newcomer: Newcomer, sql: SecondConnection
    ) -> None:
        busy, other = newcomer(small), newcomer(small)
        task = busy.create()["id"]
        with ThreadPoolExecutor(8) as threads:
            with held_up(sql, busy):
                asked = [
                    threads.submit(
                        busy.patch,
                        f"/tasks/{task}/toggle",
                        headers={"idempotency-key": f"key-{number}"},
                    )
                    for number in range(2 * CONNECTIONS)
                ]
                sql.await_waiting(SHARE)
                assert other.get("/tasks").status_code == 200
            assert [each.result().status_code for each in asked] == [200] * len(asked)

    def test_is_told_so_in_the_end(
        self,
        settings: Settings,
        newcomer: Newcomer,
        sql: SecondConnection,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(limits.Shares.__init__, "__kwdefaults__", {"patience": 0.05})
        with running(settings, pool_size=CONNECTIONS) as client:
            busy = newcomer(client)
            task = busy.create()["id"]
            with ThreadPoolExecutor(8) as threads, held_up(sql, busy):
                for _ in range(SHARE):
                    threads.submit(busy.patch, f"/tasks/{task}/toggle")
                sql.await_waiting(SHARE)
                refused = busy.get("/tasks")
                expect_problem(refused, 429, "too-many-at-once")
                assert refused.headers["retry-after"] == "1"
                assert "ratelimit" not in refused.headers
            assert busy.get("/tasks").status_code == 200


@contextmanager
def no_writes(sql: SecondConnection) -> Iterator[None]:
    """As when the disk stalls: whoever writes waits, whoever reads does not."""
    sql.run("BEGIN")
    sql.run("LOCK TABLE task IN SHARE MODE")
    yield
    sql.run("COMMIT")


class TestWritesThatStall:
    """Of many users, so that none has more than a share."""

    def test_leave_a_connection_to_those_who_read(
        self, small: TestClient, newcomer: Newcomer, sql: SecondConnection
    ) -> None:
        writers = [newcomer(small) for _ in range(2 * CONNECTIONS)]
        reader = newcomer(small)
        reader.create()
        with ThreadPoolExecutor(len(writers)) as threads:
            with no_writes(sql):
                asked = [threads.submit(writer.create) for writer in writers]
                sql.await_waiting(CONNECTIONS - 1)
                assert len(reader.get("/tasks").json()) == 1
                assert not any(each.done() for each in asked)
            assert {each.result()["text"] for each in asked} == {"Buy milk"}

    def test_are_told_to_come_again(
        self, settings: Settings, newcomer: Newcomer, sql: SecondConnection
    ) -> None:
        patience = Patience(turn=0.5, statement=2.0)
        with running(settings, patience, pool_size=2) as client:
            writers = [newcomer(client) for _ in range(3)]
            with ThreadPoolExecutor(len(writers)) as threads, no_writes(sql):
                asked = [
                    threads.submit(writer.post, "/tasks", json={"text": "x"}) for writer in writers
                ]
                answers = [each.result() for each in asked]
            for answer in answers:
                assert answer.status_code == 503
                assert answer.headers["retry-after"]
            # One had the connection for writes, and the others waited for it.
            codes = sorted(answer.json()["code"] for answer in answers)
            assert codes == ["database-busy", "database-busy", "database-unavailable"]
            # Their places are free again.
            assert writers[0].create()["text"] == "Buy milk"

    def test_of_one_connection_writes_get_all(self, settings: Settings, newcomer: Newcomer) -> None:
        with running(settings, pool_size=1) as client:
            assert newcomer(client).create()["text"] == "Buy milk"
