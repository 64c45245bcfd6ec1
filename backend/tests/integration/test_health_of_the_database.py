"""What happens when the database goes away, comes back, or cuts the line."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from httpx2 import Response
from pydantic import SecretStr

from api_user import ApiUser
from expectations import expect_problem, expect_task
from newcomers import Newcomer
from running import running
from second_connection import SecondConnection
from taskwell.config import Settings
from taskwell.database.embedded import EmbeddedPostgres
from taskwell.database.folder import DataFolder
from taskwell.database.mishaps import ConnectionLost
from taskwell.database.pool import Database
from taskwell.database.statement import Statement
from taskwell.errors import StorageFull
from taskwell.migrations import runner


@pytest.fixture
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """One that may be stopped without anybody else noticing."""
    path = Path(tempfile.mkdtemp(prefix="taskwell-test-"))
    folder = DataFolder(path)
    folder.lock()
    postgres = EmbeddedPostgres(folder)
    postgres.start()
    try:
        yield postgres
    finally:
        postgres.stop()
        folder.unlock()
        shutil.rmtree(path)


def test_gone_and_back(
    settings: Settings, own_postgres: EmbeddedPostgres, newcomer: Newcomer
) -> None:
    url = own_postgres.url
    with running(settings, database_url=SecretStr(url)) as client:
        user = newcomer(client)
        behind = client.get("/health/ready")
        expect_problem(behind, 503, "not-ready", "database", "version")
        expect_unavailable(user.get("/tasks"))
        runner.upgrade(url)
        assert client.get("/health/ready").status_code == 200
        task = user.create()

        own_postgres.stop()
        path = f"/tasks/{task['id']}"
        for refused in (
            user.get("/tasks"),
            user.get(path),
            user.post("/tasks", {"text": "a"}),
            user.patch(path, {"text": "a"}),
            user.delete("/tasks?status=completed"),
        ):
            expect_unavailable(refused)
        for path_of_health in ("/health", "/health/ready"):
            refused = client.get(path_of_health)
            expect_problem(refused, 503, "database-unavailable", "database", "version")
        assert client.get("/health/live").status_code == 200

        own_postgres.start()
        assert client.get("/health/ready").status_code == 200
        assert user.get("/tasks").json() == [task]
        assert user.create()["rev"] == 2


def expect_unavailable(response: Response) -> None:
    expect_problem(response, 503, "database-unavailable")
    assert response.headers["retry-after"] == "1"
    assert "asyncpg" not in response.text


def test_connections_that_were_cut_while_idle_are_replaced(
    alice: ApiUser, sql: SecondConnection
) -> None:
    task = alice.create()
    sql.end_connections_of_service()
    assert alice.get("/tasks").json() == [task]
    sql.end_connections_of_service()
    assert alice.create()["rev"] == 2


class TestCutUnderAStatement:
    @pytest.fixture
    def aside(self) -> Iterator[Callable[..., Future[Response]]]:
        with ThreadPoolExecutor() as pool:
            yield pool.submit

    def test_a_read_is_sent_again(
        self, alice: ApiUser, sql: SecondConnection, aside: Callable[..., Future[Response]]
    ) -> None:
        task = alice.create()
        sql.run("BEGIN; LOCK TABLE task")
        reading = aside(alice.get, f"/tasks/{task['id']}")
        sql.await_waiting()
        sql.end_connections_of_service()
        sql.run("ROLLBACK")
        assert expect_task(reading.result()) == task

    def test_a_write_is_not_sent_again(
        self, alice: ApiUser, sql: SecondConnection, aside: Callable[..., Future[Response]]
    ) -> None:
        task = alice.create()
        sql.run("BEGIN; LOCK TABLE task")
        writing = aside(alice.patch, f"/tasks/{task['id']}/toggle")
        sql.await_waiting()
        sql.end_connections_of_service()
        sql.run("ROLLBACK")
        expect_unavailable(writing.result())
        assert alice.get("/tasks").json() == [task]

    def test_a_transaction_is_undone(
        self, alice: ApiUser, sql: SecondConnection, aside: Callable[..., Future[Response]]
    ) -> None:
        task = alice.create(completed=True)
        sql.run("BEGIN; LOCK TABLE task")
        clearing = aside(alice.delete, "/tasks?status=completed")
        sql.await_waiting()
        sql.end_connections_of_service()
        sql.run("ROLLBACK")
        expect_unavailable(clearing.result())
        assert alice.get("/tasks").json() == [task]


def test_a_migration_beside_it_is_not_noticed(alice: ApiUser, sql: SecondConnection) -> None:
    """The statements that connections have prepared survive a change of the table."""
    path = f"/tasks/{alice.create()['id']}"
    for change in ("ADD COLUMN later text DEFAULT 'x'", "DROP COLUMN later"):
        sql.run(f"ALTER TABLE task {change}")
        expect_task(alice.get(path))
        expect_task(alice.patch(f"{path}/toggle"))
        expect_task(alice.post("/tasks", {"text": "a"}), 201)
        assert alice.get("/tasks").status_code == 200


def test_a_schema_that_is_behind_is_told_as_unavailable(
    alice: ApiUser, sql: SecondConnection
) -> None:
    sql.run("ALTER TABLE task RENAME COLUMN folded TO unknown")
    try:
        expect_unavailable(alice.get("/tasks?sort=text"))
    finally:
        sql.run("ALTER TABLE task RENAME COLUMN unknown TO folded")
    assert alice.get("/tasks?sort=text").json() == []


def test_a_database_that_only_reads(
    settings: Settings, newcomer: Newcomer, sql: SecondConnection
) -> None:
    """As a standby is, until it takes over."""
    sql.run("ALTER ROLE taskwell SET default_transaction_read_only TO on")
    # A pooler would keep connections from before.
    sql.end_connections_of_service()
    try:
        with running(settings) as client:
            user = newcomer(client)
            assert user.get("/tasks").json() == []
            expect_unavailable(user.post("/tasks", {"text": "a"}))
    finally:
        sql.run("SET default_transaction_read_only TO off")
        sql.run("ALTER ROLE taskwell RESET ALL")
        sql.end_connections_of_service()


class TestDatabase:
    """What the pool makes of errors that no request can cause."""

    NUMBER = Statement("NUMBER", "SELECT $1::int AS number", ("number",), reads=True)
    DEFECT = Statement("DEFECT", "SELECT 1 / $1::int AS number", ("number",), reads=True)
    FULL = Statement("FULL", "DO $$BEGIN RAISE disk_full; END$$", (), reads=False)
    END = Statement("END", "SELECT pg_terminate_backend(pg_backend_pid())", (), reads=False)

    def run(self, settings: Settings, act: Callable[[Database], Awaitable[None]]) -> None:
        async def within() -> None:
            database = Database(settings)
            await database.open()
            try:
                await act(database)
            finally:
                await database.close()

        asyncio.run(within())

    def test_a_defect_stays_a_defect(self, settings: Settings) -> None:
        async def act(database: Database) -> None:
            with pytest.raises(asyncpg.DivisionByZeroError):
                await database.row(self.DEFECT, number=0)
            with pytest.raises(asyncpg.DataError):
                await database.row(self.NUMBER, number="one")
            row = await database.row(self.NUMBER, number=1)
            assert row is not None
            assert row["number"] == 1

        self.run(settings, act)

    def test_a_disk_that_is_full(self, settings: Settings) -> None:
        async def act(database: Database) -> None:
            with pytest.raises(StorageFull):
                await database.row(self.FULL)
            with pytest.raises(StorageFull):
                async with database.transaction() as transaction:
                    await transaction.row(self.FULL)

        self.run(settings, act)

    def test_a_connection_that_ended_in_a_transaction(self, settings: Settings) -> None:
        async def end_it(database: Database) -> None:
            async with database.transaction() as transaction:
                with pytest.raises(asyncpg.PostgresError):
                    await transaction.row(self.END)
                await transaction.row(self.NUMBER, number=1)

        with pytest.raises(ConnectionLost):
            self.run(settings, end_it)

    def test_without_a_url(self) -> None:
        with pytest.raises(ValueError, match="URL must be known"):
            Database(Settings())


def test_without_prepared_statements_all_works_the_same(
    settings: Settings, newcomer: Newcomer
) -> None:
    """As a pooler needs it that hands every transaction to another connection."""
    with running(settings, prepared_statements=False, pool_size=1) as client:
        user = newcomer(client)
        task = user.create(id="01975b3e-8f2a-7c41-9d0e-5a6b7c8d9e0f")
        expect_task(user.post("/tasks", {"id": task["id"], "text": task["text"]}), 200)
        expect_task(user.patch(f"/tasks/{task['id']}/toggle"))
        assert user.delete("/tasks?status=completed").json() == {"deleted": 1}
        assert user.get("/tasks").json() == []
